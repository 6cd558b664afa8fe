//! The types of fields in Withings' answers, read permissively: a field of an unexpected type is as good as absent, unknown
//! fields are ignored, an empty map may be a list, a number may be text. Stricter clients have failed on each of these
//! (joostlek/python-withings#145, `vangorra/python_withings_api#23`).

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::visible::cleaned;

/// A page of an answer: a call may have several.
pub trait AnswerPage: DeserializeOwned + Default + Send {
    /// The rows that a page is made of.
    type Row: Send;

    /// The rows, and the offset of the next page if there is one.
    fn into_rows(self) -> (Vec<Self::Row>, Option<i64>);

    /// The server's time, Unix seconds, where the answer tells it.
    fn server_time(&self) -> Option<i64> {
        None
    }
}

/// A page whose rows are its `series`.
#[derive(Debug, Deserialize)]
#[serde(default, bound = "R: Deserialize<'de> + Default")]
pub struct SeriesPage<R> {
    #[serde(deserialize_with = "list")]
    series: Vec<R>,
    #[serde(deserialize_with = "int")]
    more: Option<i64>,
    #[serde(deserialize_with = "int")]
    offset: Option<i64>,
}

impl<R> Default for SeriesPage<R> {
    fn default() -> Self {
        Self { series: Vec::new(), more: None, offset: None }
    }
}

impl<R: DeserializeOwned + Default + Send> AnswerPage for SeriesPage<R> {
    type Row = R;

    fn into_rows(self) -> (Vec<R>, Option<i64>) {
        (self.series, next_offset(self.more, self.offset))
    }
}

/// The offset of the next page. `more` is a bool, a number or absent; an offset without `more` means nothing: an answer of 200
/// days has `more: false` and an offset.
pub(super) fn next_offset(more: Option<i64>, offset: Option<i64>) -> Option<i64> {
    if more.unwrap_or(0) == 0 { None } else { Some(offset.unwrap_or(0)) }
}

/// A number that may be absent in any of Withings' ways.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Float(pub Option<f64>);

/// An integer, also as a whole float, a bool or text; anything else is `None`.
pub(super) fn int<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = float(deserializer)?;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and far inside of i64")]
    Ok(number.filter(|number| number.fract() == 0.0 && number.abs() < 9e15).map(|number| number as i64))
}

/// A number, also as text or a bool; anything else is `None`. One that is too large for a float is infinite, and text that is
/// no number is none (NaN): both are counted where a number is needed.
pub(super) fn float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let json = <&RawValue>::deserialize(deserializer)?.get();
    Ok(match json {
        "true" => Some(1.0),
        "false" => Some(0.0),
        _ => match string(json) {
            Some(text) if text.trim().is_empty() => None,
            Some(text) => Some(text.trim().parse().unwrap_or(f64::NAN)),
            None => json.parse().ok(),
        },
    })
}

/// A text as it came, also from a number; anything else is `None`. For tokens and ids; what may be shown is [`words`].
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let json = <&RawValue>::deserialize(deserializer)?.get();
    Ok(string(json).or_else(|| json.parse::<f64>().is_ok().then(|| json.to_owned())))
}

/// A text that may be shown, such as the model of a device: cleaned and cut.
pub(super) fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(text(deserializer)?.as_deref().map(cleaned))
}

/// A list; anything else is an empty one. An element of another shape is as good as one without fields, and counted where fields
/// are needed.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    let elements: Vec<&RawValue> = elements(deserializer)?;
    Ok(elements.into_iter().map(|element| object(element.get())).collect())
}

/// The elements of a list as they came; anything else has none.
pub(super) fn elements<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<&'de RawValue>, D::Error> {
    let json = <&'de RawValue>::deserialize(deserializer)?.get();
    Ok(serde_json::from_str(json).unwrap_or_default())
}

/// An object; anything else is one without fields.
pub(super) fn object<'de, T: Deserialize<'de> + Default>(json: &'de str) -> T {
    // Serde would take a list for an object whose fields come in order.
    if json.starts_with('{') { serde_json::from_str(json).unwrap_or_default() } else { T::default() }
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

/// A map from times, which are in text, to numbers; anything else is an empty one. Text that is no time is the time 0: it is
/// counted where a time is needed.
pub(super) fn times<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<i64, f64>, D::Error> {
    let values = map::<_, Float>(deserializer)?.into_iter();
    Ok(values.filter_map(|(time, value)| Some((time.parse().unwrap_or_default(), value.0?))).collect())
}

fn string(json: &str) -> Option<String> {
    if json.starts_with('"') { serde_json::from_str(json).ok() } else { None }
}

impl<'de> Deserialize<'de> for Float {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        float(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct OddRow {
        #[serde(deserialize_with = "int")]
        date: Option<i64>,
        #[serde(deserialize_with = "float")]
        value: Option<f64>,
        #[serde(deserialize_with = "list")]
        rows: Vec<OddRow>,
        #[serde(deserialize_with = "map")]
        data: BTreeMap<String, Float>,
    }

    fn row(json: &str) -> OddRow {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_come_in_any_shape() {
        let check = |json: &str, expected| assert_eq!(row(&format!(r#"{{"date":{json}}}"#)).date, expected, "{json}");
        check("1618691453", Some(1_618_691_453));
        check("1618691453.0", Some(1_618_691_453));
        check("\"1618691453\"", Some(1_618_691_453));
        check("false", Some(0));
        for nothing in ["null", "[]", "{}", "\"soon\"", "0.5", "1e300", "1e999", "\"\"", "\"NaN\""] {
            check(nothing, None);
        }
    }

    #[test]
    fn a_number_beyond_all_floats_is_infinite_and_does_not_fail_the_answer() {
        assert_eq!(row(r#"{"value":1e999,"date":1}"#).value, Some(f64::INFINITY));
    }

    #[test]
    fn lists_and_maps_of_another_shape_are_empty() {
        for odd in ["null", "{}", "7", "\"x\"", "true"] {
            assert!(row(&format!(r#"{{"rows":{odd}}}"#)).rows.is_empty(), "{odd}");
        }
        let dates = |rows: Vec<OddRow>| rows.into_iter().map(|row| row.date).collect::<Vec<_>>();
        assert_eq!(dates(row(r#"{"rows":[7,null,{"date":1},[2]]}"#).rows), [None, None, Some(1), None]);
        let row = row(r#"{"date":"7","data":[]}"#);
        assert_eq!((row.date, row.data.len()), (Some(7), 0));
    }

    #[test]
    fn a_page_has_a_next_one_only_where_more_says_so() {
        assert_eq!(next_offset(Some(1), Some(300)), Some(300));
        assert_eq!(next_offset(Some(1), None), Some(0));
        assert_eq!(next_offset(Some(0), Some(200)), None);
        assert_eq!(next_offset(None, Some(200)), None);
    }
}
