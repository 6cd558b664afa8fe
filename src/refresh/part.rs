//! A part: what is known of one call of one profile, and how it is stored. It has the cursor, and what only the call itself
//! understands. The readings that are shown of it are stored beside it: they are of use only where it is not understood, and a start
//! with many profiles does not read them else.
//!
//! Where a stored part is of another revision, or not understood, its readings stay on the page until the call was made anew.

use std::collections::BTreeMap;

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

/// The parts of a profile as they are stored, by the names of their calls, and the readings of each.
pub(super) type StoredParts = BTreeMap<String, Box<RawValue>>;

/// A part, whatever its call.
pub(super) trait AnyPart {
    fn call(&self) -> Call;

    /// Takes the stored part, if there is one.
    fn restore(&mut self, stored: &StoredParts);

    /// Takes the stored readings alone.
    fn restore_readings(&mut self, stored: &StoredParts);

    /// Puts the part and its readings in the place of the stored ones. They stay if they were not understood and there is nothing to
    /// remember beside them.
    fn store(&self, moment: &Moment<'_>, stored: &mut StoredParts);

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
}

/// What is read of a stored part.
#[derive(Deserialize)]
struct KnownPart<K> {
    revision: u32,
    cursor: Cursor,
    data: K,
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

    fn restore(&mut self, stored: &StoredParts) {
        let Some(json) = stored.get(C::CALL.name()).map(|part| part.get()) else { return };
        match understood(json) {
            Ok(KnownPart { revision, cursor, data }) if revision == C::REVISION => *self = Self::of(data, cursor),
            _ => {
                self.restore_readings(stored);
                let ReadPart { cursor } = serde_json::from_str(json).unwrap_or_default();
                self.cursor = cursor.of_former();
            }
        }
    }

    fn restore_readings(&mut self, stored: &StoredParts) {
        let readings = stored.get(&name_of_readings(C::CALL)).and_then(|json| understood(json.get()).ok());
        *self = Self { former: Some(readings.unwrap_or_default()), ..Self::default() };
    }

    fn store(&self, moment: &Moment<'_>, stored: &mut StoredParts) {
        let cursor = &self.cursor;
        let (part, readings) = match &self.former {
            None => {
                let part = StoredPart { revision: C::REVISION, cursor, data: &self.known };
                (json(&part), json(&C::readings(&self.known, moment)))
            }
            Some(former) if cursor.is_doubting() => {
                (json(&StoredPart { revision: READINGS_ALONE, cursor, data: &() }), json(former))
            }
            Some(_) => return,
        };
        stored.insert(C::CALL.name().to_owned(), part);
        stored.insert(name_of_readings(C::CALL), readings);
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

/// The name under which the readings of a part are stored.
fn name_of_readings(call: Call) -> String {
    format!("{call}_readings")
}

fn json(stored: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(stored).expect("stored values have string keys and no failing fields")
}
