//! Taking back what Withings was asked to tell about a person.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::{sleep, timeout};

use crate::login::Logins;
use crate::storage::{Class, Login, REPEAT_AFTER};
use crate::withings::envelope::Remedy;
use crate::withings::error::CallError;
use crate::withings::notify::{NOT_THERE, Subscription, SubscriptionList};
use crate::withings::prune;
use crate::withings::request::Request;
use crate::withings::rows::Rows;

/// How long it may take. There is only this try, for the login of the replaced person is not stored any more.
const WITHIN: Duration = Duration::from_secs(30);

/// Takes back what was subscribed with the `former` login of a profile, which is of another person than its present one. What
/// does not work in time stays subscribed, and its notifications are ignored: they are of a person whom nobody knows here.
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
    let (token, subscriptions) = subscriptions(logins, former).await?;
    let mut outcome = Ok(());
    for subscription in subscriptions {
        if callbacks.contains(&subscription.callback) {
            match rows(logins, &token, &Request::unsubscribe(&subscription)).await {
                Err(CallError::Refused(refusal)) if NOT_THERE.contains(&refusal.status) => {}
                revoked => outcome = outcome.and(revoked.map(drop)),
            }
        }
    }
    outcome
}

/// What is subscribed with the `former` login, and an access token that works: its own, or a new one where that has ended or is
/// refused, for with long intervals the last call may have been hours ago.
async fn subscriptions(logins: &Logins, former: &Login) -> Result<(SecretString, Vec<Subscription>), CallError> {
    let list = Request::subscriptions();
    if logins.lives_for(former, WITHIN) {
        match rows(logins, &former.access_token, &list).await {
            Err(error) if error.remedy() == Remedy::RefreshToken => sleep(REPEAT_AFTER).await,
            listed => return Ok((former.access_token.clone(), listed?)),
        }
    }
    let token = logins.renew_former(former).await?;
    let listed = rows(logins, &token, &list).await?;
    Ok((token, listed))
}

async fn rows(logins: &Logins, token: &SecretString, request: &Request) -> Result<Vec<Subscription>, CallError> {
    let client = logins.client();
    client.turn(Class::Data).await?;
    let mut rows = Rows::<SubscriptionList>::new(prune::nothing);
    client.page(token.expose_secret(), request, None, &mut rows).await?;
    Ok(rows.kept())
}
