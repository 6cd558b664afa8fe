//! Cursors, and what is shown after each kind of answer.

use super::*;
use crate::telemetry::Build;
use crate::withings::wire::{Getactivity, Getdevice, Getgoals, Getworkouts, Page};

const NOW: i64 = 1_800_000_000;

fn noting() -> Noting {
    let build = Build { version: String::new(), revision: String::new(), rustc: String::new() };
    Noting { server_now: NOW, telemetry: Telemetry::new(build) }
}

fn weigh_in(id: i64, date: i64) -> Vec<Group> {
    let json = format!(
        r#"{{"measuregrps":[{{"grpid":{id},"date":{date},"modified":{date},"measures":[{{"type":1,"value":80,"unit":0}}]}}]}}"#
    );
    serde_json::from_str::<crate::withings::wire::Getmeas>(&json).unwrap().into_rows().0
}

fn read(known: &ProfileState, now: i64) -> Rows {
    known.next_read(Call::Getmeas, now).rows()
}

#[test]
fn the_first_read_is_of_everything_then_of_changes_and_daily_of_everything() {
    let mut known = ProfileState::default();
    assert_eq!(read(&known, NOW), Rows::All);
    known.note_measures(Read::everything(NOW), &weigh_in(1, NOW - 5000), &noting());
    assert_eq!(read(&known, NOW + 300), Rows::ChangedSince(NOW - 5000 - OVERLAP));
    let changes = known.next_read(Call::Getmeas, NOW + 300);
    known.note_measures(changes, &weigh_in(2, NOW + 200), &noting());
    assert_eq!(read(&known, NOW + 600), Rows::ChangedSince(NOW + 200 - OVERLAP));
    assert_eq!(read(&known, NOW + EVERYTHING_EVERY), Rows::All);
}

#[test]
fn a_clock_that_is_ahead_never_asks_for_the_future() {
    let mut known = ProfileState::default();
    known.note_measures(Read::everything(NOW), &weigh_in(1, NOW + 7000), &noting());
    assert_eq!(read(&known, NOW), Rows::ChangedSince(NOW - OVERLAP));
    assert_eq!(read(&known, NOW - 10), Rows::All, "a clock that jumped back");
}

#[test]
fn a_deleted_value_vanishes_with_the_next_read_of_everything() {
    let mut known = ProfileState::default();
    known.note_measures(Read::everything(NOW), &weigh_in(1, NOW - 5000), &noting());
    known.note_measures(Read::everything(NOW), &[], &noting());
    assert!(known.measures.is_empty());
}

/// Reads the summary of a night: id, `modified`, and begin and end in seconds before now.
fn sleep(known: &mut ProfileState, (id, modified): (i64, i64), (from, to): (i64, i64)) {
    let (start, end) = (NOW - from, NOW - to);
    let json = format!(
        r#"{{"series":[{{"id":{id},"startdate":{start},"enddate":{end},"modified":{modified},"data":{{}}}}]}}"#
    );
    let rows = serde_json::from_str::<crate::withings::wire::Getsummary>(&json).unwrap().into_rows().0;
    known.note_summaries(Read::everything(NOW), &rows, &noting());
}

/// A segment of deep sleep, in seconds before now.
fn deep(from: i64, to: i64) -> Segment {
    Segment { startdate: Some(NOW - from), enddate: Some(NOW - to), state: Some(2), device: None }
}

/// Answers each request of a round that is made `later`, where Withings has these segments; says how many requests it was.
fn asked(known: &mut ProfileState, later: i64, all: &[Segment]) -> usize {
    let spans = known.sleep_spans(NOW + later);
    for span in &spans {
        assert!(span.to - span.from <= SEGMENTS_SPAN, "Withings answers a day at most");
        let within = |it: &&Segment| it.startdate.is_some_and(|at| (span.from..span.to).contains(&at));
        let answer: Vec<_> = all.iter().filter(within).cloned().collect();
        known.note_segments(*span, &answer, &noting());
    }
    spans.len()
}

/// The begins of the stretches of the night that is shown, and its end, in seconds before now.
fn course(known: &ProfileState) -> Vec<i64> {
    let (readings, _) = known.shown(NOW, &Selection::all());
    let course = readings.iter().filter(|it| it.measurement.source == Source::NightSegments);
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
    course.map(|it| NOW - it.value as i64).collect()
}

#[test]
fn a_night_longer_ago_than_a_day_is_asked_for_once_and_again_when_it_changed() {
    let mut known = ProfileState::default();
    sleep(&mut known, (7, 5), (200_000, 170_000));
    let segments = [deep(200_000, 171_000)];
    assert_eq!(asked(&mut known, 0, &segments), 2);
    assert_eq!(course(&known), [200_000, 171_000, 170_000]);
    assert_eq!(known.segment.map(|it| it.ended_at), Some(NOW - 171_000));
    assert_eq!(asked(&mut known, 300, &segments), 1);
    sleep(&mut known, (7, 6), (200_000, 171_000));
    assert_eq!(asked(&mut known, 600, &segments), 2);
    assert_eq!(course(&known), [200_000, 171_000]);
    sleep(&mut known, (7, 7), (200_000, 171_000));
    assert_eq!((asked(&mut known, 900, &[]), asked(&mut known, 1200, &[])), (2, 1), "a device without segments");
    assert!(course(&known).is_empty());
}

#[test]
fn segments_that_come_later_than_their_night_are_shown() {
    let mut known = ProfileState::default();
    sleep(&mut known, (7, 5), (40_000, 10_000));
    assert_eq!(asked(&mut known, 0, &[]), 1);
    assert!(course(&known).is_empty());
    assert_eq!(asked(&mut known, 300, &[deep(40_000, 20_000)]), 1);
    assert_eq!(course(&known), [40_000, 20_000, 10_000]);
    let whole = [deep(40_000, 20_000), deep(20_000, 10_000)];
    assert_eq!(asked(&mut known, 600, &whole), 1);
    assert_eq!(course(&known), [40_000, 10_000]);
    assert_eq!(asked(&mut known, SEGMENTS_SPAN, &whole), 1, "half of it has left the last day");
    assert_eq!(course(&known), [40_000, 10_000]);
}

#[test]
fn segments_that_come_when_their_night_has_left_the_last_day_are_shown() {
    let mut known = ProfileState::default();
    sleep(&mut known, (7, 5), (40_000, 10_000));
    asked(&mut known, 0, &[]);
    assert_eq!(asked(&mut known, SEGMENTS_SPAN, &[deep(40_000, 10_000)]), 2);
    assert_eq!(course(&known), [40_000, 10_000]);
}

#[test]
fn a_new_night_shows_nothing_of_the_former_ones_course() {
    let mut known = ProfileState::default();
    sleep(&mut known, (7, 5), (80_000, 60_000));
    let segments = [deep(80_000, 60_000)];
    asked(&mut known, 0, &segments);
    assert_eq!(course(&known), [80_000, 60_000]);
    sleep(&mut known, (8, 6), (30_000, 1000));
    assert!(course(&known).is_empty());
    asked(&mut known, 300, &segments);
    assert!(course(&known).is_empty());
}

#[test]
fn the_course_of_the_night_outlasts_a_restart() {
    let mut known = ProfileState::default();
    sleep(&mut known, (7, 5), (40_000, 10_000));
    asked(&mut known, 0, &[deep(40_000, 10_000)]);
    let restored = restarted(&mut known);
    assert_eq!(course(&restored), [40_000, 10_000]);
    assert_eq!(restored.segment, known.segment);
}

#[test]
fn a_segment_that_withings_no_longer_has_is_gone() {
    let mut known = ProfileState::default();
    let day = known.sleep_spans(NOW)[0];
    let segment = |end| Segment { enddate: Some(end), state: Some(3), ..Segment::default() };
    known.note_segments(day, &[segment(NOW - 100), segment(NOW - 50)], &noting());
    known.note_segments(day, &[segment(NOW - 100)], &noting());
    assert_eq!(known.segment.map(|it| it.ended_at), Some(NOW - 100));
}

/// What the next start finds of it.
fn restarted(known: &mut ProfileState) -> ProfileState {
    let json = serde_json::to_string(&known.changed(NOW).expect("there is something new")).unwrap();
    ProfileState::restore(serde_json::from_str(&json).unwrap())
}

#[test]
fn only_what_changed_is_stored() {
    let mut known = ProfileState::default();
    known.note_measures(Read::everything(NOW), &weigh_in(1, NOW - 5000), &noting());
    assert!(known.changed(NOW).is_some());
    assert!(known.changed(NOW + 300).is_none());
    known.note_measures(known.next_read(Call::Getmeas, NOW + 300), &[], &noting());
    assert!(known.changed(NOW + 300).is_none(), "an answer without news");
    known.note_measures(Read::everything(NOW), &weigh_in(2, NOW - 4000), &noting());
    assert!(known.changed(NOW).is_some());
    let mut restored = restarted(&mut ProfileState { stored: BTreeMap::new(), ..known });
    assert!(restored.changed(NOW).is_none(), "a restart changes nothing");
}

#[test]
fn readings_of_another_person_are_not_restored() {
    let stored = State::of("1");
    assert_eq!(ProfileState::restore(stored.clone().only_of("1")).user_id(), Some("1"));
    let mut known = ProfileState::restore(stored);
    known.note_measures(Read::everything(NOW), &weigh_in(1, NOW - 5000), &noting());
    let stored = known.changed(NOW).unwrap();
    assert_eq!(ProfileState::restore(stored.clone().only_of("1")).measures.len(), 1);
    let of_another = ProfileState::restore(stored.only_of("2"));
    assert!(of_another.measures.is_empty() && of_another.user_id() == Some("2"));
}

/// Stores a day, a night and a weight, changes the part of a call, and gives what the next start finds.
fn restarted_with(call: Call, change: impl FnOnce(&mut serde_json::Value)) -> ProfileState {
    let mut known = ProfileState::default();
    known.note_measures(Read::everything(NOW), &weigh_in(1, NOW - 5000), &noting());
    sleep(&mut known, (7, 5), (40_000, 10_000));
    note_a_day(&mut known);
    let mut stored = known.changed(NOW).unwrap();
    let part = stored.parts.get_mut(call.name()).unwrap();
    let mut changed = serde_json::from_str(part.get()).unwrap();
    change(&mut changed);
    *part = RawValue::from_string(changed.to_string()).unwrap();
    ProfileState::restore(stored)
}

#[test]
fn what_is_not_understood_of_a_call_keeps_its_readings_until_the_call_was_made() {
    let whole = restarted_with(Call::Getsummary, |_| {});
    let shown = whole.shown(NOW, &Selection::all());
    let changes: [fn(&mut serde_json::Value); 2] =
        [|part| part["revision"] = 0.into(), |part| part["data"] = "?".into()];
    for change in changes {
        for call in [Call::Getsummary, Call::Getactivity, Call::Getworkouts] {
            let mut restored = restarted_with(call, change);
            assert_eq!(restored.shown(NOW, &Selection::all()), shown, "{call}");
            assert!(restored.is_to_be_read(call) && !restored.is_to_be_read(Call::Getmeas));
            assert_eq!(restored.next_read(call, NOW).rows(), Rows::All);
            assert!(restored.changed(NOW).is_none(), "what is not understood is left as it is");
            restored.note_made(call);
            assert_ne!(restored.shown(NOW, &Selection::all()), shown, "{call}");
        }
    }
}

#[test]
fn a_reading_of_a_measurement_that_is_not_known_is_left_out_alone() {
    let unknown = |part: &mut serde_json::Value| {
        let mut unknown = part["readings"][0].clone();
        unknown["measurement"] = "of_tomorrow".into();
        part["readings"].as_array_mut().unwrap().insert(0, unknown);
    };
    let restored = restarted_with(Call::Getmeas, unknown);
    assert_eq!(restored.measures.iter().map(|it| it.measurement.key).collect::<Vec<_>>(), ["weight_kg"]);
    assert!(!restored.is_to_be_read(Call::Getmeas));
}

/// A day, a workout, a device and a goal.
fn note_a_day(known: &mut ProfileState) {
    fn rows<P: Page>(json: &str) -> Vec<P::Row> {
        serde_json::from_str::<P>(json).unwrap().into_rows().0
    }
    let today = format!(r#"{{"activities":[{{"date":"{}","timezone":"UTC","steps":7}}]}}"#, day(NOW, 0));
    let workouts = r#"{"series":[{"id":1,"category":2,"startdate":5,"enddate":6,"modified":9,"data":{"calories":8}}]}"#;
    known.note_days(&rows::<Getactivity>(&today), &noting());
    known.note_workouts(Read::everything(NOW), &rows::<Getworkouts>(workouts), &noting());
    known.note_devices(&rows::<Getdevice>(r#"{"devices":[{"deviceid":"ab"}]}"#), &noting());
    known.note_goals(&rows::<Getgoals>(r#"{"goals":{"steps":1}}"#), &noting());
}

#[test]
fn days_workouts_devices_and_goals_outlast_a_restart_and_are_written_once() {
    let mut known = ProfileState::default();
    note_a_day(&mut known);
    let mut restored = restarted(&mut known);
    note_a_day(&mut restored);
    assert!(restored.changed(NOW).is_none(), "nothing has changed");
    let keys = |now| {
        let (readings, _) = restored.shown(now, &Selection::all());
        readings.iter().map(|it| it.measurement.key).collect::<Vec<_>>()
    };
    let lasting = [
        "goal_steps",
        "workout_start_timestamp_seconds",
        "workout_end_timestamp_seconds",
        "workout_active_energy_kcal",
        "device_info",
        "device_battery_state",
    ];
    assert_eq!(keys(NOW), [&["activity_steps", "activity_day_start_timestamp_seconds"], &lasting[..]].concat());
    assert_eq!(keys(NOW + 24 * 3600), lasting, "tomorrow");
}

#[test]
fn workouts_are_read_since_the_newest_change() {
    let mut known = ProfileState::default();
    note_a_day(&mut known);
    assert_eq!(known.next_read(Call::Getworkouts, NOW + 900).rows(), Rows::ChangedSince(9 - OVERLAP));
    known.note_workouts(known.next_read(Call::Getworkouts, NOW + 900), &[], &noting());
    assert_eq!(known.workouts.readings().count(), 3);
    known.note_workouts(Read::everything(NOW), &[], &noting());
    assert_eq!(known.workouts.readings().count(), 0);
}

/// Readings as the first version stored them: without a format, without labels, days, workouts, devices and goals.
const FIRST: &str = r#"{"user_id":"42","measures":[{"measurement":"weight_kg","value":72.345,"measured_at":1799999000,
    "origin":{"modified":1799999100,"id":7}}],"sleeps":{"rows":[{"origin":{"modified":1799990000,"id":8},
    "started_at":1799960000,"ended_at":1799989000,"has_stages":true,"values":[["sleep_deep_duration_seconds",5400.0]]}]},
    "segment":{"state":"deep","ended_at":1799989000},"spanned":{"modified":1799990000,"id":8},"cursors":{"getmeas":
    {"changed_at":1799999100,"everything_at":1799999200,"last_success":1799999200}}}"#;

#[test]
fn readings_of_the_first_version_are_read() {
    let first = || RawValue::from_string(FIRST.to_owned()).unwrap();
    let mut known = ProfileState::restore(State { first_format: Some(first()), ..State::of("42") });
    let value = |it: &Reading| (it.measurement.key, it.value);
    assert_eq!(known.measures.iter().map(value).collect::<Vec<_>>(), [("weight_kg", 72.345)]);
    let night = known.sleeps.readings();
    assert!(night.iter().map(value).any(|it| it == ("sleep_deep_duration_seconds", 5400.0)), "{night:?}");
    assert_eq!(known.next_read(Call::Getmeas, 1_799_999_300).rows(), Rows::ChangedSince(1_799_999_100 - OVERLAP));
    assert_eq!(part::first_successes(FIRST), [(Call::Getmeas, 1_799_999_200)].into());
    let restored = restarted(&mut known);
    assert_eq!(restored.shown(NOW, &Selection::all()), known.shown(NOW, &Selection::all()));
}
