//! The kinds of notification, by Withings' numbers
//! (<https://developer.withings.com/developer-guide/v3/data-api/notifications/notification-content/>).

/// A kind of event that Withings tells of. The order is that of subscribing: first the events that no call brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Appli {
    /// Somebody got into bed.
    InBed,
    /// Somebody got out of bed.
    OutOfBed,
    /// Weight, composition, and whatever else `getmeas` has.
    Weight,
    /// Temperature.
    Temperature,
    /// Blood pressure, pulse, oxygen.
    Pressure,
    /// Activity and workouts.
    Activity,
    /// Sleep.
    Sleep,
    /// The person's account was changed, deleted, or parted from the application.
    Account,
    /// An electrocardiogram.
    Ecg,
    /// Blood glucose.
    Glucose,
    /// A recording of a stethoscope.
    Stethoscope,
    /// Heart rate variability.
    HeartRateVariability,
    /// Urine analysis.
    Urine,
}

impl Appli {
    /// Every kind that is of use here.
    pub const ALL: [Self; 13] = [
        Self::InBed,
        Self::OutOfBed,
        Self::Weight,
        Self::Temperature,
        Self::Pressure,
        Self::Activity,
        Self::Sleep,
        Self::Account,
        Self::Ecg,
        Self::Glucose,
        Self::Stethoscope,
        Self::HeartRateVariability,
        Self::Urine,
    ];

    /// Withings' number.
    #[must_use]
    pub fn number(self) -> i64 {
        self.said().0
    }

    /// The kind with this number, if it is of use here.
    #[must_use]
    pub fn by_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|appli| appli.number() == number)
    }

    /// The label's value.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.said().1
    }

    /// The permission that a subscription needs.
    #[must_use]
    pub fn scope(self) -> &'static str {
        self.said().2
    }

    /// The number, the name and the permission.
    fn said(self) -> (i64, &'static str, &'static str) {
        match self {
            Self::Weight => (1, "weight", "user.metrics"),
            Self::Temperature => (2, "temperature", "user.metrics"),
            Self::Pressure => (4, "pressure", "user.metrics"),
            Self::Activity => (16, "activity", "user.activity"),
            Self::Sleep => (44, "sleep", "user.activity"),
            Self::Account => (46, "account", "user.info"),
            Self::InBed => (50, "in_bed", "user.sleepevents"),
            Self::OutOfBed => (51, "out_of_bed", "user.sleepevents"),
            Self::Ecg => (54, "ecg", "user.metrics"),
            Self::Glucose => (58, "glucose", "user.metrics"),
            Self::Stethoscope => (61, "stethoscope", "user.metrics"),
            Self::HeartRateVariability => (62, "heart_rate_variability", "user.metrics"),
            Self::Urine => (63, "urine", "user.metrics"),
        }
    }
}
