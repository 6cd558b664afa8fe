//! What deploy/ says is true: its files are valid for the tools that read them, and every flag, path and variable in
//! them is one that the program has.

mod cluster;
mod compose;
mod examples;
mod generated;
mod image;
mod package;
mod proxy;
mod service_unit;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use clap::Parser;
use serde_yaml::Value;
use withings_exporter::cli::Cli;

use crate::program::fed;
use crate::sources::root;

/// A path in deploy/.
fn path(name: &str) -> PathBuf {
    root().join("deploy").join(name)
}

/// A file of deploy/.
fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("deploy/{name}: {error}"))
}

/// A YAML file of deploy/, with its merge keys applied.
fn yaml(name: &str) -> Value {
    let mut yaml: Value = serde_yaml::from_str(&text(name)).unwrap();
    yaml.apply_merge().unwrap();
    yaml
}

/// The strings of a list; none where there is no list.
fn strings(list: &Value) -> Vec<&str> {
    list.as_sequence().into_iter().flatten().map(|text| text.as_str().unwrap()).collect()
}

/// The command line of the program with these arguments, which it must understand.
#[track_caller]
fn understood(arguments: &[&str]) -> Cli {
    let line = [&["withings-exporter"], arguments].concat();
    Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"))
}

/// What a tool prints about files that it must find good.
#[track_caller]
fn approved(tool: &mut Command) -> String {
    let output = fed(tool, b"");
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(output.status.success(), "{said}");
    said
}
