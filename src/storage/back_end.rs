//! The back ends of storage, which behave alike.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::StorageError;
use super::budget::{Budget, Spacing};
use super::directory::Directory;
use super::directory::logins::Seen;
use super::known_logins::{Changes, ConnectError, Forgotten, KnownLogins};
use super::login::{Login, NewConsent};
use super::pair::{Holder, UnsavedPair};
use super::pending::Pending;
use super::plan::{Now, Plan};
#[cfg(feature = "postgres")]
use super::postgres::{Followed, LoginLease, Postgres};
use super::queue::{Claim, Held, Hold, Queue};
use super::readings::{Events, StoredState};
use super::set_aside::WaitingConsent;
use crate::catalogue::Call;

/// How long a request for a new pair may take that keeps other processes of this host from asking.
const ASK_WITHIN: Duration = Duration::from_secs(30);

/// Where what survives a restart is.
#[derive(Clone, Debug)]
pub(super) enum BackEnd {
    /// In a directory of one host.
    Directory(Directory),
    /// In a database of many hosts.
    #[cfg(feature = "postgres")]
    Postgres(Postgres),
}

/// Up to where the changes that others made are known.
#[derive(Clone, Debug, Default)]
pub(super) enum Mark {
    /// Nothing is known yet.
    #[default]
    Nothing,
    /// The files that were seen.
    Directory(Arc<Seen>),
    /// The transactions that were seen.
    #[cfg(feature = "postgres")]
    Postgres(Followed),
}

/// The right to rotate the tokens of a login.
#[derive(Debug)]
pub(super) enum Lease {
    /// The lock of a file, which is held as long as it is open.
    Directory { _lock: File },
    /// A row of the database, until its time is over.
    #[cfg(feature = "postgres")]
    Postgres(LoginLease),
}

/// Does the same with the back end, whichever it is.
macro_rules! in_either {
    ($this:expr, $back_end:ident => $work:expr) => {
        match $this {
            BackEnd::Directory($back_end) => $work,
            #[cfg(feature = "postgres")]
            BackEnd::Postgres($back_end) => $work,
        }
    };
}

impl Lease {
    /// Who has the lease, where what is stored says that too.
    pub(super) fn holder(&self) -> Option<Holder> {
        match self {
            Self::Directory { .. } => None,
            #[cfg(feature = "postgres")]
            Self::Postgres(lease) => Some(lease.holder()),
        }
    }
}

impl BackEnd {
    /// Whether other hosts use the same storage.
    pub(super) fn is_of_many_hosts(&self) -> bool {
        match self {
            Self::Directory(_) => false,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => true,
        }
    }

    /// The clock by which hosts that share the storage time what they share, once it was heard.
    pub(super) fn shared_clock(&self) -> Option<Now> {
        match self {
            Self::Directory(_) => None,
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.now(),
        }
    }

    /// Whether what Withings tells can be kept; else Withings is to tell it again.
    pub(super) fn takes_notifications(&self) -> bool {
        match self {
            Self::Directory(_) => true,
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.is_up(),
        }
    }

    pub(super) fn backfill_directory(&self) -> PathBuf {
        in_either!(self, back_end => back_end.backfill_directory())
    }

    pub(super) async fn change_budget<T: Send + 'static>(
        &self,
        spacing: Spacing,
        work: impl Fn(&mut Budget, i64) -> T + Send + 'static,
    ) -> Result<T, StorageError> {
        in_either!(self, back_end => back_end.change_budget(spacing, work).await)
    }

    /// What others have changed since `mark`, and the mark after it; `None`: nothing.
    pub(super) async fn changes(
        &self,
        mark: Mark,
        known: Arc<KnownLogins>,
    ) -> Result<Option<(Changes, Mark)>, StorageError> {
        match self {
            Self::Directory(directory) => {
                let before = if let Mark::Directory(seen) = mark { seen } else { Arc::default() };
                let changes = directory.changes(before, known).await?;
                Ok(changes.map(|(changes, seen)| (changes, Mark::Directory(Arc::new(seen)))))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => {
                let before = if let Mark::Postgres(followed) = mark { Some(followed) } else { None };
                let (changes, followed) = postgres.changes(before, known).await?;
                Ok(Some((changes, Mark::Postgres(followed))))
            }
        }
    }

    pub(super) async fn login(&self, profile: &str) -> Result<Option<Login>, StorageError> {
        in_either!(self, back_end => back_end.login(profile).await)
    }

    /// Stores the login of a new consent, and gives it and the login of another person in whose place it came. `others` are the
    /// profiles that must not have the same person.
    pub(super) async fn connect(
        &self,
        consent: NewConsent,
        others: Vec<Arc<str>>,
        may_replace: bool,
    ) -> Result<(Login, Option<Login>), ConnectError> {
        in_either!(self, back_end => back_end.connect(consent, others, may_replace).await)
    }

    pub(super) async fn forget(&self, profile: &str) -> Result<Forgotten, StorageError> {
        in_either!(self, back_end => back_end.forget(profile).await)
    }

    pub(super) async fn prove(&self, profile: &str, version: u64) -> Result<(), StorageError> {
        in_either!(self, back_end => back_end.prove(profile, version).await)
    }

    /// How long a request for a new pair may take.
    pub(super) fn ask_within(&self) -> Duration {
        match self {
            Self::Directory(_) => ASK_WITHIN,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => super::postgres::ASK_WITHIN,
        }
    }

    /// Takes the lease of the login of `profile` in this version; `None` if it is taken.
    pub(super) async fn lease(&self, profile: &str, version: u64) -> Result<Option<Lease>, StorageError> {
        match self {
            Self::Directory(directory) => {
                Ok(directory.lease(profile).await?.map(|lock| Lease::Directory { _lock: lock }))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => Ok(postgres.lease(profile, version).await?.map(Lease::Postgres)),
        }
    }

    /// Whether that lease could be taken now.
    pub(super) async fn can_lease(&self, profile: &str, version: u64) -> Result<bool, StorageError> {
        match self {
            Self::Directory(directory) => Ok(directory.lease(profile).await?.is_some()),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.can_lease(profile, version).await,
        }
    }

    /// Whether enough is left of the lease to ask for a new pair.
    pub(super) async fn is_fresh(&self, lease: &Lease) -> Result<bool, StorageError> {
        match (self, lease) {
            #[cfg(feature = "postgres")]
            (Self::Postgres(postgres), Lease::Postgres(lease)) => postgres.is_fresh(lease).await,
            _ => Ok(true),
        }
    }

    /// Gives back a lease with which Withings was asked and has sent no pair; `is_refused`: it does not accept the login any
    /// more. Returns whether the lease was still held.
    pub(super) async fn release(&self, lease: Lease, is_refused: bool) -> Result<bool, StorageError> {
        match (self, lease) {
            #[cfg(feature = "postgres")]
            (Self::Postgres(postgres), Lease::Postgres(lease)) => postgres.release(lease, is_refused).await,
            _ => Ok(true),
        }
    }

    /// Stores a pair; `None` if the login is another one by now.
    pub(super) async fn store_pair(&self, profile: &str, pair: UnsavedPair) -> Result<Option<Login>, StorageError> {
        in_either!(self, back_end => back_end.store_pair(profile, pair).await)
    }

    /// What is stored of each of these profiles, in their order.
    pub(super) async fn load_each(
        &self,
        profiles: Vec<Arc<str>>,
    ) -> Result<Vec<Result<StoredState, StorageError>>, StorageError> {
        in_either!(self, back_end => back_end.load_each(profiles).await)
    }

    /// Stores the state that the calls of a claim have changed; returns false if that may not be, for the claim has ended or
    /// the profile was forgotten.
    pub(super) async fn save(&self, claim: &Claim, state: StoredState) -> Result<bool, StorageError> {
        match self {
            Self::Directory(directory) => directory.save(&claim.profile, state).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.save(claim, state).await,
        }
    }

    /// Adds events to those that are stored of the same person, if the profile has a login.
    pub(super) async fn save_events(&self, profile: &str, events: Events) -> Result<(), StorageError> {
        in_either!(self, back_end => back_end.save_events(profile, events).await)
    }

    /// Takes the right to refresh a profile.
    pub(super) async fn hold(&self, profile: &str) -> Result<Hold, StorageError> {
        match self {
            Self::Directory(_) => Ok(Hold::Granted(Held::default())),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.hold(profile).await,
        }
    }

    /// Gives that right back, and nothing was done.
    pub(super) async fn let_go(&self, profile: &str, fence: u64) {
        match self {
            Self::Directory(_) => {}
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.let_go(profile, fence).await,
        }
    }

    /// Keeps that right; returns false if it is lost.
    pub(super) async fn renew(&self, profile: &str, fence: u64) -> Result<bool, StorageError> {
        match self {
            Self::Directory(_) => Ok(true),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.renew(profile, fence).await,
        }
    }

    /// Keeps these rights, but for those that are lost.
    pub(super) async fn renew_all(&self, claims: Vec<(Arc<str>, u64)>) -> Result<(), StorageError> {
        match self {
            Self::Directory(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.renew_all(claims).await,
        }
    }

    /// Stores the plan of a claim that goes on, or that is done; returns false if it has ended before. In a directory the plans
    /// of all profiles are stored at once.
    pub(super) async fn store_work(&self, claim: &Claim, is_done: bool) -> Result<bool, StorageError> {
        match self {
            Self::Directory(_) => Ok(true),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.store_work(claim, is_done).await,
        }
    }

    /// Stores plans that a start or a reload has changed, where other hosts use them.
    pub(super) async fn store_plans_of(&self, plans: Vec<(Arc<str>, Plan)>) -> Result<(), StorageError> {
        match self {
            Self::Directory(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.store_plans_of(plans).await,
        }
    }

    /// Stores the plans of all profiles, and the calls that were sent of late; in a database each claim stores its own.
    pub(super) async fn store_plans(&self, queue: &Queue, orderly: bool) -> Result<(), StorageError> {
        match self {
            Self::Directory(directory) => directory.store_plans(queue, orderly).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Stores that Withings has news for these calls, where other hosts may make them.
    pub(super) async fn mark(&self, profile: &str, calls: &[Call]) -> Result<(), StorageError> {
        match self {
            Self::Directory(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.mark(profile, calls).await,
        }
    }

    /// Notes that the call with this digest is sent now; gives how long it must rest if another host has sent it of late.
    pub(super) async fn send(&self, digest: u64) -> Result<Option<Duration>, StorageError> {
        match self {
            Self::Directory(_) => Ok(None),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.send(digest).await,
        }
    }

    pub(super) async fn begin_login(&self, digest: String, pending: Pending) -> Result<(), StorageError> {
        in_either!(self, back_end => back_end.begin_login(digest, pending).await)
    }

    pub(super) async fn take_login(&self, digest: String) -> Result<Option<Pending>, StorageError> {
        in_either!(self, back_end => back_end.take_login(digest).await)
    }

    /// Keeps a consent under a confirmation with this digest.
    pub(super) async fn set_aside(&self, digest: String, content: WaitingConsent) -> Result<(), StorageError> {
        match self {
            Self::Directory(directory) => {
                directory.set_aside(digest, content);
                Ok(())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.set_aside(digest, content).await,
        }
    }

    pub(super) async fn waiting_consent(&self, digest: &str) -> Result<Option<NewConsent>, StorageError> {
        match self {
            Self::Directory(directory) => Ok(directory.waiting_consent(digest)),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.waiting_consent(digest).await,
        }
    }

    pub(super) async fn confirm(&self, digest: &str) -> Result<Option<WaitingConsent>, StorageError> {
        match self {
            Self::Directory(directory) => Ok(directory.confirm(digest)),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.confirm(digest).await,
        }
    }

    /// Drops the consents that wait for a profile that was forgotten. In a database that is done by who forgets it.
    pub(super) fn drop_waiting(&self, profile: &str) {
        if let Self::Directory(directory) = self {
            directory.drop_waiting(profile);
        }
    }

    /// The consents that do not wait any more, which are taken, and those that do.
    pub(super) async fn take_unconfirmed(&self) -> Result<(Vec<NewConsent>, Vec<NewConsent>), StorageError> {
        match self {
            Self::Directory(directory) => Ok(directory.take_unconfirmed()),
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.take_unconfirmed().await,
        }
    }

    pub(super) async fn installation_secret(
        &self,
        name: &'static str,
        random: impl FnOnce() -> String + Send + 'static,
    ) -> Result<SecretString, StorageError> {
        in_either!(self, back_end => back_end.installation_secret(name, random).await)
    }

    /// Those of `profiles` with addresses that may be subscribed at Withings.
    pub(super) async fn with_callbacks(&self, profiles: Vec<Arc<str>>) -> Result<BTreeSet<Arc<str>>, StorageError> {
        in_either!(self, back_end => back_end.with_callbacks(profiles).await)
    }

    pub(super) async fn callbacks(&self, profile: &str) -> Result<BTreeSet<String>, StorageError> {
        in_either!(self, back_end => back_end.callbacks(profile).await)
    }

    pub(super) async fn save_callbacks(&self, profile: &str, callbacks: BTreeSet<String>) -> Result<(), StorageError> {
        in_either!(self, back_end => back_end.save_callbacks(profile, callbacks).await)
    }
}
