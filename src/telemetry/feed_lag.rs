//! How old the present view of a database is, as of the moment of each scrape.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::time::Instant;

/// The name of the gauge, without the prefix.
pub(super) const NAME: &str = "storage_feed_lag_seconds";

/// When the database was last followed; absent where there is none, and before the first time. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct FeedLag(Arc<Mutex<Option<Instant>>>);

impl FeedLag {
    pub(super) fn followed(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

impl Collector for FeedLag {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let followed = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(followed) = followed else { return Ok(()) };
        let lag = ConstGauge::new(followed.elapsed().as_secs_f64());
        let help = "Time since this replica last heard from the database what the others have changed; absent with a directory";
        lag.encode(encoder.encode_descriptor(NAME, help, None, lag.metric_type())?)
    }
}
