//! Connecting a profile: to Withings' consent page, and what comes back.

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
use crate::catalogue::Call;
use crate::reading::{Attempt, ProfileSnapshot};
use crate::session::{Acquaintance, BeginError, Connected, FinishError, Mode, Session, weighed_at};

/// How long the page after a login waits to say whose it is.
const MEET_TIMEOUT: Duration = Duration::from_secs(10);

/// `GET /authorize?profile=NAME[&mode=demo]`: off to Withings.
pub(super) async fn begin(app: &App, query: &str) -> Answer {
    let Some(profile) = parameter(query, "profile") else { return Message::no_profile().answer() };
    let mode = match parameter(query, "mode").as_deref() {
        None => Mode::Real,
        Some("demo") => Mode::Demo,
        Some(_) => return Message::unknown_mode().answer(),
    };
    match app.sessions.begin(&profile, mode).await {
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
        let sessions = app.sessions.clone();
        return conclude(app, async move { sessions.replace(&confirmation).await }).await;
    }
    let pasted = parameter(&form, "pasted").unwrap_or_default();
    finish(app, Redirect::from_pasted(&pasted, remembered)).await
}

/// `POST /adopt`: a profile takes over the login of a former one.
pub(super) async fn adopt(app: &App, request: Request<Incoming>) -> Answer {
    if !origin::is_own(&request) {
        return foreign_form();
    }
    let form = match form(request).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let (profile, former) =
        (parameter(&form, "profile").unwrap_or_default(), parameter(&form, "former").unwrap_or_default());
    match app.sessions.adopt(&profile, &former).await {
        Ok(connected) => Message::adopted(&connected, &former).answer(),
        Err(error) => {
            tracing::warn!(profile, former, %error, "a login was not taken over");
            Message::not_adopted(&error).answer()
        }
    }
}

async fn finish(app: &App, redirect: Redirect) -> Answer {
    let (state, code) = match redirect {
        Redirect { error: Some(error), .. } => return Message::no_consent(&error).answer(),
        Redirect { code: None, .. } => return Message::no_code().answer(),
        Redirect { state: None, .. } => return Message::no_state().answer(),
        Redirect { code: Some(code), state: Some(state), .. } => (state, code),
    };
    let sessions = app.sessions.clone();
    conclude(app, async move { sessions.finish(&state, &code).await }).await
}

/// Ends a login in a task of its own: a browser that goes away must not stop it half way, for the code works only once.
async fn conclude(app: &App, end: impl Future<Output = Result<Connected, FinishError>> + Send + 'static) -> Answer {
    match tokio::spawn(end).await.expect("nobody aborts this task, and its panic is ours") {
        Ok(connected) => Message::connected(&connected, meet(app, &connected.profile).await.as_ref()).answer(),
        Err(error) => {
            tracing::warn!(%error, "a login was not finished");
            Message::not_finished(&error).answer()
        }
    }
}

/// Whose login it is, if Withings says it soon.
async fn meet(app: &App, profile: &str) -> Option<Acquaintance> {
    let session = app.sessions.get(profile)?;
    let known = async {
        let newest_weigh_in = newest_weigh_in(app, &session).await?;
        Some(Acquaintance { newest_weigh_in, devices: session.devices().await.ok()? })
    };
    tokio::time::timeout(MEET_TIMEOUT, known).await.ok()?
}

/// When the person last stepped on a scale: from the refresh that the login has begun, so that nothing is asked twice; if
/// nobody refreshes here, or the weight is not among the measurements, by a call.
async fn newest_weigh_in(app: &App, session: &Session) -> Option<Option<i64>> {
    let connected_at = session.status().borrow().login.as_ref()?.connected_at;
    let is_of_this_login = |it: &&Arc<ProfileSnapshot>| {
        it.profile == *session.profile() && it.login.as_ref().is_some_and(|it| it.connected_at == connected_at)
    };
    let attempt = |it: &Arc<ProfileSnapshot>| it.calls.get(&Call::Getmeas).map(|it| it.latest.clone());
    let is_tried = |it: &Arc<ProfileSnapshot>| attempt(it) != Some(Attempt::None);
    let mut snapshots = app.snapshots.clone();
    let all = snapshots.wait_for(|all| all.profiles.iter().find(is_of_this_login).is_some_and(is_tried)).await;
    let profile = all.ok().and_then(|all| all.profiles.iter().find(is_of_this_login).cloned());
    match profile.as_ref().and_then(attempt) {
        Some(Attempt::Failed(_) | Attempt::SwitchedOff { .. }) => None,
        Some(Attempt::Worked | Attempt::None) | None => {
            match profile.and_then(|it| weighed_at(it.readings.iter().map(|it| (it.measurement, it.measured_at)))) {
                Some(at) => Some(Some(at)),
                None => session.newest_weigh_in().await.ok(),
            }
        }
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
