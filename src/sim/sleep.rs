//! `getsummary` and `sleep get`: nights, and the stages of sleep in them.

use serde_json::{Value, json};

use super::call::Params;
use super::night::{Night, Segment, Vitals};
use super::random::Random;
use super::reply::{Refusal, map_or_list};
use super::select::{Days, page};
use super::stored::Stored;
use super::user::User;

/// So many nights are in a page of `getsummary`.
pub(super) const PAGE_SIZE: usize = 300;

/// The fields that `getsummary` answers without `data_fields`, as seen in the fixtures: no heart rate, no breathing
/// rate, no score.
const DEFAULT_FIELDS: [&str; 15] = [
    "wakeupduration",
    "wakeupcount",
    "durationtosleep",
    "remsleepduration",
    "durationtowakeup",
    "total_timeinbed",
    "total_sleep_time",
    "sleep_efficiency",
    "sleep_latency",
    "wakeup_latency",
    "waso",
    "nb_rem_episodes",
    "out_of_bed_count",
    "lightsleepduration",
    "deepsleepduration",
];

/// `sleep get` answers no more than the first so many seconds of a longer period, as documented.
const DAY: i64 = 86_400;
/// `sleep get` refuses a longer period than this, in seconds, as seen (`vangorra/python_withings_api#62`).
const LONGEST_SPAN: i64 = 7 * DAY;

/// The nights that the call selects, by their local day or by their last change.
pub(super) fn getsummary(user: &User, params: &Params, size: usize, now: i64) -> Result<Value, Refusal> {
    let days = Days::read(params, &user.person, now)?;
    let selected = |night: &&Stored<Night>| days.have(night, night.date(night.row.enddate));
    let page = page(user.history.nights(now).filter(selected).collect(), params, size)?;
    let fields = params.list("data_fields").unwrap_or_else(|| DEFAULT_FIELDS.to_vec());
    let series: Value = page.rows.iter().map(|night| night.to_json(&fields)).collect();
    Ok(json!({"series": series, "more": page.more, "offset": if page.more { page.end } else { 0 }}))
}

/// The segments that begin in the first 24 h of the period, in no order, as seen in the fixtures.
pub(super) fn get(user: &User, params: &Params, now: i64) -> Result<Value, Refusal> {
    let bound = |name| params.integer(name)?.ok_or_else(|| Refusal::invalid(&format!("missing {name}")));
    let (start, end) = (bound("startdate")?, bound("enddate")?);
    if end < start || end.saturating_sub(start) > LONGEST_SPAN {
        return Err(Refusal::invalid("invalid startdate and enddate"));
    }
    let window = start..end.min(start.saturating_add(DAY));
    let fields = params.list("data_fields").unwrap_or_default();
    let nights: Vec<_> = user.history.nights(now).map(|night| &night.row).collect();
    let segments = nights.iter().flat_map(|night| night.segments.iter().map(move |segment| (*night, segment)));
    let mut segments: Vec<_> = segments.filter(|(_, segment)| window.contains(&segment.startdate)).collect();
    segments.sort_by_key(|(_, segment)| Random::new(segment.startdate.unsigned_abs()).number());
    let model = segments.first().map(|(night, _)| night.device.sleep_model());
    let series: Value = segments.into_iter().map(|(night, segment)| segment.to_json(night, &fields)).collect();
    Ok(match model {
        Some(model) => json!({"series": series, "model": model}),
        None => json!({"series": series}),
    })
}

impl Stored<Night> {
    fn to_json(&self, fields: &[&str]) -> Value {
        let night = &self.row;
        let mut json = json!({
            "id": self.id,
            "timezone": self.zone.name(),
            "model": night.device.sleep_model(),
            "model_id": night.device.model_id,
            "hash_deviceid": night.device.id,
            "startdate": night.startdate,
            "enddate": night.enddate,
            "date": self.date(night.enddate).to_string(),
            "data": map_or_list(&night.data, fields),
            "created": self.created,
            "modified": self.modified,
        });
        if let Some(completed) = night.completed {
            json["completed"] = completed.into();
        }
        json
    }
}

impl Segment {
    fn to_json(&self, night: &Night, fields: &[&str]) -> Value {
        let mut json = json!({
            "startdate": self.startdate,
            "enddate": self.enddate,
            "state": self.state,
            "model": night.device.model,
            "model_id": night.device.model_id,
            "hash_deviceid": night.device.id,
        });
        let measured = fields.iter().filter(|_| !self.vitals.is_empty());
        for (name, value) in measured.filter_map(|name| Some((name, vital(name)?))) {
            let minutes = self.minutes().zip(&self.vitals);
            json[*name] = minutes.map(|(minute, vitals)| (minute.to_string(), Value::from(value(vitals)))).collect();
        }
        json
    }
}

fn vital(field: &str) -> Option<fn(&Vitals) -> u8> {
    Some(match field {
        "hr" => |vitals| vitals.hr,
        "rr" => |vitals| vitals.rr,
        "snoring" => |vitals| vitals.snoring,
        "rmssd" => |vitals| vitals.rmssd,
        "sdnn_1" => |vitals| vitals.sdnn,
        "mvt_score" => |vitals| vitals.movement,
        _ => return None,
    })
}
