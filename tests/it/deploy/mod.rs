//! What deploy/ says is true: its files are valid for the tools that read them, and every flag, path and variable in
//! them is one that the program has.

pub(crate) mod alertmanager;
mod cluster;
mod completions;
mod compose;
mod debian;
mod examples;
mod generated;
mod image;
mod image_content;
mod package;
mod proxy;
mod release;
mod replicas;
mod repository;
mod service_unit;
mod workflows;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use clap::Parser;
use serde_yaml::Value;
use tempfile::TempDir;
use withings_exporter::cli::{self, Cli, Label};

use crate::config::{exporter, write};
use crate::documents::blocks_of;
use crate::http_client::Connection;
use crate::installation::free_address;
use crate::program::{Program, fed, until};
use crate::python::answer;
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

/// A script of deploy/release.
fn release(script: &str) -> Command {
    let mut command = Command::new(path("release").join(script));
    // Tests run with what the build script said, and a build within would take that for an order.
    command.env_remove("WITHINGS_EXPORTER_REVISION").env_remove("WITHINGS_EXPORTER_BRANCH");
    command
}

/// The static program that a release offers, which the first to ask for it waits minutes for.
fn static_program() -> PathBuf {
    let built = answer(&mut release("build.sh"), b"");
    root().join(String::from_utf8(built).unwrap().trim_end())
}

/// The command of deploy/README.md that begins so, in one line.
fn documented(begin: &str) -> String {
    let commands = blocks_of(&text("README.md"), "sh").concat().replace("\\\n", " ");
    let command = commands.lines().find(|command| command.starts_with(begin));
    command.unwrap_or_else(|| panic!("deploy/README.md has no command {begin}")).to_owned()
}

/// The labels that a history gets which this command of deploy/README.md writes to a file.
fn documented_labels(begin: &str) -> Vec<Label> {
    let command = documented(begin);
    let (_, backfill) = command.split_once(" withings-exporter backfill ").unwrap();
    let (arguments, _) = backfill.split_once(" >history.om").unwrap();
    let arguments: Vec<&str> = ["backfill"].into_iter().chain(arguments.split_whitespace()).collect();
    match understood(&arguments).command {
        Some(cli::Command::Backfill(asked)) => asked.labels,
        other => panic!("{other:?}"),
    }
}

/// The command line of the program with these arguments, which it must understand.
#[track_caller]
fn understood(arguments: &[&str]) -> Cli {
    let line = [&["withings-exporter"], arguments].concat();
    Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"))
}

/// A running exporter with no more flags than its address, and its folder.
async fn start_without_flags() -> (Program, SocketAddr, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    write(&folder.path().join("withings.yaml"), "withings: {client_id: id, client_secret: secret, profiles: Alice}\n");
    let mut program = exporter(folder.path());
    program.args(["--web.listen-address", &address.to_string()]);
    let program = Program::start(&mut program, &folder.path().join("log"));
    until("the port", async || program.said().contains("listening").then_some(())).await;
    (program, address, folder)
}

/// Expects that scrapes of these hosts are answered, and by one that is open to everybody.
async fn check_answered(hosts: &[&str]) {
    let (_program, address, _folder) = start_without_flags().await;
    let status = async |host| Connection::open(address).await.request_to(host, "GET", "/metrics", "").await.status;
    for host in hosts {
        assert_eq!(status(host).await, 200, "{host}");
    }
    assert_eq!(status("evil.example").await, 421);
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
