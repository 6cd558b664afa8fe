//! The traits of the calls that bring data.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::getsummary::SleepRow;
use crate::catalogue::{Call, Measurement};
use crate::reading::Reading;
use crate::withings::appli::Appli;
use crate::withings::request::{Request, RowSelection};
use crate::withings::wire::AnswerPage;

/// A call that brings data: its answer is a page of rows, from which is chosen what is known.
pub trait DataCall: AnswerPage {
    /// The call.
    const CALL: Call;

    /// The kinds of notification that tell of the call's data; none if there is no such kind.
    const NOTIFICATIONS: &'static [Appli] = &[];

    /// Whether everything can also be asked for by days, should Withings refuse `lastupdate=0`.
    const BY_DAYS: bool = false;

    /// How much sooner than a day after the first read of everything the second one comes, seconds. The calls differ in it, so
    /// that no hour has the pages of all of them.
    const SOONER_SECONDS: i64 = 0;

    /// The revision of what is stored of the call. It grows when that is understood otherwise than before; older parts are
    /// read anew then.
    const REVISION: u32 = 1;

    /// What is known after the call's answers, as it is stored.
    type Known: Default + Serialize + DeserializeOwned + Send + Sync;

    /// The rows that are asked for, one request after another, where `read` is due: everything, or what has changed.
    #[must_use]
    fn asks(_: &Self::Known, read: RowSelection, _: &Moment<'_>) -> Vec<RowSelection> {
        vec![read]
    }

    /// The request for these rows.
    fn request(rows: RowSelection) -> Request;

    /// Leaves out the rows of a whole history that nothing depends on, at the server's time, Unix seconds.
    fn prune(_: &mut Vec<Self::Row>, _: i64) {}

    /// What is known after an answer with the rows that were `asked` for; `None` if the answer does not tell enough, and
    /// everything must be read.
    fn note(
        known: &Self::Known,
        asked: RowSelection,
        rows: &[Self::Row],
        moment: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> Option<Self::Known>;

    /// When Withings last changed a row, Unix seconds; `None` where what has changed cannot be asked for.
    #[must_use]
    fn changed_at(_: &Self::Row) -> Option<i64> {
        None
    }

    /// The readings that are shown of what is known, in any order.
    fn readings(known: &Self::Known, moment: &Moment<'_>) -> Vec<Reading>;

    /// The kinds of notification that tell of one of the call's measurements.
    #[must_use]
    fn told_by(_: Measurement) -> &'static [Appli] {
        Self::NOTIFICATIONS
    }
}

/// A data call whose answers tell of the past, so that a backfill makes it.
pub trait PastCall: DataCall {
    /// What a backfill keeps of an answer.
    type Kept: Serialize + DeserializeOwned + Send + 'static;

    /// What a backfill keeps of these rows.
    fn keep(rows: &[Self::Row], context: &mut Context<'_>) -> Vec<Self::Kept>;

    /// The number of values in what is kept: one each, as readings are.
    fn values(kept: &[Self::Kept]) -> usize {
        kept.len()
    }
}

/// What the requests and readings of a call depend on beside what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The server's time, Unix seconds.
    pub server_now: i64,
    /// The last night, which `getsummary` tells of.
    pub night: Option<&'a SleepRow>,
}

/// What is known of a call whose every answer is whole: the readings that are shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Readings(pub Vec<Reading>);
