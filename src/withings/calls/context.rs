//! What the choice of a value depends on beside the rows, and the rules by which all calls judge a value.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::catalogue::Unit;
use crate::telemetry::Unknown;
use crate::withings::wire::Float;
use crate::zone::Zone;

/// The most series that the catalogue does not list, of one profile and call. Real answers have none or a few.
const MOST_UNLISTED: usize = 200;

/// Exponents of ten that are believed.
const EXPONENTS: std::ops::RangeInclusive<i64> = -20..=20;

/// How far a time may be ahead of the server's before it is not believed, seconds: a day, for a device may be set to another
/// time zone.
const AHEAD_SECONDS: i64 = 24 * 3600;

/// What the choice of a value depends on beside the rows.
pub struct Context<'a> {
    /// The server's time, Unix seconds.
    pub server_now: i64,
    unknown: Option<Note<'a>>,
    row: RowKey,
}

/// What is called for each unknown or disbelieved value, with its code or its name and the row that has it.
pub type Note<'a> = &'a mut dyn FnMut(Unknown, &dyn Display, RowKey);

/// What tells a row from the others of its call: a hash of its id, or of its times where it has none.
pub type RowKey = u64;

impl<'a> Context<'a> {
    /// The context at the server's time, Unix seconds.
    pub fn new(server_now: i64, unknown: Note<'a>) -> Self {
        Self { server_now, unknown: Some(unknown), row: 0 }
    }

    /// The context at the server's time, Unix seconds, where nothing is noted.
    #[must_use]
    pub fn silent(server_now: i64) -> Self {
        Self { server_now, unknown: None, row: 0 }
    }

    /// What is noted from now on is of the row with this identity.
    pub(super) fn begin_row(&mut self, identity: impl Hash) {
        let mut hasher = DefaultHasher::new();
        identity.hash(&mut hasher);
        self.row = hasher.finish();
    }

    /// Notes an unknown or disbelieved value of the row: its code or its name.
    pub(super) fn note(&mut self, kind: Unknown, what: &dyn Display) {
        if let Some(unknown) = &mut self.unknown {
            unknown(kind, what, self.row);
        }
    }
}

/// The series of an answer, but of those that are unlisted only the first 200: their number is whatever the answer says, and a
/// page of thousands would be no use to anybody.
pub(super) fn bounded<K: Hash + Ord, V>(
    mut series: BTreeMap<K, V>,
    is_unlisted: impl Fn(&K) -> bool,
    context: &mut Context<'_>,
) -> BTreeMap<K, V> {
    let mut unlisted = 0;
    series.retain(|key, _| {
        unlisted += usize::from(is_unlisted(key));
        let is_kept = unlisted <= MOST_UNLISTED || !is_unlisted(key);
        if !is_kept {
            context.begin_row(key);
            context.note(Unknown::Unlisted, &"more than 200 series");
        }
        is_kept
    });
    series
}

/// Whether a time (Unix seconds) is too far ahead of the server's time to be believed.
pub(in crate::withings) fn is_future(at: i64, server_now: i64) -> bool {
    at > server_now.saturating_add(AHEAD_SECONDS)
}

/// The zone of a row. An unknown zone is taken for UTC and counted; an absent one is taken for UTC.
pub(super) fn zone(name: Option<&str>, context: &mut Context<'_>) -> Zone {
    let Some(name) = name else { return Zone::UTC };
    Zone::named(name).unwrap_or_else(|| {
        context.note(Unknown::TimeZone, &name);
        Zone::UTC
    })
}

/// What tells a row with a begin and an end (Unix seconds) from others of its call: its id, or else both times, as a number
/// below zero, which no id is.
pub(super) fn row_id(id: Option<i64>, started_at: i64, ended_at: i64) -> i64 {
    id.unwrap_or_else(|| started_at.saturating_mul(-100_000).saturating_sub((ended_at - started_at).clamp(0, 99_999)))
}

/// The number that stands under `name`; one that is not finite is not believed.
pub(super) fn number(data: &BTreeMap<String, Float>, name: &str, context: &mut Context<'_>) -> Option<f64> {
    let value = data.get(name)?.0?;
    if !value.is_finite() {
        context.note(Unknown::BadNumber, &name);
    }
    Some(value).filter(|value| value.is_finite())
}

/// `value` × 10^(`unit` + `exponent`), finite. Dividing by a power of ten is exact in f64 where multiplying by its inverse is
/// wrong in one case of five; for the same reason our `exponent` is added and not applied on its own.
pub(super) fn scaled(value: f64, unit: i64, exponent: i32) -> Option<f64> {
    let exponent = i32::try_from(unit).ok().filter(|_| EXPONENTS.contains(&unit))? + exponent;
    let power = 10_f64.powi(exponent.abs());
    let scaled = if exponent < 0 { value / power } else { value * power };
    scaled.is_finite().then_some(scaled)
}

/// Whether a value of a sleep or a day means something. −1 stands for no value, durations far below zero were seen (a `waso` of
/// −25920 in the fixtures of joostlek/python-withings), and a heart rate, breathing rate or temperature of 0 is none.
pub(super) fn means_something(value: f64, unit: Unit) -> bool {
    match unit {
        Unit::BeatsPerMinute | Unit::BreathsPerMinute | Unit::DegreesCelsius => value > 0.0,
        _ => value >= 0.0,
    }
}
