//! The answers of `/v2/user`: devices and goals.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Page;
use super::lenient::{float, int, list, map, text};

/// `getdevice`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Getdevice {
    #[serde(deserialize_with = "list")]
    devices: Vec<Device>,
}

/// A device that the person owns.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Device {
    /// Its id, which other answers repeat.
    #[serde(deserialize_with = "text")]
    pub hash_deviceid: Option<String>,
    /// The same, from before there was the other.
    #[serde(deserialize_with = "text")]
    pub deviceid: Option<String>,
    /// What it is, such as `Scale`.
    #[serde(rename = "type", deserialize_with = "text")]
    pub kind: Option<String>,
    /// Its model; may be empty.
    #[serde(deserialize_with = "text")]
    pub model: Option<String>,
    /// The number of its model.
    #[serde(deserialize_with = "int")]
    pub model_id: Option<i64>,
    /// How full its battery is, in a word.
    #[serde(deserialize_with = "text")]
    pub battery: Option<String>,
    /// When it last spoke to Withings, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub last_session_date: Option<i64>,
}

/// `getgoals`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Getgoals {
    #[serde(deserialize_with = "map")]
    goals: BTreeMap<String, Amount>,
}

/// What is aimed for: `value` × 10^`unit`; a plain number has the unit 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amount {
    /// The mantissa.
    pub value: Option<f64>,
    /// The exponent of ten.
    pub unit: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Scaled {
    #[serde(deserialize_with = "float")]
    value: Option<f64>,
    #[serde(deserialize_with = "int")]
    unit: Option<i64>,
}

impl Page for Getdevice {
    type Row = Device;

    fn into_rows(self) -> (Vec<Device>, Option<i64>) {
        (self.devices, None)
    }
}

impl Page for Getgoals {
    type Row = (String, Amount);

    fn into_rows(self) -> (Vec<(String, Amount)>, Option<i64>) {
        (self.goals.into_iter().collect(), None)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&'de RawValue>::deserialize(deserializer)?;
        if !json.get().starts_with('{') {
            return Ok(Self { value: float(json).unwrap_or_default(), unit: Some(0) });
        }
        let Scaled { value, unit } = serde_json::from_str(json.get()).unwrap_or_default();
        Ok(Self { value, unit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_come_as_a_map_or_as_nothing() {
        let goals = |json: &str| serde_json::from_str::<Getgoals>(json).unwrap().into_rows().0;
        for nothing in [r#"{"goals":[]}"#, r#"{"goals":{}}"#, r#"{"goals":null}"#, r#"{"goals":7}"#, "{}"] {
            assert_eq!(goals(nothing), [], "{nothing}");
        }
        let amount = |value, unit| Amount { value, unit };
        let odd =
            r#"{"goals":{"sleep":null,"steps":"10000","weight":{"value":70500,"unit":-3},"x":{"unit":[]},"y":[1]}}"#;
        let expected = [
            ("sleep", amount(None, Some(0))),
            ("steps", amount(Some(10_000.0), Some(0))),
            ("weight", amount(Some(70_500.0), Some(-3))),
            ("x", amount(None, None)),
            ("y", amount(None, Some(0))),
        ];
        assert_eq!(goals(odd), expected.map(|(name, amount)| (name.to_owned(), amount)));
    }
}
