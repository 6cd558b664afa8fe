//! Web configurations, as this program and Prometheus' own checker see them: every wrong one has its exact message
//! beside it, and both agree on what is wrong.
//!
//! `UPDATE_EXPECT=1` writes the messages anew.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::certificates::certificates;
use crate::config::{check_expected, exporter, write, yaml_files};
use crate::program::fed;

/// Files that promtool accepts and this program does not: what they say looks safe and is not, or cannot be done.
const STRICTER: &str = "stricter_";

#[test]
fn every_wrong_file_has_its_message_and_is_refused_by_promtool_too() {
    let folder = folder();
    let cases = yaml_files("tests/web-config");
    assert!(cases.len() >= 30, "{} files", cases.len());
    for case in cases {
        let checked = check(folder.path(), &case);
        let said = String::from_utf8(checked.stderr).unwrap();
        let message: String = said.split_inclusive('\n').filter(|line| !line.starts_with("time=")).collect();
        assert_eq!(checked.status.code(), Some(2), "{}: {message}", case.display());
        assert!(!message.contains("hush-hush") && !message.contains("$2y$10$QO"), "{message}");
        check_expected(&case.with_extension("txt"), &message);
        let is_stricter = name(&case).starts_with(STRICTER);
        assert_eq!(promtool_accepts(folder.path()), is_stricter, "{}", case.display());
    }
}

#[test]
fn every_good_file_is_accepted_by_promtool_too() {
    let folder = folder();
    for case in yaml_files("tests/web-config/good") {
        let checked = check(folder.path(), &case);
        let message = String::from_utf8_lossy(&checked.stderr);
        assert_eq!(checked.status.code(), Some(0), "{}: {message}", case.display());
        assert!(String::from_utf8_lossy(&checked.stdout).contains("web.yml is valid."));
        assert!(promtool_accepts(folder.path()), "{}", case.display());
    }
}

/// Prometheus' exporters take it, and so its checker.
#[test]
fn names_of_certificates_that_nobody_has_signed_are_warned_of() {
    let folder = folder();
    let tls =
        "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_allowed_sans: [prometheus]\n";
    for (policy, is_warned) in [
        ("  client_auth_type: RequireAnyClientCert\n", true),
        ("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n", false),
    ] {
        write(&folder.path().join("given.yml"), &format!("{tls}{policy}"));
        let checked = check(folder.path(), &folder.path().join("given.yml"));
        let said = String::from_utf8(checked.stderr).unwrap();
        assert_eq!(checked.status.code(), Some(0), "{said}");
        assert_eq!(
            said.contains("level=warn msg=\"client_allowed_sans with RequireAnyClientCert"),
            is_warned,
            "{said}"
        );
    }
}

#[test]
fn cipher_suites_that_are_left_out_are_named() {
    let folder = folder();
    let suites = "TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_RSA_WITH_AES_128_GCM_SHA256";
    let tls =
        format!("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  cipher_suites: [{suites}]\n");
    write(&folder.path().join("given.yml"), &tls);
    let said = String::from_utf8(check(folder.path(), &folder.path().join("given.yml")).stderr).unwrap();
    let words =
        "msg=\"rustls does not have this; it is left out\" key=cipher_suites value=TLS_RSA_WITH_AES_128_GCM_SHA256\n";
    assert!(said.lines().count() == 1 && said.ends_with(words), "{said}");
}

#[test]
fn certificate_and_key_may_stand_in_the_file() {
    let folder = folder();
    let indented = |file: &str| fs::read_to_string(folder.path().join(file)).unwrap().replace('\n', "\n    ");
    let (certificate, key) = (indented("server.crt"), indented("server.key"));
    let inline = format!("tls_server_config:\n  cert: |\n    {certificate}\n  key: |\n    {key}\n");
    write(&folder.path().join("inline.yml"), &inline);
    assert_eq!(check(folder.path(), &folder.path().join("inline.yml")).status.code(), Some(0));
    write(&folder.path().join("inline.yml"), &inline.replace("PRIVATE", "PRIVAT"));
    let refused = String::from_utf8(check(folder.path(), &folder.path().join("inline.yml")).stderr).unwrap();
    assert_eq!(refused, "error: the TLS of web.yml cannot be used: there is no private key in `key`: no items found\n");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = folder();
    let command = &mut exporter(folder.path());
    let output = fed(command.args(["check-config", "--web.config.file", "nowhere.yml"]), b"");
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.starts_with("error: cannot read the web configuration file nowhere.yml: No such file"),
        "{message}"
    );
}

#[test]
fn with_tls_browsers_are_sent_to_https() {
    let folder = folder();
    let checked = check(folder.path(), Path::new("tests/web-config/good/tls.yaml"));
    assert!(String::from_utf8(checked.stdout).unwrap().contains("https://localhost:10064/callback"));
    let command = &mut exporter(folder.path());
    let refused = fed(command.args(["check-config", "--web.systemd-socket"]), b"");
    assert_eq!(refused.status.code(), Some(2));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(
        message.starts_with("error: `base_url` is missing\n") && message.contains("--web.systemd-socket"),
        "{message}"
    );
}

/// A folder with certificates and a configuration.
fn folder() -> TempDir {
    let folder = certificates();
    write(
        &folder.path().join("withings.yaml"),
        "withings:\n  client_id: id\n  client_secret: hush-hush\n  profiles: Alice\n",
    );
    folder
}

/// The message of the program about a file, which becomes `web.yml` in the folder.
fn check(folder: &Path, file: &Path) -> Output {
    fs::copy(file, folder.join("web.yml")).unwrap();
    fed(exporter(folder).args(["check-config", "--web.config.file", "web.yml"]), b"")
}

fn promtool_accepts(folder: &Path) -> bool {
    let mut promtool = Command::new("promtool");
    fed(promtool.current_dir(folder).args(["check", "web-config", "web.yml"]), b"").status.success()
}

fn name(file: &Path) -> &str {
    file.file_name().unwrap().to_str().unwrap()
}
