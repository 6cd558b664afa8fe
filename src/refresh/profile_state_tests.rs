//! What is shown after each kind of answer, and what a restart finds of it.

use serde_json::json;
use serde_json::value::RawValue;

use super::*;
use crate::reading::{SleepSegment, SleepState};
use crate::refresh::first_format::successes;
use crate::withings::calls::sleep_get::{SPAN, SegmentRow};
use crate::withings::request::utc_day;

const NOW: i64 = 1_800_000_000;

/// Notes an answer; whether it tells enough.
fn note<C: DataCall>(known: &mut ProfileState, part: PartOf<C>, asked: RowSelection, rows: &[C::Row]) -> bool {
    known.note(part, asked, rows, &mut Context::silent(NOW))
}

/// Notes a JSON answer to a read of everything.
fn read<C: DataCall>(known: &mut ProfileState, part: PartOf<C>, json: &str) {
    let rows = serde_json::from_str::<C>(json).unwrap().into_rows().0;
    assert!(note(known, part, RowSelection::All, &rows));
}

fn getmeas(known: &mut ProfileState) -> &mut CallPart<Getmeas> {
    &mut known.getmeas
}

fn sleep_get(known: &mut ProfileState) -> &mut CallPart<SleepGet> {
    &mut known.sleep_get
}

fn weigh_in(known: &mut ProfileState, id: i64, date: i64) {
    let json = format!(
        r#"{{"measuregrps":[{{"grpid":{id},"date":{date},"modified":{date},"measures":[{{"type":1,"value":80,"unit":0}}]}}]}}"#
    );
    read(known, getmeas, &json);
}

fn measures(known: &ProfileState) -> Vec<(&'static str, f64)> {
    known.getmeas.known.readings().map(|reading| (reading.measurement.key, reading.value)).collect()
}

/// When the newest segment ended.
fn segment_ended(known: &ProfileState) -> Option<i64> {
    known.sleep_get.known.newest().map(|segment| segment.ended_at)
}

#[test]
fn an_answer_that_takes_everything_away_is_believed_the_second_time() {
    let mut known = ProfileState::default();
    weigh_in(&mut known, 1, NOW - 5000);
    let nothing = r#"{"measuregrps":[]}"#;
    read(&mut known, getmeas, nothing);
    assert_eq!(measures(&known).len(), 1);
    assert_eq!(known.getmeas.cursor.next_read(NOW + 300), crate::refresh::cursor::Read::everything());
    read(&mut known, getmeas, nothing);
    assert!(measures(&known).is_empty());
}

#[test]
fn an_answer_without_news_takes_nothing_away() {
    let mut known = ProfileState::default();
    weigh_in(&mut known, 1, NOW - 5000);
    assert!(
        note(&mut known, getmeas, RowSelection::ChangedSince(0), &[])
            && note(&mut known, getmeas, RowSelection::ChangedSince(0), &[])
    );
    assert_eq!(measures(&known).len(), 1);
}

/// Reads the summary of a night: id, `modified`, and begin and end in seconds before now.
fn sleep(known: &mut ProfileState, (id, modified): (i64, i64), (from, to): (i64, i64)) {
    let (start, end) = (NOW - from, NOW - to);
    let json = format!(
        r#"{{"series":[{{"id":{id},"startdate":{start},"enddate":{end},"modified":{modified},"data":{{}}}}]}}"#
    );
    read(known, |known| &mut known.getsummary, &json);
}

/// A segment of deep sleep, in seconds before now.
fn deep(from: i64, to: i64) -> SegmentRow {
    SegmentRow { startdate: Some(NOW - from), enddate: Some(NOW - to), state: Some(2), ..SegmentRow::default() }
}

/// Answers each request of a round that is made `later`, where Withings has these segments; says how many requests it was.
fn asked(known: &mut ProfileState, later: i64, all: &[SegmentRow]) -> usize {
    let spans = known.asks(sleep_get, RowSelection::All, NOW + later);
    for span in &spans {
        let RowSelection::Between { from, to } = *span else { panic!("{span:?}") };
        assert!(to - from <= SPAN, "Withings answers a day at most");
        let within = |segment: &&SegmentRow| segment.startdate.is_some_and(|at| (from..to).contains(&at));
        let answer: Vec<_> = all.iter().filter(within).cloned().collect();
        assert!(note(known, sleep_get, *span, &answer));
    }
    spans.len()
}

/// The begins of the stretches of the night that is shown, and its end, in seconds before now.
fn course(known: &ProfileState) -> Vec<i64> {
    let (readings, _) = known.shown(NOW, &Selection::all());
    let course = readings.iter().filter(|reading| reading.measurement.source == Source::NightSegments);
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
    course.map(|reading| NOW - reading.value as i64).collect()
}

#[test]
fn a_night_longer_ago_than_a_day_is_asked_for_once_and_again_when_it_changed() {
    let mut known = ProfileState::default();
    sleep(&mut known, (7, 5), (200_000, 170_000));
    let segments = [deep(200_000, 171_000)];
    assert_eq!(asked(&mut known, 0, &segments), 2);
    assert_eq!(course(&known), [200_000, 171_000, 170_000]);
    assert_eq!(segment_ended(&known), Some(NOW - 171_000));
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
    assert_eq!(asked(&mut known, SPAN, &whole), 1, "half of it has left the last day");
    assert_eq!(course(&known), [40_000, 10_000]);
}

#[test]
fn segments_that_come_when_their_night_has_left_the_last_day_are_shown() {
    let mut known = ProfileState::default();
    sleep(&mut known, (7, 5), (40_000, 10_000));
    asked(&mut known, 0, &[]);
    assert_eq!(asked(&mut known, SPAN, &[deep(40_000, 10_000)]), 2);
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
    assert_eq!(segment_ended(&restored), segment_ended(&known));
}

#[test]
fn a_segment_that_withings_no_longer_has_is_gone() {
    let mut known = ProfileState::default();
    let day = known.asks(sleep_get, RowSelection::All, NOW)[0];
    let segment = |end| SegmentRow { enddate: Some(end), state: Some(3), ..SegmentRow::default() };
    note(&mut known, sleep_get, day, &[segment(NOW - 100), segment(NOW - 50)]);
    note(&mut known, sleep_get, day, &[segment(NOW - 100)]);
    assert_eq!(segment_ended(&known), Some(NOW - 100));
}

/// What the next start finds of it.
fn restarted(known: &mut ProfileState) -> ProfileState {
    let json = serde_json::to_string(&known.changed(NOW).expect("there is something new")).unwrap();
    ProfileState::restore(serde_json::from_str(&json).unwrap())
}

#[test]
fn only_what_changed_is_stored() {
    let mut known = ProfileState::default();
    weigh_in(&mut known, 1, NOW - 5000);
    assert!(known.changed(NOW).is_some());
    assert!(known.changed(NOW + 300).is_none());
    note(&mut known, getmeas, RowSelection::ChangedSince(0), &[]);
    assert!(known.changed(NOW + 300).is_none(), "an answer without news");
    weigh_in(&mut known, 2, NOW - 4000);
    assert!(known.changed(NOW).is_some());
    let mut restored = restarted(&mut ProfileState { stored: StoredParts::new(), ..known });
    assert!(restored.changed(NOW).is_none(), "a restart changes nothing");
}

#[test]
fn readings_of_another_person_are_not_restored() {
    let stored = StoredState::of("1");
    assert_eq!(ProfileState::restore(stored.clone().only_of("1")).user_id(), Some("1"));
    let mut known = ProfileState::restore(stored);
    weigh_in(&mut known, 1, NOW - 5000);
    let stored = known.changed(NOW).unwrap();
    assert_eq!(measures(&ProfileState::restore(stored.clone().only_of("1"))).len(), 1);
    let of_another = ProfileState::restore(stored.only_of("2"));
    assert!(measures(&of_another).is_empty() && of_another.user_id() == Some("2"));
}

/// Stores a day, a night and a weight, changes the part of a call, and gives what the next start finds.
fn restarted_with(call: Call, change: impl FnOnce(&mut serde_json::Value)) -> ProfileState {
    let mut known = ProfileState::default();
    weigh_in(&mut known, 1, NOW - 5000);
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
            assert!(
                restored.to_be_read().any(|unread| unread == call)
                    && restored.to_be_read().all(|unread| unread != Call::Getmeas)
            );
            assert!(restored.changed(NOW).is_none(), "what is not understood is left as it is");
            let nothing = r#"{"series":[]}"#;
            read(&mut restored, |known| &mut known.getsummary, nothing);
            read(&mut restored, |known| &mut known.getworkouts, nothing);
            assert_eq!(restored.shown(NOW, &Selection::all()), shown, "{call}: nothing is not believed at once");
            read(&mut restored, |known| &mut known.getsummary, nothing);
            read(&mut restored, |known| &mut known.getworkouts, nothing);
            let window = restored.asks(|known| &mut known.getactivity, RowSelection::All, NOW)[0];
            assert!(note(&mut restored, |known| &mut known.getactivity, window, &[]));
            assert!(restored.to_be_read().all(|unread| unread == Call::SleepGet));
            assert_ne!(restored.shown(NOW, &Selection::all()), shown, "{call}");
        }
    }
}

#[test]
fn what_is_not_understood_of_a_call_goes_after_two_empty_answers_with_a_load_between_them() {
    let changes: [fn(&mut serde_json::Value); 2] =
        [|part| part["revision"] = 0.into(), |part| (part["data"], part["cursor"]) = ("?".into(), "?".into())];
    for change in changes {
        let mut known = restarted_with(Call::Getworkouts, change);
        let workouts = |known: &ProfileState| {
            let (readings, _) = known.shown(NOW, &Selection::all());
            readings.iter().filter(|reading| reading.measurement.key.starts_with("workout_")).count()
        };
        for (answers, shown) in [(0, 3), (1, 3), (2, 0)] {
            if answers > 0 {
                read(&mut known, |known| &mut known.getworkouts, r#"{"series":[]}"#);
                known = restarted(&mut known);
            }
            assert_eq!(workouts(&known), shown, "after {answers} answers");
            let is_to_be_read = known.to_be_read().any(|call| call == Call::Getworkouts);
            assert_eq!(is_to_be_read, shown > 0, "after {answers} answers");
        }
        assert!(known.changed(NOW).is_none(), "nothing new");
    }
}

#[test]
fn a_reading_of_a_measurement_or_with_a_label_that_is_not_known_is_left_out_alone() {
    for (field, of_tomorrow) in [("measurement", "of_tomorrow".into()), ("labels", json!([["of_tomorrow", "left"]]))] {
        let unknown = |part: &mut serde_json::Value| {
            let mut unknown = part["data"][0].clone();
            unknown[field] = of_tomorrow;
            part["data"].as_array_mut().unwrap().insert(0, unknown);
        };
        let restored = restarted_with(Call::Getmeas, unknown);
        assert_eq!(measures(&restored), [("weight_kg", 80.0)], "{field}");
        assert!(restored.to_be_read().all(|unread| unread != Call::Getmeas), "{field}");
    }
}

/// The place of the class of the electrocardiogram that is shown where getmeas has a negative one, and the list of recordings a positive one
/// so many seconds later.
fn ecg_class(later: i64) -> String {
    let mut known = ProfileState::default();
    let at = NOW - 50_000;
    let group =
        format!(r#"{{"measuregrps":[{{"grpid":1,"date":{at},"measures":[{{"type":130,"value":0,"unit":0}}]}}]}}"#);
    read(&mut known, getmeas, &group);
    let recording = format!(r#"{{"series":[{{"timestamp":{},"ecg":{{"afib":1}}}}]}}"#, at + later);
    read(&mut known, |known| &mut known.heart_list, &recording);
    let (readings, _) = known.shown(NOW, &Selection::all());
    let classes = readings.iter().filter(|reading| reading.measurement.key == "ecg_classification");
    classes.map(|reading| reading.value.to_string()).collect()
}

#[test]
fn of_the_class_of_an_electrocardiogram_the_newer_one_is_shown_and_of_one_time_that_of_getmeas() {
    let (negative, positive) = ("0", "1");
    assert_eq!([-1, 0, 1, 40_000].map(ecg_class), [negative, negative, positive, positive]);
}

/// A day, a workout, a device and a goal.
fn note_a_day(known: &mut ProfileState) {
    let today = format!(r#"{{"activities":[{{"date":"{}","timezone":"UTC","steps":7}}]}}"#, utc_day(NOW, 0));
    let workouts = r#"{"series":[{"id":1,"category":2,"startdate":5,"enddate":6,"modified":9,"data":{"calories":8}}]}"#;
    read(known, |known| &mut known.getactivity, &today);
    read(known, |known| &mut known.getworkouts, workouts);
    read(known, |known| &mut known.getdevice, r#"{"devices":[{"deviceid":"ab"}]}"#);
    read(known, |known| &mut known.getgoals, r#"{"goals":{"steps":1}}"#);
}

#[test]
fn days_workouts_devices_and_goals_outlast_a_restart_and_are_written_once() {
    let mut known = ProfileState::default();
    note_a_day(&mut known);
    // The first read of everything counts as made sooner, so that the time of the second is another one.
    note_a_day(&mut known);
    let mut restored = restarted(&mut known);
    note_a_day(&mut restored);
    assert!(restored.changed(NOW).is_none(), "nothing has changed");
    let keys = |now| {
        let (readings, _) = restored.shown(now, &Selection::all());
        readings.iter().map(|reading| reading.measurement.key).collect::<Vec<_>>()
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

/// Readings as the first version stored them: without a format, without labels, days, workouts, devices and goals.
const FIRST: &str = r#"{"user_id":"42","measures":[{"measurement":"weight_kg","value":72.345,"measured_at":1799999000,
    "origin":{"modified":1799999100,"id":7}}],"sleeps":{"rows":[{"origin":{"modified":1799990000,"id":8},
    "started_at":1799960000,"ended_at":1799989000,"has_stages":true,"values":[["sleep_deep_duration_seconds",5400.0]]}]},
    "segment":{"state":"deep","ended_at":1799989000},"spanned":{"modified":1799990000,"id":8},"cursors":{"getmeas":
    {"changed_at":1799999100,"everything_at":1799999200,"last_success":1799999200}}}"#;

#[test]
fn readings_of_the_first_version_are_read() {
    let first = || RawValue::from_string(FIRST.to_owned()).unwrap();
    let mut known = ProfileState::restore(StoredState { first_format: Some(first()), ..StoredState::of("42") });
    assert_eq!(measures(&known), [("weight_kg", 72.345)]);
    let (shown, sleep) = known.shown(NOW, &Selection::all());
    let deep = shown.iter().find(|reading| reading.measurement.key == "sleep_deep_duration_seconds");
    assert_eq!(deep.map(|reading| reading.value), Some(5400.0), "{shown:?}");
    assert_eq!(sleep, Sleep::Newest(Some(SleepSegment { state: SleepState::Deep, ended_at: 1_799_989_000 })));
    assert_eq!(known.getmeas.cursor.next_read(1_799_999_300).rows, RowSelection::ChangedSince(1_799_999_100 - 3600));
    assert_eq!(successes(FIRST), [(Call::Getmeas, 1_799_999_200)].into());
    let restored = restarted(&mut known);
    assert_eq!(restored.shown(NOW, &Selection::all()), known.shown(NOW, &Selection::all()));
}
