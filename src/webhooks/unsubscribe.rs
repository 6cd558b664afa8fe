//! Taking back what Withings was asked to tell about a person.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::time::timeout;

use crate::login::Logins;
use crate::storage::{Class, Login};
use crate::withings::error::CallError;
use crate::withings::notify::{NOT_THERE, SubscriptionList};
use crate::withings::prune;
use crate::withings::request::Request;
use crate::withings::rows::Rows;

/// How long it may take. There is only this try, for the login of the replaced person is not stored any more.
const WITHIN: Duration = Duration::from_secs(30);

/// Takes back what was subscribed with the `former` login of a profile, which is of another person than its present one. What
/// does not work in time is left to Withings, which ends a subscription whose calls fail.
pub async fn unsubscribe_former(logins: &Logins, profile: &Arc<str>, former: &Login) {
    if logins.people().is_shared(profile, &former.user_id) {
        return;
    }
    let callbacks = logins.storage().callbacks(profile).await.unwrap_or_default();
    if callbacks.is_empty() {
        return;
    }
    let unsubscribed = timeout(WITHIN, unsubscribe(logins, former, &callbacks)).await;
    // Without the error: Withings' words may be the address.
    if unsubscribed.is_ok_and(|outcome| outcome.is_ok()) {
        tracing::info!(%profile, "took back the subscriptions of a former login");
    } else {
        tracing::warn!(%profile, "the subscriptions of a former login could not all be taken back");
    }
}

/// Takes back each subscription at one of our `callbacks`. One that fails leaves the others alone.
async fn unsubscribe(logins: &Logins, former: &Login, callbacks: &BTreeSet<String>) -> Result<(), CallError> {
    let (client, token) = (logins.client(), former.access_token.expose_secret());
    let call = async |request: &Request| {
        client.turn(Class::Data).await?;
        let mut rows = Rows::<SubscriptionList>::new(prune::nothing);
        client.page(token, request, None, &mut rows).await?;
        Ok(rows.kept())
    };
    let mut outcome = Ok(());
    for subscription in call(&Request::subscriptions()).await? {
        if callbacks.contains(&subscription.callback) {
            match call(&Request::unsubscribe(&subscription)).await {
                Err(CallError::Refused(refusal)) if NOT_THERE.contains(&refusal.status) => {}
                revoked => outcome = outcome.and(revoked.map(drop)),
            }
        }
    }
    outcome
}
