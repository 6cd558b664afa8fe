//! The README says what is true: its commands work, its examples are valid, its tables are complete.
//!
//! `UPDATE_EXPECT=1` writes the generated table anew. With `WITHINGS_TEST_RELEASE` set, `cargo run --release` is run as the
//! README has it; else the program that was built for the tests stands in for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use clap::CommandFactory;
use serde_json::json;
use tempfile::TempDir;
use withings_exporter::catalogue::{self, Format, Group, Measurement};
use withings_exporter::cli::Cli;

use crate::certificates::certificates;
use crate::config::{exporter, write};
use crate::demo::RARELY_MEASURED;
use crate::program::fed;
use crate::shell::{Home, Running};
use crate::sources::root;

/// What the README calls the program.
const PROGRAM: &str = "cargo run --release";

/// What stands before and after its generated table.
const METRICS: [&str; 2] = ["<!-- metrics -->\n", "<!-- /metrics -->\n"];

/// Counters that begin with their first event, and a quiet exporter may have none.
pub(crate) const RARE: [&str; 2] =
    ["withings_exporter_api_request_failures_total", "withings_exporter_notifications_total"];

#[test]
fn every_command_works() {
    let home = Home::new(&configurations()[0]);
    let mut running: Option<Running> = None;
    for (line, shown) in commands() {
        match line.strip_prefix(PROGRAM).map(|it| it.trim_start_matches(" -- ")) {
            Some("" | "demo") => {
                if let Some(before) = running.take() {
                    before.end();
                }
                running = Some(home.start(&as_built(&line)));
            }
            Some(_) => drop(checked(&mut home.command(&as_built(&line)))),
            None if line.starts_with("curl ") => {
                let running = running.as_ref().unwrap();
                running.until(&line, |said| blurred(said) == blurred(&shown));
            }
            None => assert_eq!(line, "tests/run", "no test runs this command of the README"),
        }
    }
    running.unwrap().end();
}

#[test]
fn the_table_of_metrics_is_the_catalogue() {
    let readme = readme();
    let (before, rest) = readme.split_once(METRICS[0]).unwrap();
    let (table, after) = rest.split_once(METRICS[1]).unwrap();
    let catalogue = catalogue::document(Format::Markdown);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return write(&path(), &[before, METRICS[0], &catalogue, METRICS[1], after].concat());
    }
    assert_eq!(table, catalogue, "UPDATE_EXPECT=1 writes it anew");
}

#[test]
fn every_metric_of_people_and_exporter_is_described() {
    let home = Home::new("");
    let demo = home.start(&as_built("cargo run --release -- demo"));
    let described: BTreeSet<String> = first_column("Own metric", "Labels");
    let measured: BTreeSet<String> = Measurement::all().map(|it| it.metric()).collect();
    let [rare, rarely_measured] =
        [&RARE[..], &RARELY_MEASURED].map(|it| it.iter().map(|it| (*it).to_owned()).collect());
    let often_measured: BTreeSet<String> = &measured - &rarely_measured;
    let mut exported = BTreeSet::new();
    demo.until("curl -s http://localhost:10064/metrics", |page| {
        let types = page.lines().filter_map(|it| it.strip_prefix("# TYPE ")?.split(' ').next());
        exported = types.map(str::to_owned).collect::<BTreeSet<_>>();
        often_measured.is_subset(&exported) && &described - &rare == &(&exported - &measured) - &rare
    });
    assert!(rare.is_subset(&described));
    demo.end();
}

#[test]
fn every_command_is_described() {
    let own: BTreeSet<String> = Cli::command().get_subcommands().map(|it| it.get_name().to_owned()).collect();
    let described = first_column("Command", "What it does");
    let described =
        described.iter().filter_map(|it| it.strip_prefix("withings-exporter ")?.split(' ').next()).map(str::to_owned);
    assert_eq!(described.collect::<BTreeSet<_>>(), own);
}

#[test]
fn every_flag_is_described_with_its_default() {
    let command = Cli::command();
    let own = command.get_arguments().filter(|it| !["help", "version"].contains(&it.get_id().as_str()));
    let own = own.map(|flag| {
        let default = match flag.get_default_values() {
            _ if !flag.get_action().takes_values() => "off".to_owned(),
            [] => flag
                .get_help()
                .unwrap()
                .to_string()
                .rsplit_once("[default: ")
                .unwrap()
                .1
                .trim_end_matches([']', '.'])
                .into(),
            values => format!("`{}`", values[0].to_str().unwrap()),
        };
        format!("| `--{}` | {default} |", flag.get_long().unwrap())
    });
    let rows = table("Flag", "Default");
    let own: Vec<String> = own.collect();
    assert_eq!(own.len(), rows.len());
    for (row, own) in rows.iter().zip(&own) {
        assert!(row.starts_with(own), "{row}\n{own}");
    }
}

#[test]
fn every_key_of_the_configuration_is_described() {
    let home = Home::new("withings:\n  no_such_key: 1\n");
    let refused = fed(&mut home.command(&as_built("cargo run --release -- check-config")), b"");
    let message = String::from_utf8(refused.stderr).unwrap();
    let (_, allowed) = message.trim_end().rsplit_once("allowed are ").unwrap();
    assert_eq!(first_column("Key", "Meaning"), allowed.split(", ").map(str::to_owned).collect());
    let rows = table("Key", "Meaning");
    let measurements = rows.iter().find(|it| it.starts_with("| `measurements` |")).unwrap();
    for group in Group::ALL {
        assert!(measurements.contains(&format!("`{}`", group.name())), "{group:?}");
    }
}

#[test]
fn the_configurations_are_valid_and_register_what_is_said() {
    let configurations = configurations();
    assert_eq!(configurations.len(), 2);
    for configuration in configurations {
        let home = Home::new(&configuration);
        let mut command = home.command(&as_built("cargo run --release -- check-config"));
        // The address that a user has.
        let meaning = checked(command.env_remove("WITHINGS_EXPORTER_WEB_LISTEN_ADDRESS"));
        let redirect_uri = "http://localhost:10064/callback";
        assert!(meaning.contains(redirect_uri) && readme().contains(&format!("register exactly `{redirect_uri}`")));
    }
}

#[test]
fn prometheus_understands_what_is_said_about_it() {
    let folder = TempDir::new().unwrap();
    let check = |kind: &str, content: &str| {
        let file = folder.path().join(kind);
        write(&file, content);
        checked(Command::new("promtool").args(["check", kind]).arg(file));
    };
    let scrapes: Vec<_> = blocks("yaml").into_iter().filter(|it| it.starts_with("scrape_configs:")).collect();
    assert_eq!(scrapes.len(), 2);
    for scrape in scrapes {
        check("config", &scrape);
    }
    let rules = blocks("promql").into_iter().map(|it| json!({"record": "readme:example", "expr": it}));
    check("rules", &json!({"groups": [{"name": "readme", "rules": rules.collect::<Vec<_>>()}]}).to_string());
}

#[test]
fn the_web_configuration_is_valid_here_and_for_other_exporters() {
    let folder = certificates();
    write(&folder.path().join("withings.yaml"), &configurations()[0]);
    let example = blocks("yaml").into_iter().find(|it| it.starts_with("tls_server_config:")).unwrap();
    write(&folder.path().join("web.yml"), &example);
    checked(exporter(folder.path()).args(["check-config", "--web.config.file", "web.yml"]));
    let promtool = &mut Command::new("promtool");
    checked(promtool.current_dir(folder.path()).args(["check", "web-config", "web.yml"]));
}

#[test]
fn blocks_are_found_where_they_are_indented() {
    assert_eq!(
        blocks_of("```sh\n$ a\n```\n1. x\n\n   ```sh\n   $ b\n   c:\n     d\n   ```\n", "sh"),
        ["$ a\n", "$ b\nc:\n  d\n"]
    );
}

fn path() -> PathBuf {
    root().join("README.md")
}

fn readme() -> String {
    fs::read_to_string(path()).unwrap()
}

/// Commands of the README in order, each with what it is said to print.
fn commands() -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in blocks("console").concat().lines() {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push((command.to_owned(), String::new())),
            None => commands.last_mut().unwrap().1.extend([line, "\n"]),
        }
    }
    commands
}

/// The command with the program that was built for the tests, unless it is to be run as it is.
fn as_built(line: &str) -> String {
    if std::env::var_os("WITHINGS_TEST_RELEASE").is_some() {
        return line.to_owned();
    }
    let arguments = line.strip_prefix(PROGRAM).unwrap().trim_start_matches(" --");
    format!("'{}'{arguments}", env!("CARGO_BIN_EXE_withings-exporter"))
}

/// The text with every number made the same: values change with the days.
fn blurred(text: &str) -> String {
    let parts = text.split(|it: char| it.is_ascii_digit() || it == '.').filter(|it| !it.is_empty());
    parts.collect::<Vec<_>>().join("#")
}

fn configurations() -> Vec<String> {
    blocks("yaml").into_iter().filter(|it| it.starts_with("withings:")).collect()
}

fn blocks(language: &str) -> Vec<String> {
    blocks_of(&readme(), language)
}

/// The fenced blocks in `language`, without their common indentation.
fn blocks_of(text: &str, language: &str) -> Vec<String> {
    let mut lines = text.lines();
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        let Some((indentation, said)) = line.split_once("```") else { continue };
        let block = lines.by_ref().take_while(|it| it.trim_start() != "```");
        let block = block.flat_map(|it| [it.strip_prefix(indentation).unwrap_or(it), "\n"]).collect();
        if said == language {
            blocks.push(block);
        }
    }
    blocks
}

/// The rows of the table with these first two columns.
fn table(first: &str, second: &str) -> Vec<String> {
    let readme = readme();
    let lines = readme.lines().skip_while(|it| !it.starts_with(&format!("| {first} | {second} |")));
    lines.skip(2).take_while(|it| it.starts_with('|')).map(str::to_owned).collect()
}

/// What stands first in each row, out of its backquotes.
fn first_column(first: &str, second: &str) -> BTreeSet<String> {
    table(first, second).iter().map(|row| row.split('`').nth(1).unwrap().to_owned()).collect()
}

/// What a command printed; it must have worked.
#[track_caller]
fn checked(command: &mut Command) -> String {
    let output = fed(command, b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
