//! Sending samples to a server by Prometheus remote write 1.0, which VictoriaMetrics takes as well.
//!
//! Series are cut into batches (`batch`), written as protocol buffers (`protobuf`) and delivered one at a time (`delivery`).
//! What the server has confirmed is noted after each batch, so that an interrupted push goes on with the first batch that was
//! not: VictoriaMetrics keeps, and counts, a sample as often as it comes. Only a batch whose answer was lost is sent twice.

mod batch;
mod delivery;
mod protobuf;
mod target;
mod time_series;

use std::error::Error;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::batch::Batches;
use self::delivery::Delivery;
use crate::http::BuildError;
use crate::storage::{self, StorageError};

pub use delivery::DeliveryError;
pub use target::{Target, TargetError};
pub use time_series::TimeSeries;

/// A push of one history to one server.
#[derive(Debug)]
pub struct Push {
    delivery: Delivery,
    checkpoint: PathBuf,
    progress: PushProgress,
}

/// How far a push has come, as the checkpoint's file has it.
#[derive(Debug, Deserialize, Serialize)]
struct PushProgress {
    /// Which history goes to which server: the progress of another push does not count.
    push: String,
    /// The samples that the server has confirmed, counted from the first of the first series. Samples are counted and not
    /// batches, so that another version may cut batches of another size.
    samples: u64,
}

/// Not everything was sent. A further push with the same checkpoint goes on after what was confirmed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The HTTP client could not be made.
    #[error(transparent)]
    Client(#[from] BuildError),
    /// The checkpoint could not be read or written.
    #[error(transparent)]
    Checkpoint(#[from] StorageError),
    /// The series could not be read.
    #[error("the history to send cannot be read")]
    Series(#[source] Box<dyn Error + Send + Sync>),
    /// The server took a batch in none of many tries.
    #[error("{server}: cannot be given the samples now; start again when it answers, and it goes on where it stopped")]
    GaveUp {
        /// The address, without credentials.
        server: String,
        /// How the last try failed.
        source: DeliveryError,
    },
    /// The server takes no samples of that age, or none that are older than those it has.
    #[error(
        "{server}: does not take samples this old ({answer}). For some weeks of history set `out_of_order_time_window` \
         under `storage: tsdb:` in Prometheus' configuration to more than their age, as 5w, reload it, and start again: it \
         goes on where it stopped. For years write a file with --output and give it to `promtool tsdb create-blocks-from \
         openmetrics`, as a window of years leaves Prometheus with thousands of small blocks"
    )]
    TooOld {
        /// The address, without credentials.
        server: String,
        /// Its status, and the beginning of what it said.
        answer: String,
    },
    /// The server refuses the request, and would again.
    #[error("{server}: refuses the samples ({answer}){advice}")]
    Refused {
        /// The address, without credentials.
        server: String,
        /// Its status, and the beginning of what it said.
        answer: String,
        /// How to mend it, where that is known; begins with `; `.
        advice: &'static str,
    },
}

impl Push {
    /// Prepares to send a history to `target`. `history` tells it from any other: period, profiles, labels. `checkpoint` is a
    /// file of this push alone (0600), made when something is confirmed; delete it with the history's other files. Blocks.
    pub fn prepare(target: Target, history: &str, checkpoint: PathBuf) -> Result<Self, PushError> {
        let push = format!("{:x}", Sha256::digest(format!("{}\n{history}", target.place())));
        let earlier = storage::load::<PushProgress>(&checkpoint)?.filter(|earlier| earlier.push == push);
        let progress = earlier.unwrap_or(PushProgress { push, samples: 0 });
        Ok(Self { delivery: Delivery::to(target)?, checkpoint, progress })
    }

    /// How many samples the server has confirmed, those of earlier, interrupted pushes included.
    #[must_use]
    pub fn confirmed(&self) -> u64 {
        self.progress.samples
    }

    /// Sends what is not confirmed of `series`, which must be the whole history in the same order each time. `on_confirmed`
    /// is told [`Push::confirmed`] after each batch. Reads series and writes the checkpoint in between, so it blocks too.
    pub async fn send<E>(
        &mut self,
        series: impl Iterator<Item = Result<TimeSeries, E>>,
        mut on_confirmed: impl FnMut(u64),
    ) -> Result<(), PushError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut batches = Batches::after(self.progress.samples, series);
        while let Some(batch) = batches.next().map_err(|error| PushError::Series(error.into()))? {
            self.delivery.deliver(&batch).await?;
            self.progress.samples += batch.samples as u64;
            storage::save(&self.checkpoint, &self.progress)?;
            on_confirmed(self.progress.samples);
        }
        Ok(())
    }
}
