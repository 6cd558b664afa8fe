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
        match self {
            Self::Weight => 1,
            Self::Temperature => 2,
            Self::Pressure => 4,
            Self::Activity => 16,
            Self::Sleep => 44,
            Self::Account => 46,
            Self::InBed => 50,
            Self::OutOfBed => 51,
            Self::Ecg => 54,
            Self::Glucose => 58,
            Self::Stethoscope => 61,
            Self::HeartRateVariability => 62,
            Self::Urine => 63,
        }
    }

    /// The kind with this number, if it is of use here.
    #[must_use]
    pub fn by_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|appli| appli.number() == number)
    }

    /// The label's value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Temperature => "temperature",
            Self::Pressure => "pressure",
            Self::Activity => "activity",
            Self::Sleep => "sleep",
            Self::Account => "account",
            Self::InBed => "in_bed",
            Self::OutOfBed => "out_of_bed",
            Self::Ecg => "ecg",
            Self::Glucose => "glucose",
            Self::Stethoscope => "stethoscope",
            Self::HeartRateVariability => "heart_rate_variability",
            Self::Urine => "urine",
        }
    }

    /// The permission that a subscription needs.
    #[must_use]
    pub fn scope(self) -> &'static str {
        match self {
            Self::Weight
            | Self::Temperature
            | Self::Pressure
            | Self::Ecg
            | Self::Glucose
            | Self::Stethoscope
            | Self::HeartRateVariability
            | Self::Urine => "user.metrics",
            Self::Activity | Self::Sleep => "user.activity",
            Self::Account => "user.info",
            Self::InBed | Self::OutOfBed => "user.sleepevents",
        }
    }
}
