//! What the exporter shows of captured answers of real accounts. The expectations were found by hand in the files.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use url::{Position, Url};
use withings_exporter::catalogue::{Kind, Measurement, Source};
use withings_exporter::clock::Clock;
use withings_exporter::sim::{Cloud, Person};
use withings_exporter::zone::Zone;

use crate::demo::Demo;
use crate::http_client::Connection;
use crate::page::Page;
use crate::sim::server::Server;
use crate::world::World;

/// The values measured at a time, by key and the values of labels; 0 for what has no time of its own.
type Measured<'a> = (i64, &'a [(&'a str, f64)]);

/// Serves `tests/fixtures/captured/<directory>`. All that is shown must be in `measured`, and nothing may be unknown.
/// Returns all samples.
async fn check(directory: &str, measured: &[Measured<'_>]) -> BTreeMap<String, f64> {
    let world = World::start(&["Ann"], |clock| Cloud::replay(&captured(directory), clock).unwrap()).await;
    world.log_in("Ann", &world.cloud.accounts()[0]).await;
    world.until_up("Ann").await;
    let page = Page::read(&world.metrics().await).samples;

    let expected = measured
        .iter()
        .flat_map(|(at, values)| values.iter().map(|(series, value)| ((*series).to_owned(), (*value, *at as f64))));
    assert_eq!(shown(&page), expected.collect());
    for kind in [
        "measure_type",
        "attribution",
        "position",
        "classification",
        "sleep_state",
        "workout",
        "battery",
        "time_zone",
        "bad_number",
    ] {
        let series = format!("withings_exporter_unknown_values_total{{kind=\"{kind}\"}}");
        assert_eq!(page.get(&series), Some(&0.0), "{kind}");
    }
    page
}

fn captured(directory: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/captured")).join(directory)
}

/// What is shown by key and the values of labels, such as `fat_mass_segment_kg torso`, each with its value and its
/// time; of states the present one. The sleep state is long over.
fn shown(page: &BTreeMap<String, f64>) -> BTreeMap<String, (f64, f64)> {
    let measurements = Measurement::all().filter(|measurement| measurement.source != Source::SleepState);
    measurements.flat_map(|measurement| rows(page, measurement)).collect()
}

fn rows(page: &BTreeMap<String, f64>, measurement: Measurement) -> Vec<(String, (f64, f64))> {
    let time = page.get(&time(measurement.key)).copied().unwrap_or_default();
    let family = format!("{}{{", measurement.metric());
    let rows = page.iter().filter_map(|(series, value)| Some((series.strip_prefix(&family)?, *value)));
    let present = rows.filter(|(_, value)| measurement.kind() == Kind::Gauge || *value != 0.0);
    present.map(|(labels, value)| (named(measurement.key, labels), (value, time))).collect()
}

/// The key and the values of all labels but the profile's.
fn named(key: &str, labels: &str) -> String {
    let values = labels.split('"').skip(1).step_by(2).filter(|label| *label != "Ann");
    std::iter::once(key).chain(values).collect::<Vec<_>>().join(" ")
}

/// The series of the time of a measurement.
fn time(key: &str) -> String {
    format!("withings_measurement_timestamp_seconds{{measurement=\"{key}\",profile=\"Ann\"}}")
}

/// The same group came twice, with the attributions 0 and 8.
#[tokio::test(crate = "crate::paused")]
async fn one_weighing_is_one_weight() {
    check("one-weighing", &[(1_693_651_151, &[("weight_kg", 118.003)])]).await;
}

/// Of two scans 5156052100 is the newer one. Types 5 and 8 are there twice with position 7, which is the whole body.
#[tokio::test(crate = "crate::paused")]
async fn a_scan_of_the_segments_is_a_weighing_too() {
    let scan = [
        ("weight_kg", 96.44),
        ("fat_free_mass_kg", 78.63),
        ("fat_ratio_pct", 18.457),
        ("fat_mass_kg", 17.8),
        ("muscle_mass_kg", 74.75),
        ("hydration", 52.96),
        ("bone_mass_kg", 3.87),
        ("extracellular_water_kg", 21.75),
        ("intracellular_water_kg", 31.2),
        ("visceral_fat_index", 3.1),
        ("basal_metabolic_rate_kcal", 2308.0),
        ("fat_free_mass_segment_kg torso", 40.49),
        ("fat_free_mass_segment_kg left_leg", 13.84),
        ("fat_free_mass_segment_kg left_arm", 5.05),
        ("fat_free_mass_segment_kg right_leg", 14.05),
        ("fat_free_mass_segment_kg right_arm", 5.18),
        ("fat_mass_segment_kg torso", 10.99),
        ("fat_mass_segment_kg left_leg", 2.45),
        ("fat_mass_segment_kg left_arm", 1.03),
        ("fat_mass_segment_kg right_leg", 2.33),
        ("fat_mass_segment_kg right_arm", 0.99),
        ("muscle_mass_segment_kg torso", 38.7),
        ("muscle_mass_segment_kg left_leg", 13.09),
        ("muscle_mass_segment_kg left_arm", 4.77),
        ("muscle_mass_segment_kg right_leg", 13.29),
        ("muscle_mass_segment_kg right_arm", 4.89),
    ];
    check("segments", &[(1_704_938_744, &scan)]).await;
}

/// The last weighing, 5202286135, is a day younger than the last measures of vessels (5199031740), of pulse and
/// electrocardiogram (5199031745, which says 8) and of the skin of the feet (5199031737).
#[tokio::test(crate = "crate::paused")]
async fn each_value_of_a_body_scan_is_as_old_as_its_own_last_reading() {
    let weighing = [
        ("weight_kg", 94.667),
        ("fat_free_mass_kg", 76.85),
        ("fat_ratio_pct", 18.813),
        ("fat_mass_kg", 17.81),
        ("muscle_mass_kg", 73.06),
        ("hydration", 52.14),
        ("bone_mass_kg", 3.79),
        ("extracellular_water_kg", 21.25),
        ("intracellular_water_kg", 30.89),
        ("visceral_fat_index", 3.1),
        ("basal_metabolic_rate_kcal", 2250.0),
        ("fat_free_mass_segment_kg torso", 39.76),
        ("fat_free_mass_segment_kg left_leg", 13.25),
        ("fat_free_mass_segment_kg left_arm", 4.86),
        ("fat_free_mass_segment_kg right_leg", 14.09),
        ("fat_free_mass_segment_kg right_arm", 4.87),
        ("fat_mass_segment_kg torso", 10.92),
        ("fat_mass_segment_kg left_leg", 2.64),
        ("fat_mass_segment_kg left_arm", 1.05),
        ("fat_mass_segment_kg right_leg", 2.11),
        ("fat_mass_segment_kg right_arm", 1.07),
        ("muscle_mass_segment_kg torso", 38.0),
        ("muscle_mass_segment_kg left_leg", 12.53),
        ("muscle_mass_segment_kg left_arm", 4.58),
        ("muscle_mass_segment_kg right_leg", 13.32),
        ("muscle_mass_segment_kg right_arm", 4.6),
    ];
    let heart = [
        ("heart_pulse_bpm", 111.0),
        ("pulse_wave_velocity", 7.744),
        ("vascular_age_years", 46.5),
        ("ecg_classification inconclusive_us", 1.0),
        ("electrodermal_activity_score feet", 62.333),
        ("electrodermal_activity_score left_foot", 59.939),
        ("electrodermal_activity_score right_foot", 63.692),
    ];
    // The person who published the answers gave all entries of devices one id.
    let device = [
        ("device_info Scale f998be4b9ccc9e136fd8cd8e8e344c31ec3b271d Body+", 1.0),
        ("device_battery_state f998be4b9ccc9e136fd8cd8e8e344c31ec3b271d high", 1.0),
        ("device_last_seen_timestamp_seconds f998be4b9ccc9e136fd8cd8e8e344c31ec3b271d", 1_693_867_179.0),
    ];
    check("body-scan", &[(1_706_241_995, &weighing), (1_706_145_126, &heart), (0, &device)]).await;
}

/// A cuff uploads eight weeks at once, the newest reading first. That one, 2726388728, has attribution 17 and counts.
#[tokio::test(crate = "crate::paused")]
async fn the_order_of_uploads_means_nothing() {
    let reading =
        [("diastolic_blood_pressure_mmhg", 106.0), ("systolic_blood_pressure_mmhg", 143.0), ("heart_pulse_bpm", 82.0)];
    check("cuff", &[(1_620_039_631, &reading)]).await;
}

/// The newest reading, 2726389202 of 1619089252, has attribution 1. The day before there is 2726389238.
#[tokio::test(crate = "crate::paused")]
async fn a_reading_that_may_be_anothers_does_not_count() {
    let reading =
        [("diastolic_blood_pressure_mmhg", 81.0), ("systolic_blood_pressure_mmhg", 170.0), ("heart_pulse_bpm", 81.0)];
    check("somebody-else", &[(1_619_002_854, &reading)]).await;
}

/// Height and weight were typed in once. Of the readings with pressure 2728397867 (typed in) is the newest, although
/// 2729769521 of the cuff came later. A pulse alone, 2730382406, is newer than both.
#[tokio::test(crate = "crate::paused")]
async fn what_was_typed_in_counts_and_a_late_upload_replaces_nothing() {
    let pressure = [("diastolic_blood_pressure_mmhg", 60.0), ("systolic_blood_pressure_mmhg", 90.0)];
    let measured: [Measured<'_>; 3] = [
        (1_620_237_216, &[("height_m", 1.6), ("weight_kg", 56.3)]),
        (1_620_306_736, &pressure),
        (1_620_377_929, &[("heart_pulse_bpm", 69.0)]),
    ];
    check("typed-in", &measured).await;
}

/// Weights with the exponents −4, −2 and −4: the last one, 3179960660, is 670000 × 10⁻⁴. Somebody typed in no fat at
/// all, which is not believed.
#[tokio::test(crate = "crate::paused")]
async fn exponents_change_from_one_group_to_the_next() {
    let weighing = [("weight_kg", 67.0), ("fat_free_mass_kg", 67.0)];
    check("typed-weights", &[(1_637_596_948, &weighing)]).await;
}

/// The last day: 4398750137 from the scale and, of the same moment, 4398750360 with pulse wave velocity (attribution
/// 8). The pulse of that weighing, 4398750255, was uploaded after the cuff's, 4398749699, but is five hours older.
#[tokio::test(crate = "crate::paused")]
async fn one_weighing_is_several_groups() {
    let weighing = [
        ("weight_kg", 108.4),
        ("fat_free_mass_kg", 96.0),
        ("fat_ratio_pct", 11.439),
        ("fat_mass_kg", 12.4),
        ("muscle_mass_kg", 92.2),
        ("hydration", 70.39),
        ("bone_mass_kg", 3.8),
        ("pulse_wave_velocity", 7.4),
        ("vascular_age_years", 28.9),
    ];
    let reading =
        [("diastolic_blood_pressure_mmhg", 106.0), ("systolic_blood_pressure_mmhg", 158.0), ("heart_pulse_bpm", 62.0)];
    check("body-cardio", &[(1_680_413_419, &weighing), (1_680_433_212, &reading)]).await;
}

/// The night with the newest end is 2192525610, although three older nights were changed later and come after it. One
/// of these, 2182253512, has been awake for −25920 s. The newest segment, of an older night, is in the middle of the
/// list. A goal of 70.5 kg is no weight.
#[tokio::test(crate = "crate::paused")]
async fn the_last_night_is_the_one_that_ended_last() {
    let night = [
        ("sleep_deep_duration_seconds", 3120.0),
        ("sleep_light_duration_seconds", 9180.0),
        ("sleep_rem_duration_seconds", 4440.0),
        ("sleep_tosleep_duration_seconds", 1140.0),
        ("sleep_towakeup_duration_seconds", 1500.0),
        ("sleep_wakeup_count", 1.0),
        ("sleep_wakeup_duration_seconds", 4320.0),
        ("sleep_heart_rate_average_bpm", 81.0),
        ("sleep_heart_rate_max_bpm", 120.0),
        ("sleep_heart_rate_min_bpm", 50.0),
        ("sleep_respiratory_average_bpm", 17.0),
        ("sleep_respiratory_max_bpm", 20.0),
        ("sleep_respiratory_min_bpm", 13.0),
        ("sleep_total_duration_seconds", 16740.0),
        ("sleep_awake_after_onset_duration_seconds", 1680.0),
        ("sleep_efficiency_ratio", 0.79),
        ("sleep_score", 23.0),
        ("sleep_snoring_duration_seconds", 420.0),
        ("sleep_snoring_episodes", 7.0),
        ("sleep_rem_episodes", 1.0),
        ("sleep_out_of_bed_episodes", 0.0),
    ];
    let times = [("sleep_start_timestamp_seconds", 1_625_603_401.0), ("sleep_end_timestamp_seconds", 1_625_624_461.0)];
    let goals = [("goal_steps", 10_000.0), ("goal_sleep_duration_seconds", 28_800.0), ("goal_weight_kg", 70.5)];
    let page = check("mat", &[(1_625_624_461, &night), (0, &times), (0, &goals)]).await;
    assert_eq!(page.get(&time("sleep_state")), Some(&1_619_296_297.0));
    // That is years ago.
    let unknown = "withings_sleep_state{profile=\"Ann\",withings_sleep_state=\"unknown\"}";
    assert_eq!(page.get(unknown), Some(&1.0));
}

/// Of eleven walks 3752609178 ended last; 3752609174 is there twice and older. Its sensors for the heart were none,
/// which zeros say. The two days of steps are long over.
#[tokio::test(crate = "crate::paused")]
async fn the_last_walk_of_a_phone_stays_and_its_days_do_not() {
    let goals = [("goal_steps", 10_000.0), ("goal_sleep_duration_seconds", 28_800.0)];
    let walk = [
        ("workout_start_timestamp_seconds walk", 1_696_844_383.0),
        ("workout_end_timestamp_seconds walk", 1_696_844_638.0),
        ("workout_active_energy_kcal walk", 24.0),
        ("workout_distance_meters walk", 232.0),
        ("workout_steps walk", 267.0),
        ("workout_elevation_meters walk", 4.0),
    ];
    check("phone", &[(0, &goals), (0, &walk)]).await;
}

/// Of two nights 2081803881 is the newer one. Its 44 segments, among those of other nights, are 14 stretches: awake,
/// deep and so on as far as one stage lasts. It has two holes, of 280 s and 539 s, and says that the person was out of
/// bed twice. The stretches of each stage add up to what the summary says: deep 3600 s, light 9240 s, REM 4320 s, awake
/// 3840 s.
#[tokio::test(crate = "crate::paused")]
async fn the_course_of_the_last_night_is_drawn() {
    let course = [
        ("sleep_segment_start_timestamp_seconds 00 awake", 1_619_209_839.0),
        ("sleep_segment_start_timestamp_seconds 01 deep", 1_619_210_679.0),
        ("sleep_segment_start_timestamp_seconds 02 awake", 1_619_211_579.0),
        ("sleep_segment_start_timestamp_seconds 03 unknown", 1_619_212_179.0),
        ("sleep_segment_start_timestamp_seconds 04 awake", 1_619_212_459.0),
        ("sleep_segment_start_timestamp_seconds 05 deep", 1_619_212_759.0),
        ("sleep_segment_start_timestamp_seconds 06 awake", 1_619_213_659.0),
        ("sleep_segment_start_timestamp_seconds 07 light", 1_619_213_959.0),
        ("sleep_segment_start_timestamp_seconds 08 deep", 1_619_218_579.0),
        ("sleep_segment_start_timestamp_seconds 09 awake", 1_619_220_379.0),
        ("sleep_segment_start_timestamp_seconds 10 rem", 1_619_220_679.0),
        ("sleep_segment_start_timestamp_seconds 11 unknown", 1_619_224_999.0),
        ("sleep_segment_start_timestamp_seconds 12 light", 1_619_225_538.0),
        ("sleep_segment_start_timestamp_seconds 13 awake", 1_619_230_158.0),
        ("sleep_segment_start_timestamp_seconds 14 none", 1_619_231_658.0),
        ("sleep_start_timestamp_seconds", 1_619_209_839.0),
        ("sleep_end_timestamp_seconds", 1_619_231_658.0),
    ];
    let night = [
        ("sleep_deep_duration_seconds", 3600.0),
        ("sleep_light_duration_seconds", 9240.0),
        ("sleep_rem_duration_seconds", 4320.0),
        ("sleep_tosleep_duration_seconds", 840.0),
        ("sleep_towakeup_duration_seconds", 1500.0),
        ("sleep_wakeup_count", 3.0),
        ("sleep_wakeup_duration_seconds", 3840.0),
        ("sleep_heart_rate_average_bpm", 56.0),
        ("sleep_heart_rate_max_bpm", 83.0),
        ("sleep_heart_rate_min_bpm", 50.0),
        ("sleep_respiratory_average_bpm", 12.0),
        ("sleep_respiratory_max_bpm", 19.0),
        ("sleep_respiratory_min_bpm", 10.0),
        ("sleep_total_duration_seconds", 17160.0),
        ("sleep_awake_after_onset_duration_seconds", 2319.0),
        ("sleep_efficiency_ratio", 0.82),
        ("sleep_score", 33.0),
        ("sleep_snoring_duration_seconds", 420.0),
        ("sleep_snoring_episodes", 7.0),
        ("sleep_rem_episodes", 1.0),
        ("sleep_out_of_bed_episodes", 2.0),
    ];
    check("hypnogram", &[(1_619_231_658, &night), (0, &course)]).await;
}

/// Captured answers served by the program itself, as a maintainer reproduces a report.
#[tokio::test]
async fn the_demo_serves_a_directory_and_does_not_call_it_invented() {
    let dir = TempDir::new().unwrap();
    let answers = captured("typed-in");
    let demo = Demo::start(&["--demo.replay", answers.to_str().unwrap()], &dir, &["replay"]).await;
    let page = demo.page("").await;
    assert!(page.contains("withings_weight_kg{profile=\"replay\"} 56.3\n"), "{page}");
    let said = demo.said();
    assert!(said.starts_with(&format!("Captured answers in {}, real exporter.", answers.display())), "{said}");
}

/// The page of the exporter may need a password; the simulated cloud has a port of its own, which every user of the host finds.
#[tokio::test]
async fn what_the_demo_serves_is_given_to_nobody_but_its_exporter() {
    let dir = TempDir::new().unwrap();
    let answers = captured("typed-in");
    let demo = Demo::start(&["--demo.replay", answers.to_str().unwrap()], &dir, &["replay"]).await;
    let begun = Connection::open(demo.address).await.request("GET", "/authorize?profile=replay", "").await;
    let consent = Url::parse(begun.header("location").unwrap()).unwrap();
    let cloud = consent.socket_addrs(|| None).unwrap()[0];
    let target = format!("{}&selecteduser=30817000", &consent[Position::BeforePath..]);
    let consented = Connection::open(cloud).await.request("GET", &target, "").await;
    let back = Url::parse(consented.header("location").unwrap()).unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let exchange =
        ["action=requesttoken", "client_id=demo", "client_secret=demo-secret", "grant_type=authorization_code"];
    let redirect = back[..Position::AfterPath].to_owned();
    let form = format!("{}&code={code}&redirect_uri={redirect}", exchange.join("&"));
    assert_eq!(posted(cloud, "/v2/oauth2", "", &form).await, 503, "with a secret that is known");
    // A cloud of the same seed gives the same tokens, unless they are made of something that nobody knows.
    let twin = Server::start(Cloud::new(Clock::system()));
    twin.cloud.add_person(Person::new(42, "Twin", Zone::UTC));
    let guessed = twin.login(42).access;
    assert_eq!(posted(cloud, "/measure", &guessed, "action=getmeas").await, 401, "with a token that can be computed");
}

/// The status of the envelope that the cloud at this address answers.
async fn posted(cloud: SocketAddr, path: &str, token: &str, form: &str) -> i64 {
    let length = form.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: sim\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
    );
    let mut connection = Connection::open(cloud).await;
    connection.send(&(head + form)).await;
    let body = connection.answer("POST").await.body;
    serde_json::from_str::<Value>(&body).unwrap()["status"].as_i64().unwrap()
}
