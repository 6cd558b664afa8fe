//! Measured values, of a device or typed in.

use std::sync::Arc;

use serde_json::{Value, json};

use super::device::Device;
use super::stored::Stored;

/// The fat ratio: the service computes it, and as seen in the fixtures it has no `algo` and no `fm`.
const FAT_RATIO: u32 = 6;

/// Values measured at one moment: a row of `getmeas`.
#[derive(Clone, Debug)]
pub struct MeasureGroup {
    /// When it was measured, Unix seconds.
    pub date: i64,
    /// Withings' attribution: 0 by default, 1 is somebody else perhaps, 2 typed in, 4 typed in at account creation.
    pub attrib: u32,
    /// 1 (default) is a measurement, 2 a goal.
    pub category: u32,
    /// What measured it; `None` is a manual entry, answered as null in four fields.
    pub device: Option<Arc<Device>>,
    /// The values.
    pub measures: Vec<Measure>,
}

impl MeasureGroup {
    /// A measurement of no device, certainly of this person.
    #[must_use]
    pub fn new(date: i64, measures: impl IntoIterator<Item = Measure>) -> Self {
        Self { date, attrib: 0, category: 1, device: None, measures: measures.into_iter().collect() }
    }

    /// The same, measured by `device`.
    #[must_use]
    pub fn by(self, device: &Arc<Device>) -> Self {
        Self { device: Some(Arc::clone(device)), ..self }
    }

    /// The same with another attribution.
    #[must_use]
    pub fn attributed(self, attrib: u32) -> Self {
        Self { attrib, ..self }
    }

    /// The same as a goal.
    #[must_use]
    pub fn as_goal(self) -> Self {
        Self { category: 2, ..self }
    }
}

/// One value: `value` × 10^`unit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Withings' number of the measure type.
    pub kind: u32,
    /// The digits.
    pub value: i64,
    /// The power of ten.
    pub unit: i32,
    /// Where on the body, if said.
    pub position: Option<u32>,
}

impl Measure {
    /// A value without a position.
    #[must_use]
    pub const fn new(kind: u32, value: i64, unit: i32) -> Self {
        Self { kind, value, unit, position: None }
    }

    /// The same, at a position on the body.
    #[must_use]
    pub const fn at(self, position: u32) -> Self {
        Self { position: Some(position), ..self }
    }

    fn to_json(self) -> Value {
        let mut json = json!({"value": self.value, "type": self.kind, "unit": self.unit});
        if self.kind != FAT_RATIO {
            json["algo"] = 0.into();
            json["fm"] = 3.into();
        }
        if let Some(position) = self.position {
            json["position"] = position.into();
        }
        json
    }
}

impl Stored<MeasureGroup> {
    /// The row of the answer, with only the measure types that `wanted` accepts.
    pub(super) fn to_json(&self, wanted: impl Fn(u32) -> bool) -> Value {
        let device = self.row.device.as_deref();
        let measures = self.row.measures.iter().filter(|measure| wanted(measure.kind)).map(|measure| measure.to_json());
        json!({
            "grpid": self.id,
            "attrib": self.row.attrib,
            "date": self.row.date,
            "created": self.created,
            "modified": self.modified,
            "category": self.row.category,
            "deviceid": device.map(|device| &device.id),
            "hash_deviceid": device.map(|device| &device.id),
            "measures": measures.collect::<Value>(),
            "modelid": device.map(|device| device.model_id),
            "model": device.map(|device| &device.model),
            "comment": null,
            "timezone": self.zone.name(),
        })
    }
}
