//! `heart list`: the recordings of the heart.

use serde_json::{Value, json};

use super::call::Params;
use super::heart::HeartRecording;
use super::reply::Refusal;
use super::select::page;
use super::stored::Stored;
use super::user::User;

/// So many recordings are in a page.
pub(super) const PAGE_SIZE: usize = 200;

/// The recordings of the period, of which both ends are optional.
pub(super) fn list(user: &User, params: &Params, size: usize, now: i64) -> Result<Value, Refusal> {
    let from = params.integer("startdate")?.unwrap_or(i64::MIN);
    let to = params.integer("enddate")?.unwrap_or(i64::MAX);
    let rows = user.history.recordings(now).filter(|recording| (from..=to).contains(&recording.row.timestamp));
    let page = page(rows.collect(), params, size)?;
    let series: Value = page.rows.iter().map(|recording| recording.to_json()).collect();
    Ok(json!({"series": series, "more": page.more, "offset": if page.more { page.end } else { 0 }}))
}

impl Stored<HeartRecording> {
    fn to_json(&self) -> Value {
        let HeartRecording { timestamp, device, heart_rate, afib, vhd, pressure } = &self.row;
        let mut json = json!({
            "deviceid": device.id,
            "model": device.model_id,
            "timestamp": timestamp,
            "modified": self.modified,
            "timezone": self.zone.name(),
        });
        if let Some(rate) = heart_rate {
            json["heart_rate"] = (*rate).into();
        }
        if let Some(afib) = afib {
            json["ecg"] = json!({"signalid": self.id, "afib": afib});
        }
        if let Some(vhd) = vhd {
            json["stetho"] = json!({"signalid": self.id + 1, "vhd": vhd});
        }
        if let Some((systole, diastole)) = pressure {
            json["bloodpressure"] = json!({"systole": systole, "diastole": diastole});
        }
        json
    }
}
