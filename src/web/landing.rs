//! The overview: every profile, how it is, and the way to connect it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use chrono::{DateTime, Utc};
use hyper::StatusCode;
use hyper::header::SET_COOKIE;
use url::form_urlencoded;

use super::App;
use super::response::{self, Referrer, Response};
use crate::catalogue::Call;
use crate::login::LoginError;
use crate::paths::OwnPath;
use crate::reading::{Attempt, CallStatus, ProfileSnapshot};
use crate::webhooks::SubscriptionStatus;

/// The landing page. It needs nothing but memory, so that it works when everything else is broken.
pub(super) fn page(app: &App) -> Response {
    let profiles = app.snapshots.borrow().profiles.clone();
    let notifications = |profile: &ProfileSnapshot| {
        let last = app.inbox.last(&profile.profile);
        app.inbox.is_open().then(|| (last, app.subscriptions.status(&profile.profile)))
    };
    let landing = LandingPage {
        metrics: app.telemetry_path.trim_start_matches('/'),
        redirect_uri: &app.logins.redirect_uri(),
        now: minute(app.clock.now()),
        cards: profiles.iter().map(|profile| ProfileCard::of(profile, notifications(profile))).collect(),
        unused_logins: unused_logins(app),
    };
    let mut response = response::page(StatusCode::OK, &landing, Referrer::OwnPages);
    response::set_text(&mut response, SET_COOKIE, &app.visitor.header(is_encrypted(app)));
    response
}

/// Whether browsers reach the exporter over TLS, its own or a proxy's.
pub(super) fn is_encrypted(app: &App) -> bool {
    app.logins.redirect_uri().starts_with("https:")
}

/// The logins of profiles that are no longer configured.
fn unused_logins(app: &App) -> Vec<UnusedLogin> {
    let logins = app.logins.storage().logins();
    let unused = logins.iter().filter(|(profile, _)| app.logins.profile(profile).is_none());
    unused
        .map(|(profile, known)| UnusedLogin {
            command: format!("withings-exporter forget {}", quoted(profile)),
            since: date(known.login.connected_at).unwrap_or_default(),
            name: profile.to_string(),
        })
        .collect()
}

/// A name as a shell takes it.
fn quoted(name: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "-_.".contains(character);
    if name.chars().all(is_plain) && !name.starts_with('-') {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}

/// Where the login of `profile` begins, relative to any page.
pub(super) fn connect_link(profile: &str) -> String {
    let profile: String = form_urlencoded::byte_serialize(profile.as_bytes()).collect();
    format!("{}?profile={profile}", OwnPath::Authorize.relative())
}

#[derive(Template)]
#[template(path = "landing.html")]
struct LandingPage<'a> {
    /// The telemetry path without its first slash.
    metrics: &'a str,
    /// What must be registered at Withings.
    redirect_uri: &'a str,
    now: String,
    cards: Vec<ProfileCard<'a>>,
    unused_logins: Vec<UnusedLogin>,
}

/// A login of a profile that is no longer configured.
struct UnusedLogin {
    name: String,
    since: String,
    /// The command that deletes it.
    command: String,
}

/// When a profile's last notification came, Unix seconds, and how its subscriptions are.
type NotificationStatus = (Option<i64>, SubscriptionStatus);

/// What the landing page says about one profile.
struct ProfileCard<'a> {
    name: &'a str,
    link: String,
    login: LoginState,
    since: Option<String>,
    /// When a call last worked.
    succeeded: Option<String>,
    /// Since when a call fails, and when it is tried again.
    failing: Option<FailingCalls>,
    newest: Option<String>,
    /// How the notifications are; `None` where Withings is not asked for them.
    notifications: Option<String>,
    /// Calls often fail for one reason, such as a cloud that does not answer: it is said once.
    problems: BTreeSet<Cow<'a, str>>,
    missing_scopes: BTreeSet<&'static str>,
}

/// What is known of calls that fail.
struct FailingCalls {
    since: String,
    /// When the next of the calls is tried again; `None`: not before the profile is reconnected.
    next_try: Option<String>,
}

impl FailingCalls {
    /// When the longest failure began, and the next try of any call.
    fn of(calls: &BTreeMap<Call, CallStatus>) -> Option<Self> {
        let failing = || calls.values().filter(|call| call.failing_since.is_some());
        let since = failing().filter_map(|call| call.failing_since).min().and_then(time)?;
        Some(Self { since, next_try: failing().filter_map(|call| call.next_try).min().and_then(time) })
    }
}

#[derive(Clone, Copy)]
enum LoginState {
    Absent,
    Refused,
    Demo,
    Accepted,
}

impl<'a> ProfileCard<'a> {
    fn of(profile: &'a ProfileSnapshot, notifications: Option<NotificationStatus>) -> Self {
        let login = match &profile.login {
            None => LoginState::Absent,
            Some(login) if !login.accepted => LoginState::Refused,
            Some(login) if login.demo => LoginState::Demo,
            Some(_) => LoginState::Accepted,
        };
        let mut card = Self {
            name: &profile.profile,
            link: connect_link(&profile.profile),
            login,
            since: profile.login.as_ref().and_then(|login| time(login.connected_at)),
            succeeded: profile.calls.values().filter_map(|call| call.last_success).max().and_then(time),
            failing: FailingCalls::of(&profile.calls),
            newest: profile.newest_measured_at().and_then(time),
            notifications: notifications.as_ref().map(in_words),
            problems: BTreeSet::new(),
            missing_scopes: BTreeSet::new(),
        };
        for call in profile.calls.values() {
            match &call.latest {
                Attempt::None | Attempt::Worked => false,
                // Every call fails for the reason that the card names already.
                Attempt::Failed(_) if matches!(login, LoginState::Refused) => false,
                Attempt::Failed(why) => card.problems.insert(why.into()),
                Attempt::SwitchedOff { scope } => card.missing_scopes.insert(scope),
            };
        }
        if let Some((_, subscriptions)) = notifications {
            let is_refused = matches!(login, LoginState::Refused);
            card.problems.extend(subscriptions.problem.map(Cow::from).filter(|_| !is_refused));
            card.missing_scopes.extend(subscriptions.missing_scopes);
        }
        if let Some(other) = &profile.duplicate_of {
            card.problems.insert(LoginError::SamePerson { profile: Arc::clone(other) }.to_string().into());
        }
        card
    }
}

fn in_words((last, subscriptions): &NotificationStatus) -> String {
    match (last.and_then(time), subscriptions.subscribed) {
        (Some(last), _) => format!("last one {last}"),
        (None, true) => "subscribed, none yet".to_owned(),
        (None, false) => "not subscribed yet".to_owned(),
    }
}

impl LoginState {
    /// In two words.
    fn words(self) -> &'static str {
        match self {
            Self::Absent => "Not connected",
            Self::Refused => "Login refused",
            Self::Demo => "Demo user",
            Self::Accepted => "Connected",
        }
    }

    /// Its class in the style sheet.
    fn class(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Refused => "refused",
            Self::Demo | Self::Accepted => "accepted",
        }
    }

    fn has_login(self) -> bool {
        !matches!(self, Self::Absent)
    }
}

fn time(unix: i64) -> Option<String> {
    DateTime::from_timestamp(unix, 0).map(minute)
}

/// The day of a time in Unix seconds, in UTC.
pub(super) fn date(unix: i64) -> Option<String> {
    DateTime::from_timestamp(unix, 0).map(|time| time.format("%Y-%m-%d").to_string())
}

fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}
