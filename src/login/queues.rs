//! The queues of what anybody can cause with a login: one who begins logins or comes back from them without end delays the
//! others by a turn.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::Logins;
use crate::fair_queue::{FairQueue, Slot};
use crate::storage::{Class, NoTurn};

/// How long a request to Withings waits. A code lives 30 s, of which the way here and to Withings take some.
const EXCHANGE_WITHIN: Duration = Duration::from_secs(20);

/// How many exchanges may wait: more than have their turn in that time.
const EXCHANGES: usize = 64;

/// How long a login waits for the logins under way, whose file is changed by one at a time: a disk that is well does it in some
/// milliseconds.
const STATE_WITHIN: Duration = Duration::from_secs(5);

/// How many logins may wait for it: half of the connections that all listeners have together. Those that wait cost nothing, and
/// those that are sent away ask again.
const STATES: usize = 256;

/// The queues.
pub(super) struct LoginQueues {
    /// Code exchanges above all; the one that has the slot waits for its share of the budget.
    exchanges: FairQueue,
    /// What changes the logins under way. It has one place at the disk, so that storage has the others however many begin.
    states: FairQueue,
}

impl Default for LoginQueues {
    fn default() -> Self {
        Self { exchanges: FairQueue::new(1, EXCHANGES), states: FairQueue::new(1, STATES) }
    }
}

impl Logins {
    /// Waits for the right to make a request that the client at this address has caused, for 20 s at most.
    pub(super) async fn exchange_turn(&self, client: IpAddr) -> Result<(), NoTurn> {
        let deadline = Instant::now() + EXCHANGE_WITHIN;
        let slot = timeout_at(deadline, self.0.queues.exchanges.slot(client)).await;
        let _slot = slot.ok().flatten().ok_or(NoTurn)?;
        self.storage().turn(Class::Exchange, deadline.saturating_duration_since(Instant::now())).await
    }

    /// Waits for the right to change the logins under way for the client at this address, for 5 s at most; `None` if too many
    /// wait for it.
    pub(super) async fn state_slot(&self, client: IpAddr) -> Option<Slot> {
        timeout(STATE_WITHIN, self.0.queues.states.slot(client)).await.ok().flatten()
    }
}
