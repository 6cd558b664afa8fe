//! Reading the configuration again while the exporter runs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use super::profiles::Profiles;
use crate::clock::Clock;
use crate::config::Config;
use crate::telemetry::{OutsideEvent, Telemetry};
use crate::web::{Reload, ReloadBy, ReloadError};

/// How long a request for a reload waits for its answer, which is to come within 5 s. A reload that takes longer goes on, and
/// the next one begins after its end.
const WITHIN: Duration = Duration::from_millis(4500);

/// Reads the configuration again, or says in words for the user why not. Blocks.
pub type ReadConfig = Arc<dyn Fn() -> Result<Config> + Send + Sync>;

type Task = JoinHandle<Result<(), String>>;

/// The task that reads the configuration again while the exporter runs.
pub(super) struct ReloadTask {
    pub(super) read: ReadConfig,
    pub(super) asked: mpsc::Receiver<Reload>,
    pub(super) telemetry: Telemetry,
    pub(super) clock: Clock,
}

impl ReloadTask {
    /// Does each reload that is asked for, one after the other.
    pub(super) async fn run(mut self, profiles: Arc<Profiles>) {
        let mut under_way: Option<Task> = None;
        while let Some(reload) = self.asked.recv().await {
            let deadline = Instant::now() + WITHIN;
            // The configuration that the reload under way has read may not be the present one: this one reads it again.
            let is_free = match &mut under_way {
                Some(task) => timeout_at(deadline, task).await.is_ok(),
                None => true,
            };
            if is_free {
                under_way = Some(self.begin(&profiles, reload.by));
            }
            let outcome = match &mut under_way {
                Some(task) if is_free => timeout_at(deadline, task).await.ok(),
                _ => None,
            };
            if outcome.is_some() {
                under_way = None;
            }
            // The request may have been given up.
            reload.done.send(outcome.map_or(Err(ReloadError::Late), answer)).ok();
        }
    }

    fn begin(&self, profiles: &Arc<Profiles>, by: ReloadBy) -> Task {
        let (read, profiles) = (Arc::clone(&self.read), Arc::clone(profiles));
        let (telemetry, clock) = (self.telemetry.clone(), self.clock.clone());
        tokio::spawn(async move {
            let config = spawn_blocking(move || read()).await.expect("reading the configuration does not panic");
            let outcome = match config {
                Ok(config) => profiles.reconfigure(&config).await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(()) => {
                    telemetry.config_loaded(clock.unix());
                    match by {
                        ReloadBy::Signal => tracing::info!("the configuration was read again"),
                        ReloadBy::Client => telemetry.outside_event(OutsideEvent::Reloaded, &"it is in force"),
                    }
                    Ok(())
                }
                Err(error) => {
                    telemetry.config_refused();
                    let error = format!("{error:#}");
                    match by {
                        ReloadBy::Signal => tracing::error!("the configuration stays as it was: {error}"),
                        ReloadBy::Client => telemetry.outside_event(OutsideEvent::NotReloaded, &error),
                    }
                    Err(error)
                }
            }
        })
    }
}

fn answer(outcome: Result<Result<(), String>, JoinError>) -> Result<(), ReloadError> {
    outcome
        .unwrap_or_else(|_| Err("a mistake in this program, please report it".to_owned()))
        .map_err(ReloadError::Refused)
}
