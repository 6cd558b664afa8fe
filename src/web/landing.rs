//! The overview: every profile, how it is, and the way to connect it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use chrono::{DateTime, Utc};
use hyper::header::SET_COOKIE;
use hyper::{Request, StatusCode};
use url::form_urlencoded;

use super::documents;
use super::moment::{Moment, minute};
use super::response::{self, Referrer, Response};
use super::{App, ExporterPages, elsewhere};
use crate::catalogue::Call;
use crate::login::LoginError;
use crate::paths::OwnPath;
use crate::reading::{Attempt, CallStatus, ProfileSnapshot, Snapshot};
use crate::storage::Purpose;
use crate::visible::quoted;
use crate::webhooks::SubscriptionStatus;

/// How many profiles are named to everybody, and in the log at a start: a household and more. The names of many are those of
/// patients, customers or members.
pub const MOST_NAMED: usize = 20;

/// The landing page. It needs nothing but memory, so that it works when everything else is broken.
pub(super) fn page<B>(app: &App, exporter: &ExporterPages, request: &Request<B>) -> Response {
    let (snapshot, now) = (exporter.snapshots.borrow().clone(), exporter.clock.now());
    let notifications = |profile: &ProfileSnapshot| {
        let last = exporter.inbox.last(&profile.profile);
        exporter.inbox.is_open().then(|| (last, exporter.subscriptions.status(&profile.profile)))
    };
    let redirect_uri = &app.logins.redirect_uri();
    let is_demo = app.logins.storage().purpose() == Purpose::Demo;
    // The demo's people are nobody.
    let are_named = snapshot.profiles().len() <= MOST_NAMED || is_demo || app.security.in_force().knows_clients();
    let landing = LandingPage {
        root: "./",
        metrics: exporter.telemetry_path.trim_start_matches('/'),
        redirect_uri,
        // The demo's people are logged in already, at whatever address it is looked at.
        elsewhere: if is_demo { None } else { elsewhere::address_bar(request, redirect_uri) },
        is_demo,
        now: minute(now),
        is_connected: snapshot.profiles().any(|profile| profile.login.is_some()),
        unnamed: (!are_named).then(|| Numbers::of(&snapshot)),
        cards: snapshot
            .profiles()
            .filter(|_| are_named)
            .map(|profile| ProfileCard::of(profile, notifications(profile), now))
            .collect(),
        unused_logins: if are_named { unused_logins(app) } else { Vec::new() },
    };
    let mut response = response::page(StatusCode::OK, &landing, Referrer::OwnPages);
    response::set_text(&mut response, SET_COOKIE, &exporter.visitor.header(is_encrypted(app)));
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
    // What begins like a flag comes after the end of all flags.
    let separator = |profile: &str| if profile.starts_with('-') { "-- " } else { "" };
    unused
        .map(|(profile, known)| UnusedLogin {
            command: format!("withings-exporter forget {}{}", separator(profile), quoted(profile)),
            since: date(known.login.connected_at).unwrap_or_default(),
            name: profile.to_string(),
        })
        .collect()
}

/// Where the login of `profile` begins, relative to any page.
pub(super) fn connect_link(profile: &str) -> String {
    let profile: String = form_urlencoded::byte_serialize(profile.as_bytes()).collect();
    format!("{}?profile={profile}", OwnPath::Authorize.relative())
}

#[derive(Template)]
#[template(path = "landing.html")]
struct LandingPage<'a> {
    /// Where the overview is, relative to this page.
    root: &'static str,
    /// The telemetry path without its first slash.
    metrics: &'a str,
    /// What must be registered at Withings.
    redirect_uri: &'a str,
    /// Host and port in the address bar, if they are not those of the redirect URI and somebody may have to log in there.
    elsewhere: Option<String>,
    is_demo: bool,
    now: String,
    /// Whether anybody has logged in, so that there is a next step.
    is_connected: bool,
    /// How the profiles are, where they are too many to be named to everybody.
    unnamed: Option<Numbers>,
    cards: Vec<ProfileCard<'a>>,
    unused_logins: Vec<UnusedLogin>,
}

/// How many profiles are in which state.
struct Numbers {
    all: usize,
    connected: usize,
    refused: usize,
    absent: usize,
    failing: usize,
}

impl Numbers {
    fn of(snapshot: &Snapshot) -> Self {
        let number = |is: &dyn Fn(&ProfileSnapshot) -> bool| snapshot.profiles().filter(|profile| is(profile)).count();
        let is_failing = |profile: &ProfileSnapshot| profile.calls.values().any(|call| call.failing_since.is_some());
        let state = LoginState::of;
        Self {
            all: snapshot.profiles().len(),
            connected: number(&|profile| matches!(state(profile), LoginState::Accepted | LoginState::Demo)),
            refused: number(&|profile| matches!(state(profile), LoginState::Refused)),
            absent: number(&|profile| matches!(state(profile), LoginState::Absent)),
            failing: number(&is_failing),
        }
    }
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
    since: Option<Moment>,
    /// When a call last worked.
    succeeded: Option<Moment>,
    /// Since when a call fails, and when it is tried again.
    failing: Option<FailingCalls>,
    newest: Option<Moment>,
    /// How the notifications are; `None` where Withings is not asked for them.
    notifications: Option<NotificationWords>,
    /// Calls often fail for one reason, such as a cloud that does not answer: it is said once.
    problems: BTreeSet<Cow<'a, str>>,
    missing_scopes: BTreeSet<&'static str>,
}

/// What is known of calls that fail.
struct FailingCalls {
    since: Moment,
    /// When the next of the calls is tried again; `None`: not before the profile is reconnected.
    next_try: Option<Moment>,
}

impl FailingCalls {
    /// When the longest failure began, and the next try of any call.
    fn of(calls: &BTreeMap<Call, CallStatus>, now: DateTime<Utc>) -> Option<Self> {
        let time = |unix: i64| Moment::of(unix, now);
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
    fn of(profile: &'a ProfileSnapshot, notifications: Option<NotificationStatus>, now: DateTime<Utc>) -> Self {
        let time = |unix: i64| Moment::of(unix, now);
        let login = LoginState::of(profile);
        let mut card = Self {
            name: &profile.profile,
            link: connect_link(&profile.profile),
            login,
            since: profile.login.as_ref().and_then(|login| time(login.connected_at)),
            succeeded: profile.calls.values().filter_map(|call| call.last_success).max().and_then(time),
            failing: FailingCalls::of(&profile.calls, now),
            newest: profile.newest_measured_at().and_then(time),
            notifications: notifications.as_ref().map(|notifications| NotificationWords::of(notifications, now)),
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

/// How notifications are: in words, and when the last one came.
struct NotificationWords {
    words: &'static str,
    last: Option<Moment>,
}

impl NotificationWords {
    fn of((last, subscriptions): &NotificationStatus, now: DateTime<Utc>) -> Self {
        let last = last.and_then(|unix| Moment::of(unix, now));
        let words = match (&last, subscriptions.subscribed) {
            (Some(_), _) => "last one",
            (None, true) => "subscribed, none yet",
            (None, false) => "not subscribed yet",
        };
        Self { words, last }
    }
}

impl LoginState {
    fn of(profile: &ProfileSnapshot) -> Self {
        match &profile.login {
            None => Self::Absent,
            Some(login) if !login.accepted => Self::Refused,
            Some(login) if login.demo => Self::Demo,
            Some(_) => Self::Accepted,
        }
    }

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

/// The day of a time in Unix seconds, in UTC.
pub(super) fn date(unix: i64) -> Option<String> {
    DateTime::from_timestamp(unix, 0).map(|time| time.format("%Y-%m-%d").to_string())
}
