//! The shapes of Withings' answers, permissive: a field of an unexpected type is as good as absent, unknown fields are
//! ignored, maps may be lists, numbers may be text (withings-api: parser tolerances).

mod activity;
mod lenient;
mod user;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use activity::{ActivityRow, Getactivity, Getworkouts, WorkoutRow};
pub use lenient::Float;
use lenient::map;
pub(super) use lenient::{float, int, list, text};
pub use user::{Amount, Device, Getdevice, Getgoals};

/// A page of a call that may have more.
pub trait Page: DeserializeOwned + Default + Send {
    /// What a page is made of.
    type Row: Send;

    /// The rows, and the offset of the next page if there is one.
    fn into_rows(self) -> (Vec<Self::Row>, Option<i64>);

    /// The server's clock, Unix seconds, where the answer has it.
    fn server_time(&self) -> Option<i64> {
        None
    }
}

/// `getmeas`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Getmeas {
    #[serde(deserialize_with = "int")]
    updatetime: Option<i64>,
    #[serde(deserialize_with = "list")]
    measuregrps: Vec<Group>,
    #[serde(deserialize_with = "int")]
    more: Option<i64>,
    #[serde(deserialize_with = "int")]
    offset: Option<i64>,
}

/// A measure group: what one device measured at one time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Group {
    /// Unique id.
    #[serde(deserialize_with = "int")]
    pub grpid: Option<i64>,
    /// How sure it is whose the measures are.
    #[serde(deserialize_with = "int")]
    pub attrib: Option<i64>,
    /// When it was measured, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub date: Option<i64>,
    /// When it was last changed, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub modified: Option<i64>,
    /// 1 a measure, 2 a goal.
    #[serde(deserialize_with = "int")]
    pub category: Option<i64>,
    /// The measures.
    #[serde(deserialize_with = "list")]
    pub measures: Vec<Measure>,
}

/// One measure: `value` × 10^`unit`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Measure {
    /// The measure type.
    #[serde(rename = "type", deserialize_with = "int")]
    pub meastype: Option<i64>,
    /// The mantissa.
    #[serde(deserialize_with = "float")]
    pub value: Option<f64>,
    /// The exponent of ten.
    #[serde(deserialize_with = "int")]
    pub unit: Option<i64>,
    /// Where on the body.
    #[serde(deserialize_with = "int")]
    pub position: Option<i64>,
}

/// `getsummary`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Getsummary {
    #[serde(deserialize_with = "list")]
    series: Vec<SummaryRow>,
    #[serde(deserialize_with = "int")]
    more: Option<i64>,
    #[serde(deserialize_with = "int")]
    offset: Option<i64>,
}

/// One sleep: a night or a nap, from one source.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SummaryRow {
    /// Unique id.
    #[serde(deserialize_with = "int")]
    pub id: Option<i64>,
    /// Its start, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub startdate: Option<i64>,
    /// Its end, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub enddate: Option<i64>,
    /// When it was last changed, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub modified: Option<i64>,
    /// Withings' id of the device that saw it.
    #[serde(rename = "hash_deviceid", deserialize_with = "text")]
    pub device: Option<String>,
    /// The named values.
    #[serde(deserialize_with = "map")]
    pub data: BTreeMap<String, Float>,
}

/// `sleep get`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SleepGet {
    #[serde(deserialize_with = "list")]
    series: Vec<Segment>,
}

/// A stretch of sleep in one state.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Segment {
    /// Its start, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub startdate: Option<i64>,
    /// Its end, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub enddate: Option<i64>,
    /// The state's code.
    #[serde(deserialize_with = "int")]
    pub state: Option<i64>,
    /// Withings' id of the device that saw it.
    #[serde(rename = "hash_deviceid", deserialize_with = "text")]
    pub device: Option<String>,
}

impl Page for Getmeas {
    type Row = Group;

    fn into_rows(self) -> (Vec<Group>, Option<i64>) {
        (self.measuregrps, next_offset(self.more, self.offset))
    }

    fn server_time(&self) -> Option<i64> {
        self.updatetime
    }
}

impl Page for Getsummary {
    type Row = SummaryRow;

    fn into_rows(self) -> (Vec<SummaryRow>, Option<i64>) {
        (self.series, next_offset(self.more, self.offset))
    }
}

impl Page for SleepGet {
    type Row = Segment;

    fn into_rows(self) -> (Vec<Segment>, Option<i64>) {
        (self.series, None)
    }
}

/// `more` is a bool, a number or absent; an offset without `more` means nothing.
fn next_offset(more: Option<i64>, offset: Option<i64>) -> Option<i64> {
    if more.unwrap_or(0) == 0 { None } else { Some(offset.unwrap_or(0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(json: &str) -> Group {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_come_in_any_shape() {
        let check = |json: &str, expected| assert_eq!(group(&format!(r#"{{"date":{json}}}"#)).date, expected, "{json}");
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
        let measure: Measure = serde_json::from_str(r#"{"value":1e999,"type":1,"unit":-3}"#).unwrap();
        assert_eq!(measure.value, Some(f64::INFINITY));
    }

    #[test]
    fn lists_and_maps_of_another_shape_are_empty() {
        for odd in ["null", "{}", "7", "\"x\"", "true"] {
            assert!(group(&format!(r#"{{"measures":{odd}}}"#)).measures.is_empty(), "{odd}");
        }
        assert_eq!(group(r#"{"measures":[7,null,{"type":1},[]]}"#).measures.len(), 1);
        let row: SummaryRow = serde_json::from_str(r#"{"id":"7","data":[]}"#).unwrap();
        assert_eq!((row.id, row.data.len()), (Some(7), 0));
    }

    #[test]
    fn a_page_has_a_next_one_only_where_more_says_so() {
        let check = |json: &str, expected| {
            let page: Getsummary = serde_json::from_str(json).unwrap();
            assert_eq!(page.into_rows().1, expected, "{json}");
        };
        check(r#"{"series":[],"more":true,"offset":300}"#, Some(300));
        check(r#"{"series":[],"more":1,"offset":"300"}"#, Some(300));
        check(r#"{"series":[],"more":false,"offset":200}"#, None);
        check(r#"{"series":[],"more":0}"#, None);
        check("{}", None);
    }
}
