//! Subscriptions of logins that are given up here: taken back as long as there is a token that may do it, as far as Withings
//! answers in time. Of a profile that left, the next start tries again; of a person who was replaced, nobody can.

use std::collections::BTreeSet;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{Session, SessionError, Sessions};
use crate::storage::Login;
use crate::withings::client::CallError;
use crate::withings::notify::{NOT_THERE, Subscriptions};
use crate::withings::request::Request;
use crate::withings::thin;

/// How long it may take for one person. A reload waits for it, and with the reload the end of the program.
const WITHIN: Duration = Duration::from_secs(30);

impl Session {
    async fn part(&self) {
        let callbacks = self.callbacks().await.unwrap_or_default();
        if !callbacks.is_empty() {
            self.say(timeout(WITHIN, self.unsubscribe(&callbacks)).await.is_ok_and(|it| it.is_ok()));
        }
    }

    /// The same with the profile's former login, which is of another person than its present one.
    async fn part_with(self, former: Login) {
        let callbacks = self.callbacks().await.unwrap_or_default();
        if !callbacks.is_empty() {
            let unsubscribed = timeout(WITHIN, self.unsubscribe_with(&former.access_token, &callbacks)).await;
            self.say(unsubscribed.is_ok_and(|it| it.is_ok()));
        }
    }

    async fn unsubscribe(&self, callbacks: &BTreeSet<String>) -> Result<(), SessionError> {
        let token = self.token(None).await?;
        self.unsubscribe_with(&token.secret, callbacks).await?;
        if token.is_unproven {
            self.prove(&token).await;
        }
        self.save_callbacks(BTreeSet::new()).await.map_err(SessionError::Storage)
    }

    /// One that fails leaves the others alone.
    async fn unsubscribe_with(&self, token: &SecretString, callbacks: &BTreeSet<String>) -> Result<(), CallError> {
        let (client, token) = (self.0.services.client(), token.expose_secret());
        let call = async |request| client.page::<Subscriptions>(self.profile(), token, &request, None, thin::not).await;
        let mut outcome = Ok(());
        for subscription in call(Request::subscriptions()).await?.rows {
            if callbacks.contains(&subscription.callback) {
                match call(Request::unsubscribe(&subscription)).await {
                    Err(CallError::Refused(refusal)) if NOT_THERE.contains(&refusal.status) => {}
                    revoked => outcome = outcome.and(revoked.map(drop)),
                }
            }
        }
        outcome
    }

    /// Without the error: Withings' words may be the address.
    fn say(&self, is_done: bool) {
        if is_done {
            tracing::info!(profile = %self.profile(), "took back the subscriptions of a former login");
        } else {
            tracing::warn!(profile = %self.profile(), "the subscriptions of a former login could not all be taken back");
        }
    }
}

impl Sessions {
    /// Takes back what Withings was asked to tell about the login of `session`, whose profile leaves the configuration.
    pub async fn part(&self, session: &Session) {
        // A login that is not used has no id: it is another profile's person.
        let user = session.0.status.borrow().user_id.clone();
        if user.is_some_and(|it| !self.is_shared(session, &it)) {
            session.part().await;
        }
    }

    /// Takes back, until `shutdown`, what Withings was asked to tell about profiles that left the configuration while
    /// nothing ran. Their logins stay: another name may take them over.
    pub async fn part_with_former(self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        for session in self.former().await {
            // It may have come back while the others parted.
            if self.get(session.profile()).is_some() {
                continue;
            }
            let is_over = tokio::select! {
                biased;
                () = &mut shutdown => true,
                () = session.part() => false,
            };
            session.settle().await;
            if self.get(session.profile()).is_none() {
                self.services().telemetry.forget(session.profile());
            }
            if is_over {
                return;
            }
        }
    }

    /// The sessions of former profiles about which Withings may have been asked to tell.
    async fn former(&self) -> Vec<Session> {
        let (orphaned, services) = (self.orphaned().await, self.services());
        let restored = spawn_blocking(move || {
            let is_told = |it: &Login| services.storage.callbacks(&it.profile).is_ok_and(|it| !it.is_empty());
            let told = orphaned.into_iter().filter(is_told);
            told.map(|it| Session::restore(it.profile.into(), Arc::clone(&services))).collect()
        });
        restored.await.expect("restoring a login does not panic")
    }

    /// Takes back what Withings was asked to tell about the `former` login of a profile, while everything else goes on.
    pub(super) fn part_with(&self, session: &Session, former: Login) {
        if self.is_shared(session, &former.user_id) {
            return;
        }
        let mut partings = self.partings();
        while partings.try_join_next().is_some() {}
        partings.spawn(session.clone().part_with(former));
    }

    /// Waits until that is done.
    pub async fn parted(&self) {
        let partings = mem::take(&mut *self.partings());
        partings.join_all().await;
    }

    /// Whether this person is another profile's too, as only the demo user may be.
    fn is_shared(&self, session: &Session, user_id: &str) -> bool {
        let all = self.all();
        let mut others = all.values().filter(|it| it.profile() != session.profile());
        others.any(|it| it.0.status.borrow().user_id.as_deref() == Some(user_id))
    }
}
