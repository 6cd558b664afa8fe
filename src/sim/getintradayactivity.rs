//! `getintradayactivity`: what a watch measured through the day, by its times.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::call::Params;
use super::device::Device;
use super::reply::Refusal;
use super::user::User;

/// The call answers no more than the first so many seconds of a longer period, as documented.
const DAY: i64 = 86_400;

/// What a watch measured at one time.
#[derive(Clone, Debug)]
pub struct IntradayValues {
    /// When, Unix seconds.
    pub at: i64,
    /// The watch.
    pub device: Arc<Device>,
    /// The fields that it has measured then.
    pub data: Map<String, Value>,
}

impl IntradayValues {
    /// These fields at this time, Unix seconds.
    #[must_use]
    pub fn new(at: i64, device: &Arc<Device>, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let data = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { at, device: Arc::clone(device), data }
    }

    /// The value of the answer under the time; `None` without any of the fields.
    fn to_json(&self, fields: Option<&[&str]>) -> Option<Value> {
        let is_asked = |name: &str| fields.is_none_or(|fields| fields.contains(&name));
        let mut json: Map<_, _> = self.data.iter().filter(|(name, _)| is_asked(name)).map(owned).collect();
        if json.is_empty() {
            return None;
        }
        json.insert("deviceid".to_owned(), self.device.id.as_str().into());
        json.insert("model".to_owned(), self.device.model.as_str().into());
        json.insert("model_id".to_owned(), self.device.model_id.into());
        Some(json.into())
    }
}

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

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}
