//! History that is sent to a server: every sample arrives, once, whatever happens on the way.

mod answers;
mod fake;
mod interruptions;
mod prometheus;
mod victoria;

use std::collections::BTreeMap;
use std::path::Path;

use withings_exporter::remote_write::{Push, PushError, TimeSeries};

use crate::page;
use crate::tsdb::Stored;

/// Sends `series` to `url` and gives how many samples are confirmed.
async fn push(url: &str, checkpoint: &Path, series: &[TimeSeries]) -> Result<u64, PushError> {
    let mut push = Push::prepare(url.parse().unwrap(), "a history", checkpoint.join("sent.json"))?;
    push.send(series.iter().cloned().map(Ok::<_, PushError>), |_| ()).await?;
    Ok(push.confirmed())
}

/// A series of a person with a sample at every `step` seconds from `start` on; no two samples have the same value.
fn series(name: &str, profile: &str, start: i64, step: i64, samples: u32) -> TimeSeries {
    let labels = [("__name__", name), ("instance", "home:10064"), ("job", "withings"), ("profile", profile)];
    TimeSeries {
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        samples: (0..samples).map(|n| (start + step * i64::from(n), f64::from(40_000 + n) / 1000.0)).collect(),
    }
}

/// What a server should have when it has got these series.
fn stored(series: &[TimeSeries]) -> Stored {
    let stored = |series: &TimeSeries| (shown(&series.labels), series.samples.clone());
    series.iter().map(stored).collect()
}

/// A series as queries show it: `name{a="1",b="2"}`.
fn shown(labels: &[(String, String)]) -> String {
    let mut labels: BTreeMap<_, _> = labels.iter().cloned().collect();
    let name = labels.remove("__name__").unwrap();
    page::series(&name, &labels)
}

/// How many samples these series have.
fn count(series: &[TimeSeries]) -> u64 {
    series.iter().map(|series| series.samples.len() as u64).sum()
}
