//! Pieces of Grafana's JSON that several things have.

use serde_json::{Map, Value, json};

use crate::limits::Limits;
use crate::quantity::{Quantity, System};

/// The data source that the dashboard's variable names.
pub(crate) fn data_source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// One colour.
pub(crate) fn fixed(colour: &str) -> Value {
    json!({"fixedColor": colour, "mode": "fixed"})
}

/// Texts without underlines: `left_foot` as "left foot", and a kind that has no name, `category_533`, as "other (533)".
pub(crate) fn plain_words() -> Value {
    let pattern =
        |pattern: &str, text: &str| json!({"type": "regex", "options": {"pattern": pattern, "result": {"text": text}}});
    json!([pattern("/^[a-z]+_([0-9]+)$/", "other ($1)"), pattern("/_/g", " ")])
}

/// Values or texts as words with colours.
pub(crate) fn mappings<V: ToString>(words: &[(V, &str, &str)]) -> Value {
    let options = words.iter().enumerate().map(|(index, (value, word, colour))| {
        (value.to_string(), json!({"color": colour, "index": index, "text": word}))
    });
    json!([{"type": "value", "options": options.collect::<Map<_, _>>()}])
}

/// The limits in the system's unit; without any, all is neutral.
pub(crate) fn thresholds(limits: Option<&Limits>, quantity: Quantity, system: System) -> Value {
    let below = json!({"color": limits.map_or("text", |limits| limits.below), "value": null});
    let steps = limits.map_or(&[][..], |limits| limits.steps).iter();
    let steps = steps.map(|(value, colour)| json!({"color": colour, "value": quantity.value(system, *value)}));
    json!({"mode": "absolute", "steps": std::iter::once(below).chain(steps).collect::<Vec<_>>()})
}

/// Adds the properties of `other`, which win.
pub(crate) fn merge(object: &mut Value, other: Value) {
    match (object, other) {
        (Value::Object(object), Value::Object(other)) => object.extend(other),
        (object, other) => unreachable!("{object} and {other} are written as objects"),
    }
}
