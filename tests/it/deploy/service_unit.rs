//! The systemd units, judged by systemd's own tool.

use std::fs;
use std::process::Command;

use serde_yaml::Value;
use tempfile::TempDir;

use super::{approved, path, text, understood, yaml};
use crate::config::write;
use crate::sources::root;

const UNIT: &str = "systemd/withings-exporter.service";
const SOCKET: &str = "systemd/withings-exporter.socket";
const WITH_SOCKET: &str = "systemd/withings-exporter.service.d/socket.conf";

/// What stands behind the last `name=` of a unit.
fn setting<'a>(unit: &'a str, name: &str) -> &'a str {
    let mut lines = unit.lines().rev().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    lines.next().unwrap_or_else(|| panic!("no {name}"))
}

/// The units in a folder, with the program where this machine has it.
fn installed() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("withings-exporter.service.d")).unwrap();
    for name in [UNIT, SOCKET, WITH_SOCKET] {
        let start = format!("ExecStart={}", env!("CARGO_BIN_EXE_withings-exporter"));
        let unit = text(name).replace("ExecStart=withings-exporter", &start);
        write(&folder.path().join(name.strip_prefix("systemd/").unwrap()), &unit);
    }
    folder
}

#[test]
fn systemd_finds_no_fault() {
    let folder = installed();
    let mut analyze = Command::new("systemd-analyze");
    analyze.current_dir(folder.path()).args(["verify", "--man=no", "withings-exporter.service"]);
    assert_eq!(approved(analyze.arg("withings-exporter.socket")), "");
}

#[test]
fn it_is_as_closed_as_the_readme_says() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut analyze = Command::new("systemd-analyze");
    let table = approved(analyze.args(["security", "--offline=true", "--no-pager"]).arg(path(UNIT)));
    let [said, found] =
        [(&readme, "exposure level of "), (&table, "withings-exporter.service: ")].map(|(text, before)| {
            let (_, score) = text.rsplit_once(before).unwrap_or_else(|| panic!("no {before:?} in {text}"));
            score.split(' ').next().unwrap().parse::<f64>().unwrap()
        });
    // Versions of systemd weigh a little differently.
    assert!((said - found).abs() < 0.3, "it says {said} and is {found}");
}

#[test]
fn it_starts_the_program_with_flags_that_it_has() {
    let unit = text(UNIT);
    let (program, arguments) = setting(&unit, "ExecStart").split_once(' ').unwrap();
    let configuration = understood(&arguments.split(' ').collect::<Vec<_>>()).flags.config_file;
    assert_eq!(program, "withings-exporter", "wherever systemd looks");
    assert!(text("README.md").contains(configuration.to_str().unwrap()), "deploy/README.md says where it lies");
}

#[test]
fn what_it_has_in_memory_gets_into_no_core_dump() {
    assert_eq!(setting(&text(UNIT), "LimitCORE"), "0");
}

#[test]
fn the_secret_is_where_the_example_looks_for_it() {
    let unit = text(UNIT);
    let (credential, _) = setting(&unit, "LoadCredential").split_once(':').unwrap();
    let expected = format!("/run/credentials/withings-exporter.service/{credential}");
    assert_eq!(yaml("examples/withings.yaml")["withings"]["client_secret_file"], Value::from(expected.as_str()));
    assert!(unit.contains(&format!("client_secret_file: {expected}")));
}

#[test]
fn the_socket_is_the_default_address_and_the_program_is_told_of_it() {
    let socket = text(SOCKET);
    let address = setting(&socket, "ListenStream");
    assert_eq!(
        understood(&[]).flags.listen_addresses,
        understood(&["--web.listen-address", address]).flags.listen_addresses
    );
    let drop_in = text(WITH_SOCKET);
    assert_eq!(setting(&drop_in, "Environment"), "WITHINGS_EXPORTER_WEB_SYSTEMD_SOCKET=true");
}
