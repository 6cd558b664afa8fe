//! `getsummary` and `sleep get`: nights, and what they are made of.

use serde_json::{Value, json};

use super::call::Params;
use super::night::{Night, Segment, Vitals};
use super::noise::Noise;
use super::person::{Person, Resident};
use super::reply::{Refusal, map_or_list};
use super::select::{Days, page};
use super::stored::Stored;

/// What `getsummary` answers without `data_fields`: no heart rate, no breathing rate, no score.
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

/// `sleep get` answers no more than the first of a longer period, in seconds.
const DAY: i64 = 86_400;
/// `sleep get` refuses a longer period than this, in seconds.
const LONGEST_SPAN: i64 = 7 * DAY;

/// The nights that the call selects, by their local day or by their last change.
pub(super) fn getsummary(resident: &Resident, params: &Params, size: usize, now: i64) -> Result<Value, Refusal> {
    let person = &resident.person;
    let days = Days::read(params, person, now)?;
    let selected = |it: &&Stored<Night>| days.have(it, person.local_date(it.row.enddate));
    let page = page(resident.diary.nights(now).filter(selected).collect(), params, size)?;
    let fields = params.list("data_fields").unwrap_or_else(|| DEFAULT_FIELDS.to_vec());
    let series: Value = page.rows.iter().map(|it| it.to_json(person, &fields)).collect();
    Ok(json!({"series": series, "more": page.more, "offset": if page.more { page.end } else { 0 }}))
}

/// The segments that begin in the first 24 h of the period, in no order.
pub(super) fn get(resident: &Resident, params: &Params, now: i64) -> Result<Value, Refusal> {
    let bound = |name| params.integer(name)?.ok_or_else(|| Refusal::invalid(&format!("missing {name}")));
    let (start, end) = (bound("startdate")?, bound("enddate")?);
    if end < start || end.saturating_sub(start) > LONGEST_SPAN {
        return Err(Refusal::invalid("invalid startdate and enddate"));
    }
    let window = start..end.min(start.saturating_add(DAY));
    let fields = params.list("data_fields").unwrap_or_default();
    let nights: Vec<_> = resident.diary.nights(now).map(|it| &it.row).collect();
    let segments = nights.iter().flat_map(|night| night.segments.iter().map(move |segment| (*night, segment)));
    let mut segments: Vec<_> = segments.filter(|(_, it)| window.contains(&it.startdate)).collect();
    segments.sort_by_key(|(_, it)| Noise::new(it.startdate.unsigned_abs()).number());
    let model = segments.first().map(|(night, _)| night.device.sleep_model());
    let series: Value = segments.into_iter().map(|(night, it)| it.to_json(night, &fields)).collect();
    Ok(match model {
        Some(model) => json!({"series": series, "model": model}),
        None => json!({"series": series}),
    })
}

impl Stored<Night> {
    fn to_json(&self, person: &Person, fields: &[&str]) -> Value {
        let night = &self.row;
        json!({
            "id": self.id,
            "timezone": person.timezone.name(),
            "model": night.device.sleep_model(),
            "model_id": night.device.model_id,
            "hash_deviceid": night.device.id,
            "startdate": night.startdate,
            "enddate": night.enddate,
            "date": person.local_date(night.enddate).to_string(),
            "data": map_or_list(&night.data, fields),
            "created": self.created,
            "modified": self.modified,
        })
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
            json[*name] = minutes.map(|(minute, it)| (minute.to_string(), Value::from(value(it)))).collect();
        }
        json
    }
}

fn vital(field: &str) -> Option<fn(&Vitals) -> u8> {
    Some(match field {
        "hr" => |it| it.hr,
        "rr" => |it| it.rr,
        "snoring" => |it| it.snoring,
        "rmssd" => |it| it.rmssd,
        "sdnn_1" => |it| it.sdnn,
        "mvt_score" => |it| it.movement,
        _ => return None,
    })
}
