//! The examples of configurations, read by the program and by promtool.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{approved, path, text, yaml};
use crate::certificates::certificates;
use crate::config::{exporter, write};

#[test]
fn the_configuration_is_good() {
    let mut check = exporter(Path::new("."));
    check.args(["check-config", "--config.file"]).arg(path("examples/withings.yaml"));
    // The secret's file is systemd's.
    let meaning = approved(check.env("WITHINGS_CLIENT_SECRET", "secret"));
    assert!(meaning.contains("http://localhost:10064/callback"), "{meaning}");
}

#[test]
fn the_web_configuration_is_good_and_its_password_as_it_says() {
    let folder = certificates();
    write(&folder.path().join("withings.yaml"), "withings: {client_id: id, client_secret: secret, profiles: Alice}\n");
    write(&folder.path().join("web-config.yml"), &text("examples/web-config.yml"));
    approved(exporter(folder.path()).args(["check-config", "--web.config.file", "web-config.yml"]));
    approved(Command::new("promtool").current_dir(folder.path()).args(["check", "web-config", "web-config.yml"]));
    let users = yaml("examples/web-config.yml")["basic_auth_users"].clone();
    assert_eq!(bcrypt::verify("PASSWORD", users["prometheus"].as_str().unwrap()).ok(), Some(true));
}

#[test]
fn prometheus_understands_how_to_scrape() {
    let folder = certificates();
    write(&folder.path().join("password"), "PASSWORD\n");
    for name in ["scrape.yml", "scrape-tls.yml"] {
        fs::copy(path("examples").join(name), folder.path().join(name)).unwrap();
        approved(Command::new("promtool").current_dir(folder.path()).args(["check", "config", name]));
    }
}
