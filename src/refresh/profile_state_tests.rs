//! Cursors, and what is shown after each kind of answer.

use super::*;
use crate::refresh::kept::Kept;
use crate::storage::{NewLogin, Purpose};
use crate::telemetry::Build;
use crate::withings::wire::{Getactivity, Getdevice, Getgoals, Getworkouts, Page};

const NOW: i64 = 1_800_000_000;

fn noting() -> Noting {
    let build = Build { version: String::new(), revision: String::new(), rustc: String::new() };
    Noting { server_now: NOW, telemetry: Telemetry::new(build) }
}

/// Logs Alice in as this user: readings without a login are not stored.
fn connect(storage: &Storage, user_id: &str) {
    let login = NewLogin {
        user_id: user_id.to_owned(),
        access_token: "a".into(),
        expires_at: NOW,
        refresh_token: "r".into(),
        scopes: Vec::new(),
    };
    storage.lock_login("Alice").unwrap().replace(&login, NOW, false).unwrap();
}

fn weigh_in(id: i64, date: i64) -> Vec<Group> {
    let json = format!(
        r#"{{"measuregrps":[{{"grpid":{id},"date":{date},"modified":{date},"measures":[{{"type":1,"value":80,"unit":0}}]}}]}}"#
    );
    serde_json::from_str::<crate::withings::wire::Getmeas>(&json).unwrap().into_rows().0
}

fn read(known: &Known, now: i64) -> Rows {
    known.next_read(Call::Getmeas, now).rows()
}

#[test]
fn the_first_read_is_of_everything_then_of_changes_and_daily_of_everything() {
    let mut known = Known::default();
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
    let mut known = Known::default();
    known.note_measures(Read::everything(NOW), &weigh_in(1, NOW + 7000), &noting());
    assert_eq!(read(&known, NOW), Rows::ChangedSince(NOW - OVERLAP));
    assert_eq!(read(&known, NOW - 10), Rows::All, "a clock that jumped back");
}

#[test]
fn a_deleted_value_vanishes_with_the_next_read_of_everything() {
    let mut known = Known::default();
    known.note_measures(Read::everything(NOW), &weigh_in(1, NOW - 5000), &noting());
    known.note_measures(Read::everything(NOW), &[], &noting());
    assert!(known.measures.is_empty());
}

/// Reads the summary of a night: id, `modified`, and begin and end in seconds before now.
fn sleep(known: &mut Known, (id, modified): (i64, i64), (from, to): (i64, i64)) {
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
fn asked(known: &mut Known, later: i64, all: &[Segment]) -> usize {
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
fn course(known: &Known) -> Vec<i64> {
    let snapshot = known.snapshot(NOW, "Alice".into(), &Selection::all(), None, BTreeMap::new(), None);
    let course = snapshot.readings.iter().filter(|it| it.measurement.source == Source::NightSegments);
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
    course.map(|it| NOW - it.value as i64).collect()
}

#[test]
fn a_night_longer_ago_than_a_day_is_asked_for_once_and_again_when_it_changed() {
    let mut known = Known::default();
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
    let mut known = Known::default();
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
    let mut known = Known::default();
    sleep(&mut known, (7, 5), (40_000, 10_000));
    asked(&mut known, 0, &[]);
    assert_eq!(asked(&mut known, SEGMENTS_SPAN, &[deep(40_000, 10_000)]), 2);
    assert_eq!(course(&known), [40_000, 10_000]);
}

#[test]
fn a_new_night_shows_nothing_of_the_former_ones_course() {
    let mut known = Known::default();
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
    let mut known = Known::default();
    sleep(&mut known, (7, 5), (40_000, 10_000));
    asked(&mut known, 0, &[deep(40_000, 10_000)]);
    let mut stored = serde_json::to_value(&known).unwrap();
    let restored: Known = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(restored, known);
    assert_eq!(course(&restored), [40_000, 10_000]);
    // What earlier versions stored.
    stored.as_object_mut().unwrap().remove("hypnogram");
    stored["spanned"] = serde_json::json!({"modified": 5, "id": 7});
    let mut former: Known = serde_json::from_value(stored).unwrap();
    assert!(course(&former).is_empty());
    asked(&mut former, 300, &[deep(40_000, 10_000)]);
    assert_eq!(course(&former), [40_000, 10_000]);
}

#[test]
fn a_segment_that_withings_no_longer_has_is_gone() {
    let mut known = Known::default();
    let day = known.sleep_spans(NOW)[0];
    let segment = |end| Segment { enddate: Some(end), state: Some(3), ..Segment::default() };
    known.note_segments(day, &[segment(NOW - 100), segment(NOW - 50)], &noting());
    known.note_segments(day, &[segment(NOW - 100)], &noting());
    assert_eq!(known.segment.map(|it| it.ended_at), Some(NOW - 100));
}

#[test]
fn only_what_changed_is_worth_storing() {
    let mut known = Known::default();
    known.note_measures(Read::everything(NOW), &weigh_in(1, NOW - 5000), &noting());
    let stored = known.digest();
    known.note_success(Call::Getmeas, NOW + 300);
    let before = known.digest();
    known.note_success(Call::Getmeas, NOW + 600);
    assert!(!known.is_worth_storing(before));
    assert!(known.digest() != before, "the times are stored now and then");
    assert!(known.is_worth_storing(stored) || known.last_success(Call::Getmeas) == Some(NOW + 600));
    known.note_measures(Read::everything(NOW), &weigh_in(2, NOW - 4000), &noting());
    assert!(known.is_worth_storing(before));
}

#[test]
fn readings_of_another_person_are_not_restored() {
    let root = tempfile::tempdir().unwrap();
    let storage = Storage::open(root.path(), Purpose::Serve).unwrap();
    connect(&storage, "1");
    let mut known = Known { user_id: Some("1".to_owned()), ..Known::default() };
    known.note_measures(Read::everything(NOW), &weigh_in(1, NOW - 5000), &noting());
    storage.save_readings("Alice", &known).unwrap();
    assert_eq!(Known::restore(&storage, "Alice", Some("1")), known);
    assert_eq!(Known::restore(&storage, "Alice", None), known, "the login is gone, the values stay");
    assert!(Known::restore(&storage, "Alice", Some("2")).measures.is_empty());
}

#[test]
fn what_an_earlier_version_stored_is_read() {
    let mut known = Known::default();
    known.note_measures(Read::everything(NOW), &weigh_in(1, NOW - 5000), &noting());
    let mut stored = serde_json::to_value(&known).unwrap();
    for new in ["days", "workouts", "devices", "goals"] {
        assert!(stored.as_object_mut().unwrap().remove(new).is_some());
    }
    assert_eq!(serde_json::from_value::<Known>(stored).unwrap(), known);
}

/// A day, a workout, a device and a goal.
fn note_a_day(known: &mut Known) {
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
fn what_is_packed_stays_as_it_was() {
    let mut known = Known::default();
    note_a_day(&mut known);
    let mut kept = Kept::new(known.clone());
    for now in [NOW, NOW + 1] {
        kept.pack();
        assert_eq!(*kept.read(), known);
        kept.pack();
        kept.change().note_success(Call::Getmeas, now);
        known.note_success(Call::Getmeas, now);
    }
    assert_eq!(*kept.read(), known);
}

#[test]
fn days_workouts_devices_and_goals_outlast_a_restart_and_are_written_once() {
    let mut known = Known::default();
    note_a_day(&mut known);
    let stored: Known = serde_json::from_str(&serde_json::to_string(&known).unwrap()).unwrap();
    assert_eq!(stored, known);
    note_a_day(&mut known);
    assert!(!known.is_worth_storing(stored.digest()), "nothing has changed");
    let keys = |now| {
        let snapshot = known.snapshot(now, "Alice".into(), &Selection::all(), None, BTreeMap::new(), None);
        snapshot.readings.iter().map(|it| it.measurement.key).collect::<Vec<_>>()
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
    let mut known = Known::default();
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
    let root = tempfile::tempdir().unwrap();
    let storage = Storage::open(root.path(), Purpose::Serve).unwrap();
    connect(&storage, "42");
    storage.save_readings("Alice", &()).unwrap();
    let mut files = std::fs::read_dir(root.path().join("readings")).unwrap();
    let mut file = std::fs::File::create(files.next().unwrap().unwrap().path()).unwrap();
    std::io::Write::write_all(&mut file, FIRST.as_bytes()).unwrap();
    let known = Known::restore(&storage, "Alice", Some("42"));
    let value = |it: &Reading| (it.measurement.key, it.value);
    assert_eq!(known.measures.iter().map(value).collect::<Vec<_>>(), [("weight_kg", 72.345)]);
    let night = known.sleeps.readings();
    assert!(night.iter().map(value).any(|it| it == ("sleep_deep_duration_seconds", 5400.0)), "{night:?}");
    assert_eq!(known.last_success(Call::Getmeas), Some(1_799_999_200));
}
