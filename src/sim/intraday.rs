//! What a watch measures through the day.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::device::Device;

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
    pub(super) fn to_json(&self, fields: Option<&[&str]>) -> Option<Value> {
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

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}
