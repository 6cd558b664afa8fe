//! The inbox: takes what Withings posts, at once, and marks calls as due or passes an event of the bed on.
//!
//! Withings signs nothing, so the address is the secret. A notification changes nothing but when Withings is asked, and
//! what is known of the bed. Withings waits two seconds for the answer, so nothing here waits for a disk or a call, and for a
//! database a second at most.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::login::Logins;
use crate::reading::in_bed::BedEvent;
use crate::telemetry::{NotificationOutcome, Telemetry, Unknown};
use crate::withings::appli::Appli;
use crate::withings::calls::told_of;
use crate::withings::notify::{Notification, is_future};

/// The label `kind` of a notification of an unknown kind.
const OTHER: &str = "other";

/// How many events may wait to be shown. One more is answered with 503, and Withings sends it again.
const MOST_EVENTS: usize = 64;

/// Takes the notifications for all profiles. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Inbox(Arc<InboxInner>);

struct InboxInner {
    /// The digest of the secret: comparing it takes the same time however much of a guess is right. `None`: closed.
    digest: RwLock<Option<[u8; 32]>>,
    logins: Logins,
    telemetry: Telemetry,
    clock: Clock,
    /// When the last notification for each profile came, Unix seconds.
    last: Mutex<BTreeMap<Arc<str>, i64>>,
    events: mpsc::Sender<BedNotification>,
}

/// A notification that somebody got into bed or out of it: it is the value, and needs no call.
#[derive(Clone, Debug)]
pub struct BedNotification {
    /// The profile.
    pub profile: Arc<str>,
    /// Withings' id of the person.
    pub user_id: Arc<str>,
    /// What happened.
    pub event: BedEvent,
}

/// What a notification is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It is taken, or of no use, and need not be sent again.
    Taken,
    /// Too many events wait, or storage is away: Withings is to send it again.
    Busy,
}

impl Inbox {
    /// A closed inbox, and where the events of beds arrive.
    #[must_use]
    pub fn new(logins: Logins, telemetry: Telemetry, clock: Clock) -> (Self, mpsc::Receiver<BedNotification>) {
        let (events, arriving) = mpsc::channel(MOST_EVENTS);
        let (digest, last) = (RwLock::default(), Mutex::default());
        (Self(Arc::new(InboxInner { digest, logins, telemetry, clock, last, events })), arriving)
    }

    /// Opens the inbox at the address with this secret, or closes it.
    pub fn open_at(&self, secret: Option<&SecretString>) {
        let new = secret.map(|secret| digest(secret.expose_secret()));
        *self.0.digest.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    /// Whether the secret part of a path is the inbox's.
    #[must_use]
    pub fn is_at(&self, secret: &str) -> bool {
        self.digest().is_some_and(|known| known == digest(secret))
    }

    /// Whether Withings is asked to call.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.digest().is_some()
    }

    /// When the last notification for `profile` came, Unix seconds; `None` if none has since the start.
    #[must_use]
    pub fn last(&self, profile: &str) -> Option<i64> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner).get(profile).copied()
    }

    /// Takes what was posted.
    #[must_use]
    pub async fn take(&self, form: &[u8]) -> Receipt {
        let Some((kind, outcome)) = self.deliver(form).await else { return Receipt::Busy };
        tracing::debug!(kind, outcome = outcome.name(), "a notification came");
        self.0.telemetry.notification(kind, outcome);
        Receipt::Taken
    }

    /// The kind of a notification and what became of it; `None` if it cannot be kept now.
    async fn deliver(&self, form: &[u8]) -> Option<(&'static str, NotificationOutcome)> {
        let Some(notification) = Notification::parse(form) else { return Some((OTHER, NotificationOutcome::Invalid)) };
        let Some(appli) = Appli::by_number(notification.appli) else {
            return Some((OTHER, NotificationOutcome::UnknownKind));
        };
        let people = self.0.logins.people();
        let Some(profile) = people.profile_of(&notification.user_id) else {
            return Some((appli.name(), NotificationOutcome::UnknownUser));
        };
        let outcome = self.leave(&notification, appli, profile).await?;
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(profile), self.0.clock.unix());
        Some((appli.name(), outcome))
    }

    async fn leave(
        &self,
        notification: &Notification,
        appli: Appli,
        profile: &Arc<str>,
    ) -> Option<NotificationOutcome> {
        let storage = self.0.logins.storage();
        let now = self.0.logins.server_now();
        match notification.bed_event(appli, now) {
            Some(event) if is_future(&event, now) => {
                self.0.telemetry.unknown(
                    Unknown::EventTime,
                    &format_args!("notification {}", notification.appli),
                    event.at,
                );
                return Some(NotificationOutcome::Invalid);
            }
            Some(event) => {
                storage.takes_notifications().then_some(())?;
                let (profile, user_id) = (Arc::clone(profile), notification.user_id.as_str().into());
                self.0.events.try_send(BedNotification { profile, user_id, event }).ok()?;
            }
            None => storage.mark(profile, &told_of(appli).collect::<Vec<_>>()).await.ok()?,
        }
        Some(NotificationOutcome::Followed)
    }

    fn digest(&self) -> Option<[u8; 32]> {
        *self.0.digest.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
