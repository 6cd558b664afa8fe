//! The overview: every profile, how it is, and the way to connect it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use chrono::{DateTime, Utc};
use hyper::StatusCode;
use url::form_urlencoded;

use super::App;
use super::answer::{self, Answer, Referrer};
use crate::catalogue::Call;
use crate::login::LoginError;
use crate::reading::{Attempt, CallStatus, ProfileSnapshot};
use crate::webhooks::SubscriptionStatus;

/// The landing page. It needs nothing but memory, so that it works when everything else is broken.
pub(super) fn page(app: &App) -> Answer {
    let profiles = app.snapshots.borrow().profiles.clone();
    let notifications = |it: &ProfileSnapshot| {
        let last = app.inbox.last(&it.profile);
        app.inbox.is_open().then(|| (last, app.subscriptions.status(&it.profile)))
    };
    let landing = Landing {
        metrics: app.telemetry_path.trim_start_matches('/'),
        redirect_uri: &app.logins.redirect_uri(),
        now: minute(app.clock.now()),
        cards: profiles.iter().map(|it| Card::of(it, notifications(it))).collect(),
        left: left(app),
    };
    answer::page(StatusCode::OK, &landing, Referrer::OwnPages)
}

/// The logins of profiles that are no longer configured.
fn left(app: &App) -> Vec<Left> {
    let logins = app.logins.storage().logins();
    let left = logins.iter().filter(|(profile, _)| app.logins.profile(profile).is_none());
    left.map(|(profile, known)| Left {
        command: format!("withings-exporter forget {}", quoted(profile)),
        since: date(known.login.connected_at).unwrap_or_default(),
        name: profile.to_string(),
    })
    .collect()
}

/// A name as a shell takes it.
fn quoted(name: &str) -> String {
    let is_plain = |it: char| it.is_alphanumeric() || "-_.".contains(it);
    if name.chars().all(is_plain) && !name.starts_with('-') {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}

/// Where the login of `profile` begins, relative to any page.
pub(super) fn connect_link(profile: &str) -> String {
    let profile: String = form_urlencoded::byte_serialize(profile.as_bytes()).collect();
    format!("authorize?profile={profile}")
}

#[derive(Template)]
#[template(path = "landing.html")]
struct Landing<'a> {
    /// The telemetry path without its first slash.
    metrics: &'a str,
    /// What must be registered at Withings.
    redirect_uri: &'a str,
    now: String,
    cards: Vec<Card<'a>>,
    /// The logins of profiles that are no longer configured.
    left: Vec<Left>,
}

/// A login that nobody uses.
struct Left {
    name: String,
    since: String,
    /// What deletes it.
    command: String,
}

/// When the last notification came, Unix seconds, and how the subscriptions are.
type Notifications = (Option<i64>, SubscriptionStatus);

/// What the page says about one profile.
struct Card<'a> {
    name: &'a str,
    link: String,
    connection: Connection,
    since: Option<String>,
    /// When a call last worked.
    succeeded: Option<String>,
    /// Since when a call fails, and when it is tried again.
    failing: Option<Failing>,
    newest: Option<String>,
    /// Whether Withings calls when it has news; `None` if it is not asked to.
    notifications: Option<String>,
    /// Calls often fail for one reason, such as a cloud that does not answer: it is said once.
    problems: BTreeSet<Cow<'a, str>>,
    missing_scopes: BTreeSet<&'static str>,
}

/// What is known of calls that fail.
struct Failing {
    since: String,
    /// When the next of them is tried again; `None`: not before somebody reconnects.
    next_try: Option<String>,
}

impl Failing {
    /// The longest of the failures, and the next try of any of them.
    fn of(calls: &BTreeMap<Call, CallStatus>) -> Option<Self> {
        let failing = || calls.values().filter(|it| it.failing_since.is_some());
        let since = failing().filter_map(|it| it.failing_since).min().and_then(time)?;
        Some(Self { since, next_try: failing().filter_map(|it| it.next_try).min().and_then(time) })
    }
}

#[derive(Clone, Copy)]
enum Connection {
    Absent,
    Refused,
    Demo,
    Accepted,
}

impl<'a> Card<'a> {
    fn of(profile: &'a ProfileSnapshot, notifications: Option<Notifications>) -> Self {
        let connection = match &profile.login {
            None => Connection::Absent,
            Some(login) if !login.accepted => Connection::Refused,
            Some(login) if login.demo => Connection::Demo,
            Some(_) => Connection::Accepted,
        };
        let mut card = Self {
            name: &profile.profile,
            link: connect_link(&profile.profile),
            connection,
            since: profile.login.as_ref().and_then(|it| time(it.connected_at)),
            succeeded: profile.calls.values().filter_map(|it| it.last_success).max().and_then(time),
            failing: Failing::of(&profile.calls),
            newest: profile.newest_measured_at().and_then(time),
            notifications: notifications.as_ref().map(in_words),
            problems: BTreeSet::new(),
            missing_scopes: BTreeSet::new(),
        };
        for call in profile.calls.values() {
            match &call.latest {
                Attempt::None | Attempt::Worked => false,
                // Every call fails for the reason that the card names already.
                Attempt::Failed(_) if matches!(connection, Connection::Refused) => false,
                Attempt::Failed(why) => card.problems.insert(why.into()),
                Attempt::SwitchedOff { scope } => card.missing_scopes.insert(scope),
            };
        }
        if let Some((_, subscriptions)) = notifications {
            let is_refused = matches!(connection, Connection::Refused);
            card.problems.extend(subscriptions.problem.map(Cow::from).filter(|_| !is_refused));
            card.missing_scopes.extend(subscriptions.missing_scopes);
        }
        if let Some(other) = &profile.duplicate_of {
            card.problems.insert(LoginError::SamePerson { profile: Arc::clone(other) }.to_string().into());
        }
        card
    }
}

fn in_words((last, subscriptions): &Notifications) -> String {
    match (last.and_then(time), subscriptions.subscribed) {
        (Some(last), _) => format!("last one {last}"),
        (None, true) => "subscribed, none yet".to_owned(),
        (None, false) => "not subscribed yet".to_owned(),
    }
}

impl Connection {
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
    DateTime::from_timestamp(unix, 0).map(|it| it.format("%Y-%m-%d").to_string())
}

fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}
