//! The package for cargo.

use std::process::Command;

use super::approved;
use crate::sources::root;

#[test]
fn it_has_what_the_program_is_built_from_and_nothing_of_one_machine() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["package", "--list", "--offline", "--locked", "--allow-dirty", "--quiet"]);
    let listed = approved(&mut cargo);
    let listed: Vec<&str> = listed.lines().collect();
    for needed in [
        "Cargo.lock",
        "LICENSE",
        "README.md",
        "askama.toml",
        "build.rs",
        "docs/metrics.md",
        "src/main.rs",
        "src/web/templates/base.html",
    ] {
        assert!(listed.contains(&needed), "{needed} is missing");
    }
    let foreign = listed
        .iter()
        .find(|file| ["data/", "target/", "withings.yaml", "secrets.yaml"].iter().any(|own| file.starts_with(own)));
    assert_eq!(foreign, None);
}
