//! Connecting a profile: to Withings' consent page, and what comes back.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE};
use hyper::{HeaderMap, Request, StatusCode};
use url::Url;

use super::callback::{Callback, parameter};
use super::landing::is_encrypted;
use super::pages::MessagePage;
use super::response::{self, Response};
use super::{App, cookies, csrf, form};
use crate::catalogue::{Call, LabelName};
use crate::login::{BeginError, Caller, Connected, FinishError, Identity, Mode, Return, weighed_at};
use crate::reading::{Attempt, ProfileSnapshot};
use crate::storage::{Beginning, Class};
use crate::telemetry::OutsideEvent;
use crate::webhooks::unsubscribe_former;

/// How long the page after a login waits to say whose it is.
const IDENTITY_WITHIN: Duration = Duration::from_secs(10);

/// When to try again if too many logins begin and end, seconds.
const SOON: u64 = 5;

/// `GET /authorize?profile=NAME[&mode=demo]`: sends the browser to Withings' consent page.
pub(super) async fn begin(app: &App, client: IpAddr, request: &Request<Incoming>) -> Response {
    if csrf::is_ahead(request) {
        return asked_too_soon();
    }
    if !csrf::is_own_or_navigation(request) {
        let sentence = "Another site cannot begin a login by itself. Choose one on the overview page.";
        return response::text(StatusCode::FORBIDDEN, sentence);
    }
    let query = request.uri().query().unwrap_or_default();
    let Some(profile) = parameter(query, "profile") else { return MessagePage::no_profile().response() };
    let mode = match parameter(query, "mode").as_deref() {
        None => Mode::Real,
        Some("demo") => Mode::Demo,
        Some(_) => return MessagePage::unknown_mode().response(),
    };
    let has_seen_overview = app.exporter.as_ref().is_some_and(|exporter| exporter.visitor.is_in(request.headers()));
    let beginning = if has_seen_overview { Beginning::Overview } else { Beginning::Somewhere };
    match app.logins.begin(&profile, mode, beginning, client).await {
        Ok(consent) => send_to(app, &consent, request.headers()),
        Err(error) => refuse(app, &profile, &error),
    }
}

/// `GET /callback`: what Withings' redirect brought.
pub(super) async fn callback(app: &App, client: IpAddr, request: &Request<Incoming>) -> Response {
    if csrf::is_ahead(request) {
        return asked_too_soon();
    }
    let callback = Callback::from_query(request.uri().query().unwrap_or_default());
    finish(app, client, callback, cookies::remembered(request.headers()).collect()).await
}

/// `POST /authorize`: what the redirect brought, pasted by hand, from a browser that cannot reach the exporter; or the confirmation of
/// an account that waits for one, or that another person may replace the former one.
pub(super) async fn submit(app: &App, client: IpAddr, request: Request<Incoming>) -> Response {
    if !csrf::is_same_origin(app, &request) {
        return foreign_form();
    }
    let remembered: Vec<_> = cookies::remembered(request.headers()).collect();
    let form = match form(request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    if let Some(confirmation) = parameter(&form, "confirm").or_else(|| parameter(&form, "replace")) {
        let logins = app.logins.clone();
        return conclude(app, client, async move { logins.confirm(&confirmation, client).await }).await;
    }
    let pasted = parameter(&form, "pasted").unwrap_or_default();
    let callback = Callback::from_pasted(&pasted, remembered.first().cloned());
    finish(app, client, callback, remembered).await
}

/// Finishes the login that `callback` is of. The states that the browser has `remembered` prove that it has begun it.
async fn finish(app: &App, client: IpAddr, callback: Callback, remembered: Vec<String>) -> Response {
    let (state, code) = match callback {
        Callback { error: Some(error), .. } => return MessagePage::no_consent(&error).response(),
        Callback { code: None, .. } => return MessagePage::no_code().response(),
        Callback { state: None, .. } => return MessagePage::no_state().response(),
        Callback { code: Some(code), state: Some(state), .. } => (state, code),
    };
    let logins = app.logins.clone();
    let back = Return { is_proven: remembered.contains(&state), state, code, client };
    conclude(app, client, async move { logins.finish(back).await }).await
}

/// Ends a login in a task of its own: a browser that goes away must not stop it half way, for the code works only once.
async fn conclude(
    app: &App,
    client: IpAddr,
    end: impl Future<Output = Result<Connected, FinishError>> + Send + 'static,
) -> Response {
    match tokio::spawn(end).await.expect("nobody aborts this task, and its panic is ours") {
        Ok(connected) => {
            if let Some(former) = connected.former.clone() {
                let (logins, profile) = (app.logins.clone(), Arc::clone(&connected.profile));
                // In a task of its own, which ends by itself: the page does not wait for Withings to forget.
                tokio::spawn(async move { unsubscribe_former(&logins, &profile, &former).await });
            }
            MessagePage::connected(&connected, identity(app, &connected.profile).await.as_ref()).response()
        }
        Err(FinishError::Unproven { profile, confirmation }) => {
            tracing::info!(%profile, "a login was not begun in the browser that finished it, and waits for a confirmation");
            let caller = app.logins.unconfirmed_caller(&confirmation, client).await;
            let identity = async { caller?.identity().await.ok() };
            let identity = tokio::time::timeout(IDENTITY_WITHIN, identity).await.ok().flatten();
            MessagePage::asking(&profile, &confirmation, identity.as_ref()).response()
        }
        Err(error) => {
            app.logins.telemetry().outside_event(OutsideEvent::LoginNotFinished, &error);
            let mut response = MessagePage::not_finished(&error).response();
            match error {
                FinishError::TooMany => retry_after(&mut response, SOON),
                FinishError::Busy { .. } => retry_after(&mut response, 60),
                FinishError::Paused { seconds, .. } => retry_after(&mut response, seconds),
                _ => {}
            }
            response
        }
    }
}

/// Whose login it is, if that is known soon: from the refresh that the login has begun, so that nothing is asked twice; by
/// calls where this process refreshes nothing (`authorize`), or where what tells it is not measured.
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
    let is_refreshed = |shown: &ProfileSnapshot| {
        let is_of_this_login = shown.login.as_ref().is_some_and(|login| login.connected_at == connected_at);
        is_of_this_login && shown.calls.get(&call).is_none_or(|call| call.latest != Attempt::None)
    };
    let mut snapshots = app.exporter.as_ref()?.snapshots.clone();
    let all = snapshots.wait_for(|all| all.get(profile).is_some_and(|shown| is_refreshed(shown))).await.ok()?;
    all.get(profile).cloned()
}

async fn newest_weigh_in(caller: &Caller, refreshed: Option<&ProfileSnapshot>) -> Option<Option<i64>> {
    let latest = refreshed.and_then(|shown| shown.calls.get(&Call::Getmeas)).map(|call| &call.latest);
    if matches!(latest, Some(Attempt::Failed(_) | Attempt::SwitchedOff { .. })) {
        return None;
    }
    let shown = refreshed.map(|shown| shown.readings.iter().map(|reading| (reading.measurement, reading.measured_at)));
    match shown.and_then(weighed_at) {
        Some(at) => Some(Some(at)),
        None => caller.newest_weigh_in().await.ok(),
    }
}

/// The models of the devices: those that are shown of the same person, or else those that Withings names.
async fn devices(caller: &Caller, refreshed: Option<&ProfileSnapshot>) -> Option<BTreeSet<String>> {
    let models = |shown: &ProfileSnapshot| {
        shown.readings.iter().filter_map(|reading| reading.labels.get(LabelName::Model)).map(str::to_owned).collect()
    };
    match refreshed.map(models).filter(|models: &BTreeSet<String>| !models.is_empty()) {
        Some(models) => Some(models),
        None => caller.devices().await.ok(),
    }
}

/// The response to a browser that asks for a page before its person does: nothing has happened yet, and the request that the
/// person makes must not find the code used up.
fn asked_too_soon() -> Response {
    let mut response = response::text(
        StatusCode::SERVICE_UNAVAILABLE,
        "This address is not for prefetching. Open it to go on with the login.",
    );
    response::set(&mut response, CACHE_CONTROL, "no-store");
    response
}

fn foreign_form() -> Response {
    response::text(StatusCode::FORBIDDEN, "This form was sent by another site. Use the one on the overview page.")
}

fn send_to(app: &App, consent: &Url, headers: &HeaderMap) -> Response {
    let mut response = response::text(StatusCode::FOUND, "The login goes on at Withings.");
    response::set_text(&mut response, LOCATION, consent.as_str());
    if let Some(state) = consent.query().and_then(|query| parameter(query, "state")) {
        let cookie = cookies::remember(&state, headers, is_encrypted(app));
        response::set_text(&mut response, SET_COOKIE, &cookie);
    }
    response::set(&mut response, CACHE_CONTROL, "no-store");
    response::set(&mut response, REFERRER_POLICY, "no-referrer");
    response
}

fn refuse(app: &App, profile: &str, error: &BeginError) -> Response {
    if !matches!(error, BeginError::UnknownProfile) {
        app.logins.telemetry().outside_event(OutsideEvent::LoginNotBegun, &format_args!("{profile}: {error}"));
    }
    let mut response = MessagePage::not_begun(profile, error).response();
    match error {
        BeginError::TooMany => retry_after(&mut response, SOON),
        BeginError::Paused { seconds } => retry_after(&mut response, *seconds),
        _ => {}
    }
    response
}

/// Says in how many seconds the client may try again.
fn retry_after(response: &mut Response, seconds: u64) {
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
}

/// The text of a form that came whole, in time, and is no larger than it may be.
async fn form(request: Request<Incoming>) -> Result<String, Response> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(response::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send application/x-www-form-urlencoded."));
    }
    // What is no UTF-8 is no address of ours either; it is answered as an address without a code.
    form::read(request).await.map(|body| String::from_utf8_lossy(&body).into_owned())
}
