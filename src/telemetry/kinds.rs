//! The values of labels: why a request failed, what was not known, what became of a notification.

/// What becomes of a value that nobody should see.
const LEFT_OUT: &str = "left out";

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

    /// The label's value, and what becomes of such a value.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::MeasureType => ("measure_type", "exported as withings_unlisted_measure"),
            Self::Attribution => ("attribution", "used like any other"),
            Self::Position => ("position", "exported under its number"),
            Self::SleepState => ("sleep_state", "exported as unknown"),
            Self::Workout => ("workout", "exported under its number"),
            Self::Battery => ("battery", "exported as unknown"),
            Self::Classification => ("classification", "exported as unknown"),
            Self::TimeZone => ("time_zone", "taken for UTC"),
            Self::FutureDate => ("future_date", LEFT_OUT),
            Self::BadNumber => ("bad_number", LEFT_OUT),
            Self::Row => ("row", LEFT_OUT),
            Self::Implausible => ("implausible", LEFT_OUT),
            Self::Unfinished => ("unfinished", "left out until it is completed, or a day over"),
            Self::EventTime => ("event_time", LEFT_OUT),
            Self::Unlisted => ("unlisted", LEFT_OUT),
        }
    }

    /// The label's value.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// What becomes of such a value, for the log.
    pub(super) fn fate(self) -> &'static str {
        self.words().1
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
