//! What the text of a history says: the page's names and labels, the true moments, in the order that promtool needs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use withings_exporter::catalogue::{Call, Measurement};
use withings_exporter::sim::{Measure, MeasureGroup};

use super::{alice, of_alice, read};
use crate::page::Page;

/// Metrics of the page that have no history: what people own and aim for, and what needs --sleep-stages.
fn has_history(measurement: Measurement, stages: bool) -> bool {
    let calls = measurement.source.calls();
    let is_past = |call: &Call| match call {
        Call::Getmeas | Call::Getsummary | Call::Getactivity | Call::Getworkouts | Call::HeartList => true,
        Call::SleepGet => stages,
        _ => false,
    };
    !calls.is_empty() && calls.iter().all(is_past)
}

#[tokio::test(crate = "crate::paused")]
async fn a_history_has_the_names_and_labels_of_the_page() {
    let world = alice(1).await;
    let page = Page::read(&world.metrics().await).samples;
    let text = world.backfill("--sleep-stages --end 2026-11-22").await;
    let history = read(&text);
    for (series, value) in page.iter().filter(|(series, _)| series.contains("profile=\"Alice\"")) {
        let metric = series.split_once('{').unwrap().0;
        let measurement = Measurement::all().find(|measurement| measurement.metric() == metric);
        let Some(measurement) = measurement.filter(|measurement| has_history(*measurement, true)) else { continue };
        if measurement.key == "sleep_segment_start_timestamp_seconds" {
            continue;
        }
        let samples = history.get(series).unwrap_or_else(|| panic!("{series} is not in the history"));
        if measurement.has_time() && !measurement.key.starts_with("activity_") && measurement.key != "sleep_state" {
            let is_there = samples.iter().any(|(_, sample)| (sample - value).abs() < 1e-9);
            assert!(is_there, "the page shows {series} {value}: {samples:?}");
        }
    }
    check_families(&text);
}

/// Each family is one block with its metadata; each series ascends; the text ends.
#[track_caller]
fn check_families(text: &str) {
    assert!(text.ends_with("\n# EOF\n"));
    let mut metadata = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut family = "";
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(said) = line.strip_prefix("# ") {
            assert!(metadata.insert(said.rsplitn(2, ' ').last().unwrap()), "said twice: {line}");
            family = said.split(' ').nth(1).unwrap();
        } else {
            let series = line.split_once(' ').unwrap().0;
            assert_eq!(series.split_once('{').unwrap().0, family, "{line}");
            seen.insert(series);
        }
    }
    for (series, samples) in read(text) {
        assert!(samples.is_sorted_by(|a, b| a.0 < b.0), "{series} does not ascend: {samples:?}");
    }
    assert!(!seen.is_empty());
}

#[tokio::test(crate = "crate::paused")]
async fn values_have_their_true_moments() {
    let world = alice(1).await;
    let history = read(&world.backfill("").await);
    let times = |series: &str| history[series].iter().map(|sample| sample.0).collect::<Vec<_>>();
    let end = world.clock.unix() - 3 * 3600;
    let account = world.account("Alice");
    let nights: BTreeSet<i64> = account.nights().iter().map(|night| night.row.enddate).filter(|at| *at < end).collect();
    let scores = times("withings_sleep_score{profile=\"Alice\"}");
    assert!(scores.len() > 300 && scores.iter().all(|at| nights.contains(at)));
    let of_scores = &history["withings_measurement_timestamp_seconds{measurement=\"sleep_score\",profile=\"Alice\"}"];
    assert_eq!(
        of_scores.iter().map(|(at, value)| (*at, *value)).collect::<Vec<_>>(),
        scores.iter().map(|at| (*at, *at as f64)).collect::<Vec<_>>()
    );
    let walks: BTreeSet<i64> = account.workouts().iter().map(|workout| workout.row.enddate).collect();
    let workouts = history.iter().filter(|(series, _)| series.starts_with("withings_workout_end_timestamp_seconds{"));
    for (at, value) in workouts.flat_map(|(_, samples)| samples) {
        assert!(walks.contains(at) && (*at as f64 - value).abs() < 0.5, "{value} at {at}");
    }
    let steps = of_alice(&history, "withings_activity_steps").len();
    assert!((360..=366).contains(&steps), "{steps} days of a year");
}

#[tokio::test(crate = "crate::paused")]
async fn a_period_has_what_was_measured_in_it_and_no_more() {
    let world = alice(2).await;
    let all = read(&world.backfill("").await);
    let year = read(&world.backfill("--start 2025-11-01 --end 2026-10-31").await);
    let (from, to) = (1_761_955_200, 1_793_491_200);
    for (series, samples) in &all {
        let within: Vec<_> = samples.iter().filter(|(at, _)| (from..to).contains(at)).copied().collect();
        assert_eq!(year.get(series).cloned().unwrap_or_default(), within, "{series}");
    }
}

#[tokio::test(crate = "crate::paused")]
async fn stages_are_those_of_ninety_days_unless_more_is_asked_for() {
    let world = alice(1).await;
    let before = world.calls("get").len();
    let history = read(&world.backfill("--sleep-stages").await);
    let asked = world.calls("get").len() - before;
    assert!((85..=95).contains(&asked), "{asked} calls");
    let states: Vec<_> = history.iter().filter(|(series, _)| series.starts_with("withings_sleep_state{")).collect();
    let times: BTreeSet<Vec<i64>> =
        states.iter().map(|(_, samples)| samples.iter().map(|sample| sample.0).collect()).collect();
    assert_eq!((states.len(), times.len()), (5, 1), "five states, all at the same moments");
    let moments = times.first().unwrap().len();
    let present = states.iter().flat_map(|(_, samples)| samples.iter()).filter(|sample| sample.1 > 0.5).count();
    assert_eq!(present, moments, "exactly one of them at each");
    let unknown = &history["withings_sleep_state{profile=\"Alice\",withings_sleep_state=\"unknown\"}"];
    assert!(unknown.iter().filter(|sample| sample.1 > 0.0).count() > 80, "every day, six hours after getting up");
}

#[tokio::test(crate = "crate::paused")]
async fn filled_values_are_repeated_until_they_change() {
    let world = alice(1).await;
    let flags = "--start 2026-11-10 --end 2026-11-12";
    let (sparse, filled) =
        (read(&world.backfill(flags).await), read(&world.backfill(&format!("{flags} --fill 4m")).await));
    let weights = of_alice(&filled, "withings_weight_kg");
    assert!(weights.is_sorted_by(|a, b| a.0 < b.0 && b.0 - a.0 <= 240));
    let sparse = of_alice(&sparse, "withings_weight_kg");
    assert!(sparse.iter().all(|sample| weights.contains(sample)));
    let last = weights.last().unwrap();
    assert!((last.1 - sparse.last().unwrap().1).abs() < 1e-9, "{last:?}");
    assert!(1_794_528_000 - last.0 <= 240 && last.0 < 1_794_528_000, "until the end of the period");
    let steps = of_alice(&filled, "withings_activity_steps");
    let nothing_at_midnight = steps.windows(2).filter(|pair| pair[1].0 - pair[0].0 > 240).count();
    assert!(nothing_at_midnight >= 2, "a day's steps end with the day");
}

#[tokio::test(crate = "crate::paused")]
async fn what_was_typed_in_for_the_time_before_withings_is_there() {
    let world = alice(1).await;
    // The first of February 2003.
    let typed_in = MeasureGroup::new(1_044_057_600, [Measure::new(1, 58_200, -3)]).attributed(2);
    world.account("Alice").add(typed_in);
    let early = read(&world.backfill("--start 2003-01-01 --end 2003-12-31").await);
    assert_eq!(of_alice(&early, "withings_weight_kg"), &[(1_044_057_600, 58.2)]);
    let first_pages = || world.calls("getmeas").iter().filter(|call| !call.params.contains_key("offset")).count();
    let before = first_pages();
    let all = read(&world.backfill("").await);
    assert_eq!(of_alice(&all, "withings_weight_kg")[0], (1_044_057_600, 58.2));
    assert_eq!(first_pages() - before, 18, "a call for each year since 2009");
}

#[tokio::test(crate = "crate::paused")]
async fn the_file_is_private_and_says_what_to_do_with_it() {
    let world = alice(1).await;
    let file = world.file("a file.om");
    let shown = file.display();
    let said =
        world.try_backfill(&format!("--profile Alice --output {shown}").replace("a file", "a+file")).await.unwrap();
    let file = world.file("a+file.om");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!file.with_extension("om.parts").exists(), "what was fetched is deleted");
    let command =
        format!("promtool tsdb create-blocks-from openmetrics --max-block-duration=9000h {} DATA", file.display());
    assert!(said.contains(&command) && said.contains("--storage.tsdb.retention.time=3y"), "{said}");
    assert!(said.contains(&format!("-T {} http://localhost:8428/api/v1/import/prometheus", file.display())), "{said}");
}
