//! Reading the configuration again while the exporter runs.

use std::sync::Arc;

use anyhow::Result;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::profiles::Profiles;
use crate::clock::Clock;
use crate::config::Config;
use crate::telemetry::{OutsideEvent, Telemetry};
use crate::web::{Reload, ReloadBy, ReloadError};

/// Reads the configuration again, or says in words for the user why not. Blocks.
pub type ReadConfig = Arc<dyn Fn() -> Result<Config> + Send + Sync>;

/// The task that reads the configuration again while the exporter runs.
pub(super) struct ReloadTask {
    pub(super) read: ReadConfig,
    pub(super) asked: mpsc::Receiver<Reload>,
    pub(super) telemetry: Telemetry,
    pub(super) clock: Clock,
}

impl ReloadTask {
    /// Does each reload that is asked for, one after the other, also those whose requests were given up meanwhile: what was read
    /// for the one before may not be the present configuration.
    pub(super) async fn run(mut self, profiles: Arc<Profiles>) {
        while let Some(reload) = self.asked.recv().await {
            let outcome = self.begin(&profiles, reload.by).await;
            // The request may have been given up.
            reload.done.send(answer(outcome)).ok();
        }
    }

    /// Begins a reload in a task of its own, so that a panic ends this reload alone.
    fn begin(&self, profiles: &Arc<Profiles>, by: ReloadBy) -> JoinHandle<Result<(), String>> {
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
