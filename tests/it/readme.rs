//! The README and the documents that go on from it say what is true: their commands work, their examples are valid, their
//! tables are complete.
//!
//! `UPDATE_EXPECT=1` writes the generated table anew. With `WITHINGS_TEST_RELEASE` set, `cargo run --release` is run as the
//! documents have it; else the program that was built for the tests stands in for it.

use std::collections::BTreeSet;
use std::process::Command;

use clap::CommandFactory;
use serde_json::json;
use tempfile::TempDir;
use withings_exporter::catalogue::{self, DocumentFormat, Group, Measurement};
use withings_exporter::cli::Cli;

use crate::certificates::certificates;
use crate::config::{exporter, write};
use crate::demo::{Demo, RARELY_MEASURED};
use crate::documents::{blocks, blocks_of, document, documents};
use crate::program::{fed, until};
use crate::shell::{Home, Running};
use crate::sources::root;

/// What the documents call the program.
const PROGRAM: &str = "cargo run --release";

/// The longest that the README may be, bytes: what it leaves to other documents is read by those who need it.
const LONGEST_README: usize = 12_000;

/// What stands before and after the generated table.
const METRICS: [&str; 2] = ["<!-- metrics -->\n", "<!-- /metrics -->\n"];

/// Counters that begin with their first event, and a quiet exporter may have none; and what only an exporter with a database has.
pub(crate) const RARE: [&str; 3] = [
    "withings_exporter_api_request_failures_total",
    "withings_exporter_notifications_total",
    "withings_exporter_storage_feed_lag_seconds",
];

#[test]
fn the_readme_is_short() {
    assert!(document("README.md").len() <= LONGEST_README);
}

#[test]
fn every_command_works() {
    let home = Home::new(&configurations()[0]);
    let mut running: Option<Running> = None;
    for (line, shown) in commands() {
        match line.strip_prefix(PROGRAM).map(|rest| rest.trim_start_matches(" -- ")) {
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
            None => assert_eq!(line, "tests/run", "no test runs this command of the documents"),
        }
    }
    running.unwrap().end();
}

#[test]
fn the_table_of_metrics_is_the_catalogue() {
    let document = document("docs/metrics.md");
    let (before, rest) = document.split_once(METRICS[0]).unwrap();
    let (table, after) = rest.split_once(METRICS[1]).unwrap();
    let catalogue = catalogue::document(DocumentFormat::Markdown);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return write(&root().join("docs/metrics.md"), &[before, METRICS[0], &catalogue, METRICS[1], after].concat());
    }
    assert_eq!(table, catalogue, "UPDATE_EXPECT=1 writes it anew");
}

#[tokio::test]
async fn every_metric_of_people_and_exporter_is_described() {
    let dir = TempDir::new().unwrap();
    let demo = Demo::start(&[], &dir, &[]).await;
    let described: BTreeSet<String> = first_column("docs/metrics.md", "Own metric", "Labels");
    let measured: BTreeSet<String> = Measurement::all().map(|measurement| measurement.metric()).collect();
    let [rare, rarely_measured] =
        [&RARE[..], &RARELY_MEASURED].map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    let often_measured: BTreeSet<String> = &measured - &rarely_measured;
    until("every metric", async || {
        let page = demo.page("").await;
        let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        let exported: BTreeSet<_> = types.map(str::to_owned).collect();
        let own = &exported - &measured;
        (often_measured.is_subset(&exported) && &described - &rare == &own - &rare).then_some(())
    })
    .await;
    assert!(rare.is_subset(&described));
}

#[test]
fn every_command_is_described() {
    let own: BTreeSet<String> =
        Cli::command().get_subcommands().map(|subcommand| subcommand.get_name().to_owned()).collect();
    let described = first_column("docs/reference.md", "Command", "What it does");
    let described = described
        .iter()
        .filter_map(|line| line.strip_prefix("withings-exporter ")?.split(' ').next())
        .map(str::to_owned);
    assert_eq!(described.collect::<BTreeSet<_>>(), own);
}

#[test]
fn every_flag_is_described_with_its_default() {
    let command = Cli::command();
    let own = command.get_arguments().filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()));
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
    let rows = table("docs/reference.md", "Flag", "Default");
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
    assert_eq!(first_column("README.md", "Key", "Meaning"), allowed.split(", ").map(str::to_owned).collect());
    let rows = table("README.md", "Key", "Meaning");
    let measurements = rows.iter().find(|row| row.starts_with("| `measurements` |")).unwrap();
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
        let said = format!("register exactly `{redirect_uri}`");
        assert!(meaning.contains(redirect_uri) && document("README.md").contains(&said));
    }
}

#[test]
fn the_configuration_with_webhooks_is_valid() {
    let [example] = &blocks("docs/webhooks.md", "yaml")[..] else { panic!("there is another example") };
    let home = Home::new(&format!("{example}  client_id: id\n  client_secret: secret\n  profiles: Alice\n"));
    let meaning = checked(&mut home.command(&as_built("cargo run --release -- check-config")));
    assert!(meaning.contains("https://health.example/webhook/"), "{meaning}");
}

#[test]
fn every_flag_of_a_backfill_is_described() {
    let command = Cli::command();
    let flags = command.find_subcommand("backfill").unwrap().get_arguments().filter(|flag| !flag.is_global_set());
    let flags = flags.filter(|flag| flag.get_id() != "help").map(|flag| format!("--{}", flag.get_long().unwrap()));
    let rows = first_column("docs/history.md", "Flag", "Meaning");
    let described: BTreeSet<&str> = rows.iter().filter_map(|row| row.split(' ').next()).collect();
    let missing: Vec<String> = flags.filter(|flag| !described.contains(flag.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_kind_of_unknown_value_is_described() {
    let page = document("tests/golden/household-text.snap");
    let kinds = page.lines().filter_map(|line| {
        let (_, kind) = line.split_once("withings_exporter_unknown_values_total{kind=\"")?;
        Some(kind.split('"').next()?.to_owned())
    });
    assert_eq!(first_column("docs/missing-metric.md", "`kind`", "What it is"), kinds.collect());
}

#[test]
fn prometheus_understands_what_is_said_about_it() {
    let folder = TempDir::new().unwrap();
    let check = |kind: &str, content: &str| {
        let file = folder.path().join(kind);
        write(&file, content);
        checked(Command::new("promtool").args(["check", kind]).arg(file));
    };
    let scrapes = ["README.md", "docs/tls.md"].map(|name| blocks(name, "yaml")).concat();
    let scrapes: Vec<_> = scrapes.into_iter().filter(|block| block.starts_with("scrape_configs:")).collect();
    assert_eq!(scrapes.len(), 2);
    for scrape in scrapes {
        check("config", &scrape);
    }
    let rules = blocks("README.md", "promql")
        .into_iter()
        .map(|expression| json!({"record": "readme:example", "expr": expression}));
    check("rules", &json!({"groups": [{"name": "readme", "rules": rules.collect::<Vec<_>>()}]}).to_string());
}

#[test]
fn the_web_configuration_is_valid_here_and_for_other_exporters() {
    let folder = certificates();
    write(&folder.path().join("withings.yaml"), &configurations()[0]);
    let example =
        blocks("docs/tls.md", "yaml").into_iter().find(|block| block.starts_with("tls_server_config:")).unwrap();
    let hash = bcrypt::hash_with_salt("hush", 4, [7; 16]).unwrap().to_string();
    write(&folder.path().join("web.yml"), &example.replace("prometheus: HASH", &format!("prometheus: {hash}")));
    checked(exporter(folder.path()).args(["check-config", "--web.config.file", "web.yml"]));
    let promtool = &mut Command::new("promtool");
    checked(promtool.current_dir(folder.path()).args(["check", "web-config", "web.yml"]));
}

/// Commands of all documents in order, the README's first, each with what it is said to print.
fn commands() -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let blocks: String = documents().iter().flat_map(|(_, text)| blocks_of(text, "console")).collect();
    for line in blocks.lines() {
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
    let parts = text.split(|letter: char| letter.is_ascii_digit() || letter == '.').filter(|word| !word.is_empty());
    parts.collect::<Vec<_>>().join("#")
}

fn configurations() -> Vec<String> {
    blocks("README.md", "yaml").into_iter().filter(|block| block.starts_with("withings:")).collect()
}

/// The rows of the table with these first two columns.
fn table(document_name: &str, first: &str, second: &str) -> Vec<String> {
    let document = document(document_name);
    let lines = document.lines().skip_while(|line| !line.starts_with(&format!("| {first} | {second} |")));
    lines.skip(2).take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

/// What stands first in each row, out of its backquotes.
fn first_column(document_name: &str, first: &str, second: &str) -> BTreeSet<String> {
    table(document_name, first, second).iter().map(|row| row.split('`').nth(1).unwrap().to_owned()).collect()
}

/// What a command printed; it must have worked.
#[track_caller]
fn checked(command: &mut Command) -> String {
    let output = fed(command, b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
