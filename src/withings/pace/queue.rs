//! Who waits for a permit, and whose turn it is.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::{Ask, Class};

/// Who waits.
#[derive(Default)]
pub(super) struct Queue {
    exchanges: VecDeque<Ask>,
    refreshes: VecDeque<Ask>,
    first: VecDeque<Ask>,
    data: VecDeque<Ask>,
    /// Whether the last page of data was of a first refresh.
    was_first: bool,
    /// When each profile was last served, as a count of grants.
    served: HashMap<Arc<str>, u64>,
    grants: u64,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        let all = [&self.exchanges, &self.refreshes, &self.first, &self.data];
        all.into_iter().all(VecDeque::is_empty)
    }

    /// Whether somebody waits for an exchange.
    pub(super) fn has_exchange(&self) -> bool {
        !self.exchanges.is_empty()
    }

    pub(super) fn push(&mut self, ask: Ask) {
        let waiting = match ask.class {
            Class::Exchange => &mut self.exchanges,
            Class::Refresh => &mut self.refreshes,
            Class::First(_) => &mut self.first,
            Class::Data(_) => &mut self.data,
        };
        waiting.push_back(ask);
    }

    /// Lets the next one pass; false if all who waited have given up. It may be for exchanges only.
    pub(super) fn grant(&mut self, only_exchanges: bool) -> bool {
        while let Some(ask) = self.pop(only_exchanges) {
            if ask.grant.send(()).is_ok() {
                self.note(ask.class);
                return true;
            }
        }
        false
    }

    fn note(&mut self, class: Class) {
        self.grants += 1;
        self.was_first = matches!(class, Class::First(_));
        if let Class::First(profile) | Class::Data(profile) = class {
            self.served.insert(profile, self.grants);
        }
    }

    fn pop(&mut self, only_exchanges: bool) -> Option<Ask> {
        let exchange = self.exchanges.pop_front();
        if only_exchanges {
            return exchange;
        }
        exchange.or_else(|| self.refreshes.pop_front()).or_else(|| self.pop_data())
    }

    fn pop_data(&mut self) -> Option<Ask> {
        let Self { first, data, served, .. } = self;
        let turns = if self.was_first { [data, first] } else { [first, data] };
        turns.into_iter().find_map(|waiting| longest_unserved(waiting, served))
    }
}

/// Round robin: the profile that has waited longest since it was served, then the order of asking.
fn longest_unserved(waiting: &mut VecDeque<Ask>, served: &HashMap<Arc<str>, u64>) -> Option<Ask> {
    let served = |ask: &Ask| match &ask.class {
        Class::First(profile) | Class::Data(profile) => served.get(profile).copied().unwrap_or(0),
        Class::Exchange | Class::Refresh => 0,
    };
    let (index, _) = waiting.iter().enumerate().min_by_key(|(_, ask)| served(ask))?;
    waiting.remove(index)
}
