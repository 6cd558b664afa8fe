//! The words of the program in deploy/: its flags, its variables, and the files that the documents link to.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::CommandFactory;
use withings_exporter::catalogue::Measurement;
use withings_exporter::cli::Cli;

use super::{path, understood};
use crate::sources::walk;

/// Read beside what clap reads: by the configuration, and when the program is built.
const OTHER_VARIABLES: [&str; 3] = ["WITHINGS_CLIENT_ID", "WITHINGS_CLIENT_SECRET", "WITHINGS_EXPORTER_REVISION"];

/// What flags of Prometheus begin with.
const OF_PROMETHEUS: &str = "storage.tsdb.";

/// Every file of deploy/ that ends so.
fn files(end: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    walk(&path(""), &mut |file: &Path| {
        let name = file.strip_prefix(path("")).unwrap().display().to_string();
        if name.ends_with(end) {
            files.push((name, fs::read_to_string(file).unwrap()));
        }
    });
    files
}

/// The words of a text that begin so, as far as they consist of `allowed`.
fn words<'a>(text: &'a str, begin: &'a str, allowed: impl Fn(char) -> bool + 'a) -> impl Iterator<Item = &'a str> {
    text.match_indices(begin).map(move |(at, _)| {
        let rest = &text[at..];
        let end = begin.len() + rest[begin.len()..].find(|it| !allowed(it)).unwrap_or(rest.len() - begin.len());
        &rest[..end]
    })
}

/// What every argument of every command says of itself.
fn of_arguments<'a>(command: &'a clap::Command, what: &dyn Fn(&'a clap::Arg) -> Option<&'a str>) -> BTreeSet<&'a str> {
    let commands = command.get_subcommands().chain([command]);
    commands.flat_map(clap::Command::get_arguments).filter_map(what).collect()
}

#[test]
fn every_variable_is_one_of_the_programs() {
    let command = Cli::command();
    let mut known = of_arguments(&command, &|it| it.get_env()?.to_str());
    known.extend(OTHER_VARIABLES);
    for (name, text) in files("") {
        let unknown =
            words(&text, "WITHINGS_", |it| it.is_ascii_uppercase() || it == '_').find(|it| !known.contains(it));
        assert_eq!(unknown, None, "{name}");
    }
}

#[test]
fn every_flag_in_the_documents_is_one_of_the_programs() {
    let command = Cli::command();
    let known = of_arguments(&command, &|it| it.get_long());
    for (name, text) in files(".md") {
        let flags = words(&text, "--", |it| it.is_ascii_lowercase() || "-.".contains(it));
        let mut flags = flags.map(|it| it[2..].trim_end_matches('.')).filter(|it| it.contains('.'));
        let unknown = flags.find(|it| !known.contains(it) && !it.starts_with(OF_PROMETHEUS));
        assert_eq!(unknown, None, "{name}");
    }
}

#[test]
fn every_command_in_the_documents_is_understood() {
    let mut seen = 0;
    for (_, text) in files(".md") {
        for line in text.lines().filter_map(|it| it.trim_start().strip_prefix("withings-exporter ")) {
            understood(&line.split_whitespace().collect::<Vec<_>>());
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn every_metric_that_takes_the_place_of_another_exists() {
    let guide = fs::read_to_string(path("MIGRATION.md")).unwrap();
    let known: BTreeSet<_> = Measurement::all().map(|it| it.metric()).collect();
    let rows =
        guide.lines().filter_map(|it| it.strip_prefix("| `withings_")?.split_once("` | `")).map(|(_, here)| here);
    let here: Vec<_> = rows.map(|it| it.split(['{', '`']).next().unwrap()).collect();
    assert!(here.len() > 50);
    assert_eq!(here.into_iter().find(|it| !known.contains(*it)), None);
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    for (name, text) in files(".md") {
        let links = text.split("](").skip(1).map(|it| it.split(')').next().unwrap());
        for link in links.filter(|it| !it.contains("://") && !it.starts_with('#')) {
            let target = link.split('#').next().unwrap();
            assert!(path(&name).with_file_name("").join(target).exists(), "{name} links to {link}");
        }
    }
}
