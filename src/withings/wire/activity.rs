//! The answers of `/v2/measure`: days and workouts.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::lenient::{Float, int, list, map, text};
use super::{Page, next_offset};

/// `getactivity`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Getactivity {
    #[serde(deserialize_with = "days")]
    activities: Vec<ActivityRow>,
    #[serde(deserialize_with = "int")]
    more: Option<i64>,
    #[serde(deserialize_with = "int")]
    offset: Option<i64>,
}

/// What one source counted on one day.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ActivityRow {
    /// The day where the person was, `YYYY-MM-DD`.
    #[serde(deserialize_with = "text")]
    pub date: Option<String>,
    /// The IANA name of the zone that the day is in.
    #[serde(deserialize_with = "text")]
    pub timezone: Option<String>,
    /// 1 for a device that is worn, 0 for a phone and the like.
    #[serde(deserialize_with = "int")]
    pub is_tracker: Option<i64>,
    /// When it was last changed, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub modified: Option<i64>,
    /// All of its fields that are numbers: the values stand beside the others here.
    #[serde(skip)]
    pub data: BTreeMap<String, Float>,
}

/// `getworkouts`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Getworkouts {
    #[serde(deserialize_with = "list")]
    series: Vec<WorkoutRow>,
    #[serde(deserialize_with = "int")]
    more: Option<i64>,
    #[serde(deserialize_with = "int")]
    offset: Option<i64>,
}

/// One workout.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WorkoutRow {
    /// Unique id.
    #[serde(deserialize_with = "int")]
    pub id: Option<i64>,
    /// The number of its kind.
    #[serde(deserialize_with = "int")]
    pub category: Option<i64>,
    /// Its start, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub startdate: Option<i64>,
    /// Its end, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub enddate: Option<i64>,
    /// When it was last changed, Unix seconds.
    #[serde(deserialize_with = "int")]
    pub modified: Option<i64>,
    /// The named values.
    #[serde(deserialize_with = "map")]
    pub data: BTreeMap<String, Float>,
}

impl Page for Getactivity {
    type Row = ActivityRow;

    fn into_rows(self) -> (Vec<ActivityRow>, Option<i64>) {
        (self.activities, next_offset(self.more, self.offset))
    }
}

impl Page for Getworkouts {
    type Row = WorkoutRow;

    fn into_rows(self) -> (Vec<WorkoutRow>, Option<i64>) {
        (self.series, next_offset(self.more, self.offset))
    }
}

/// Rows that are read twice: once for what describes them, once for their numbers.
fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ActivityRow>, D::Error> {
    let rows: Vec<&'de RawValue> = list(deserializer)?;
    let row = |json: &str| {
        let row: ActivityRow = serde_json::from_str(json).ok()?;
        Some(ActivityRow { data: serde_json::from_str(json).ok()?, ..row })
    };
    Ok(rows.into_iter().filter_map(|it| row(it.get())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_its_values_beside_its_description() {
        let json = r#"{"activities":[{"steps":1209,"distance":"1028.5","hr_min":null,"deviceid":null,"date":"2023-10-20",
                       "is_tracker":true,"modified":7,"model":"x"},7,[],null],"more":false,"offset":200}"#;
        let (rows, next) = serde_json::from_str::<Getactivity>(json).unwrap().into_rows();
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((row.date.as_deref(), row.timezone.as_deref()), (Some("2023-10-20"), None));
        assert_eq!((row.is_tracker, row.modified, next), (Some(1), Some(7), None));
        let numbers = ["steps", "distance", "hr_min", "model"].map(|it| row.data[it].0);
        assert_eq!(numbers, [Some(1209.0), Some(1028.5), None, None]);
    }

    #[test]
    fn a_workout_may_have_a_list_for_its_values() {
        let json = r#"{"series":[{"id":1,"data":[]},{"id":2,"data":{"calories":47}}],"more":true,"offset":2}"#;
        let (rows, next) = serde_json::from_str::<Getworkouts>(json).unwrap().into_rows();
        assert_eq!((rows[0].data.len(), rows[1].data["calories"].0, next), (0, Some(47.0), Some(2)));
    }
}
