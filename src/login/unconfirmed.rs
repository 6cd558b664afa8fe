//! Logins that nobody has confirmed: what a person is shown of them before, and their end.

use std::net::IpAddr;

use super::{Caller, Logins};
use crate::storage::{Class, Login, NewConsent};
use crate::telemetry::log::with_causes;

impl Logins {
    /// A caller with a login that waits for this confirmation, to ask whose it is, for the client at this address.
    /// `None` also where the login cannot be read: the person is asked all the same.
    pub async fn unconfirmed_caller(&self, confirmation: &str, client: IpAddr) -> Option<Caller> {
        let consent = self.storage().waiting_consent(confirmation).await.ok()??;
        let login = Login::of_consent(&consent, 0, self.clock().unix());
        Some(Caller::of_unconfirmed(self.clone(), consent.profile, login, client))
    }

    /// Revokes the logins that nobody has confirmed, but those of a person who has another one: with a revocation all end.
    pub async fn revoke_unconfirmed(&self) {
        let unconfirmed = match self.storage().take_unconfirmed().await {
            Ok(unconfirmed) => unconfirmed,
            Err(error) => {
                // They are taken the next time.
                tracing::debug!(error = error.with_cause(), "the logins that nobody has confirmed cannot be read");
                return;
            }
        };
        for consent in unconfirmed {
            // Withings' demo user is everybody's.
            if consent.demo || self.has_login(&consent).await {
                continue;
            }
            let is_wanted = async { !self.has_login(&consent).await };
            if let Err(error) = self.oauth().revoke(Class::Exchange, &consent.new.user_id, is_wanted).await {
                tracing::warn!(
                    profile = %consent.profile, error = with_causes(&error),
                    "a login that nobody has confirmed could not be revoked at Withings; it is not stored here"
                );
            }
        }
    }

    /// Whether the person of a consent has a login. For its own profile storage is asked: another process may just have stored
    /// one. Where that cannot be said, there may be one.
    async fn has_login(&self, consent: &NewConsent) -> bool {
        let stored = self.storage().login(&consent.profile).await;
        let is_known = self.storage().logins().values().any(|known| *known.login.user_id == *consent.new.user_id);
        is_known || stored.map_or(true, |login| login.is_some_and(|login| login.user_id == consent.new.user_id))
    }
}
