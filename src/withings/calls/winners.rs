//! Winning: of the rows that tell of one thing, which is shown. For the calls whose rows have a time, a last change and an id.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use super::context::{Context, RowKey};
use crate::withings::prune::{self, Rank, RankedRow};

/// What wins over others by its rank.
pub(super) trait Ranked {
    /// The rank: the later time wins, then the row that was changed last, then the higher id.
    fn rank(&self) -> Rank;
}

/// The place of a row for pruning at the server's time, Unix seconds: `candidates` are what it has, each with its series.
pub(super) fn ranked<S, C: Ranked>(
    server_now: i64,
    candidates: impl FnOnce(&mut Context<'_>) -> Vec<(S, C)>,
) -> RankedRow<S> {
    let mut is_doubtful = false;
    let mut note = |unknown, _: &dyn Display, _: RowKey| is_doubtful |= prune::is_doubt(unknown);
    let candidates = candidates(&mut Context::new(server_now, &mut note));
    let ranks = candidates.into_iter().map(|(series, candidate)| (series, candidate.rank())).collect();
    RankedRow { ranks, is_doubtful }
}

/// The winner of each key: the candidate of the highest rank, of equal ones the first.
pub(super) fn winners<K: Ord, C: Ranked>(candidates: impl IntoIterator<Item = (K, C)>) -> BTreeMap<K, C> {
    let mut winners = BTreeMap::new();
    for (key, candidate) in candidates {
        let place = winners.entry(key);
        if !is_beaten(&place, &candidate) {
            place.insert_entry(candidate);
        }
    }
    winners
}

/// The winners after an answer that holds what has changed: those that were `known`, and the `newest` of the answer. `None` if
/// the row of a known winner has changed so that it no longer wins: what comes after it is not in the answer, and everything
/// must be read.
pub(super) fn merged<K: Ord, C: Ranked>(
    known: impl IntoIterator<Item = (K, C)>,
    mut newest: BTreeMap<K, C>,
    is_changed: impl Fn(i64) -> bool,
) -> Option<BTreeMap<K, C>> {
    for (key, old) in known {
        let place = newest.entry(key);
        if is_beaten(&place, &old) {
            continue;
        }
        let (_, origin) = old.rank();
        if is_changed(origin.id) {
            return None;
        }
        place.insert_entry(old);
    }
    Some(newest)
}

fn is_beaten<K: Ord, C: Ranked>(place: &Entry<'_, K, C>, candidate: &C) -> bool {
    matches!(place, Entry::Occupied(best) if best.get().rank() >= candidate.rank())
}

/// The rows without the older versions of a row that was changed while its pages were read. `version` gives the id of a row and
/// when it was changed. Equal versions stay: Withings sends some measure groups twice, with the attributions 0 and 8.
pub(super) fn latest_versions<R>(
    rows: &[R],
    version: impl Fn(&R) -> (Option<i64>, Option<i64>),
) -> impl Iterator<Item = &R> {
    let mut latest = HashMap::new();
    for (id, modified) in rows.iter().map(&version) {
        let newest = latest.entry(id).or_insert(modified);
        *newest = modified.max(*newest);
    }
    rows.iter().filter(move |row| {
        let (id, modified) = version(row);
        id.is_none() || latest[&id] == modified
    })
}
