//! Pruning: rows of a long history that nothing depends on are left out while it is read. It serves the bar of memory: a history
//! of ten years has 10,000 groups, of which some dozens are shown.

use std::collections::{BTreeMap, BTreeSet};

use crate::reading::Origin;
use crate::telemetry::Unknown;

/// Leaves out the rows of a whole history that nothing depends on, at the server's time, Unix seconds.
pub type Prune<R> = fn(&mut Vec<R>, server_now: i64);

/// Leaves out no row.
pub fn nothing<R>(_: &mut Vec<R>, _: i64) {}

/// How many rows of each series stay: the newest may be an older version of a row that comes on a later page. Should that
/// version no longer be of the series, and be pruned, the next read of changes brings it again.
const SPARE: usize = 4;

/// The order of winning: when it was, and of which row.
pub(super) type Rank = (i64, Origin);

/// The place of a row among the others.
pub(super) struct RankedRow<S> {
    /// The series that the row has a value of, with its rank in each.
    pub(super) ranks: Vec<(S, Rank)>,
    /// Whether the row has a value that is not believed. It stays, and is judged and counted when the values are chosen: the
    /// time of this moment may be that of a host whose clock is behind, as long as no answer has told Withings'.
    pub(super) is_doubtful: bool,
}

/// Whether an unknown value makes its row doubtful; others, such as a new measure type, are valid and only new.
pub(super) fn is_doubt(unknown: Unknown) -> bool {
    matches!(unknown, Unknown::FutureDate | Unknown::BadNumber | Unknown::Row | Unknown::Implausible)
}

/// Keeps the newest rows of each series, doubtful rows, and one with the latest change, where the next read begins.
pub(super) fn to_the_newest<R, S: Ord>(
    rows: &mut Vec<R>,
    modified: impl Fn(&R) -> Option<i64>,
    said: impl Fn(&R) -> RankedRow<S>,
) {
    let mut newest: BTreeMap<S, BTreeSet<Rank>> = BTreeMap::new();
    for (series, rank) in rows.iter().flat_map(|row| said(row).ranks) {
        let newest = newest.entry(series).or_default();
        newest.insert(rank);
        if newest.len() > SPARE {
            newest.pop_first();
        }
    }
    let is_newest = |(series, rank): (S, Rank)| newest[&series].contains(&rank);
    but_for_the_latest_change(rows, modified, |row| {
        let RankedRow { ranks, is_doubtful } = said(row);
        is_doubtful || ranks.into_iter().any(is_newest)
    });
}

/// Keeps the rows that are `needed`, and one with the latest change, where the next read begins.
pub(super) fn but_for_the_latest_change<R>(
    rows: &mut Vec<R>,
    modified: impl Fn(&R) -> Option<i64>,
    mut needed: impl FnMut(&R) -> bool,
) {
    let mut latest = rows.iter().filter_map(&modified).max();
    rows.retain(|row| latest.take_if(|at| modified(row) == Some(*at)).is_some() || needed(row));
}
