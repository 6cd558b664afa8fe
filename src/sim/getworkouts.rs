//! `getworkouts`: the workouts.

use serde_json::{Value, json};

use super::activity::Source;
use super::call::Params;
use super::reply::{Refusal, map_or_list};
use super::select::{Days, page};
use super::stored::Stored;
use super::user::User;
use super::workout::Workout;

/// So many workouts are in a page.
pub(super) const PAGE_SIZE: usize = 200;

/// The one field that is answered without `data_fields`, as seen in the fixtures.
const DEFAULT_FIELDS: [&str; 1] = ["algo_pause_duration"];

/// The workouts that the call selects, by the local day of their begin or by their last change.
pub(super) fn getworkouts(user: &User, params: &Params, size: usize, now: i64) -> Result<Value, Refusal> {
    let days = Days::read(params, &user.person, now)?;
    let selected = |workout: &&Stored<Workout>| days.have(workout, workout.date(workout.row.startdate));
    let page = page(user.history.workouts(now).filter(selected).collect(), params, size)?;
    let fields = params.list("data_fields").unwrap_or_else(|| DEFAULT_FIELDS.to_vec());
    let series: Value = page.rows.iter().map(|workout| workout.to_json(&fields)).collect();
    Ok(json!({"series": series, "more": page.more, "offset": if page.more { page.end } else { 0 }}))
}

impl Stored<Workout> {
    fn to_json(&self, fields: &[&str]) -> Value {
        let workout = &self.row;
        let mut json = json!({
            "id": self.id,
            "category": workout.category,
            "timezone": self.zone.name(),
            "model": workout.source.model_id(),
            "attrib": workout.attrib,
            "startdate": workout.startdate,
            "enddate": workout.enddate,
            "date": self.date(workout.startdate).to_string(),
            "deviceid": workout.source.device_id(),
            "data": map_or_list(&workout.data, fields),
            "modified": self.modified,
        });
        // As seen in the fixtures, the row of a phone has neither.
        if let Source::Tracker(device) = &workout.source {
            json["hash_deviceid"] = device.id.as_str().into();
            json["created"] = self.created.into();
        }
        json
    }
}
