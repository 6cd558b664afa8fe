//! Cursors, and what is shown after each kind of answer.

use super::*;
use crate::storage::{NewLogin, Purpose};
use crate::telemetry::Build;
use crate::withings::wire::Page;

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

#[test]
fn the_last_night_is_spanned_once_if_the_last_day_does_not_hold_it() {
    let mut known = Known::default();
    let night = format!(
        r#"{{"series":[{{"id":7,"startdate":{},"enddate":{},"modified":5,"data":{{}}}}]}}"#,
        NOW - 200_000,
        NOW - 170_000
    );
    let rows = serde_json::from_str::<crate::withings::wire::Getsummary>(&night).unwrap().into_rows().0;
    known.note_summaries(Read::everything(NOW), &rows, &noting());
    let spans = known.sleep_spans(NOW);
    assert_eq!(
        spans.iter().map(|it| (it.from, it.to)).collect::<Vec<_>>(),
        [(NOW - 200_000, NOW - 170_000), (NOW - SEGMENTS_SPAN, NOW)]
    );
    for span in spans {
        let segment = Segment { startdate: None, enddate: Some(NOW - 171_000), state: Some(2) };
        let answer: Vec<_> = span.night.is_some().then_some(segment).into_iter().collect();
        known.note_segments(span, &answer, &noting());
    }
    assert_eq!(known.segment.map(|it| it.ended_at), Some(NOW - 171_000));
    assert_eq!(known.sleep_spans(NOW).len(), 1);
}

#[test]
fn a_segment_that_withings_no_longer_has_is_gone() {
    let mut known = Known::default();
    let day = known.sleep_spans(NOW)[0];
    let segment = |end| Segment { startdate: None, enddate: Some(end), state: Some(3) };
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
    let login = NewLogin {
        user_id: "1".to_owned(),
        access_token: "a".into(),
        expires_at: NOW,
        refresh_token: "r".into(),
        scopes: Vec::new(),
    };
    storage.lock_login("Alice").unwrap().replace(&login, NOW, false).unwrap();
    let mut known = Known { user_id: Some("1".to_owned()), ..Known::default() };
    known.note_measures(Read::everything(NOW), &weigh_in(1, NOW - 5000), &noting());
    storage.save_readings("Alice", &known).unwrap();
    assert_eq!(Known::restore(&storage, "Alice", Some("1")), known);
    assert_eq!(Known::restore(&storage, "Alice", None), known, "the login is gone, the values stay");
    assert!(Known::restore(&storage, "Alice", Some("2")).measures.is_empty());
}
