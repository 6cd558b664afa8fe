//! What is refused, and how it is said.

use std::fs::File;
use std::io::Write;
use std::process::Command;

use tempfile::TempDir;

use super::alice;
use crate::program::fed;
use crate::world::World;

const CONFIG: &str = "withings: {client_id: a, client_secret: b, profiles: [Alice, Bob], measurements: [weight_kg]}";

/// Runs `backfill` with these flags in an empty directory, and expects this exit code and this message.
#[track_caller]
fn check(config: &str, flags: &[&str], code: i32, message: &str) {
    let dir = TempDir::new().unwrap();
    write!(File::create(dir.path().join("withings.yaml")).unwrap(), "{config}").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_withings-exporter"));
    command.env_clear().current_dir(dir.path()).arg("backfill").args(flags);
    let output = fed(&mut command, b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(message), "{flags:?}: {said}");
    assert_eq!(output.status.code(), Some(code), "{flags:?}: {said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn wrong_flags_exit_with_2_and_say_what_is_right() {
    check(CONFIG, &[], 2, "<--output <FILE>|--url <ADDRESS>>");
    check(CONFIG, &["--output", "a", "--url", "b"], 2, "cannot be used with");
    check(CONFIG, &["--format", "csv", "--url", "b"], 2, "cannot be used with");
    check(CONFIG, &["--output", "-", "--format", "xls"], 2, "[possible values: openmetrics, csv]");
    check(CONFIG, &["--output", "-", "--start", "soon"], 2, "write a day as 2024-05-31");
    check(CONFIG, &["--output", "-", "--end", "2024-02-30"], 2, "write a day as 2024-05-31");
    check(CONFIG, &["--output", "-", "--fill", "4"], 2, "write it as 4m");
    check(CONFIG, &["--output", "-", "--fill", "10s"], 2, "15s is the shortest");
    check(CONFIG, &["--output", "-", "--label", "job"], 2, "write it as job=withings");
    check(CONFIG, &["--output", "-", "--label", "1a=b"], 2, "begins with no digit");
    check(CONFIG, &["--output", "-", "--label", "profile=b"], 2, "the metrics have or reserve this label");
    check(CONFIG, &["--output", "-", "--label", "withings_sleep_state=b"], 2, "the metrics have or reserve this label");
    check(CONFIG, &["--output", "-", "--label", "__name__=b"], 2, "the metrics have or reserve this label");
    check(CONFIG, &["--output", "-", "--label", "job="], 2, "a label without a value is none");
    check(CONFIG, &["--output", "nowhere/a.om"], 2, "--output: nowhere/a.om: there is no directory nowhere");
    check(CONFIG, &["--output", "."], 2, "this is no file");
    check(CONFIG, &["--output", "/dev/null"], 2, "this is no file");
    check(CONFIG, &["--output", "-", "--profile", "Carol"], 2, "there is no profile \"Carol\" in the configuration");
}

#[test]
fn a_wrong_address_is_not_repeated_with_its_password() {
    let flags = ["--url", "http://ann:hush-hush@localhost/x"];
    check(CONFIG, &flags, 2, "http://localhost/x: nothing takes remote write at this path");
    let output =
        fed(Command::new(env!("CARGO_BIN_EXE_withings-exporter")).env_clear().arg("backfill").args(flags), b"");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hush-hush"));
}

#[test]
fn the_former_address_of_victoria_metrics_is_answered_with_the_new_one() {
    let flags = ["--url", "http://localhost:8428/api/v1/import/prometheus"];
    check(CONFIG, &flags, 2, "which VictoriaMetrics takes at http://localhost:8428/api/v1/write");
}

#[test]
fn who_has_no_login_has_no_history() {
    check(CONFIG, &["--output", "-"], 1, "no profile has a login; `withings-exporter authorize PROFILE`");
    check(CONFIG, &["--output", "-", "--profile", "Bob"], 1, "Bob has no login; `withings-exporter authorize Bob`");
}

/// Expects that a backfill of Alice's with these flags fails so.
async fn check_fails(world: &World, flags: &str, message: &str) {
    let error = world.try_backfill(flags).await.unwrap_err();
    assert!(format!("{error:#}").contains(message), "{error:#}");
}

#[tokio::test(crate = "crate::paused")]
async fn a_question_without_an_answer_is_refused() {
    let mut world = alice(1).await;
    let file = world.file("a.om");
    let to_file = |flags: &str| format!("--output {} {flags}", file.display());
    let nothing = "nothing lies between it and the end";
    check_fails(&world, &to_file("--start 2024-01-02 --end 2024-01-01"), nothing).await;
    check_fails(&world, &to_file("--start 2026-11-22T17:00:00Z"), nothing).await;
    check_fails(&world, &to_file("--label job=a --label job=b"), "--label: job is there twice").await;
    check_fails(&world, &to_file("--profile Bob"), "Bob has no login").await;
    world.config.measurements = ["goal_steps", "device_info", "sleep_state"].map(measurement).into_iter().collect();
    check_fails(&world, &to_file(""), "none of the configured `measurements` has a history").await;
    assert!(!file.exists());
}

fn measurement(key: &str) -> withings_exporter::catalogue::Measurement {
    withings_exporter::catalogue::Measurement::by_key(key).unwrap()
}
