//! The work on one profile: what a worker is given to do, and what a storage of many hosts has of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::plan::Plan;
use crate::catalogue::Call;

/// A profile that one worker refreshes. A claim keeps two workers apart and blocks nothing else: a new login, a `forget` and
/// a changed configuration end it, and its `save` is refused then.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The profile.
    pub profile: Arc<str>,
    /// The profile's plan, to be changed and given back.
    pub plan: Plan,
    /// The calls that are due; none where the profile is only to be shown anew.
    pub calls: Vec<Call>,
    pub(super) generation: u64,
    /// What tells this claim from later ones in a storage of many hosts; 0 in a directory.
    pub(super) fence: u64,
    /// Whether the profile is to be shown anew, be a call due or not.
    pub(super) is_to_be_shown: bool,
}

/// What storage gives with the right to refresh a profile.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// What tells this claim from later ones.
    pub(super) fence: u64,
    /// What is stored of the profile's work, where other hosts may have changed it.
    pub(super) work: Option<StoredWork>,
}

/// Whether a profile may be refreshed here.
#[derive(Debug)]
pub(super) enum Hold {
    Granted(Held),
    /// Another host refreshes it, for so long at the most.
    Elsewhere(Duration),
}

/// The work of one profile as storage of many hosts has it.
#[derive(Debug, Default)]
pub(super) struct StoredWork {
    /// The plan; `None`: a person has just logged in, and each host makes the same plan.
    pub(super) plan: Option<Plan>,
    /// The calls that Withings has news of, and when that came.
    pub(super) marks: BTreeMap<Call, Instant>,
    /// Until when another host refreshes the profile.
    pub(super) held_until: Option<Instant>,
}

impl StoredWork {
    /// Work that is planned, with no news and in nobody's hands.
    pub(super) fn of(plan: Plan) -> Self {
        Self { plan: Some(plan), ..Self::default() }
    }
}
