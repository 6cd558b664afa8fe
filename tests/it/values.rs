//! Which value is shown, through the whole program: rows of the cloud, calls of the exporter, samples of a scrape.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use withings_exporter::sim::{
    AWAKE, Account, DEEP, Device, Failure, Fault, LIGHT, Measure, MeasureGroup, Night, REM, Request, TokenPlace,
};

use crate::page::Page;
use crate::world::{World, beginning};

const HOUR: i64 = 3600;
const WEIGHT: u32 = 1;
const FAT_FREE_MASS: u32 = 5;

/// Alice, connected, with a weight of 72.345 kg an hour before the world began.
struct Fixture {
    world: World,
    alice: Account,
    weighed: u64,
}

impl Fixture {
    async fn begin() -> Self {
        let mut world = World::with_accounts(&["Alice"]).await;
        let alice = world.account("Alice");
        let weighed = alice.add(weight(-HOUR, 72_345));
        world.start_exporter().await;
        world.connect("Alice").await;
        let fixture = Self { world, alice, weighed };
        fixture.check("weight_kg", Some(72.345)).await;
        fixture
    }

    /// Expects this value now.
    #[track_caller]
    fn check(&self, key: &str, expected: Option<f64>) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move { assert_eq!(self.world.value("Alice", key).await, expected, "{key} at {place}") }
    }

    /// Expects this value after the next refresh.
    #[track_caller]
    fn check_next(&self, key: &str, expected: Option<f64>) -> impl Future<Output = ()> {
        let check = self.check(key, expected);
        async move {
            self.world.until_refreshed("Alice").await;
            check.await;
        }
    }
}

/// A weighing so many seconds after the beginning of the world.
fn weight(at: i64, grams: i64) -> MeasureGroup {
    MeasureGroup::new(beginning().timestamp() + at, [Measure::new(WEIGHT, grams, -3)])
}

/// A sleep that ended so many seconds after the beginning of the world.
fn night(ended: i64, stages: &[(u8, u16)]) -> Night {
    let mat = Arc::new(Device::new("Sleep Monitor", "Sleep Analyzer", 63, "ab12"));
    let minutes: i64 = stages.iter().map(|(_, minutes)| i64::from(*minutes)).sum();
    Night::asleep(&mat, beginning().timestamp() + ended - minutes * 60, stages)
}

/// Eight hours with 90 minutes of deep sleep.
const GOOD_NIGHT: [(u8, u16); 5] = [(AWAKE, 10), (LIGHT, 290), (DEEP, 90), (REM, 85), (AWAKE, 5)];

/// The selecting parameters of calls: what is asked beside the fields.
fn selections(calls: &[Request]) -> Vec<Vec<(&str, &str)>> {
    calls.iter().map(|call| call.params.iter().map(pair).filter(is_selection).collect()).collect()
}

fn pair<'a>((name, value): (&'a String, &'a String)) -> (&'a str, &'a str) {
    (name, value)
}

fn is_selection((name, _): &(&str, &str)) -> bool {
    !matches!(*name, "action" | "data_fields")
}

#[tokio::test(crate = "crate::paused")]
async fn a_newer_weighing_is_shown_and_a_late_upload_of_an_older_one_is_not() {
    let fixture = Fixture::begin().await;
    fixture.alice.add(weight(60, 71_900));
    fixture.check_next("weight_kg", Some(71.9)).await;
    fixture.alice.add(weight(-24 * HOUR, 74_000));
    fixture.check_next("weight_kg", Some(71.9)).await;
}

#[tokio::test(crate = "crate::paused")]
async fn what_may_be_somebody_else_a_goal_or_a_limb_is_not_shown() {
    let fixture = Fixture::begin().await;
    let now = beginning().timestamp();
    fixture.alice.add(weight(60, 18_200).attributed(1));
    fixture.alice.add(weight(61, 65_000).as_goal());
    let mass = |grams, position| Measure::new(FAT_FREE_MASS, grams, -3).at(position);
    fixture.alice.add(MeasureGroup::new(now + 62, [mass(8_100, 3), mass(52_300, 7), mass(8_200, 2)]));
    fixture.check_next("weight_kg", Some(72.345)).await;
    fixture.check("fat_free_mass_kg", Some(52.3)).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_nap_does_not_replace_the_night() {
    let fixture = Fixture::begin().await;
    fixture.alice.add(night(-8 * HOUR, &GOOD_NIGHT));
    fixture.check_next("sleep_deep_duration_seconds", Some(5400.0)).await;
    fixture.alice.add(night(60, &[(LIGHT, 20), (DEEP, 5)]));
    fixture.check_next("sleep_deep_duration_seconds", Some(5400.0)).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_night_that_is_still_uploaded_is_shown_once_it_is_completed() {
    let fixture = Fixture::begin().await;
    fixture.alice.add(night(-32 * HOUR, &GOOD_NIGHT));
    fixture.check_next("sleep_deep_duration_seconds", Some(5400.0)).await;
    let begun = Night { completed: Some(false), ..night(60, &[(LIGHT, 200), (DEEP, 100)]) };
    let whole = night(60 + 2 * HOUR, &[(LIGHT, 200), (DEEP, 100), (LIGHT, 90), (DEEP, 30)]);
    assert_eq!(begun.startdate, whole.startdate);
    let id = fixture.alice.add(begun);
    fixture.check_next("sleep_deep_duration_seconds", Some(5400.0)).await;
    fixture.world.pass(Duration::from_hours(2)).await;
    fixture.alice.edit_row::<Night>(id, |night| *night = Night { completed: Some(true), ..whole });
    fixture.check_next("sleep_deep_duration_seconds", Some(7800.0)).await;
    fixture.check("sleep_nap_duration_seconds", None).await;
}

/// The stretches of Alice's night, as `00 light -480`: number, stage and begin in minutes after the beginning of the
/// world.
async fn course(world: &World) -> Vec<String> {
    let page = Page::read(&world.metrics().await).samples;
    let row = |(series, value): (&String, &f64)| {
        let labels = series.strip_prefix("withings_sleep_segment_start_timestamp_seconds{")?;
        let labels: Vec<_> = labels.split('"').skip(1).step_by(2).filter(|label| *label != "Alice").collect();
        Some(format!("{} {}", labels.join(" "), (value - beginning().timestamp() as f64) / 60.0))
    };
    page.iter().filter_map(row).collect()
}

#[tokio::test(crate = "crate::paused")]
async fn a_night_is_drawn_until_the_next_one_comes() {
    let mut fixture = Fixture::begin().await;
    fixture.alice.add(night(-8 * HOUR, &GOOD_NIGHT));
    fixture.check_next("sleep_start_timestamp_seconds", Some((beginning().timestamp() - 16 * HOUR) as f64)).await;
    fixture.check("sleep_end_timestamp_seconds", Some((beginning().timestamp() - 8 * HOUR) as f64)).await;
    let drawn = ["00 awake -960", "01 light -950", "02 deep -660", "03 rem -570", "04 awake -485", "05 none -480"];
    assert_eq!(course(&fixture.world).await, drawn);
    fixture.world.stop_exporter().await;
    fixture.world.cloud.fault(Fault::new(Failure::Http(502)).on("get").times(u32::MAX));
    fixture.world.start_exporter().await;
    fixture.world.until_down("Alice").await;
    assert_eq!(course(&fixture.world).await, drawn, "after a restart without an answer");
    fixture.world.cloud.heal();
    fixture.world.until_up("Alice").await;
    fixture.alice.add(night(60, &[(LIGHT, 20), (DEEP, 5)]));
    fixture.check_next("sleep_nap_duration_seconds", Some(1500.0)).await;
    assert_eq!(course(&fixture.world).await, drawn, "a nap is no part of it");
    fixture.world.skip(Duration::from_hours(8)).await;
    let mut without_segments = night(7 * HOUR, &[(DEEP, 240)]);
    without_segments.segments.clear();
    fixture.alice.add(without_segments);
    fixture.check_next("sleep_nap_duration_seconds", None).await;
    assert_eq!(course(&fixture.world).await, Vec::<String>::new());
}

#[tokio::test(crate = "crate::paused")]
async fn a_night_of_days_ago_is_asked_for_by_its_own_span_once() {
    let mut world = World::with_accounts(&["Alice"]).await;
    world.account("Alice").add(night(-72 * HOUR, &GOOD_NIGHT));
    world.start_exporter().await;
    world.connect("Alice").await;
    assert_eq!(course(&world).await.len(), 6);
    world.until_refreshed("Alice").await;
    let ends: Vec<i64> = world.calls("get").iter().map(|call| call.params["enddate"].parse().unwrap()).collect();
    let end = beginning().timestamp() - 72 * HOUR;
    assert_eq!(ends.iter().map(|asked| *asked == end).collect::<Vec<_>>(), [true, false, false], "{ends:?}");
    assert_eq!(course(&world).await.len(), 6);
}

#[tokio::test(crate = "crate::paused")]
async fn a_deleted_weighing_vanishes_with_the_daily_read_of_everything() {
    let fixture = Fixture::begin().await;
    let latest = fixture.alice.add(weight(60, 71_900));
    fixture.check_next("weight_kg", Some(71.9)).await;
    fixture.alice.delete::<MeasureGroup>(latest);
    fixture.check_next("weight_kg", Some(71.9)).await;
    fixture.world.skip(Duration::from_hours(24)).await;
    fixture.check_next("weight_kg", Some(72.345)).await;
    fixture.alice.delete::<MeasureGroup>(fixture.weighed);
    fixture.world.skip(Duration::from_hours(24)).await;
    fixture.check_next("weight_kg", None).await;
}

#[tokio::test(crate = "crate::paused")]
async fn a_weighing_that_turns_out_to_be_somebody_elses_gives_way_at_once() {
    let fixture = Fixture::begin().await;
    let latest = fixture.alice.add(weight(60, 71_900));
    fixture.check_next("weight_kg", Some(71.9)).await;
    let before = fixture.world.calls("getmeas").len();
    fixture.alice.edit_row::<MeasureGroup>(latest, |group| group.attrib = 1);
    fixture.check_next("weight_kg", Some(72.345)).await;
    let calls = fixture.world.calls("getmeas").split_off(before);
    let [changes, everything] = &selections(&calls)[..] else { panic!("{calls:?}") };
    assert!(matches!(changes[..], [("lastupdate", _)]), "{changes:?}");
    assert!(everything.is_empty(), "{everything:?}");
}

#[tokio::test(crate = "crate::paused")]
async fn an_unknown_measure_type_is_shown_and_counted_and_harms_nothing() {
    let fixture = Fixture::begin().await;
    let at = beginning().timestamp() + 60;
    let unknown = [Measure::new(4711, 15, -1), Measure::new(4711, 16, -1).at(12)];
    fixture.alice.add(MeasureGroup::new(at, [&unknown[..], &[Measure::new(WEIGHT, 71_900, -3)]].concat()));
    fixture.check_next("weight_kg", Some(71.9)).await;
    for (position, value) in [("none", 1.5), ("torso", 1.6)] {
        let series =
            format!("withings_unlisted_measure{{profile=\"Alice\",meastype=\"4711\",position=\"{position}\"}}");
        assert_eq!(fixture.world.sample(&series).await, Some(value), "{position}");
    }
    let time = "withings_measurement_timestamp_seconds{profile=\"Alice\",measurement=\"type_4711\"}";
    assert_eq!(fixture.world.sample(time).await, Some(at as f64));
    let counted = fixture.world.sample("withings_exporter_unknown_values_total{kind=\"measure_type\"}").await;
    assert!(counted >= Some(1.0), "{counted:?}");
}

#[tokio::test(crate = "crate::paused")]
async fn pages_that_never_end_are_given_up_and_the_last_value_stays() {
    let fixture = Fixture::begin().await;
    fixture.world.cloud.fault(Fault::new(Failure::EndlessPages).on("getmeas").times(u32::MAX));
    let before = fixture.world.calls("getmeas").len();
    fixture.world.until_down("Alice").await;
    assert_eq!(fixture.world.calls("getmeas").len() - before, 2);
    fixture.check("weight_kg", Some(72.345)).await;
    let counted = "withings_exporter_api_request_failures_total{call=\"getmeas\",reason=\"decode\"}";
    assert_eq!(fixture.world.sample(counted).await, Some(1.0));
    fixture.world.cloud.heal();
    fixture.world.until_up("Alice").await;
}

#[tokio::test(crate = "crate::paused")]
async fn half_an_answer_is_never_shown() {
    let fixture = Fixture::begin().await;
    fixture.world.cloud.page_size(1);
    fixture.world.cloud.fault(Fault::new(Failure::Http(502)).on("getmeas").on_further_pages());
    fixture.alice.add(weight(60, 71_900));
    fixture.alice.add(weight(120, 71_800));
    fixture.world.until_down("Alice").await;
    fixture.check("weight_kg", Some(72.345)).await;
    fixture.world.until_up("Alice").await;
    fixture.check("weight_kg", Some(71.8)).await;
}

#[tokio::test(crate = "crate::paused")]
async fn deep_sleep_does_not_outlast_six_hours_though_the_cloud_is_down() {
    let mut fixture = Fixture::begin().await;
    fixture.alice.add(night(60, &[(LIGHT, 200), (DEEP, 90)]));
    fixture.world.until_refreshed("Alice").await;
    assert_eq!(fixture.world.sleep_state("Alice").await, "deep");
    fixture.world.stop_cloud().await;
    let end = beginning().timestamp() + 60 + 6 * HOUR;
    fixture.world.pass(Duration::from_secs((end - fixture.world.clock.unix()).unsigned_abs())).await;
    assert_eq!(fixture.world.sleep_state("Alice").await, "deep");
    // The exporter knows Withings' clock to a second.
    fixture.world.pass(Duration::from_secs(2)).await;
    assert_eq!(fixture.world.sleep_state("Alice").await, "unknown");
}

#[tokio::test(crate = "crate::paused")]
async fn after_the_whole_history_only_changes_are_asked_for_with_an_hours_overlap() {
    let fixture = Fixture::begin().await;
    fixture.alice.add(night(-8 * HOUR, &GOOD_NIGHT));
    let (weighed_at, slept_at) = (beginning().timestamp(), fixture.world.clock.unix());
    fixture.world.until_refreshed("Alice").await;
    fixture.world.until_refreshed("Alice").await;
    let since = |at: i64| (at - HOUR).to_string();
    let (weighed, slept) = (since(weighed_at), since(slept_at));
    let calls = fixture.world.calls("getmeas");
    assert_eq!(selections(&calls), [vec![], vec![("lastupdate", &*weighed)], vec![("lastupdate", &*weighed)]]);
    // Without any night there is no newest change to begin at.
    let calls = fixture.world.calls("getsummary");
    let whole = vec![("lastupdate", "0")];
    assert_eq!(selections(&calls), [whole.clone(), whole, vec![("lastupdate", &*slept)]]);
}

#[tokio::test(crate = "crate::paused")]
async fn a_change_that_is_dated_ahead_is_never_asked_for_ahead_of_the_server() {
    let fixture = Fixture::begin().await;
    let ahead = fixture.world.clock.unix() + 12 * HOUR;
    fixture.alice.add_at(weight(60, 71_900), beginning().timestamp(), ahead);
    fixture.check_next("weight_kg", Some(71.9)).await;
    fixture.world.until_refreshed("Alice").await;
    for call in fixture.world.calls("getmeas") {
        let since = call.params.get("lastupdate").map_or(0, |text| text.parse().unwrap());
        assert!(since < call.time.timestamp() && call.status == Some(0), "{call:?}");
    }
}

#[tokio::test(crate = "crate::paused")]
async fn an_account_that_refuses_all_changes_since_ever_is_read_by_days() {
    let mut world = World::with_accounts(&["Alice"]).await;
    world.account("Alice").add(night(-8 * HOUR, &GOOD_NIGHT));
    world.cloud.fault(Fault::new(Failure::InvalidParams).on("getsummary"));
    world.start_exporter().await;
    world.connect("Alice").await;
    assert_eq!(world.value("Alice", "sleep_deep_duration_seconds").await, Some(5400.0));
    let calls = world.calls("getsummary");
    let days = vec![("enddateymd", "2026-11-23"), ("startdateymd", "2009-01-01")];
    assert_eq!(selections(&calls), [vec![("lastupdate", "0")], days]);
}

#[tokio::test(crate = "crate::paused")]
async fn sleep_segments_are_asked_for_a_day_back() {
    let fixture = Fixture::begin().await;
    let calls = fixture.world.calls("get");
    let [call] = &calls[..] else { panic!("{calls:?}") };
    let time = |name: &str| call.params[name].parse::<i64>().unwrap();
    assert_eq!(time("enddate") - time("startdate"), 24 * HOUR);
    assert!((call.time.timestamp() - time("enddate")).abs() <= 2, "{call:?}");
}

#[tokio::test(crate = "crate::paused")]
async fn every_call_is_a_post_with_its_token_in_the_header() {
    let fixture = Fixture::begin().await;
    fixture.world.until_refreshed("Alice").await;
    let calls: Vec<_> = fixture.world.cloud.requests().into_iter().filter(|request| request.action.is_some()).collect();
    assert!(calls.len() >= 7, "{calls:?}");
    for call in calls {
        let token = if call.path == "/v2/oauth2" { TokenPlace::Absent } else { TokenPlace::Header };
        assert_eq!((call.method.as_str(), call.token), ("POST", token), "{call:?}");
    }
}

#[tokio::test(crate = "crate::paused")]
async fn the_fields_of_a_night_are_named_because_unnamed_ones_would_be_left_out() {
    let mut world = World::with_accounts(&["Alice"]).await;
    let measured = night(-8 * HOUR, &GOOD_NIGHT).with([("hr_average", json!(58)), ("rr_min", json!(11))]);
    world.account("Alice").add(measured);
    world.start_exporter().await;
    world.connect("Alice").await;
    assert_eq!(world.value("Alice", "sleep_heart_rate_average_bpm").await, Some(58.0));
    assert_eq!(world.value("Alice", "sleep_respiratory_min_bpm").await, Some(11.0));
}
