//! `getintradayactivity`: what a watch measured through the day, by its times.

use serde_json::{Map, Value, json};

use super::call::Params;
use super::reply::Refusal;
use super::user::User;

/// The call answers no more than the first so many seconds of a longer period, as documented.
const DAY: i64 = 86_400;

/// The values of the first 24 h of the period; without one, of the last 24 h. An empty map becomes an empty list, as PHP does.
pub(super) fn getintradayactivity(user: &User, params: &Params, now: i64) -> Result<Value, Refusal> {
    let (start, end) = (params.integer("startdate")?, params.integer("enddate")?);
    let start = start.unwrap_or(now - DAY);
    let end = end.unwrap_or(now).min(start.saturating_add(DAY));
    if end < start {
        return Err(Refusal::invalid("invalid startdate and enddate"));
    }
    let fields = params.list("data_fields");
    let values = user.history.intraday(start..=end, now);
    let series = values.iter().filter_map(|values| Some((values.at.to_string(), values.to_json(fields.as_deref())?)));
    let series: Map<_, _> = series.collect();
    Ok(json!({"series": if series.is_empty() { json!([]) } else { series.into() }}))
}
