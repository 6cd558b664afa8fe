//! Pages that say one thing: what happened, and what to do now.

use askama::Template;
use hyper::StatusCode;

use super::landing::{connect_link, date};
use super::response::{self, Referrer, Response};
use crate::login::{BeginError, Connected, FinishError, Identity};
use crate::paths::OwnPath;
use crate::storage::StorageError;
use crate::visible::cleaned;

/// A page with one message to a person.
#[derive(Template)]
#[template(path = "message.html")]
pub(super) struct MessagePage {
    status: StatusCode,
    /// Where the overview is, relative to this page.
    root: String,
    title: String,
    what: String,
    advice: String,
    /// Where to try again, relative.
    again: Option<String>,
    /// What a person may confirm with a button.
    confirmation: Option<ConfirmationButton>,
}

/// A button that does what was refused at first.
struct ConfirmationButton {
    label: String,
    /// The field of the form that has the secret.
    field: &'static str,
    /// A secret that proves that the button was this page's.
    secret: String,
}

impl MessagePage {
    /// Nothing at this path, which may be a deep one.
    pub(super) fn not_found(path: &str) -> Self {
        let folders = path.matches('/').count().saturating_sub(1);
        let page = Self::new(
            StatusCode::NOT_FOUND,
            "Nothing here",
            "There is nothing at this address.",
            "The overview has links to everything that there is.",
        );
        Self { root: if folders == 0 { page.root } else { "../".repeat(folders) }, ..page }
    }

    /// The page as a response.
    pub(super) fn response(&self) -> Response {
        let referrer = if self.confirmation.is_some() { Referrer::Origin } else { Referrer::Never };
        response::page(self.status, self, referrer)
    }

    /// Why the login of `profile` could not begin.
    pub(super) fn not_begun(profile: &str, error: &BeginError) -> Self {
        match error {
            BeginError::UnknownProfile => Self::new(
                StatusCode::NOT_FOUND,
                "Unknown profile",
                format!("No profile with the name “{}” is configured.", cleaned(profile)),
                "Choose one on the overview, or add the name to “profiles” in the configuration.",
            ),
            BeginError::Paused { seconds } => Self::pause(*seconds).again(profile),
            BeginError::TooMany => Self::too_many().again(profile),
            BeginError::Storage(error) => Self::not_stored(error).again(profile),
        }
    }

    /// A login that was finished, and whose it is, so that a mix-up is seen at once.
    pub(super) fn connected(connected: &Connected, identity: Option<&Identity>) -> Self {
        let profile = &connected.profile;
        let what = if connected.demo {
            format!("{profile} now shows the measurements of Withings’ demo user. The first ones appear in a moment.")
        } else {
            format!("The exporter now reads the measurements of {profile}. The first ones appear in a moment.")
        };
        let what = identity.map(described).map_or_else(|| what.clone(), |person| format!("{what} {person}"));
        let advice = "Withings remembers who signed in. To connect the next person, open the overview in a private window. The \
            overview says what to do when all are connected.";
        Self::new(StatusCode::OK, format!("{profile} is connected"), what, advice)
    }

    /// A login that was not begun in this browser, and whose it is: the person says whether it is right.
    pub(super) fn asking(profile: &str, confirmation: &str, identity: Option<&Identity>) -> Self {
        let unknown =
            "Withings did not say in time whose account it is; this browser did not begin the login.".to_owned();
        let page = Self::new(
            StatusCode::OK,
            format!("Connect this account as {profile}?"),
            identity.map_or(unknown, |identity| {
                format!("This browser did not begin the login, so nothing was changed yet. {}", described(identity))
            }),
            format!(
                "If you have just logged in at Withings as {profile}, in another browser or with another address of the \
                 exporter, go on. If somebody has sent you here, leave this page: after 10 minutes the account is forgotten."
            ),
        );
        let label = format!("Connect as {profile}");
        Self {
            confirmation: Some(ConfirmationButton { label, field: "confirm", secret: confirmation.to_owned() }),
            ..page
        }
    }

    /// Why a login could not be finished.
    pub(super) fn not_finished(error: &FinishError) -> Self {
        match error {
            FinishError::TooMany => Self::too_many(),
            FinishError::State => Self::new(
                StatusCode::BAD_REQUEST,
                "This login is over",
                "It was finished before, is more than 10 minutes old, or did not begin at this exporter.",
                "See on the overview whether the profile is connected, and connect it again if it is not.",
            ),
            FinishError::Unproven { profile, confirmation } => Self::asking(profile, confirmation, None),
            FinishError::Taken { profile, owner } => Self::taken(profile, owner),
            FinishError::AnotherPerson { profile, confirmation } => Self::another_person(profile, confirmation),
            FinishError::Busy { profile } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Other logins are under way",
                format!(
                    "{profile} was not connected: Withings’ code dies after 30 seconds, and within 20 there was no turn for it. \
                     Of the requests that “requests_per_minute” allows, logins have a third."
                ),
                "Nothing is broken or locked. Connect again in a minute.",
            )
            .again(profile),
            FinishError::Refused { profile, advice } => Self::new(
                StatusCode::BAD_GATEWAY,
                "Withings refused the login",
                format!("{profile} was not connected."),
                format!("{advice}."),
            )
            .again(profile),
            FinishError::NoAnswer { profile, what, reason, advice } => Self::new(
                StatusCode::BAD_GATEWAY,
                format!("Withings {what}"),
                format!("{profile} was not connected: {reason}."),
                format!("{advice} Then connect again."),
            )
            .again(profile),
            FinishError::Paused { profile, seconds } => Self::pause(*seconds).again(profile),
            FinishError::Storage(error) => Self::not_stored(error),
        }
    }

    /// A redirect without consent: what its `error` means.
    pub(super) fn no_consent(error: &str) -> Self {
        let what = if error == "access_denied" {
            "The exporter was not allowed to read the measurements, so nothing was changed."
        } else {
            "Withings sent the browser back without asking for permission, so nothing was changed."
        };
        Self::wrong_request("No permission", what, "To connect, choose “connect” on the overview and allow the access.")
    }

    /// A redirect, or a pasted text, without a code.
    pub(super) fn no_code() -> Self {
        Self::wrong_request(
            "No login code",
            "This is not an address that Withings sends a browser to after a login.",
            "Connect again. If you paste the address, copy the whole of it.",
        )
    }

    /// A code without a state, which alone tells whose login it is.
    pub(super) fn no_state() -> Self {
        Self::wrong_request(
            "Whose login is this?",
            "The login code came without its “state”, and this browser began no login in the last 10 minutes.",
            "Connect again, and paste the whole address and not only the code.",
        )
    }

    /// `/authorize` without a profile.
    pub(super) fn no_profile() -> Self {
        Self::wrong_request("Which profile?", "The address names no profile.", "Choose one on the overview.")
    }

    /// `/authorize` with a mode that there is not.
    pub(super) fn unknown_mode() -> Self {
        Self::wrong_request("Unknown mode", "The only mode is “demo”.", "Choose a link on the overview.")
    }

    // No link to try again on these two: in this browser window the same person would sign in again.
    fn taken(profile: &str, owner: &str) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            format!("That was {owner}"),
            format!("The Withings account that signed in is connected as {owner}, so {profile} was left as it was."),
            format!(
                "Withings remembers who signed in. Open the overview in a private window to connect {profile}. If the \
                 account belongs to {profile} after all, take {owner} out of “profiles” in the configuration and \
                 reload it first."
            ),
        )
    }

    fn another_person(profile: &str, confirmation: &str) -> Self {
        let page = Self::new(
            StatusCode::CONFLICT,
            "This is another person",
            format!("The Withings account that signed in is not the one that {profile} has had. Nothing was changed."),
            format!(
                "Most likely Withings remembered somebody else: open the overview in a private window to connect \
                 {profile}. If {profile} has a new account, or is another person from now on, replace the former one: what \
                 is stored of it is deleted first."
            ),
        );
        let label = format!("Replace the account of {profile}");
        Self {
            confirmation: Some(ConfirmationButton { label, field: "replace", secret: confirmation.to_owned() }),
            ..page
        }
    }

    fn pause(seconds: u64) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Withings asks for a pause",
            "Withings takes no requests from this application at the moment. Nothing is broken.",
            format!("Try again in {seconds} seconds."),
        )
    }

    fn too_many() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Other logins are under way",
            "Too many logins begin and end at the moment, and they take turns. Nothing was changed.",
            "Nothing is broken or locked. Load this page again in a few seconds.",
        )
    }

    fn not_stored(error: &StorageError) -> Self {
        let (what, advice) = if error.is_of_file() {
            (
                "The storage directory does not work",
                "Make sure that the exporter can write to it and that the disk is not full, then connect again.",
            )
        } else {
            (
                "The database does not work",
                "Make sure that PostgreSQL runs, has a primary, and can be reached from the exporter, and that its disk is not \
                 full, then connect again.",
            )
        };
        let what = format!("{what}: {}.", error.with_cause());
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The login could not be stored", what, advice)
    }

    fn wrong_request(title: &str, what: &str, advice: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, title, what, advice)
    }

    fn new(status: StatusCode, title: impl Into<String>, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            status,
            root: "./".to_owned(),
            title: title.into(),
            what: what.into(),
            advice: advice.into(),
            again: None,
            confirmation: None,
        }
    }

    fn again(self, profile: &str) -> Self {
        Self { again: Some(connect_link(profile)), ..self }
    }
}

/// What tells one person from another, in a sentence or two.
fn described(identity: &Identity) -> String {
    let weigh_in = identity.newest_weigh_in.and_then(date).map_or_else(
        || "This person has never stepped on a scale.".to_owned(),
        |date| format!("This person last stepped on a scale on {date}."),
    );
    let devices: Vec<_> = identity.devices.iter().map(String::as_str).collect();
    let devices = if devices.is_empty() { "no devices".to_owned() } else { devices.join(", ") };
    format!("{weigh_in} Withings knows these devices: {devices}.")
}
