//! The claims that this process has where other hosts would take them: kept as long as the process lives, and free soon after it
//! has died.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a claim is kept by itself. One that is not renewed for so long hangs, and another host may have it a moment later.
const KEPT_FOR: Duration = Duration::from_secs(25);

/// The claims by profile, and when each was last renewed by the worker that has it.
#[derive(Debug, Default)]
pub(super) struct HeldClaims(Mutex<BTreeMap<Arc<str>, HeldClaim>>);

#[derive(Clone, Copy, Debug)]
struct HeldClaim {
    fence: u64,
    renewed: Instant,
}

impl HeldClaims {
    /// Notes a claim that is new, or that its worker has renewed.
    pub(super) fn note(&self, profile: &Arc<str>, fence: u64) {
        self.held().insert(Arc::clone(profile), HeldClaim { fence, renewed: Instant::now() });
    }

    /// Notes that a claim has ended.
    pub(super) fn end(&self, profile: &str, fence: u64) {
        self.held().retain(|held, claim| **held != *profile || claim.fence != fence);
    }

    /// The profiles whose claims are to be kept, and their fences.
    pub(super) fn kept(&self) -> Vec<(Arc<str>, u64)> {
        let held = self.held();
        let kept = held.iter().filter(|(_, claim)| claim.renewed.elapsed() < KEPT_FOR);
        kept.map(|(profile, claim)| (Arc::clone(profile), claim.fence)).collect()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, HeldClaim>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_claim_is_kept_until_it_ends_or_its_worker_hangs() {
        let (held, alice) = (HeldClaims::default(), Arc::from("Alice"));
        held.note(&alice, 1);
        held.note(&"Bob".into(), 7);
        tokio::time::advance(Duration::from_secs(20)).await;
        held.note(&alice, 1);
        held.end("Bob", 6);
        assert_eq!(held.kept(), [(Arc::clone(&alice), 1), ("Bob".into(), 7)]);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(held.kept(), [(Arc::clone(&alice), 1)]);
        held.end("Alice", 1);
        assert_eq!(held.kept(), []);
    }
}
