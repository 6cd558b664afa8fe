//! The examples of configurations, read by the program and by promtool.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{approved, path, text};
use crate::certificates::certificates;
use crate::config::{exporter, write};
use crate::program::fed;

#[test]
fn the_configuration_is_good() {
    let mut check = exporter(Path::new("."));
    check.args(["check-config", "--config.file"]).arg(path("examples/withings.yaml"));
    // The secret's file is systemd's.
    let meaning = approved(check.env("WITHINGS_CLIENT_SECRET", "secret"));
    assert!(meaning.contains("http://localhost:10064/callback"), "{meaning}");
}

/// A password that is printed in public is tried first.
#[test]
fn the_web_configuration_is_good_with_a_password_of_its_own_and_not_before() {
    let folder = certificates();
    let check = || fed(exporter(folder.path()).args(["check-config", "--web.config.file", "web-config.yml"]), b"");
    write(&folder.path().join("withings.yaml"), "withings: {client_id: id, client_secret: secret, profiles: Alice}\n");
    let example = text("examples/web-config.yml");
    write(&folder.path().join("web-config.yml"), &example);
    let refused = String::from_utf8(check().stderr).unwrap();
    assert!(refused.contains("this is no bcrypt hash of a password") && refused.contains("htpasswd"), "{refused}");
    let hash = bcrypt::hash_with_salt("hush", 4, [7; 16]).unwrap().to_string();
    write(&folder.path().join("web-config.yml"), &example.replace("prometheus: HASH", &format!("prometheus: {hash}")));
    assert!(check().status.success());
    approved(Command::new("promtool").current_dir(folder.path()).args(["check", "web-config", "web-config.yml"]));
}

#[test]
fn prometheus_understands_how_to_scrape() {
    let folder = certificates();
    write(&folder.path().join("password"), "PASSWORD\n");
    for name in ["scrape.yml", "scrape-shards.yml", "scrape-tls.yml"] {
        fs::copy(path("examples").join(name), folder.path().join(name)).unwrap();
        approved(Command::new("promtool").current_dir(folder.path()).args(["check", "config", name]));
    }
}
