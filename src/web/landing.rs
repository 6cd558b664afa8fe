//! The overview: every profile, how it is, and the way to connect it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use askama::Template;
use chrono::{DateTime, Utc};
use hyper::StatusCode;
use url::form_urlencoded;

use super::App;
use super::answer::{self, Answer, Referrer};
use super::webhook::Mail;
use crate::reading::{Attempt, ProfileSnapshot};
use crate::session::Orphan;

/// The landing page. It needs nothing but memory, so that it works when everything else is broken; only the logins of
/// former profiles are looked up on the disk, and left out if that fails.
pub(super) async fn page(app: &App) -> Answer {
    let profiles = app.snapshots.borrow().profiles.clone();
    let orphans = app.sessions.orphans().await;
    let mail = |it: &ProfileSnapshot| app.inbox.borrow().as_ref().and_then(|inbox| inbox.mail(&it.profile));
    let landing = Landing {
        metrics: app.telemetry_path.trim_start_matches('/'),
        redirect_uri: &app.sessions.redirect_uri(),
        now: minute(app.clock.now()),
        cards: profiles.iter().map(|it| Card::of(it, mail(it))).collect(),
        orphans: orphans.iter().map(Former::of).collect(),
    };
    answer::page(StatusCode::OK, &landing, Referrer::OwnPages)
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
    /// The logins that a profile without one may take over.
    orphans: Vec<Former<'a>>,
}

/// A former profile's login.
struct Former<'a> {
    name: &'a str,
    since: String,
}

impl<'a> Former<'a> {
    fn of(orphan: &'a Orphan) -> Self {
        Self { name: &orphan.profile, since: date(orphan.connected_at).unwrap_or_default() }
    }
}

/// What the page says about one profile.
struct Card<'a> {
    name: &'a str,
    link: String,
    connection: Connection,
    since: Option<String>,
    refreshed: Option<String>,
    newest: Option<String>,
    /// Whether Withings calls when it has news; `None` if it is not asked to.
    notifications: Option<String>,
    /// Calls often fail for one reason, such as a cloud that does not answer: it is said once.
    problems: BTreeSet<Cow<'a, str>>,
    missing_scopes: BTreeSet<&'static str>,
}

#[derive(Clone, Copy)]
enum Connection {
    Absent,
    Refused,
    Demo,
    Accepted,
}

impl<'a> Card<'a> {
    fn of(profile: &'a ProfileSnapshot, mail: Option<Mail>) -> Self {
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
            refreshed: profile.refresh.and_then(|it| time(it.ended_at)),
            newest: profile.newest_measured_at().and_then(time),
            notifications: mail.as_ref().map(in_words),
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
        if let Some(Mail { standing, .. }) = mail {
            card.problems
                .extend(standing.problem.map(Cow::from).filter(|_| !matches!(connection, Connection::Refused)));
            card.missing_scopes.extend(standing.missing_scopes);
        }
        card
    }
}

fn in_words(mail: &Mail) -> String {
    match (mail.last.and_then(time), mail.standing.subscribed) {
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
