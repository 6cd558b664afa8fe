//! What the machine refuses to somebody who is not root, or not the service: each has its own advice.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;
use withings_exporter::process;

use crate::config::{exporter, powerless, write};
use crate::program::fed;

const CONFIG: &str = "withings:\n  client_id: id\n  client_secret: !secret secret\n  profiles: Alice\n";

/// A folder with a configuration, its secrets, and the file of another secret.
fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("withings.yaml", config),
        ("secrets.yaml", "secret: hush\n"),
        ("secret.txt", "hush\n"),
        ("web.yml", "rate_limit:\n"),
    ] {
        write(&folder.path().join(name), text);
    }
    folder
}

/// Expects exit code and message of a program that may not do what root may.
#[track_caller]
fn check(folder: &Path, arguments: &[&str], code: i32, says: &[&str]) {
    let output = fed(powerless(folder).args(arguments), b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    for text in says {
        assert!(said.contains(text), "{text} is missing in {said}");
    }
}

#[test]
fn a_file_that_may_not_be_read() {
    let user = process::user();
    let from_file = CONFIG.replace("client_secret: !secret secret", "client_secret_file: secret.txt");
    for (config, file) in
        [(CONFIG, "withings.yaml"), (CONFIG, "secrets.yaml"), (from_file.as_str(), "secret.txt"), (CONFIG, "web.yml")]
    {
        let folder = folder(config);
        let arguments = ["check-config", "--web.config.file", "web.yml"];
        check(folder.path(), &arguments, 0, &[]);
        fs::set_permissions(folder.path().join(file), Permissions::from_mode(0o000)).unwrap();
        check(folder.path(), &arguments, 2, &["Permission denied", &format!("`chown {user}"), &format!("user {user}")]);
    }
}

#[test]
fn a_credential_that_systemd_gives_to_the_service() {
    let name = "/run/credentials/withings-exporter.service/client_secret";
    let folder = folder(&CONFIG.replace("client_secret: !secret secret", &format!("client_secret_file: {name}")));
    let says = ["systemd gives this file to the running service alone", "WITHINGS_CLIENT_SECRET", "LoadCredential"];
    check(folder.path(), &["check-config"], 2, &says);
    let mut service = exporter(folder.path());
    service.arg("check-config").env("CREDENTIALS_DIRECTORY", "/run/credentials/withings-exporter.service");
    let said = String::from_utf8(fed(&mut service, b"").stderr).unwrap();
    assert!(
        said.contains("`LoadCredential` of the systemd unit gives this service no credential at this path"),
        "{said}"
    );
}

#[test]
fn a_port_that_is_for_root() {
    let says = ["cannot listen on 127.0.0.1:1: Permission denied", "a port below 1024 is for root"];
    check(folder(CONFIG).path(), &["--web.listen-address", "127.0.0.1:1"], 1, &says);
}

#[test]
fn an_address_of_another_machine() {
    let folder = folder(CONFIG);
    let output = fed(exporter(folder.path()).args(["--web.listen-address", "192.0.2.1:10064"]), b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("this machine does not have that address"), "{said}");
}
