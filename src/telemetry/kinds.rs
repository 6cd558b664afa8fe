//! The values of labels: why a request failed, what was not known, what became of a notification.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

use crate::catalogue::Call;

/// Why a request failed: the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No connection: refused, reset, name not found, TLS.
    Connect,
    /// No answer in time.
    Timeout,
    /// An HTTP status other than 200.
    Http,
    /// The answer was larger than the limit.
    TooLarge,
    /// The answer was not what the call promises.
    Decode,
    /// The token or the login was refused.
    Auth,
    /// The login lacks a permission.
    Scope,
    /// Status 601.
    RateLimited,
    /// Withings found the request wrong.
    InvalidRequest,
    /// The disk, not Withings: a new token pair could not be saved.
    Storage,
    /// Any other status.
    Other,
}

impl Reason {
    /// The label's value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Http => "http",
            Self::TooLarge => "too_large",
            Self::Decode => "decode",
            Self::Auth => "auth",
            Self::Scope => "scope",
            Self::RateLimited => "rate_limited",
            Self::InvalidRequest => "invalid_request",
            Self::Storage => "storage",
            Self::Other => "other",
        }
    }
}

/// A kind of value that an answer had and this exporter does not know: the label `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// A measure type that the catalogue lacks.
    MeasureType,
    /// How a reading was attributed to its owner.
    Attribution,
    /// A position on the body.
    Position,
    /// A code of `sleep get`.
    SleepState,
    /// A category of workouts.
    Workout,
    /// A word for a battery.
    Battery,
    /// What a device says about an electrocardiogram or a pulse wave.
    Classification,
    /// A time zone.
    TimeZone,
    /// A time later than a day from now.
    FutureDate,
    /// A number that is not finite or whose exponent is out of range, or the end of a sleep before its begin.
    BadNumber,
    /// A row without what makes it one.
    Row,
    /// A value beyond what the catalogue believes of its measurement, or a sleep longer than a day.
    Implausible,
    /// A sleep that is not over.
    Unfinished,
    /// A notification's time that is later than its arrival.
    EventTime,
    /// A series that the catalogue does not list, beyond as many as are exported.
    Unlisted,
}

impl Unknown {
    pub(super) const ALL: [Self; 15] = [
        Self::MeasureType,
        Self::Attribution,
        Self::Position,
        Self::SleepState,
        Self::Workout,
        Self::Battery,
        Self::Classification,
        Self::TimeZone,
        Self::FutureDate,
        Self::BadNumber,
        Self::Row,
        Self::Implausible,
        Self::Unfinished,
        Self::EventTime,
        Self::Unlisted,
    ];

    /// What becomes of such a value, for the log.
    pub(super) fn fate(self) -> &'static str {
        match self {
            Self::MeasureType => "exported as withings_unlisted_measure",
            Self::Attribution => "used like any other",
            Self::Position | Self::Workout => "exported under its number",
            Self::SleepState | Self::Battery | Self::Classification => "exported as unknown",
            Self::TimeZone => "taken for UTC",
            Self::FutureDate | Self::BadNumber | Self::Row | Self::Implausible | Self::EventTime | Self::Unlisted => {
                "left out"
            }
            Self::Unfinished => "left out until it is completed, or a day over",
        }
    }

    /// The label's value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MeasureType => "measure_type",
            Self::Attribution => "attribution",
            Self::Position => "position",
            Self::SleepState => "sleep_state",
            Self::Workout => "workout",
            Self::Battery => "battery",
            Self::Classification => "classification",
            Self::TimeZone => "time_zone",
            Self::FutureDate => "future_date",
            Self::BadNumber => "bad_number",
            Self::Row => "row",
            Self::Implausible => "implausible",
            Self::Unfinished => "unfinished",
            Self::EventTime => "event_time",
            Self::Unlisted => "unlisted",
        }
    }
}

/// What became of a notification: the label `outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotificationOutcome {
    /// The calls that the notification tells of are made, or its event is shown.
    Followed,
    /// The notification is about a person whom no profile shows.
    UnknownUser,
    /// The notification is of a kind that this exporter does not subscribe to.
    UnknownKind,
    /// The notification lacks the person or the kind, or has a time that is not believed.
    Invalid,
}

impl NotificationOutcome {
    /// The label's value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Followed => "followed",
            Self::UnknownUser => "unknown_user",
            Self::UnknownKind => "unknown_kind",
            Self::Invalid => "invalid",
        }
    }
}

impl EncodeLabelValue for Call {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.name().encode(encoder)
    }
}

impl EncodeLabelValue for Reason {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.name().encode(encoder)
    }
}

impl EncodeLabelValue for NotificationOutcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.name().encode(encoder)
    }
}

impl EncodeLabelValue for Unknown {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.name().encode(encoder)
    }
}
