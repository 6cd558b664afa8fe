//! History that is sent to a server: every sample arrives, once, whatever happens on the way.

mod answers;
mod fake;
mod interruptions;
mod prometheus;
mod victoria;

use std::path::Path;

use withings_exporter::history::{Sample, Series};
use withings_exporter::push::{Push, PushError};

use crate::page;
use crate::tsdb::Stored;

/// Sends `series` to `url` and gives how many samples are confirmed.
async fn push(url: &str, checkpoint: &Path, series: &[Series]) -> Result<u64, PushError> {
    let mut push = Push::prepare(url.parse().unwrap(), "a history", checkpoint.join("sent.json"))?;
    push.send(series.iter().cloned().map(Ok::<_, PushError>), |_| ()).await?;
    Ok(push.confirmed())
}

/// A series of a person with a sample at every `step` seconds from `start` on; no two samples have the same value.
fn series(name: &str, profile: &str, start: i64, step: i64, samples: u32) -> Series {
    let labels = [("instance", "home:10064"), ("job", "withings"), ("profile", profile)];
    let samples =
        (0..samples).map(|n| Sample { at: start + step * i64::from(n), value: f64::from(40_000 + n) / 1000.0 });
    Series {
        name: name.to_owned(),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        samples: samples.collect(),
    }
}

/// What a server should have when it has got these series.
fn stored(series: &[Series]) -> Stored {
    let samples = |it: &Series| it.samples.iter().map(|it| (it.at, it.value)).collect();
    series.iter().map(|it| (page::series(&it.name, &it.labels.iter().cloned().collect()), samples(it))).collect()
}

/// How many samples these series have.
fn count(series: &[Series]) -> u64 {
    series.iter().map(|it| it.samples.len() as u64).sum()
}
