//! `POST /-/reload`: the configuration is read again.

use std::time::Duration;

use hyper::header::RETRY_AFTER;
use hyper::{Request, StatusCode};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::response::{self, Response};
use super::{App, csrf};

/// How long a request for a reload waits for its answer, which is to come within 5 s. A reload that takes longer goes on.
const WITHIN: Duration = Duration::from_millis(4500);

/// Where a reload is asked for. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reloads(mpsc::Sender<Reload>);

/// A request to read the configuration again.
#[derive(Debug)]
pub struct Reload {
    /// Who has asked.
    pub by: ReloadBy,
    /// Where to tell how that went; why not, in words for the user and without secrets.
    pub done: oneshot::Sender<Result<(), ReloadError>>,
}

/// Who asks for a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadBy {
    /// Whoever administers the host, by a signal.
    Signal,
    /// A client of the web server.
    Client,
}

/// The configuration is not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReloadError {
    /// It is wrong, or something that it needs does not work; in words for the user.
    Refused(String),
    /// It is still being read: the file, or the storage, does not answer.
    Late,
}

impl Reloads {
    /// The two ends: where reloads are asked for, and where they arrive one after the other.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<Reload>) {
        let (asked, arriving) = mpsc::channel(1);
        (Self(asked), arriving)
    }

    /// Asks for the configuration to be read again and waits until it is in force, also for the reloads before it, but 5 s at
    /// most. The error is for the user and holds no secret.
    pub async fn ask(&self, by: ReloadBy) -> Result<(), ReloadError> {
        timeout(WITHIN, self.ask_in_turn(by)).await.unwrap_or(Err(ReloadError::Late))
    }

    async fn ask_in_turn(&self, by: ReloadBy) -> Result<(), ReloadError> {
        let (done, told) = oneshot::channel();
        let ending = || ReloadError::Refused("the exporter is ending".to_owned());
        self.0.send(Reload { by, done }).await.map_err(|_| ending())?;
        told.await.unwrap_or_else(|_| Err(ending()))
    }
}

/// Says when the new configuration is in force, or why it is not.
pub(super) async fn respond<B>(app: &App, reloads: &Reloads, request: &Request<B>) -> Response {
    if !csrf::is_same_origin(app, request) {
        return response::text(StatusCode::FORBIDDEN, "Another site may not have the configuration read again.");
    }
    match reloads.ask(ReloadBy::Client).await {
        Ok(()) => response::text(StatusCode::OK, "The configuration was read again."),
        Err(ReloadError::Late) => {
            let sentence = "The configuration is still being read: its file or the storage does not answer. It \
                            comes into force when it does; see the log.";
            let mut response = response::text(StatusCode::SERVICE_UNAVAILABLE, sentence);
            response::set(&mut response, RETRY_AFTER, "5");
            response
        }
        Err(ReloadError::Refused(error)) => {
            let sentence = format!("The configuration stays as it was: {error}");
            response::text(StatusCode::INTERNAL_SERVER_ERROR, &sentence)
        }
    }
}
