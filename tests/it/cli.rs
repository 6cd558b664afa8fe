//! The command line as a shell meets it: environment, version, exit codes, pipes.

use std::process::{Command, Output, Stdio};

use withings_exporter::telemetry::Build;

use crate::program::{fed, spawn};

fn exporter(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_withings-exporter"));
    command.env_clear().args(arguments).envs(variables.iter().copied());
    command
}

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    fed(&mut exporter(arguments, variables), b"")
}

/// Expects success and returns what was printed.
#[track_caller]
fn check_printed(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = run(arguments, variables);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Expects exit code 2 and a message on stderr that contains this.
#[track_caller]
fn check_refused(arguments: &[&str], variables: &[(&str, &str)], part_of_message: &str) {
    let output = run(arguments, variables);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains(part_of_message), "{message}");
}

#[test]
fn the_version_says_what_was_built_and_for_what() {
    let version = check_printed(&["--version"], &[]);
    let Build { version: number, revision, branch, os, arch, rustc } = Build::this();
    let expected = format!(
        "withings-exporter, version {number} (branch: {branch}, revision: {revision})\n  \
         rustc version:    {rustc}\n  platform:         {os}/{arch}\n"
    );
    assert_eq!(version, expected);
    assert!([revision, branch].iter().all(|told| !told.is_empty() && !told.contains(char::is_whitespace)));
    for command in [&["measurements"][..], &["authorize"], &["forget"], &["backfill"], &["storage", "import"]] {
        for flag in ["--version", "-V"] {
            assert_eq!(check_printed(&[command, &[flag]].concat(), &[]), version, "{command:?}");
        }
    }
}

#[test]
fn flags_come_from_the_environment_and_the_command_line_wins() {
    let file = ("WITHINGS_EXPORTER_CONFIG_FILE", "tests/config/good/smallest.yaml");
    let addresses = ("WITHINGS_EXPORTER_WEB_LISTEN_ADDRESS", "[::1]:9001,localhost:9002");
    let printed = check_printed(&["check-config"], &[file, addresses]);
    assert!(printed.contains("http://localhost:9001/callback"), "{printed}");
    let printed = check_printed(&["--web.listen-address", ":9003", "check-config"], &[file, addresses]);
    assert!(printed.contains("http://localhost:9003/callback"), "{printed}");
}

#[test]
#[cfg(feature = "postgres")]
fn a_storage_that_many_share_needs_its_key_file_and_shows_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("withings.key");
    let (migrate, new_key) = (["storage", "migrate"], ["storage", "new-key"]);
    let file = ("WITHINGS_EXPORTER_STORAGE_KEY_FILE", key.to_str().unwrap());
    // Nobody listens on port 1.
    let url = ("WITHINGS_EXPORTER_STORAGE_URL", "postgres://me:s3cret@127.0.0.1:1/withings");
    check_refused(&migrate, &[url], "--storage.key-file");
    check_refused(&migrate, &[file], "--storage.url is missing");
    check_refused(&migrate, &[], "name it with --storage.url");
    check_refused(&new_key, &[], "--storage.key-file");
    check_refused(&migrate, &[file, ("WITHINGS_EXPORTER_STORAGE_URL", "mysql://db")], "must begin with postgres://");
    let output = run(&migrate, &[url, file]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("no host of --storage.url can be reached") && !message.contains("s3cret"), "{message}");
    assert!(!key.exists(), "it is made when the tables are");
    let output = run(&[&migrate[..], &["--storage.url", url.1]].concat(), &[file]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("seen by every user of this machine") && !message.contains("s3cret"), "{message}");
    assert!(check_printed(&new_key, &[file]).contains("was made, for a new installation"));
    assert!(check_printed(&new_key, &[file]).contains("has a new key"));
    check_refused(&new_key, &[file], "has two keys already");
}

#[test]
fn wrong_usage_exits_with_2_and_names_the_flag() {
    check_refused(&["--web.listen-address", "nowhere"], &[], "--web.listen-address");
    check_refused(&["check-config"], &[("WITHINGS_EXPORTER_LOG_LEVEL", "loud")], "--log.level");
    let switch = "WITHINGS_EXPORTER_WEB_DISABLE_EXPORTER_METRICS";
    let twice =
        ["demo", "--demo.backfill=a.om", "--storage.path=/dev/null", "--demo.label=job=a", "--demo.label=job=b"];
    check_refused(&twice, &[], "--demo.label: job is there twice");
    check_refused(&["measurements"], &[(switch, "perhaps")], "--web.disable-exporter-metrics");
    for value in ["true", "false", "1", "0"] {
        check_printed(&["measurements"], &[(switch, value)]);
    }
}

#[test]
fn a_disk_that_does_not_answer_is_a_failure_and_no_mistake() {
    // A file that nobody can read at its beginning.
    for flag in ["--config.file", "--web.config.file"] {
        let output = run(&["check-config", flag, "/proc/self/mem"], &[]);
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains("/proc/self/mem: Input/output error"), "{message}");
        assert_eq!(output.status.code(), Some(1), "{message}");
    }
}

#[test]
fn the_catalogue_is_printed_in_every_format() {
    assert!(check_printed(&["measurements"], &[]).starts_with("KEY "));
    assert!(check_printed(&["measurements", "--format", "markdown"], &[]).starts_with("| Metric |"));
    assert!(check_printed(&["measurements", "--format", "json"], &[]).starts_with('['));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut command = exporter(&["measurements", "--format", "json"], &[]);
    let mut child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped())).unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
