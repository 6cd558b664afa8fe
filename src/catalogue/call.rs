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
    /// `POST /v2/oauth2`, action `requesttoken`: code exchange and token refresh.
    Requesttoken,
    /// `POST /v2/oauth2`, action `revoke`, with the nonce that it is signed with: the end of a login.
    Revoke,
    /// `POST /v2/user`, action `getdevice`: what the person owns.
    Getdevice,
}

impl Call {
    /// The calls that bring measurements, in the order in which a refresh makes them.
    pub const DATA: [Self; 3] = [Self::Getmeas, Self::Getsummary, Self::SleepGet];

    /// Every call.
    pub const ALL: [Self; 6] =
        [Self::Getmeas, Self::Getsummary, Self::SleepGet, Self::Requesttoken, Self::Revoke, Self::Getdevice];

    /// The label's value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Getmeas => "getmeas",
            Self::Getsummary => "getsummary",
            Self::SleepGet => "sleep_get",
            Self::Requesttoken => "requesttoken",
            Self::Revoke => "revoke",
            Self::Getdevice => "getdevice",
        }
    }

    /// The scope that a login needs for this call; `None` where it needs no login.
    #[must_use]
    pub fn scope(self) -> Option<&'static str> {
        match self {
            Self::Getmeas => Some("user.metrics"),
            Self::Getsummary | Self::SleepGet => Some("user.activity"),
            Self::Getdevice => Some("user.info"),
            Self::Requesttoken | Self::Revoke => None,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
