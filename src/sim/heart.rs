//! `heart list`: electrocardiograms, and what a stethoscope has heard.

use std::sync::Arc;

use serde_json::{Value, json};

use super::call::Params;
use super::device::Device;
use super::reply::Refusal;
use super::select::page;
use super::stored::Stored;
use super::user::User;

/// A recording: a row of `heart list`. Every part but the time may be missing, as documented.
#[derive(Clone, Debug)]
pub struct HeartRecording {
    /// When it was recorded, Unix seconds.
    pub timestamp: i64,
    /// What recorded it.
    pub device: Arc<Device>,
    /// The mean heart rate, beats per minute.
    pub heart_rate: Option<i64>,
    /// What the electrocardiogram says about atrial fibrillation: 0 negative, 1 positive, 2 inconclusive.
    pub afib: Option<i64>,
    /// What the stethoscope says about the valves.
    pub vhd: Option<i64>,
    /// The systolic and the diastolic pressure that a cuff measured with it, mmHg.
    pub pressure: Option<(i64, i64)>,
}

impl HeartRecording {
    /// An electrocardiogram of `device`.
    #[must_use]
    pub fn ecg(timestamp: i64, device: &Arc<Device>, heart_rate: i64, afib: i64) -> Self {
        let device = Arc::clone(device);
        Self { timestamp, device, heart_rate: Some(heart_rate), afib: Some(afib), vhd: None, pressure: None }
    }
}

/// The recordings of the period, of which both ends are optional.
pub(super) fn list(user: &User, params: &Params, size: usize, now: i64) -> Result<Value, Refusal> {
    let from = params.integer("startdate")?.unwrap_or(i64::MIN);
    let to = params.integer("enddate")?.unwrap_or(i64::MAX);
    let rows = user.history.recordings(now).filter(|recording| (from..=to).contains(&recording.row.timestamp));
    let page = page(rows.collect(), params, size)?;
    let series: Value = page.rows.iter().map(|recording| recording.to_json(user)).collect();
    Ok(json!({"series": series, "more": page.more, "offset": if page.more { page.end } else { 0 }}))
}

impl Stored<HeartRecording> {
    fn to_json(&self, user: &User) -> Value {
        let HeartRecording { timestamp, device, heart_rate, afib, vhd, pressure } = &self.row;
        let mut json = json!({
            "deviceid": device.id,
            "model": device.model_id,
            "timestamp": timestamp,
            "modified": self.modified,
            "timezone": user.person.timezone.name(),
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
