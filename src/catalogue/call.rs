//! The calls of the Withings API that this exporter makes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One call of the Withings API, as the label `call` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// `POST /measure`, action `getmeas`: body measures.
    Getmeas,
    /// `POST /v2/sleep`, action `getsummary`: one row for each sleep.
    Getsummary,
    /// `POST /v2/sleep`, action `get`: the segments of a night.
    SleepGet,
    /// `POST /v2/measure`, action `getactivity`: one row for each day and source.
    Getactivity,
    /// `POST /v2/measure`, action `getintradayactivity`: what a watch measures through the day.
    Getintradayactivity,
    /// `POST /v2/measure`, action `getworkouts`: one row for each workout.
    Getworkouts,
    /// `POST /v2/user`, action `getdevice`: what the person owns.
    Getdevice,
    /// `POST /v2/user`, action `getgoals`: what the person aims for.
    Getgoals,
    /// `POST /v2/heart`, action `list`: one row for each electrocardiogram and recording of a stethoscope.
    HeartList,
    /// `POST /v2/oauth2`, action `requesttoken`: code exchange and token refresh.
    Requesttoken,
    /// `POST /v2/oauth2`, action `revoke`, with the nonce that it is signed with: the end of a login.
    Revoke,
    /// `POST /notify`: subscriptions to notifications.
    Notify,
}

impl Call {
    /// The calls that bring measurements, in the order in which a refresh makes them.
    pub const DATA: [Self; 9] = [
        Self::Getmeas,
        Self::Getsummary,
        Self::SleepGet,
        Self::Getactivity,
        Self::Getintradayactivity,
        Self::Getworkouts,
        Self::Getdevice,
        Self::Getgoals,
        Self::HeartList,
    ];

    /// Every call.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::DATA.into_iter().chain([Self::Requesttoken, Self::Revoke, Self::Notify])
    }

    /// The label's value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Getmeas => "getmeas",
            Self::Getsummary => "getsummary",
            Self::SleepGet => "sleep_get",
            Self::Getactivity => "getactivity",
            Self::Getintradayactivity => "getintradayactivity",
            Self::Getworkouts => "getworkouts",
            Self::Getdevice => "getdevice",
            Self::Getgoals => "getgoals",
            Self::HeartList => "heart_list",
            Self::Requesttoken => "requesttoken",
            Self::Revoke => "revoke",
            Self::Notify => "notify",
        }
    }

    /// The scope that a login needs for this call; `None` where it needs no login.
    #[must_use]
    pub fn scope(self) -> Option<&'static str> {
        match self {
            Self::Getmeas | Self::HeartList => Some("user.metrics"),
            Self::Getsummary | Self::SleepGet | Self::Getactivity | Self::Getintradayactivity | Self::Getworkouts => {
                Some("user.activity")
            }
            Self::Getdevice | Self::Getgoals | Self::Notify => Some("user.info"),
            Self::Requesttoken | Self::Revoke => None,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
