//! Connecting a profile: to Withings' consent page, and what comes back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE,
};
use hyper::{Request, StatusCode};
use url::Url;

use super::answer::{self, Answer};
use super::message::Message;
use super::redirect::{self, Redirect, parameter};
use super::{App, form, origin};
use crate::catalogue::{Call, LabelName};
use crate::login::{BeginError, Caller, Connected, FinishError, Identity, Mode, weighed_at};
use crate::reading::{Attempt, ProfileSnapshot};
use crate::storage::Class;
use crate::webhooks::unsubscribe_former;

/// How long the page after a login waits to say whose it is.
const IDENTITY_WITHIN: Duration = Duration::from_secs(10);

/// `GET /authorize?profile=NAME[&mode=demo]`: off to Withings.
pub(super) async fn begin(app: &App, query: &str) -> Answer {
    let Some(profile) = parameter(query, "profile") else { return Message::no_profile().answer() };
    let mode = match parameter(query, "mode").as_deref() {
        None => Mode::Real,
        Some("demo") => Mode::Demo,
        Some(_) => return Message::unknown_mode().answer(),
    };
    match app.logins.begin(&profile, mode).await {
        Ok(consent) => send_to(&consent),
        Err(error) => refuse(&profile, &error),
    }
}

/// `GET /callback`: what Withings' redirect brought.
pub(super) async fn callback(app: &App, query: &str) -> Answer {
    finish(app, Redirect::from_query(query)).await
}

/// `POST /authorize`: the same, pasted by hand, from a browser that cannot reach the exporter; or the confirmation that
/// another person may replace the former one.
pub(super) async fn submit(app: &App, request: Request<Incoming>) -> Answer {
    if !origin::is_own(&request) {
        return foreign_form();
    }
    let remembered = redirect::remembered(request.headers());
    let form = match form(request).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    if let Some(confirmation) = parameter(&form, "replace") {
        let logins = app.logins.clone();
        return conclude(app, async move { logins.confirm(&confirmation).await }).await;
    }
    let pasted = parameter(&form, "pasted").unwrap_or_default();
    finish(app, Redirect::from_pasted(&pasted, remembered)).await
}

async fn finish(app: &App, redirect: Redirect) -> Answer {
    let (state, code) = match redirect {
        Redirect { error: Some(error), .. } => return Message::no_consent(&error).answer(),
        Redirect { code: None, .. } => return Message::no_code().answer(),
        Redirect { state: None, .. } => return Message::no_state().answer(),
        Redirect { code: Some(code), state: Some(state), .. } => (state, code),
    };
    let logins = app.logins.clone();
    conclude(app, async move { logins.finish(&state, &code).await }).await
}

/// Ends a login in a task of its own: a browser that goes away must not stop it half way, for the code works only once.
async fn conclude(app: &App, end: impl Future<Output = Result<Connected, FinishError>> + Send + 'static) -> Answer {
    match tokio::spawn(end).await.expect("nobody aborts this task, and its panic is ours") {
        Ok(connected) => {
            if let Some(former) = connected.former.clone() {
                let (logins, profile) = (app.logins.clone(), Arc::clone(&connected.profile));
                // While everything else goes on, and within a bound of its own.
                tokio::spawn(async move { unsubscribe_former(&logins, &profile, &former).await });
            }
            Message::connected(&connected, identity(app, &connected.profile).await.as_ref()).answer()
        }
        Err(error) => {
            tracing::warn!(%error, "a login was not finished");
            Message::not_finished(&error).answer()
        }
    }
}

/// Whose login it is, if that is known soon: from the refresh that the login has begun, so that nothing is asked twice; if
/// nobody refreshes here, or it is not measured, by calls.
async fn identity(app: &App, profile: &Arc<str>) -> Option<Identity> {
    let caller = app.logins.caller(profile, Class::FirstRead);
    let known = async {
        let refreshed = refreshed(app, profile, Call::Getmeas).await;
        let newest_weigh_in = newest_weigh_in(&caller, refreshed.as_deref()).await?;
        Some(Identity { newest_weigh_in, devices: devices(&caller, refreshed.as_deref()).await? })
    };
    tokio::time::timeout(IDENTITY_WITHIN, known).await.ok()?
}

/// What is shown of the present login of `profile` when `call` was tried with it.
async fn refreshed(app: &App, profile: &Arc<str>, call: Call) -> Option<Arc<ProfileSnapshot>> {
    let connected_at = app.logins.people().get(profile)?.known.login.connected_at;
    let is_refreshed = |it: &ProfileSnapshot| {
        let is_of_this_login = it.login.as_ref().is_some_and(|login| login.connected_at == connected_at);
        is_of_this_login && it.calls.get(&call).is_none_or(|call| call.latest != Attempt::None)
    };
    let mut snapshots = app.snapshots.clone();
    let all = snapshots.wait_for(|all| all.get(profile).is_some_and(|it| is_refreshed(it))).await.ok()?;
    all.get(profile).cloned()
}

async fn newest_weigh_in(caller: &Caller, refreshed: Option<&ProfileSnapshot>) -> Option<Option<i64>> {
    let latest = refreshed.and_then(|it| it.calls.get(&Call::Getmeas)).map(|it| &it.latest);
    if matches!(latest, Some(Attempt::Failed(_) | Attempt::SwitchedOff { .. })) {
        return None;
    }
    let shown = refreshed.map(|it| it.readings.iter().map(|it| (it.measurement, it.measured_at)));
    match shown.and_then(weighed_at) {
        Some(at) => Some(Some(at)),
        None => caller.newest_weigh_in().await.ok(),
    }
}

/// The models of the devices: those that are shown of the same person, or else those that Withings names.
async fn devices(caller: &Caller, refreshed: Option<&ProfileSnapshot>) -> Option<BTreeSet<String>> {
    let models = |it: &ProfileSnapshot| {
        it.readings.iter().filter_map(|it| it.labels.get(LabelName::Model)).map(str::to_owned).collect()
    };
    match refreshed.map(models).filter(|models: &BTreeSet<String>| !models.is_empty()) {
        Some(models) => Some(models),
        None => caller.devices().await.ok(),
    }
}

fn foreign_form() -> Answer {
    answer::text(StatusCode::FORBIDDEN, "This form was sent by another site. Use the one on the overview page.")
}

fn send_to(consent: &Url) -> Answer {
    let mut answer = answer::text(StatusCode::FOUND, "The login goes on at Withings.");
    set_text(&mut answer, LOCATION, consent.as_str());
    if let Some(cookie) = redirect::remember(consent) {
        set_text(&mut answer, SET_COOKIE, &cookie);
    }
    answer::set(&mut answer, CACHE_CONTROL, "no-store");
    answer::set(&mut answer, REFERRER_POLICY, "no-referrer");
    answer
}

fn refuse(profile: &str, error: &BeginError) -> Answer {
    if !matches!(error, BeginError::UnknownProfile) {
        tracing::warn!(profile, %error, "a login could not begin");
    }
    let mut answer = Message::not_begun(profile, error).answer();
    if let BeginError::Paused { seconds } = error {
        answer.headers_mut().insert(RETRY_AFTER, (*seconds).into());
    }
    answer
}

/// The text of a form that came whole, in time, and is no larger than it may be.
async fn form(request: Request<Incoming>) -> Result<String, Answer> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(answer::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send application/x-www-form-urlencoded."));
    }
    // What is no UTF-8 is no address of ours either; it is answered as an address without a code.
    form::read(request).await.map(|it| String::from_utf8_lossy(&it).into_owned())
}

fn set_text(answer: &mut Answer, name: HeaderName, text: &str) {
    let value = HeaderValue::from_str(text).expect("addresses and cookies are percent-encoded ASCII");
    answer.headers_mut().insert(name, value);
}
