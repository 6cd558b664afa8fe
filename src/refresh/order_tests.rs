//! Whatever the order of a list, the pages that it comes in, and the reads that brought it: the same is shown.
//!
//! A cloud is made of steps: each adds rows or changes them. One exporter reads after every step what has changed, as it
//! would; another one reads everything at the end, in any order, beside older versions of rows that were changed while
//! the pages were read; a third one prunes what it reads. All must show the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::withings::prune::{self, Prune};
use crate::withings::wire::AnswerPage;

/// 2027-01-15 08:00 UTC.
const NOW: i64 = 1_800_000_000;

/// The time between two steps, seconds: some rows come twice, since reads overlap by an hour.
const STEP: i64 = 2500;

/// The rows that one step adds or changes, by their ids.
type Changes = Vec<(i64, Value)>;

/// Rows of a cloud in time, each with the time of its last change.
#[derive(Default)]
struct ServerRows {
    present: BTreeMap<i64, Value>,
    former: Vec<Value>,
}

impl ServerRows {
    fn take(&mut self, step: &Changes, now: i64) {
        for (id, content) in step {
            let mut row = content.clone();
            (row["id"], row["grpid"], row["modified"]) = ((*id).into(), (*id).into(), (now - id % 50).into());
            self.former.extend(self.present.insert(*id, row));
        }
    }

    fn changed_since(&self, at: i64) -> Vec<Value> {
        self.present.values().filter(|row| row["modified"].as_i64() >= Some(at)).cloned().collect()
    }

    fn all(&self) -> Vec<Value> {
        self.present.values().cloned().collect()
    }
}

/// Takes these steps, and expects the same however a call's rows come, which are in a list of this name.
fn check<C: DataCall>(list: &str, part: PartOf<C>, steps: &[Changes], seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut cloud, mut known, mut now) = (ServerRows::default(), ProfileState::default(), NOW);
    for step in steps {
        now += STEP;
        cloud.take(step, now);
        let read = part(&mut known).cursor.next_read(now).rows;
        let rows = match read {
            RowSelection::ChangedSince(at) => cloud.changed_since(at),
            _ => cloud.all(),
        };
        let mut take =
            |rows, answer| note(&mut known, part, rows, &paged::<C>(list, answer, prune::nothing, &mut random), now);
        assert!(take(read, rows) || take(RowSelection::All, cloud.all()));
    }
    let (mut at_once, mut pruned) = (ProfileState::default(), ProfileState::default());
    note(&mut pruned, part, RowSelection::All, &paged::<C>(list, cloud.all(), C::prune, &mut random), now);
    let everything = [cloud.all(), cloud.former].concat();
    note(&mut at_once, part, RowSelection::All, &paged::<C>(list, everything, prune::nothing, &mut random), now);
    assert_eq!(shown(&known, now), shown(&at_once, now));
    assert_eq!(shown(&pruned, now), shown(&at_once, now));
    assert_eq!(part(&mut pruned).cursor, part(&mut at_once).cursor);
}

/// Notes an answer; whether it tells enough.
fn note<C: DataCall>(
    known: &mut ProfileState,
    part: PartOf<C>,
    asked: RowSelection,
    rows: &[C::Row],
    now: i64,
) -> bool {
    known.note(part, asked, rows, &mut Context::silent(now))
}

/// The rows as they come in pages, in any order, pruned after each.
fn paged<P: AnswerPage>(
    list: &str,
    mut rows: Vec<Value>,
    prune: Prune<P::Row>,
    random: &mut fastrand::Rng,
) -> Vec<P::Row> {
    random.shuffle(&mut rows);
    let mut read = Vec::new();
    while !rows.is_empty() {
        let rest = rows.split_off(random.usize(1..=rows.len()));
        let page = json!({list: rows, "more": !rest.is_empty(), "offset": rest.len()}).to_string();
        let (page, next) = serde_json::from_str::<P>(&page).unwrap().into_rows();
        assert!(next.is_none() || !rest.is_empty());
        read.extend(page);
        prune(&mut read, NOW + 10 * STEP);
        rows = rest;
    }
    read
}

fn shown(known: &ProfileState, now: i64) -> (Vec<Reading>, Sleep) {
    known.shown(now, &Selection::all())
}

/// Few ids, so that rows are changed often; each at most once in a step.
fn steps(row: impl Strategy<Value = Value>) -> impl Strategy<Value = Vec<Changes>> {
    let step = prop::collection::btree_map(1..9_i64, row, 0..6).prop_map(|rows| rows.into_iter().collect());
    prop::collection::vec(step, 1..6)
}

/// Few times, so that there are ties.
fn group() -> impl Strategy<Value = Value> {
    let types = prop::sample::select(vec![1, 4, 6, 9, 12, 73, 76, 130, 173, 158, 999_999]);
    let position = prop::sample::select(vec![Value::Null, json!(2), json!(7), json!(99)]);
    let measure = (types, 0..99_999, -3..2, position);
    let measure = measure.prop_map(|(meastype, value, unit, position)| json!({"type": meastype, "value": value, "unit": unit, "position": position}));
    let attrib = prop::sample::select(vec![0, 1, 2, 4, 8, 10, 99]);
    let category = prop::sample::select(vec![1, 1, 1, 2]);
    (0..5_i64, attrib, category, prop::collection::vec(measure, 0..4)).prop_map(|(hours, attrib, category, measures)| {
        json!({"date": NOW - hours * 3600, "attrib": attrib, "category": category, "measures": measures})
    })
}

/// Nights and naps of three days.
fn sleep() -> impl Strategy<Value = Value> {
    let duration = prop_oneof![1..6_i64, 8..24_i64];
    (0..150_i64, duration, any::<bool>(), 0..9_i64).prop_map(|(start, duration, has_stages, score)| {
        let start = NOW - start * 1800;
        let deep = if has_stages { 3600 } else { 0 };
        json!({"startdate": start, "enddate": start + duration * 1800, "data": {"deepsleepduration": deep, "sleep_score": score}})
    })
}

fn workout() -> impl Strategy<Value = Value> {
    let end = prop_oneof![Just(Value::Null), (0..5_i64).prop_map(|hours| json!(NOW - hours * 3600))];
    (1..4, end, 0..9).prop_map(|(category, end, calories)| {
        json!({"category": category, "startdate": NOW - 9 * 3600, "enddate": end, "data": {"calories": calories}})
    })
}

fn day() -> impl Strategy<Value = Value> {
    (14..16, any::<bool>(), 0..2_i64, 0..9_999, 0..9).prop_map(|(day, is_tracker, modified, steps, elevation)| {
        json!({"date": format!("2027-01-{day}"), "timezone": "Europe/Zurich", "is_tracker": is_tracker,
            "modified": NOW + modified, "steps": steps, "elevation": elevation})
    })
}

fn segment() -> impl Strategy<Value = Value> {
    (0..40_i64, 1..6_i64, 0..5).prop_map(|(start, duration, state)| {
        let start = NOW - 30_000 + start * 600;
        json!({"startdate": start, "enddate": start + duration * 600, "state": state})
    })
}

properties! {
    #[test]
    fn measures_do_not_depend_on_how_they_come(steps in steps(group()), seed: u64) {
        check("measuregrps", |known| &mut known.getmeas, &steps, seed);
    }

    #[test]
    fn nights_do_not_depend_on_how_they_come(steps in steps(sleep()), seed: u64) {
        check("series", |known| &mut known.getsummary, &steps, seed);
    }

    #[test]
    fn workouts_do_not_depend_on_how_they_come(steps in steps(workout()), seed: u64) {
        check("series", |known| &mut known.getworkouts, &steps, seed);
    }

    #[test]
    fn the_day_does_not_depend_on_how_it_comes(days in prop::collection::vec(day(), 0..6), seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut read = || {
            let mut known = ProfileState::default();
            let rows = paged::<Getactivity>("activities", days.clone(), prune::nothing, &mut random);
            let asked = known.asks(|known| &mut known.getactivity, RowSelection::All, NOW)[0];
            note(&mut known, |known| &mut known.getactivity, asked, &rows, NOW);
            shown(&known, NOW)
        };
        prop_assert_eq!(read(), read());
    }

    #[test]
    fn the_course_of_a_night_does_not_depend_on_how_it_comes(segments in prop::collection::vec(segment(), 0..12), seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let night = json!({"id": 7, "startdate": NOW - 30_000, "enddate": NOW - 2000, "modified": 1, "data": {}});
        let mut read = || {
            let mut known = ProfileState::default();
            let rows = paged::<Getsummary>("series", vec![night.clone()], prune::nothing, &mut random);
            note(&mut known, |known| &mut known.getsummary, RowSelection::All, &rows, NOW);
            let asked = known.asks(|known| &mut known.sleep_get, RowSelection::All, NOW)[0];
            let rows = paged::<SleepGet>("series", segments.clone(), prune::nothing, &mut random);
            note(&mut known, |known| &mut known.sleep_get, asked, &rows, NOW);
            shown(&known, NOW)
        };
        prop_assert_eq!(read(), read());
    }
}
