//! A history as a table, as Python reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde::Deserialize;
use withings_exporter::sim::MeasureGroup;

use super::{alice, read};
use crate::python;

#[derive(Debug, Deserialize)]
struct Row {
    /// Unix seconds.
    time: i64,
    profile: String,
    metric: String,
    labels: String,
    value: f64,
    unit: String,
}

/// What Python's own modules make of a table, which must be strict.
fn rows(table: &str) -> Vec<Row> {
    const PROGRAM: &str = "
import csv, datetime, io, json, sys
text = sys.stdin.buffer.read().decode()
assert text.count('\\n') == text.count('\\r\\n'), 'RFC 4180 ends lines with CRLF'
rows = list(csv.DictReader(io.StringIO(text, newline=''), strict=True))
for row in rows:
    row['time'] = int(datetime.datetime.strptime(row['time'], '%Y-%m-%dT%H:%M:%S%z').timestamp())
    row['value'] = float(row['value'])
json.dump(rows, sys.stdout)
";
    let json = python::answer(Command::new("python3").args(["-c", PROGRAM]), table.as_bytes());
    serde_json::from_slice(&json).unwrap()
}

#[tokio::test(crate = "crate::paused")]
async fn a_table_has_the_values_of_the_text() {
    let world = alice(1).await;
    let flags = "--start 2026-08-01 --end 2026-11-20 --sleep-stages --label note=-1";
    let text = read(&world.backfill(flags).await);
    let table = world.backfill(&format!("{flags} --format csv")).await;
    assert!(table.starts_with("time,profile,metric,labels,value,unit\r\n"), "{table}");

    let mut expected: BTreeMap<(String, i64), f64> = BTreeMap::new();
    for (series, samples) in text {
        let is_state = series.starts_with("withings_sleep_state{") || series.contains("_classification{");
        if series.starts_with("withings_measurement_timestamp_seconds{") {
            continue;
        }
        expected.extend(
            samples
                .into_iter()
                .filter(|(_, value)| !is_state || *value > 0.0)
                .map(|(at, value)| ((series.clone(), at), value)),
        );
    }
    let rows = rows(&table);
    assert_eq!(rows.len(), expected.len());
    for row in &rows {
        // The label that begins as a formula would is the last one, and so no cell begins with it.
        let labels = format!("{};profile={}", row.labels, row.profile);
        let labels = labels.split(';').map(|label| label.split_once('=').unwrap());
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let series = crate::page::series(&row.metric, &labels);
        assert!(expected[&(series, row.time)].to_bits() == row.value.to_bits(), "{row:?}");
    }
    // The states of a state set are a series each, and the times of values are none here.
    let series: BTreeSet<_> = rows.iter().map(|row| (&row.profile, &row.metric, &row.labels)).collect();
    let file = world.file("said.csv");
    let said = world.try_backfill(&format!("--output {} {flags} --format csv", file.display())).await.unwrap();
    assert!(said.starts_with(&format!("Wrote {} samples of {} series, ", rows.len(), series.len())), "{said}");
    let units = |metric: &str| rows.iter().find(|row| row.metric == metric).map(|row| &*row.unit);
    assert_eq!(units("withings_weight_kg"), Some("kg"));
    assert_eq!(units("withings_systolic_blood_pressure_mmhg"), Some("mmHg"));
    assert_eq!(units("withings_sleep_state"), Some(""));
}

#[tokio::test(crate = "crate::paused")]
async fn a_value_that_was_corrected_is_in_the_next_table() {
    let world = alice(1).await;
    let account = world.account("Alice");
    let flags = "--format csv --start 2026-10-01 --end 2026-10-31";
    let weights = |table: &str| {
        let rows = rows(table).into_iter().filter(|row| row.metric == "withings_weight_kg");
        rows.map(|row| (row.time, row.value)).collect::<Vec<_>>()
    };
    let before = weights(&world.backfill(flags).await);
    let (at, _) = before[3];
    let group = account.groups().into_iter().find(|group| group.row.date == at).unwrap();
    account.edit_row::<MeasureGroup>(group.id, |group| {
        let weight = group.measures.iter_mut().find(|measure| measure.kind == 1).unwrap();
        (weight.value, weight.unit) = (61_500, -3);
    });
    let after = weights(&world.backfill(flags).await);
    assert_eq!(after[3], (at, 61.5));
    assert_eq!((&after[..3], &after[4..]), (&before[..3], &before[4..]));
}
