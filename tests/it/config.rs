//! `check-config` on files: every wrong configuration has its exact message beside it, every good one its meaning.
//!
//! `UPDATE_EXPECT=1` writes the expected files anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use withings_exporter::process;

use crate::program::fed;

/// What the test files use as secrets: one like a password, one like Withings'. None may ever be printed.
const SECRETS: [&str; 2] = ["hush-hush", "5ecde7a1b0c4f6e85ecde7a1b0c4f6e85ecde7a1b0c4f6e85ecde7a1b0c4f6e8"];

#[test]
fn every_wrong_configuration_has_its_message() {
    let cases = yaml_files("tests/config");
    assert!(cases.len() >= 40, "{} files", cases.len());
    for case in cases {
        let output = check_config(Path::new("."), &case, &[]);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{}: {message}", case.display());
        assert!(output.stdout.is_empty(), "{}", case.display());
        check_no_secret(&message);
        check_expected(&case.with_extension("txt"), &message);
    }
}

#[test]
fn every_good_configuration_has_its_meaning() {
    for case in yaml_files("tests/config/good") {
        let output = check_config(Path::new("."), &case, &[]);
        let meaning = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{}: {}", case.display(), String::from_utf8_lossy(&output.stderr));
        check_no_secret(&meaning);
        check_expected(&case.with_extension("txt"), &meaning);
    }
}

#[test]
fn a_missing_file_is_shown_how_to_make_one() {
    check_refused(
        &[],
        "error: there is no configuration file withings.yaml\n \
          = write one, or name another with --config.file; the smallest configuration is:\n\n\
          withings:\n  client_id: CLIENT_ID\n  client_secret: CLIENT_SECRET\n  profiles:\n    - Alice\n    - Bob\n",
    );
}

#[test]
fn a_directory_is_no_configuration() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("withings.yaml")).unwrap();
    let output = check_config(folder.path(), Path::new("withings.yaml"), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: withings.yaml is a directory, not a configuration file\n"
    );
}

#[test]
fn a_broken_secrets_file_is_named_with_the_place_and_no_line_of_it() {
    let config = "withings:\n  client_id: id\n  client_secret: !secret withings\n  profiles: Alice\n";
    check_refused(
        &[("withings.yaml", config), ("secrets.yaml", "withings: hush-hush\n  wifi: hush-hush\n")],
        "error: secrets.yaml, line 2, column 7: this is not valid YAML: mapping values are not allowed in this context\n \
          --> withings.yaml:3:18\n  |\n3 |   client_secret: ********\n  |                  ^\n",
    );
    check_refused(
        &[("withings.yaml", config), ("secrets.yaml", "- hush-hush\n")],
        "error: secrets.yaml has no names\n --> withings.yaml:3:18\n  |\n3 |   client_secret: ********\n  \
          |                  ^\n  = it has lines like `NAME: value`\n",
    );
}

#[test]
fn secret_files_are_read_without_their_trailing_newline_and_checked() {
    let config = "withings:\n  client_id: id\n  client_secret_file: secret.txt\n  profiles: Alice\n";
    let excerpt = " --> withings.yaml:3:23\n  |\n3 |   client_secret_file: ********\n  |                       ^\n";
    assert_eq!(run(&[("withings.yaml", config), ("secret.txt", "hush-hush\n")], &[]).status.code(), Some(0));
    check_refused(
        &[("withings.yaml", config), ("secret.txt", "\n")],
        &format!("error: the secret file named here is empty\n{excerpt}"),
    );
    check_refused(
        &[("withings.yaml", config), ("secret.txt", "hush-hush\nhush-hush\n")],
        &format!(
            "error: the secret file named here has more than one line\n{excerpt}  = it holds the secret and nothing \
             else\n"
        ),
    );
}

#[test]
fn the_environment_gives_id_and_secret_and_overrides_the_file() {
    let bare = "withings:\n  profiles: Alice\n";
    let variables = [("WITHINGS_CLIENT_ID", "id"), ("WITHINGS_CLIENT_SECRET", "hush-hush\n")];
    assert_eq!(run(&[("withings.yaml", bare)], &variables).status.code(), Some(0));

    let unreadable = "withings:\n  client_id: id\n  client_secret: !secret nowhere\n  profiles: Alice\n";
    assert_eq!(run(&[("withings.yaml", unreadable)], &variables).status.code(), Some(0));
    assert_eq!(run(&[("withings.yaml", unreadable)], &[("WITHINGS_CLIENT_SECRET", "")]).status.code(), Some(2));

    let path = [("WITHINGS_EXPORTER_CONFIG_FILE", "other.yaml")];
    let output = run_command(&[("other.yaml", bare)], &["check-config"], &[&variables[..], &path[..]].concat());
    assert_eq!(output.status.code(), Some(0));
}

/// Expects that `check-config` in a folder with these files refuses `withings.yaml` with this message.
#[track_caller]
fn check_refused(files: &[(&str, &str)], message: &str) {
    let output = run(files, &[]);
    let printed = String::from_utf8(output.stderr).unwrap();
    check_no_secret(&printed);
    assert_eq!(printed, message);
    assert_eq!(output.status.code(), Some(2));
}

fn run(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Output {
    run_command(files, &["check-config", "--config.file", "withings.yaml"], variables)
}

fn run_command(files: &[(&str, &str)], arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        write(&folder.path().join(name), content);
    }
    fed(exporter(folder.path()).args(arguments).envs(variables.iter().copied()), b"")
}

#[test]
fn a_former_key_is_taken_and_the_new_one_named() {
    let dir = TempDir::new().unwrap();
    let text = "withings: {client_id: a, client_secret: b, profiles: Ann, measurements: [activity_elevation_floors]}";
    write(&dir.path().join("withings.yaml"), text);
    let output = check_config(dir.path(), Path::new("withings.yaml"), &[]);
    let (said, warned) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success() && said.contains("withings_activity_elevation_meters"), "{said}{warned}");
    let names = "`activity_elevation_floors` is called `activity_elevation_meters` now";
    assert!(warned.contains("level=warn") && warned.contains(names), "{warned}");
}

#[test]
fn what_is_probably_meant_otherwise_is_taken_with_a_warning() {
    let names = "`profiles` is one person, `Alice, Bob`; if it is several, write a list: `profiles: [Alice, Bob]`";
    let off = "`use_webhook` has no effect, for Withings would not call this `base_url`";
    for (line, warnings) in [
        ("profiles: Alice, Bob", vec![names]),
        ("profiles: [\"Alice, Bob\", Ann]", vec![]),
        ("profiles: Ann\n  base_url: http://192.168.1.2:10064", vec!["`base_url` is an IP address"]),
        ("profiles: Ann\n  base_url: http://[::1]:10064", vec!["`base_url` is an IP address"]),
        ("profiles: Ann\n  base_url: http://nas.local:10064", vec![]),
        ("profiles: Ann\n  use_webhook: true", vec!["`use_webhook` has no effect, for it needs a `base_url`"]),
        ("profiles: Ann\n  use_webhook: true\n  base_url: http://health.example", vec![off, "it is not `https`"]),
        ("profiles: Ann\n  use_webhook: false", vec![]),
    ] {
        check_warned(&format!("withings:\n  client_id: id\n  client_secret: hush-hush\n  {line}\n"), &warnings);
    }
    let example = "withings:\n  client_id: CLIENT_ID\n  client_secret: CLIENT_SECRET\n  profiles: Ann\n";
    let word = "the word of the example; write what Withings’ developer dashboard shows";
    let said = [format!("`client_id` is `CLIENT_ID`, {word}"), format!("`client_secret` is `CLIENT_SECRET`, {word}")];
    check_warned(example, &said.each_ref().map(String::as_str));
}

/// Expects that this configuration is taken, with a warning for these texts and none without.
#[track_caller]
fn check_warned(config: &str, warnings: &[&str]) {
    let output = run(&[("withings.yaml", config)], &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.contains("level=warn"), !warnings.is_empty(), "{config}: {said}");
    for text in warnings {
        assert!(said.contains(text), "{text} is missing in {said}");
    }
}

#[test]
fn what_stands_around_a_secret_is_taken_off() {
    // Whether it came through is seen by the warning about the word of the example.
    let is_clean = |secret: &str, files: &[(&str, &str)], variables: &[(&str, &str)]| {
        let config = format!("withings:\n  client_id: id\n  {secret}\n  profiles: Alice\n");
        let output = run(&[&[("withings.yaml", config.as_str())], files].concat(), variables);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && said.contains("`client_secret` is `CLIENT_SECRET`"), "{secret}: {said}");
    };
    is_clean("client_secret: \" CLIENT_SECRET\\t\"", &[], &[]);
    for content in ["\u{feff}CLIENT_SECRET\r\n", " CLIENT_SECRET \n\n", "\nCLIENT_SECRET"] {
        is_clean("client_secret_file: secret.txt", &[("secret.txt", content)], &[]);
        is_clean("client_secret: !secret here", &[("secrets.yaml", "here: 'CLIENT_SECRET  '\n")], &[]);
        is_clean("", &[], &[("WITHINGS_CLIENT_SECRET", content)]);
    }
}

#[test]
fn an_address_of_withings_without_encryption_is_warned_of_unless_it_is_on_this_host() {
    let config = "withings: {client_id: a, client_secret: b, profiles: Ann, KEY: URL}";
    for (key, url, is_warned) in [
        ("api_url", "http://wbsapi.withings.example", true),
        ("account_url", "http://192.0.2.1:8080", true),
        ("api_url", "https://wbsapi.withings.example", false),
        ("api_url", "http://127.0.0.1:8080", false),
        ("account_url", "http://localhost:8080", false),
    ] {
        let output = run(&[("withings.yaml", &config.replace("KEY", key).replace("URL", url))], &[]);
        let said = String::from_utf8(output.stderr).unwrap();
        let warning = format!("level=warn msg=\"`{key}` is `http://` to another host");
        assert_eq!((output.status.code(), said.contains(&warning)), (Some(0), is_warned), "{key}: {url}: {said}");
    }
}

fn check_config(folder: &Path, file: &Path, variables: &[(&str, &str)]) -> Output {
    let mut command = exporter(folder);
    fed(command.args(["check-config", "--config.file"]).arg(file).envs(variables.iter().copied()), b"")
}

/// The program in this folder, with nothing from this environment.
pub(crate) fn exporter(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_withings-exporter"));
    command.current_dir(folder).env_clear();
    command
}

/// The same program as a user who is not root: root may do everything, but for what takes that from it.
pub(crate) fn powerless(folder: &Path) -> Command {
    let program = exporter(folder);
    if process::user() != 0 {
        return program;
    }
    let mut command = Command::new("/usr/bin/setpriv");
    command.current_dir(folder).env_clear().args(["--bounding-set", "-all"]).arg(program.get_program());
    command
}

/// The configurations in a folder, sorted.
pub(crate) fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_case = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "yaml") && !path.ends_with("secrets.yaml")
    };
    let mut files: Vec<PathBuf> = entries.filter(is_case).collect();
    files.sort();
    files
}

#[track_caller]
fn check_no_secret(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "a secret is shown:\n{text}");
    }
}

/// Expects that `file` has this content.
#[track_caller]
pub(crate) fn check_expected(file: &Path, actual: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return write(file, actual);
    }
    let expected = fs::read_to_string(file).unwrap_or_default();
    assert_eq!(actual, expected, "{}; UPDATE_EXPECT=1 writes it anew", file.display());
}

/// Writes a file of a test.
#[expect(clippy::disallowed_methods, reason = "a test file needs no atomic replacement")]
pub(crate) fn write(file: &Path, content: &str) {
    fs::write(file, content).unwrap();
}
