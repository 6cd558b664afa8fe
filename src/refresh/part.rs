//! A part: what is known of one call of one profile, and how it is stored. It has the cursor, what only the call itself
//! understands, and the readings that are shown of it.
//!
//! Where a stored part is of another revision, or not understood, its readings stay on the page until the call was made anew.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::cursor::Cursor;
use crate::catalogue::Call;
use crate::reading::{Reading, understood};
use crate::withings::calls::{Context, DataCall, Moment};
use crate::withings::request::RowSelection;

/// What is known of one call of one profile.
pub(super) struct CallPart<C: DataCall> {
    pub(super) known: C::Known,
    pub(super) cursor: Cursor,
    /// The readings of a stored part that is not understood: they are shown until the call was made.
    former: Option<Vec<Reading>>,
}

/// A part, whatever its call.
pub(super) trait AnyPart {
    fn call(&self) -> Call;

    /// Takes the stored part.
    fn restore(&mut self, json: &str);

    /// Takes the readings alone of the stored part.
    fn restore_readings(&mut self, json: &str);

    /// The part as it is to be stored; `None` if it was not understood and there is nothing to remember beside it, for then the
    /// stored one stays.
    fn to_json(&self, moment: &Moment<'_>) -> Option<Box<RawValue>>;

    /// The readings that are shown of the part.
    fn readings(&self, moment: &Moment<'_>) -> Vec<Reading>;

    /// Whether the stored part was not understood, so that the call is to be made at once.
    fn is_to_be_read(&self) -> bool;

    fn cursor(&mut self) -> &mut Cursor;
}

/// A part as it is written.
#[derive(Serialize)]
struct StoredPart<'a, K> {
    revision: u32,
    cursor: &'a Cursor,
    data: &'a K,
    readings: Vec<Reading>,
}

/// What is read of a stored part. Its readings are made of the data anew.
#[derive(Deserialize)]
struct KnownPart<K> {
    revision: u32,
    cursor: Cursor,
    data: K,
}

/// What is read of a stored part that is not understood.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ShownPart {
    #[serde(deserialize_with = "understood")]
    readings: Vec<Reading>,
}

/// What is read of the cursor of a stored part that is not understood.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ReadPart {
    cursor: Cursor,
}

/// The revision of a part that has readings alone: no call understands its data.
const READINGS_ALONE: u32 = 0;

impl<C: DataCall> Default for CallPart<C> {
    fn default() -> Self {
        Self::of(C::Known::default(), Cursor::default())
    }
}

impl<C: DataCall> CallPart<C> {
    pub(super) fn of(known: C::Known, cursor: Cursor) -> Self {
        Self { known, cursor, former: None }
    }

    /// Notes an answer to what was asked; returns false if it does not tell enough, and everything must be read.
    pub(super) fn note(
        &mut self,
        asked: RowSelection,
        rows: &[C::Row],
        moment: &Moment<'_>,
        context: &mut Context<'_>,
    ) -> bool {
        let takes_all_away = asked.is_everything() && rows.is_empty() && !self.readings(moment).is_empty();
        if takes_all_away && self.cursor.doubts_emptiness() {
            return true;
        }
        let Some(known) = C::note(&self.known, asked, rows, moment, context) else { return false };
        (self.known, self.former) = (known, None);
        let changed_at = rows.iter().filter_map(C::changed_at);
        self.cursor.note(asked, changed_at, moment.server_now, C::SOONER_SECONDS);
        true
    }
}

impl<C: DataCall> AnyPart for CallPart<C> {
    fn call(&self) -> Call {
        C::CALL
    }

    fn restore(&mut self, json: &str) {
        match serde_json::from_str(json) {
            Ok(KnownPart { revision, cursor, data }) if revision == C::REVISION => *self = Self::of(data, cursor),
            _ => {
                self.restore_readings(json);
                let ReadPart { cursor } = serde_json::from_str(json).unwrap_or_default();
                self.cursor = cursor.of_former();
            }
        }
    }

    fn restore_readings(&mut self, json: &str) {
        let ShownPart { readings } = serde_json::from_str(json).unwrap_or_default();
        *self = Self { former: Some(readings), ..Self::default() };
    }

    fn to_json(&self, moment: &Moment<'_>) -> Option<Box<RawValue>> {
        let cursor = &self.cursor;
        match &self.former {
            None => {
                let readings = C::readings(&self.known, moment);
                Some(json(&StoredPart { revision: C::REVISION, cursor, data: &self.known, readings }))
            }
            Some(former) => cursor
                .is_doubting()
                .then(|| json(&StoredPart { revision: READINGS_ALONE, cursor, data: &(), readings: former.clone() })),
        }
    }

    fn readings(&self, moment: &Moment<'_>) -> Vec<Reading> {
        self.former.clone().unwrap_or_else(|| C::readings(&self.known, moment))
    }

    fn is_to_be_read(&self) -> bool {
        self.former.is_some()
    }

    fn cursor(&mut self) -> &mut Cursor {
        &mut self.cursor
    }
}

fn json<K: Serialize>(part: &StoredPart<'_, K>) -> Box<RawValue> {
    serde_json::value::to_raw_value(part).expect("stored values have string keys and no failing fields")
}
