//! Whatever the order of a list, the pages that it comes in, and the reads that brought it: the same is shown.
//!
//! A cloud is made of steps: each adds rows or changes them. One exporter reads after every step what has changed, as it
//! would; another one reads everything at the end, in any order, beside older versions of rows that were changed while
//! the pages were read; a third one thins what it reads. All must show the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::reading::Origin;
use crate::telemetry::Build;
use crate::withings::thin::{self, Thin};
use crate::withings::wire::{Getactivity, Getmeas, Getsummary, Getworkouts, Page, SleepGet};

/// 2027-01-15 08:00 UTC.
const NOW: i64 = 1_800_000_000;

/// The time between two steps, seconds: some rows come twice, since reads overlap by an hour.
const STEP: i64 = 2500;

/// What a call's rows are: their lists' name, and how they are noted.
struct Kind<P: Page> {
    call: Call,
    list: &'static str,
    thin: Thin<P::Row>,
    note: fn(&mut ProfileState, Read, &[P::Row], &Noting) -> Noted,
}

/// The rows that one step adds or changes, by their ids.
type Step = Vec<(i64, Value)>;

/// Rows of a cloud in time, each with the time of its last change.
#[derive(Default)]
struct Cloud {
    present: BTreeMap<i64, Value>,
    former: Vec<Value>,
}

impl Cloud {
    fn take(&mut self, step: &Step, now: i64) {
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

impl<P: Page> Kind<P> {
    fn check(&self, steps: &[Step], seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut cloud, mut known, mut now) = (Cloud::default(), ProfileState::default(), NOW);
        for step in steps {
            now += STEP;
            cloud.take(step, now);
            let read = known.next_read(self.call, now);
            let rows = match read.rows() {
                Rows::All | Rows::Days { .. } => cloud.all(),
                Rows::ChangedSince(at) => cloud.changed_since(at),
            };
            if self.read(&mut known, read, rows, thin::not, &mut random) == Noted::ReadEverything {
                let noted = self.read(&mut known, Read::everything(now), cloud.all(), thin::not, &mut random);
                assert_eq!(noted, Noted::Everything);
            }
        }
        let (mut at_once, mut thinned) = (ProfileState::default(), ProfileState::default());
        self.read(&mut thinned, Read::everything(now), cloud.all(), self.thin, &mut random);
        let everything = [cloud.all(), cloud.former].concat();
        self.read(&mut at_once, Read::everything(now), everything, thin::not, &mut random);
        assert_eq!(shown(&known, now), shown(&at_once, now));
        assert_eq!(shown(&thinned, now), shown(&at_once, now));
        assert_eq!(thinned.cursors, at_once.cursors);
    }

    fn read(
        &self,
        known: &mut ProfileState,
        read: Read,
        rows: Vec<Value>,
        thin: Thin<P::Row>,
        random: &mut fastrand::Rng,
    ) -> Noted {
        let rows = paged::<P>(self.list, rows, thin, random);
        (self.note)(known, read, &rows, &noting(read.server_now))
    }
}

/// The rows as they come in pages, in any order, thinned after each.
fn paged<P: Page>(list: &str, mut rows: Vec<Value>, thin: Thin<P::Row>, random: &mut fastrand::Rng) -> Vec<P::Row> {
    random.shuffle(&mut rows);
    let mut read = Vec::new();
    while !rows.is_empty() {
        let rest = rows.split_off(random.usize(1..=rows.len()));
        let page = json!({list: rows, "more": !rest.is_empty(), "offset": rest.len()}).to_string();
        let (page, next) = serde_json::from_str::<P>(&page).unwrap().into_rows();
        assert!(next.is_none() || !rest.is_empty());
        read.extend(page);
        thin(&mut read, NOW + 10 * STEP);
        rows = rest;
    }
    read
}

fn noting(server_now: i64) -> Noting {
    let build = Build { version: String::new(), revision: String::new(), rustc: String::new() };
    Noting { server_now, telemetry: Telemetry::new(build) }
}

fn shown(known: &ProfileState, now: i64) -> (Vec<Reading>, Sleep) {
    let (mut readings, sleep) = known.shown(now, &Selection::all());
    // Which of several equal rows won is not shown.
    for reading in &mut readings {
        reading.origin = Origin { modified: 0, id: 0 };
    }
    (readings, sleep)
}

/// Few ids, so that rows are changed often; each at most once in a step.
fn steps(row: impl Strategy<Value = Value>) -> impl Strategy<Value = Vec<Step>> {
    let step = prop::collection::btree_map(1..9_i64, row, 0..6).prop_map(|it| it.into_iter().collect());
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

proptest! {
    #[test]
    fn measures_do_not_depend_on_how_they_come(steps in steps(group()), seed: u64) {
        Kind::<Getmeas> { call: Call::Getmeas, list: "measuregrps", thin: measures::thin, note: ProfileState::note_measures }.check(&steps, seed);
    }

    #[test]
    fn nights_do_not_depend_on_how_they_come(steps in steps(sleep()), seed: u64) {
        Kind::<Getsummary> { call: Call::Getsummary, list: "series", thin: sleep::thin, note: ProfileState::note_summaries }.check(&steps, seed);
    }

    #[test]
    fn workouts_do_not_depend_on_how_they_come(steps in steps(workout()), seed: u64) {
        Kind::<Getworkouts> { call: Call::Getworkouts, list: "series", thin: workouts::thin, note: ProfileState::note_workouts }.check(&steps, seed);
    }

    #[test]
    fn the_day_does_not_depend_on_how_it_comes(days in prop::collection::vec(day(), 0..6), seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut read = || {
            let mut known = ProfileState::default();
            known.note_days(&paged::<Getactivity>("activities", days.clone(), thin::not, &mut random), &noting(NOW));
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
            let rows = paged::<Getsummary>("series", vec![night.clone()], thin::not, &mut random);
            known.note_summaries(Read::everything(NOW), &rows, &noting(NOW));
            let span = known.sleep_spans(NOW)[0];
            known.note_segments(span, &paged::<SleepGet>("series", segments.clone(), thin::not, &mut random), &noting(NOW));
            shown(&known, NOW)
        };
        prop_assert_eq!(read(), read());
    }
}
