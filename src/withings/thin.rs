//! Leaving out the rows of a long history that nothing depends on, while it is read.

use std::collections::{BTreeMap, BTreeSet};

use crate::reading::Origin;

/// Leaves out the rows of a whole history that nothing depends on, at the server's time, Unix seconds.
pub type Thin<R> = fn(&mut Vec<R>, server_now: i64);

/// Leaves out nothing.
pub fn not<R>(_: &mut Vec<R>, _: i64) {}

/// How many rows of each series stay: the newest may be an older version of a row that comes later. Should the later version
/// not be of the series any more and be left out, the next read of what has changed brings it again.
const SPARE: usize = 4;

/// The order of winning: when it was, and of which row.
pub(super) type Rank = (i64, Origin);

/// Keeps the newest rows of each series and the latest change, where the next read begins. `ranks` says of which series a row
/// is, and with which rank.
pub(super) fn to_the_newest<R, S: Ord>(
    rows: &mut Vec<R>,
    modified: impl Fn(&R) -> Option<i64>,
    ranks: impl Fn(&R) -> Vec<(S, Rank)>,
) {
    let mut newest: BTreeMap<S, BTreeSet<Rank>> = BTreeMap::new();
    for (series, rank) in rows.iter().flat_map(&ranks) {
        let newest = newest.entry(series).or_default();
        newest.insert(rank);
        if newest.len() > SPARE {
            newest.pop_first();
        }
    }
    let is_newest = |(series, rank): (S, Rank)| newest[&series].contains(&rank);
    but_for_the_latest_change(rows, modified, |row| ranks(row).into_iter().any(is_newest));
}

/// Keeps what is `needed`, and a row with the latest change.
pub(super) fn but_for_the_latest_change<R>(
    rows: &mut Vec<R>,
    modified: impl Fn(&R) -> Option<i64>,
    needed: impl Fn(&R) -> bool,
) {
    let mut latest = rows.iter().filter_map(&modified).max();
    rows.retain(|row| latest.take_if(|at| modified(row) == Some(*at)).is_some() || needed(row));
}
