//! The command as a shell meets it: pipes, signals, and what it leaves behind.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Days};
use withings_exporter::clock::Clock;
use withings_exporter::sim::Request;

use super::{of, read};
use crate::installation::{Ended, Installation, Program};

/// Starts a backfill of twenty weeks.
fn backfill(installation: &Installation) -> Program {
    let today = DateTime::from_timestamp(Clock::system().unix(), 0).unwrap().date_naive();
    installation.start(&["backfill", "--output", "-", "--start", &(today - Days::new(140)).to_string()])
}

/// Mum is the person whom the simulated cloud calls Alice.
fn with_mum() -> Installation {
    let installation = Installation::new(&["Mum"], "http://nas.local:10064");
    let mut program = installation.start(&["authorize", "Mum"]);
    let consent = program.line(|line| line.contains("authorize2?")).trim().to_owned();
    program.type_line(&installation.agree(&consent, "Alice"));
    assert_eq!(program.end().code, Some(0));
    installation
}

/// Starts it and waits until the cloud has answered one of its calls.
fn begun(installation: &Installation) -> Program {
    let before = asked(installation);
    let program = backfill(installation);
    installation.until("a first answer", async || asked(installation) > before);
    program
}

/// How often the cloud has answered each question for days.
fn questions(installation: &Installation) -> BTreeMap<String, usize> {
    let mut questions = BTreeMap::new();
    let has_days =
        |request: &&Request| ["startdate", "startdateymd"].iter().any(|name| request.params.contains_key(*name));
    for request in installation.cloud.requests().iter().filter(has_days) {
        *questions.entry(format!("{:?}", request.params)).or_default() += 1;
    }
    questions
}

fn asked(installation: &Installation) -> usize {
    questions(installation).values().sum()
}

#[track_caller]
fn check_written(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.output.starts_with("# HELP withings_weight_kg ") && ended.output.trim_end().ends_with("# EOF"));
    assert!(of(&read(ended.output.trim_end()), "withings_weight_kg", "Mum").len() > 50);
    assert!(ended.errors.contains("--max-block-duration=9000h /dev/stdin DATA"), "{}", ended.errors);
}

#[test]
fn standard_output_has_the_history_alone_also_after_a_signal_and_a_kill() {
    let installation = with_mum();
    let ended = begun(&installation).terminate();
    assert_eq!((ended.code, ended.output.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.errors.contains("error: interrupted; the same command goes on from here"), "{}", ended.errors);
    // Dropped, which kills it: nothing of it stands in the way of the next one.
    drop(begun(&installation));
    let second = begun(&installation);
    let refused = backfill(&installation).end();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.errors.contains("another backfill works in this directory"), "{}", refused.errors);
    let ended = second.end();
    check_written(&ended);
    assert!(ended.errors.contains("an interrupted backfill goes on"), "{}", ended.errors);
    // What was under way at an end is asked for again.
    let again = asked(&installation) - questions(&installation).len();
    assert!(again <= 2, "{:#?}", questions(&installation));
    assert!(!work(&installation).exists(), "what was fetched is deleted");
}

#[test]
fn who_is_forgotten_leaves_nothing_of_an_unfinished_history() {
    let installation = with_mum();
    begun(&installation).terminate();
    assert!(work(&installation).exists());
    assert_eq!(installation.start(&["forget", "Mum"]).end().code, Some(0));
    assert!(!work(&installation).exists());
}

/// The folder of an unfinished backfill.
fn work(installation: &Installation) -> PathBuf {
    installation.storage().join("backfill")
}
