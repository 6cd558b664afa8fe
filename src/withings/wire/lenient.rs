//! Deserializers that take Withings' values in every shape that was seen, and anything else for absent.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A number that may be absent in any of Withings' ways.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Float(pub Option<f64>);

/// An integer, also as a whole float, a bool or text; anything else is `None`.
pub(in crate::withings) fn int<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = float(deserializer)?;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and far inside of i64")]
    Ok(number.filter(|it| it.fract() == 0.0 && it.abs() < 9e15).map(|it| it as i64))
}

/// A number, also as text or a bool; anything else is `None`. One that is too large for a float is infinite.
pub(in crate::withings) fn float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let json = <&RawValue>::deserialize(deserializer)?.get();
    Ok(match json {
        "true" => Some(1.0),
        "false" => Some(0.0),
        _ => string(json).as_deref().unwrap_or(json).trim().parse().ok(),
    })
}

/// A text, also from a number; anything else is `None`.
pub(in crate::withings) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let json = <&RawValue>::deserialize(deserializer)?.get();
    Ok(string(json).or_else(|| json.parse::<f64>().is_ok().then(|| json.to_owned())))
}

/// A list; anything else is an empty one. An element of another shape is left out.
pub(in crate::withings) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let json = <&'de RawValue>::deserialize(deserializer)?.get();
    let elements: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
    // A list would be taken for an object whose fields come in order.
    let objects = elements.into_iter().filter(|it| it.get().starts_with('{'));
    Ok(objects.filter_map(|it| serde_json::from_str(it.get()).ok()).collect())
}

/// A map; anything else is an empty one.
pub(super) fn map<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let json = <&'de RawValue>::deserialize(deserializer)?.get();
    Ok(serde_json::from_str(json).unwrap_or_default())
}

fn string(json: &str) -> Option<String> {
    if json.starts_with('"') { serde_json::from_str(json).ok() } else { None }
}

impl<'de> Deserialize<'de> for Float {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        float(deserializer).map(Self)
    }
}
