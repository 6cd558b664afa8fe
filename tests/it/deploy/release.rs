//! The steps of a release that need no account: notes, checksums, the archive.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::{approved, path, release, static_program};
use crate::config::write;
use crate::documents::links;
use crate::program::fed;
use crate::sources::walk;

/// What notes.sh says in a checkout of version 1.2.3 with this changelog.
fn notes(tag: &str, changelog: &str) -> Output {
    let folder = TempDir::new().unwrap();
    let place = |name: &str| folder.path().join(name);
    for folder in ["src", "deploy/release"] {
        fs::create_dir_all(place(folder)).unwrap();
    }
    let package = "name = \"withings-exporter\"\nversion = \"1.2.3\"\n";
    write(&place("Cargo.toml"), &format!("[package]\nedition = \"2024\"\n{package}"));
    write(&place("Cargo.lock"), &format!("version = 4\n\n[[package]]\n{package}"));
    write(&place("src/lib.rs"), "");
    write(&place("CHANGELOG.md"), changelog);
    fs::copy(path("release/notes.sh"), place("deploy/release/notes.sh")).unwrap();
    fed(Command::new(place("deploy/release/notes.sh")).arg(tag), b"")
}

#[track_caller]
fn check_refused(tag: &str, changelog: &str, advice: &str) {
    let refused = notes(tag, changelog);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && refused.stdout.is_empty() && said.contains(advice), "{said}");
}

#[test]
fn the_notes_are_what_the_changelog_says_of_the_version() {
    let changelog =
        "# Changelog\n\n## Unreleased\n\n* d\n\n## 1.2.3 / 2027-01-02\n\n* a\n* b\n\n## 1.2.2 / 2027-01-01\n\n* c\n";
    let made = notes("v1.2.3", changelog);
    assert_eq!(String::from_utf8(made.stdout).unwrap().trim(), "* a\n* b");
}

#[test]
fn a_tag_that_does_not_fit_is_refused() {
    let changelog = "## 1.2.3 / 2027-01-02\n\n* a\n";
    check_refused("v1.2.4", changelog, "it must be v1.2.3");
    check_refused("1.2.3", changelog, "it must be v1.2.3");
}

#[test]
fn a_version_that_the_changelog_does_not_have_is_refused() {
    check_refused("v1.2.3", "## Unreleased\n\n* a\n", "no section \"## 1.2.3 / DATE\"");
    check_refused("v1.2.3", "## 1.2.3 / 2027-01-02\n\n## 1.2.2 / 2027-01-01\n\n* b\n", "no section");
}

#[test]
fn the_checksums_are_those_of_the_files() {
    let folder = TempDir::new().unwrap();
    write(&folder.path().join("a"), "a");
    write(&folder.path().join("b c"), "b");
    // Once more, as if the release were made anew: the former sums are no file of the release.
    for _ in 0..2 {
        approved(release("checksums.sh").arg(folder.path()));
    }
    let sums = fs::read_to_string(folder.path().join("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().map(|line| &line[66..]).collect::<Vec<_>>(), ["a", "b c"]);
    let mut check = Command::new("sha256sum");
    approved(check.current_dir(folder.path()).args(["--check", "--strict", "SHA256SUMS"]));
}

/// The only file of a folder.
fn only_file(folder: &Path) -> PathBuf {
    let mut files = Vec::new();
    walk(folder, &mut |file| files.push(file.to_owned()));
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[test]
#[ignore = "long: tests/run --long"]
fn the_archive_has_the_program_with_its_documents_and_is_the_same_each_time() {
    let made = ["first", "second"].map(|_| {
        let folder = TempDir::new().unwrap();
        approved(release("archive.sh").arg(folder.path()));
        folder
    });
    let [first, second] = made.each_ref().map(|folder| only_file(folder.path()));
    assert_eq!(first.file_name(), second.file_name());
    assert!(fs::read(&first).unwrap() == fs::read(&second).unwrap(), "the same commit gives the same archive");

    let unpacked = TempDir::new().unwrap();
    approved(Command::new("tar").arg("--extract").arg("--file").arg(&first).arg("--directory").arg(unpacked.path()));
    let name = first.file_name().unwrap().to_str().unwrap().strip_suffix(".tar.gz").unwrap().to_owned();
    let folder = unpacked.path().join(name);
    assert!(fs::read(folder.join("withings-exporter")).unwrap() == fs::read(static_program()).unwrap());
    for needed in ["LICENSE", "README.md", "deploy/man/withings-exporter.1", "deploy/systemd/withings-exporter.service"]
    {
        assert!(folder.join(needed).exists(), "{needed} is missing");
    }
    walk(&folder, &mut |file| {
        // What contributors read is in the repository.
        if file.extension().is_none_or(|kind| kind != "md") || file.ends_with("CONTRIBUTING.md") {
            return;
        }
        for link in links(&fs::read_to_string(file).unwrap()) {
            let target = link.split('#').next().unwrap();
            let there = target.is_empty() || file.with_file_name("").join(target).exists();
            assert!(there, "{} links to {link}", file.display());
        }
    });
}
