//! Leaving out the rows of a long history that nothing depends on, while it is read.

use std::collections::{BTreeMap, BTreeSet};

use crate::reading::Origin;
use crate::telemetry::Unknown;

/// Leaves out the rows of a whole history that nothing depends on, at the server's time, Unix seconds.
pub type Prune<R> = fn(&mut Vec<R>, server_now: i64);

/// Leaves out nothing.
pub fn nothing<R>(_: &mut Vec<R>, _: i64) {}

/// How many rows of each series stay: the newest may be an older version of a row that comes later. Should the later version
/// not be of the series any more and be left out, the next read of what has changed brings it again.
const SPARE: usize = 4;

/// The order of winning: when it was, and of which row.
pub(super) type Rank = (i64, Origin);

/// What a row says.
pub(super) struct Said<S> {
    /// Of which series it is, and with which rank.
    pub(super) ranks: Vec<(S, Rank)>,
    /// Whether it says something that is not believed, which is counted when it is chosen from. The time may be that of a
    /// host whose clock is behind, as long as no answer has told another.
    pub(super) is_doubtful: bool,
}

/// Whether what is not known of a row makes it doubtful, and not only what it says new.
pub(super) fn is_doubt(unknown: Unknown) -> bool {
    matches!(unknown, Unknown::FutureDate | Unknown::BadNumber)
}

/// Keeps the newest rows of each series, those that are doubtful, and the latest change, where the next read begins.
pub(super) fn to_the_newest<R, S: Ord>(
    rows: &mut Vec<R>,
    modified: impl Fn(&R) -> Option<i64>,
    said: impl Fn(&R) -> Said<S>,
) {
    let mut newest: BTreeMap<S, BTreeSet<Rank>> = BTreeMap::new();
    for (series, rank) in rows.iter().flat_map(|it| said(it).ranks) {
        let newest = newest.entry(series).or_default();
        newest.insert(rank);
        if newest.len() > SPARE {
            newest.pop_first();
        }
    }
    let is_newest = |(series, rank): (S, Rank)| newest[&series].contains(&rank);
    but_for_the_latest_change(rows, modified, |row| {
        let Said { ranks, is_doubtful } = said(row);
        is_doubtful || ranks.into_iter().any(is_newest)
    });
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
