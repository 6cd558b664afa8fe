//! What Withings posts when it has news: answered at once, and left for whom it is about.
//!
//! Withings signs nothing, so the address is the secret. A notification changes nothing but when Withings is asked, and
//! what is known of the bed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::answer::{self, Answer};
use super::{App, form};
use crate::clock::Clock;
use crate::config::WEBHOOK_PATH;
use crate::refresh::Nudges;
use crate::session::{Session, Status};
use crate::subscription::Standing;
use crate::telemetry::{Outcome, Telemetry, Unknown};
use crate::withings::notify::{Appli, Notification};

/// The kind of a notification that is of no known one.
const OTHER: &str = "other";

/// Nothing has arrived yet.
const NEVER: i64 = i64::MIN;

/// Takes the notifications for all profiles. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Inbox(Arc<Inner>);

struct Inner {
    /// The digest of the secret: comparing it takes the same time however much of a guess is right.
    digest: [u8; 32],
    addressees: Vec<Addressee>,
    telemetry: Telemetry,
    clock: Clock,
}

/// A profile that notifications may be about. Clones share what is known of them.
#[derive(Clone)]
pub struct Addressee {
    session: Session,
    login: watch::Receiver<Status>,
    nudges: Nudges,
    standing: watch::Receiver<Standing>,
    /// When the last one came, Unix seconds.
    last: Arc<AtomicI64>,
}

/// What the overview tells of a profile's notifications.
pub(super) struct Mail {
    pub(super) standing: Standing,
    /// When the last one came, Unix seconds; `None` if none has since the start.
    pub(super) last: Option<i64>,
}

/// GET, HEAD and POST without a body are Withings' test whether the address is there.
pub(super) async fn answer(app: &App, request: Request<Incoming>) -> Answer {
    if request.method() == Method::POST {
        match form::read(request).await {
            Ok(body) if body.is_empty() => {}
            // What is of no use is answered like the rest, or Withings would send it again for hours.
            Ok(body) => app.inbox.borrow().iter().for_each(|it| it.take(&body)),
            Err(answer) => return answer,
        }
    }
    answer::text(StatusCode::OK, "Here.")
}

impl Addressee {
    /// The profile of `session`, whose login tells the person. Notifications are left in `nudges`; `standing` tells how
    /// its subscriptions are.
    #[must_use]
    pub fn new(session: Session, nudges: Nudges, standing: watch::Receiver<Standing>) -> Self {
        Self { login: session.status(), session, nudges, standing, last: Arc::new(AtomicI64::new(NEVER)) }
    }
}

impl Inbox {
    /// An inbox at the address with this secret.
    #[must_use]
    pub fn new(secret: &SecretString, addressees: Vec<Addressee>, telemetry: Telemetry, clock: Clock) -> Self {
        Self(Arc::new(Inner { digest: digest(secret.expose_secret()), addressees, telemetry, clock }))
    }

    /// Whether this path is the inbox's.
    pub(super) fn is_at(&self, path: &str) -> bool {
        path.strip_prefix(WEBHOOK_PATH).is_some_and(|it| digest(it) == self.0.digest)
    }

    /// What there is to tell of the notifications for `profile`.
    pub(super) fn mail(&self, profile: &str) -> Option<Mail> {
        let addressee = self.0.addressees.iter().find(|it| &**it.session.profile() == profile)?;
        let last = Some(addressee.last.load(Ordering::Relaxed)).filter(|at| *at != NEVER);
        Some(Mail { standing: addressee.standing.borrow().clone(), last })
    }

    fn take(&self, form: &[u8]) {
        let (kind, outcome) = self.deliver(form);
        tracing::debug!(kind, outcome = outcome.name(), "a notification came");
        self.0.telemetry.notification(kind, outcome);
    }

    fn deliver(&self, form: &[u8]) -> (&'static str, Outcome) {
        let Some(notification) = Notification::parse(form) else { return (OTHER, Outcome::Invalid) };
        let Some(appli) = Appli::by_number(notification.appli) else { return (OTHER, Outcome::UnknownKind) };
        for addressee in &self.0.addressees {
            // Held until the notification is left: the refresher of a new person forgets what was left for another one.
            let login = addressee.login.borrow();
            if login.user_id.as_deref() == Some(&notification.user_id) {
                addressee.last.store(self.0.clock.unix(), Ordering::Relaxed);
                return (appli.name(), self.leave(&notification, appli, addressee));
            }
        }
        (appli.name(), Outcome::UnknownUser)
    }

    fn leave(&self, notification: &Notification, appli: Appli, to: &Addressee) -> Outcome {
        let now = to.session.server_now();
        match notification.bed_event(appli, now) {
            Some(event) if event.is_future(now) => {
                self.0.telemetry.unknown(Unknown::FutureDate, &format_args!("notification {}", notification.appli));
                return Outcome::Invalid;
            }
            Some(event) => to.nudges.tell(event),
            None => to.nudges.ask(appli.calls()),
        }
        Outcome::Followed
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
