//! The documents name what there is: flags, variables, commands, metrics, and the files and headings that they link to.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::{CommandFactory, Parser};
use withings_exporter::catalogue::Measurement;
use withings_exporter::cli::Cli;

use crate::demo::RARELY_MEASURED;
use crate::readme::RARE;
use crate::sources::{root, walk};

/// Read beside what clap reads: by the configuration, and when the program is built.
const OTHER_VARIABLES: [&str; 4] =
    ["WITHINGS_CLIENT_ID", "WITHINGS_CLIENT_SECRET", "WITHINGS_EXPORTER_REVISION", "WITHINGS_EXPORTER_BRANCH"];

/// What variables of the tests begin with.
const OF_TESTS: &str = "WITHINGS_TEST_";

/// What flags of Prometheus and Alertmanager begin with.
const OF_PROMETHEUS: [&str; 5] = [
    "storage.tsdb.",
    "web.enable-admin-api",
    "web.enable-remote-write-receiver",
    "cluster.listen-address",
    "alertmanager.url",
];

/// What the paths of the project's files begin with.
const OF_PROJECT: [&str; 5] = ["src/", "tests/", "docs/", "deploy/", "grafana/"];

/// What the rules record and people set.
const RECORDED: [&str; 1] = ["withings_guideline"];

/// The guide names metrics of other exporters, and the changelog those of the past.
const OTHER_METRICS: [&str; 2] = ["deploy/MIGRATION.md", "CHANGELOG.md"];

/// A document of the project by its path from the root.
pub(crate) fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every document with its path from the root, the README first.
pub(crate) fn documents() -> Vec<(String, String)> {
    let mut documents = Vec::new();
    for name in ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"] {
        documents.push((name.to_owned(), document(name)));
    }
    for folder in ["docs", "deploy"] {
        documents.extend(files(folder).into_iter().filter(|(name, _)| is_document(name)));
    }
    documents
}

fn is_document(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "md")
}

/// The fenced blocks of a document in `language`.
pub(crate) fn blocks(name: &str, language: &str) -> Vec<String> {
    blocks_of(&document(name), language)
}

/// The fenced blocks in `language`, without their common indentation.
pub(crate) fn blocks_of(text: &str, language: &str) -> Vec<String> {
    let mut lines = text.lines();
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        let Some((indentation, said)) = line.split_once("```") else { continue };
        let block = lines.by_ref().take_while(|line| line.trim_start() != "```");
        let block = block.flat_map(|line| [line.strip_prefix(indentation).unwrap_or(line), "\n"]).collect();
        if said == language {
            blocks.push(block);
        }
    }
    blocks
}

/// Every file of a folder with its path from the root.
fn files(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    walk(&root().join(folder), &mut |file: &Path| {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        files.push((name, fs::read_to_string(file).unwrap()));
    });
    files
}

/// The words of a text that begin so, as far as they consist of `allowed`.
fn words<'a>(text: &'a str, begin: &'a str, allowed: impl Fn(char) -> bool + 'a) -> impl Iterator<Item = &'a str> {
    text.match_indices(begin).map(move |(at, _)| {
        let rest = &text[at..];
        let tail = &rest[begin.len()..];
        &rest[..begin.len() + tail.find(|character| !allowed(character)).unwrap_or(tail.len())]
    })
}

/// What every argument of every command says of itself.
fn of_arguments<'a>(command: &'a clap::Command, what: &dyn Fn(&'a clap::Arg) -> Option<&'a str>) -> BTreeSet<&'a str> {
    let commands = command.get_subcommands().chain([command]);
    commands.flat_map(clap::Command::get_arguments).filter_map(what).collect()
}

/// The headings of a document as links name them: in small letters, with hyphens for spaces and without other marks.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut is_code = false;
    let lines = text.lines().filter(|line| {
        is_code ^= line.trim_start().starts_with("```");
        !is_code
    });
    let headings =
        lines.filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    let anchor = |heading: &str| {
        let kept = heading.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    for (name, text) in documents() {
        for link in links(&text) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if file.is_empty() { root().join(&name) } else { root().join(&name).with_file_name("").join(file) };
            assert!(target.exists(), "{name} links to {link}");
            let is_there = || anchors(&fs::read_to_string(&target).unwrap()).contains(anchor);
            assert!(anchor.is_empty() || is_there(), "{name} links to {link}, which has no such heading");
        }
    }
}

#[test]
fn every_file_that_is_named_exists() {
    for (name, text) in documents() {
        let quoted = text.split('`').skip(1).step_by(2).map(|code| code.split(['*', ' ']).next().unwrap());
        let mut files = quoted.filter(|code| OF_PROJECT.iter().any(|folder| code.starts_with(folder)));
        let missing = files.find(|file| !root().join(file).exists() && *file != "deploy/withings.yaml");
        assert!(missing.is_none() || name == "CHANGELOG.md", "{name}: {missing:?}");
    }
}

/// The links of a document to others of the project.
pub(crate) fn links(text: &str) -> impl Iterator<Item = &str> {
    let links = text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    links.filter(|link| !link.contains("://"))
}

#[test]
fn headings_are_named_as_links_name_them() {
    let text = "# The `one`, and only\n```sh\n# no heading\n```\n## two-three_4\n#hash\n";
    assert_eq!(anchors(text), ["the-one-and-only", "two-three_4"].map(str::to_owned).into());
}

#[test]
fn blocks_are_found_where_they_are_indented() {
    assert_eq!(
        blocks_of("```sh\n$ a\n```\n1. x\n\n   ```sh\n   $ b\n   c:\n     d\n   ```\n", "sh"),
        ["$ a\n", "$ b\nc:\n  d\n"]
    );
}

#[test]
fn every_variable_is_one_of_the_programs() {
    let command = Cli::command();
    let mut known = of_arguments(&command, &|argument| argument.get_env()?.to_str());
    known.extend(OTHER_VARIABLES);
    for (name, text) in documents().into_iter().chain(files("deploy")) {
        let variables = words(&text, "WITHINGS_", |character| character.is_ascii_uppercase() || character == '_');
        let unknown = variables.filter(|word| !word.starts_with(OF_TESTS)).find(|word| !known.contains(word));
        assert_eq!(unknown, None, "{name}");
    }
}

#[test]
fn every_flag_is_one_of_the_programs() {
    let command = Cli::command();
    let known = of_arguments(&command, &|argument| argument.get_long());
    for (name, text) in documents() {
        let flags = words(&text, "--", |character| character.is_ascii_lowercase() || "-.".contains(character));
        let mut flags = flags.map(|word| word[2..].trim_end_matches('.')).filter(|word| word.contains('.'));
        let unknown =
            flags.find(|word| !known.contains(word) && !OF_PROMETHEUS.iter().any(|begin| word.starts_with(begin)));
        assert_eq!(unknown, None, "{name}");
    }
}

#[test]
fn every_command_is_understood() {
    let mut seen = 0;
    for (name, text) in documents() {
        let code = blocks_of(&text, "sh").concat();
        for line in code.lines().filter(|line| line.starts_with("withings-exporter ")) {
            let understood = Cli::try_parse_from(line.split_whitespace());
            assert!(understood.is_ok(), "{name}: {line}: {}", understood.unwrap_err());
            seen += 1;
        }
    }
    assert!(seen > 1);
}

#[test]
fn every_metric_exists() {
    let page = document("tests/golden/household-text.snap");
    let mut known: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    known.extend(RARE.iter().chain(&RARELY_MEASURED).chain(&RECORDED));
    let documents = documents();
    for (name, text) in documents.iter().filter(|(name, _)| !OTHER_METRICS.contains(&name.as_str())) {
        let quoted = text.split('`').skip(1).step_by(2);
        let metrics = quoted.filter(|code| code.starts_with("withings_") && !code.contains(['…', '<']));
        let metrics = metrics.filter_map(|code| {
            code.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').next()
        });
        let unknown = metrics.into_iter().find(|metric| *metric != "withings_" && !known.contains(metric));
        assert_eq!(unknown, None, "{name}");
    }
}

#[test]
fn every_metric_that_takes_the_place_of_another_exists() {
    let guide = document("deploy/MIGRATION.md");
    let known: BTreeSet<_> = Measurement::all().map(|measurement| measurement.metric()).collect();
    let rows =
        guide.lines().filter_map(|row| row.strip_prefix("| `withings_")?.split_once("` | `")).map(|(_, here)| here);
    let here: Vec<_> = rows.map(|here| here.split(['{', '`']).next().unwrap()).collect();
    assert!(here.len() > 50);
    assert_eq!(here.into_iter().find(|metric| !known.contains(*metric)), None);
}
