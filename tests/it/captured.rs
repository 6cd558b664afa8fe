//! What the exporter makes of real answers. The expectations were found by hand in the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use withings_exporter::catalogue::Measurement;
use withings_exporter::sim::Cloud;

use crate::demo::Demo;
use crate::page::Page;
use crate::world::World;

/// The values measured at a time, by key.
type Measured<'a> = (i64, &'a [(&'a str, f64)]);

/// Serves `tests/fixtures/captured/<directory>`. All gauges that are shown must be in `measured`, and so many measures
/// must be of a type without a metric. Returns all samples.
async fn check(directory: &str, measured: &[Measured<'_>], without_metric: f64) -> BTreeMap<String, f64> {
    let world = World::start(&["Ann"], |clock| Cloud::replay(&captured(directory), clock).unwrap()).await;
    world.log_in("Ann", &world.cloud.accounts()[0]).await;
    world.until_up("Ann").await;
    let page = Page::read(&world.metrics().await).samples;

    let expected = measured.iter().flat_map(|(at, values)| values.iter().map(|it| (it.0, (it.1, *at as f64))));
    assert_eq!(shown(&page), expected.collect());
    for (kind, count) in [("measure_type", without_metric), ("attribution", 0.0), ("bad_number", 0.0)] {
        let series = format!("withings_exporter_unknown_values_total{{kind=\"{kind}\"}}");
        assert_eq!(page.get(&series), Some(&count), "{kind}");
    }
    page
}

fn captured(directory: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/captured")).join(directory)
}

/// The gauges by key, each with its value and its time, which is 0 for what is not measured.
fn shown(page: &BTreeMap<String, f64>) -> BTreeMap<&str, (f64, f64)> {
    let gauge = |it: Measurement| {
        let value = page.get(&format!("{}{{profile=\"Ann\"}}", it.metric()))?;
        Some((it.key, (*value, if it.has_time() { page[&time(it.key)] } else { 0.0 })))
    };
    Measurement::all().filter_map(gauge).collect()
}

/// The series of the time of a measurement.
fn time(key: &str) -> String {
    format!("withings_measurement_timestamp_seconds{{measurement=\"{key}\",profile=\"Ann\"}}")
}

/// The same group came twice, with the attributions 0 and 8.
#[tokio::test(start_paused = true)]
async fn one_weighing_is_one_weight() {
    check("one-weighing", &[(1_693_651_151, &[("weight_kg", 118.003)])], 0.0).await;
}

/// Of two scans 5156052100 is the newer one. Types 5 and 8 are there twice with position 7, which is the whole body. Each
/// scan has 19 measures without a metric: water (168, 169), visceral fat (170), metabolism (226), 15 of limbs (173 to 175).
#[tokio::test(start_paused = true)]
async fn a_scan_of_the_segments_is_a_weighing_too() {
    let scan = [
        ("weight_kg", 96.44),
        ("fat_free_mass_kg", 78.63),
        ("fat_ratio_pct", 18.457),
        ("fat_mass_kg", 17.8),
        ("muscle_mass_kg", 74.75),
        ("hydration", 52.96),
        ("bone_mass_kg", 3.87),
    ];
    check("segments", &[(1_704_938_744, &scan)], 38.0).await;
}

/// The last weighing, 5202286135, is a day younger than the last scan with pulse wave velocity (5199031740) and pulse
/// (5199031745, with an electrocardiogram). Without a metric: 21 skin responses of the feet (196 to 198), 56 of water,
/// visceral fat and metabolism, 210 of limbs, 5 electrocardiograms (130), 2 vascular ages (155).
#[tokio::test(start_paused = true)]
async fn each_value_of_a_body_scan_is_as_old_as_its_own_last_reading() {
    let weighing = [
        ("weight_kg", 94.667),
        ("fat_free_mass_kg", 76.85),
        ("fat_ratio_pct", 18.813),
        ("fat_mass_kg", 17.81),
        ("muscle_mass_kg", 73.06),
        ("hydration", 52.14),
        ("bone_mass_kg", 3.79),
    ];
    let heart = [("heart_pulse_bpm", 111.0), ("pulse_wave_velocity", 7.744)];
    check("body-scan", &[(1_706_241_995, &weighing), (1_706_145_126, &heart)], 294.0).await;
}

/// A cuff uploads eight weeks at once, the newest reading first. That one, 2726388728, has attribution 17 and counts.
#[tokio::test(start_paused = true)]
async fn the_order_of_uploads_means_nothing() {
    let reading =
        [("diastolic_blood_pressure_mmhg", 106.0), ("systolic_blood_pressure_mmhg", 143.0), ("heart_pulse_bpm", 82.0)];
    check("cuff", &[(1_620_039_631, &reading)], 0.0).await;
}

/// The newest reading, 2726389202 of 1619089252, has attribution 1. The day before there is 2726389238.
#[tokio::test(start_paused = true)]
async fn a_reading_that_may_be_anothers_does_not_count() {
    let reading =
        [("diastolic_blood_pressure_mmhg", 81.0), ("systolic_blood_pressure_mmhg", 170.0), ("heart_pulse_bpm", 81.0)];
    check("somebody-else", &[(1_619_002_854, &reading)], 0.0).await;
}

/// Height and weight were typed in once. Of the readings with pressure 2728397867 (typed in) is the newest, although
/// 2729769521 of the cuff came later. A pulse alone, 2730382406, is newer than both.
#[tokio::test(start_paused = true)]
async fn what_was_typed_in_counts_and_a_late_upload_replaces_nothing() {
    let pressure = [("diastolic_blood_pressure_mmhg", 60.0), ("systolic_blood_pressure_mmhg", 90.0)];
    let measured: [Measured<'_>; 3] = [
        (1_620_237_216, &[("height_m", 1.6), ("weight_kg", 56.3)]),
        (1_620_306_736, &pressure),
        (1_620_377_929, &[("heart_pulse_bpm", 69.0)]),
    ];
    check("typed-in", &measured, 0.0).await;
}

/// Weights with the exponents −4, −2 and −4: the last one, 3179960660, is 670000 × 10⁻⁴. Somebody typed in no fat at all.
#[tokio::test(start_paused = true)]
async fn exponents_change_from_one_group_to_the_next() {
    let weighing = [("weight_kg", 67.0), ("fat_free_mass_kg", 67.0), ("fat_ratio_pct", 0.0), ("fat_mass_kg", 0.0)];
    check("typed-weights", &[(1_637_596_948, &weighing)], 0.0).await;
}

/// The last day: 4398750137 from the scale and, of the same moment, 4398750360 with pulse wave velocity (attribution 8).
/// The pulse of that weighing, 4398750255, was uploaded after the cuff's, 4398749699, but is five hours older. Without a
/// metric: 5 vascular ages (155).
#[tokio::test(start_paused = true)]
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
    ];
    let reading =
        [("diastolic_blood_pressure_mmhg", 106.0), ("systolic_blood_pressure_mmhg", 158.0), ("heart_pulse_bpm", 62.0)];
    check("body-cardio", &[(1_680_413_419, &weighing), (1_680_433_212, &reading)], 5.0).await;
}

/// The night with the newest end is 2192525610, although three older nights were changed later and come after it. One of
/// these, 2182253512, has been awake for −25920 s. The newest segment, of an older night, is in the middle of the list. A
/// goal of 70.5 kg is no weight.
#[tokio::test(start_paused = true)]
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
    ];
    let goals = [("goal_steps", 10_000.0), ("goal_sleep_duration_seconds", 28_800.0), ("goal_weight_kg", 70.5)];
    let page = check("mat", &[(1_625_624_461, &night), (0, &goals)], 0.0).await;
    assert_eq!(page.get(&time("sleep_state")), Some(&1_619_296_297.0));
    // That is years ago.
    let unknown = "withings_sleep_state{profile=\"Ann\",withings_sleep_state=\"unknown\"}";
    assert_eq!(page.get(unknown), Some(&1.0));
}

/// Of eleven walks 3752609178 ended last; 3752609174 is there twice and older. The two days of steps are long over.
#[tokio::test(start_paused = true)]
async fn the_last_walk_of_a_phone_stays_and_its_days_do_not() {
    let goals = [("goal_steps", 10_000.0), ("goal_sleep_duration_seconds", 28_800.0)];
    let page = check("phone", &[(0, &goals)], 0.0).await;
    let walk = |key: &str| page.get(&format!("withings_workout_{key}{{category=\"walk\",profile=\"Ann\"}}")).copied();
    assert_eq!(walk("end_timestamp_seconds"), Some(1_696_844_638.0));
    assert_eq!((walk("active_energy_kcal"), walk("distance_meters")), (Some(24.0), Some(232.0)));
    assert_eq!(walk("heart_rate_average_bpm"), None, "zeros mean that there was no sensor");
    assert_eq!(page.keys().filter(|it| it.starts_with("withings_workout_")).count(), 4);
    assert_eq!(page.keys().filter(|it| it.starts_with("withings_activity_")).count(), 0);
}

/// The same through the program, as somebody reproduces a report.
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
