//! What runs where the project is hosted: the workflows fit their schema, run what the repository has, and name every action
//! and image so that it cannot change; every script passes shellcheck.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_yaml::Value;

use super::image::Image;
use super::{approved, strings, yaml};
use crate::program::fed;
use crate::python::{answer, tool};
use crate::sources::{root, walk};

/// What every workflow must be allowed, and no more, unless a job says so.
const READ: &str = "read";

fn workflows() -> Vec<(PathBuf, Value)> {
    let mut found = Vec::new();
    walk(&root().join(".github/workflows"), &mut |file| {
        found.push((file.to_owned(), serde_yaml::from_str(&fs::read_to_string(file).unwrap()).unwrap()));
    });
    assert!(!found.is_empty());
    found
}

/// The jobs of a workflow with their names.
fn jobs(workflow: &Value) -> impl Iterator<Item = (&str, &Value)> {
    workflow["jobs"].as_mapping().unwrap().iter().map(|(name, job)| (name.as_str().unwrap(), job))
}

/// The steps of all jobs of a workflow.
fn steps(workflow: &Value) -> impl Iterator<Item = &Value> {
    jobs(workflow).filter_map(|(_, job)| job["steps"].as_sequence()).flatten()
}

/// Files of the repository, tracked or about to be.
fn files() -> Vec<PathBuf> {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    String::from_utf8(answer(&mut git, b"")).unwrap().lines().map(PathBuf::from).collect()
}

fn check_schema(schema: &str, files: &[PathBuf]) {
    approved(tool("check-jsonschema").args(["--builtin-schema", schema]).args(files));
}

#[test]
fn the_schemas_allow_everything() {
    let files: Vec<PathBuf> = workflows().into_iter().map(|(file, _)| file).collect();
    check_schema("vendor.github-workflows", &files);
    check_schema("vendor.dependabot", &[root().join(".github/dependabot.yml")]);
}

#[test]
fn the_tests_run_as_the_documents_say() {
    let runs = |workflow: &Value| steps(workflow).any(|step| step["run"] == "tests/run --long");
    assert!(workflows().iter().any(|(file, workflow)| file.ends_with("test.yml") && runs(workflow)));
}

#[test]
fn every_action_is_named_by_a_commit_and_its_version() {
    let mut seen = 0;
    for (file, _) in workflows() {
        for line in fs::read_to_string(&file).unwrap().lines() {
            let Some((_, action)) = line.split_once("uses: ") else { continue };
            if action.starts_with("./") {
                continue;
            }
            let (name, version) = action.split_once(" # v").unwrap_or_else(|| panic!("{action}: no version"));
            let (_, commit) = name.split_once('@').unwrap();
            assert!(commit.len() == 40 && commit.bytes().all(|digit| digit.is_ascii_hexdigit()), "{action}");
            assert!(is_exact(version), "{action}");
            seen += 1;
        }
    }
    assert!(seen > 0);
}

/// Whether a version has all of its numbers, as `1.2.3` and `v1.2.3-slim`.
fn is_exact(version: &str) -> bool {
    numbers(version) == 3
}

/// How many numbers a version has.
fn numbers(version: &str) -> usize {
    let numbers = version.trim_start_matches('v').split('-').next().unwrap().split('.');
    numbers.filter(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())).count()
}

#[test]
fn versions_are_exact_only_with_all_their_numbers() {
    assert!(is_exact("1.95.0-slim-bookworm") && is_exact("v3.5.0"));
    assert!(!is_exact("1.95-slim") && !is_exact("latest") && !is_exact("v7"));
}

#[test]
fn every_image_has_an_exact_version() {
    let (image, stack) = (Image::read(), yaml("compose.yaml"));
    let bases = image.all("FROM").map(|base| base.split(' ').next().unwrap().to_owned());
    let of_stack = stack["services"].as_mapping().unwrap().values().filter_map(|service| service["image"].as_str());
    let workflows = workflows();
    let of_jobs = workflows
        .iter()
        .flat_map(|(_, workflow)| jobs(workflow).filter_map(|(_, job)| job["container"]["image"].as_str()));
    let images = bases.chain(of_stack.chain(of_jobs).map(str::to_owned));
    let images: Vec<String> = images.filter(|name| name != "scratch" && name != "withings-exporter").collect();
    assert!(images.len() > 3, "{images:?}");
    for name in images {
        let (image, version) = name.split_once(':').unwrap_or_else(|| panic!("{name} has no version"));
        // PostgreSQL's versions have two numbers.
        assert!(if image == "postgres" { numbers(version) == 2 } else { is_exact(version) }, "{name}");
    }
}

/// The versions of Rust that a text names: of an image, and for rustup.
fn versions_of_rust(text: &str) -> impl Iterator<Item = &str> {
    let named = ["rust:", "rustup toolchain install ", "rustup default "];
    let after = named.into_iter().flat_map(|name| text.split(name).skip(1));
    after.map(|version| version.split(['-', ' ', '\n']).next().unwrap())
}

#[test]
fn it_is_the_same_rust_everywhere() {
    let image = Image::read().all("FROM").next().unwrap().to_owned();
    let expected = versions_of_rust(&image).next().unwrap();
    assert!(expected.starts_with(concat!(env!("CARGO_PKG_RUST_VERSION"), ".")));
    let mut naming = BTreeSet::new();
    for (file, workflow) in workflows() {
        let name = file.file_name().unwrap().to_str().unwrap();
        for version in versions_of_rust(&serde_yaml::to_string(&workflow).unwrap()) {
            assert_eq!(version, expected, "{name}");
            naming.insert(name.to_owned());
        }
    }
    assert!(["test.yml", "release.yml"].iter().all(|name| naming.contains(*name)), "{naming:?}");
}

#[test]
fn a_workflow_may_read_the_repository_and_its_jobs_ask_for_more() {
    for (file, workflow) in workflows() {
        let permissions = workflow["permissions"].as_mapping().unwrap();
        assert!(permissions.len() == 1 && permissions["contents"] == READ, "{}", file.display());
    }
}

#[test]
fn every_package_is_watched_for_advisories_and_updates() {
    let lists = files().into_iter().filter(|file| file.ends_with("Cargo.lock"));
    let mut manifests: Vec<String> =
        lists.map(|list| list.with_file_name("Cargo.toml").to_str().unwrap().to_owned()).collect();
    manifests.sort();
    let (_, deny) = workflows().into_iter().find(|(file, _)| file.ends_with("deny.yml")).unwrap();
    let mut denied = strings(&deny["jobs"]["deny"]["strategy"]["matrix"]["manifest"]);
    denied.sort_unstable();
    assert_eq!(denied, manifests);
    assert!(!deny["on"]["schedule"][0]["cron"].is_null());
    let dependabot: Value =
        serde_yaml::from_str(&fs::read_to_string(root().join(".github/dependabot.yml")).unwrap()).unwrap();
    let mut watchers = dependabot["updates"].as_sequence().unwrap().iter();
    let folders = &watchers.find(|watcher| watcher["package-ecosystem"] == "cargo").unwrap()["directories"];
    let manifest = |folder: &str| Path::new(folder.trim_start_matches('/')).join("Cargo.toml");
    let mut watched: Vec<PathBuf> = strings(folders).into_iter().map(manifest).collect();
    watched.sort();
    assert_eq!(watched, manifests.iter().map(PathBuf::from).collect::<Vec<_>>());
}

#[test]
fn shellcheck_has_nothing_to_say() {
    let is_script = |file: &PathBuf| {
        let text = fs::read(root().join(file)).unwrap_or_default();
        [&b"#!/bin/sh\n"[..], b"#!/usr/bin/env bash\n"].iter().any(|begin| text.starts_with(begin))
    };
    let scripts: Vec<PathBuf> = files().into_iter().filter(is_script).collect();
    assert!(scripts.len() > 8, "{scripts:?}");
    approved(Command::new("shellcheck").current_dir(root()).arg("--severity=style").args(scripts));
}

/// Values of the event stand in variables: in the text of a script they would be commands.
#[test]
fn shellcheck_has_nothing_to_say_about_the_workflows() {
    for (file, workflow) in workflows() {
        for script in steps(&workflow).filter_map(|step| step["run"].as_str()) {
            assert!(!script.contains("${{"), "{}: {script}", file.display());
            let mut shellcheck = Command::new("shellcheck");
            let judged = fed(shellcheck.args(["--shell=bash", "-"]), script.as_bytes());
            let said = String::from_utf8(judged.stdout).unwrap();
            assert!(judged.status.success(), "{}: {said}", file.display());
        }
    }
}
