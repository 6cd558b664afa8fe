//! Files that are generated from others and committed for installing: `UPDATE_EXPECT=1` writes them anew.

use std::fs;
use std::process::Command as Program;

use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};
use withings_exporter::cli::Cli;

use super::{approved, path, text};
use crate::config::{check_expected, write};

/// Where the project is published; empty while it is nowhere.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// The rules of Prometheus, by their file's name.
const RULES: [&str; 5] = ["base-units", "data", "exporter", "limits", "vitals"];

fn command() -> Command {
    Cli::command()
}

#[test]
fn the_shells_complete_what_there_is() {
    for (shell, name) in [
        (Shell::Bash, "withings-exporter.bash"),
        (Shell::Fish, "withings-exporter.fish"),
        (Shell::Zsh, "_withings-exporter"),
    ] {
        let mut script = Vec::new();
        generate(shell, &mut command(), "withings-exporter", &mut script);
        let script = String::from_utf8(script).unwrap();
        let script = match shell {
            Shell::Bash => mended_bash(&script),
            Shell::Fish => mended_fish(&script),
            _ => script,
        };
        check_expected(&path("completions").join(name), &script);
    }
}

/// The name of the program has a dash, and the generator writes it in two ways, so that no command finds its flags
/// (clap-rs/clap#6421).
fn mended_bash(script: &str) -> String {
    script.replace("withings__subcmd__exporter", "withings__exporter")
}

/// The generator has fish's `argparse` look for the command, which takes no flag with a dot. Fish's own function looks for it
/// instead.
fn mended_fish(script: &str) -> String {
    let command = command();
    let names: Vec<_> = command.get_subcommands().map(Command::get_name).chain(["help"]).collect();
    let names = names.join(" ");
    let (_, completions) = script.split_once("\n\ncomplete ").unwrap();
    format!(
        "function __fish_withings_exporter_needs_command\n    not __fish_seen_subcommand_from {names}\nend\n\n\
         function __fish_withings_exporter_using_subcommand\n    __fish_seen_subcommand_from $argv\nend\n\ncomplete {completions}"
    )
}

#[test]
fn the_manual_describes_what_there_is() {
    let made = tempfile::tempdir().unwrap();
    clap_mangen::generate_to(command(), made.path()).unwrap();
    let names = |folder| {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    for name in names(made.path()) {
        check_expected(&path("man").join(&name), &fs::read_to_string(made.path().join(&name)).unwrap());
    }
    assert_eq!(names(&path("man")), names(made.path()));
}

/// The rules with a link for each alert to what it means and what to do, if the project has a `repository`, which may be
/// empty; other links are left out.
fn with_runbooks(rules: &str, repository: &str) -> String {
    let mut made = Vec::new();
    let mut alert = "";
    for line in rules.lines().filter(|line| !key_of(line).starts_with("runbook_url: ")) {
        alert = key_of(line).strip_prefix("- alert: ").unwrap_or(alert);
        made.push(line.to_owned());
        // Each alert has a dashboard, last of its annotations.
        if let (true, Some((indentation, _))) = (!repository.is_empty(), line.split_once("dashboard: ")) {
            let anchor = alert.to_lowercase();
            made.push(format!("{indentation}runbook_url: {repository}/blob/HEAD/deploy/prometheus/README.md#{anchor}"));
        }
    }
    made.join("\n") + "\n"
}

/// A line without indentation, and without the sign of what is switched off.
fn key_of(line: &str) -> &str {
    line.trim_start_matches('#').trim_start()
}

#[test]
fn every_alert_links_to_its_runbook_if_there_is_a_repository() {
    for name in RULES {
        let file = path("prometheus/rules").join(format!("{name}.yml"));
        let rules = text(&format!("prometheus/rules/{name}.yml"));
        check_expected(&file, &with_runbooks(&rules, REPOSITORY));
        check_runbooks(&rules);
    }
}

/// With a repository each alert has a link to its own heading, and without one none is left.
fn check_runbooks(rules: &str) {
    let linked = with_runbooks(rules, "https://example.org/withings-exporter");
    let explained = text("prometheus/README.md").to_lowercase();
    let mut alert = "";
    let mut links = 0;
    for line in linked.lines().map(key_of) {
        alert = line.strip_prefix("- alert: ").unwrap_or(alert);
        let Some(link) = line.strip_prefix("runbook_url: ") else { continue };
        let (document, anchor) = link.split_once('#').unwrap();
        assert_eq!(document, "https://example.org/withings-exporter/blob/HEAD/deploy/prometheus/README.md");
        assert!(anchor == alert.to_lowercase() && explained.contains(&format!("\n### {anchor}\n")), "{alert}");
        links += 1;
    }
    assert_eq!(links, linked.lines().filter(|line| key_of(line).starts_with("- alert: ")).count());
    assert_eq!(with_runbooks(&linked, "https://example.org/withings-exporter"), linked, "made twice, it is the same");
    assert_eq!(with_runbooks(&linked, ""), with_runbooks(rules, ""));
    let file = tempfile::tempdir().unwrap();
    let file = file.path().join("rules.yml");
    write(&file, &linked);
    approved(Program::new("promtool").args(["check", "rules", "--lint-fatal"]).arg(&file));
}

#[test]
fn the_operators_rules_are_those_of_prometheus() {
    for name in RULES {
        let rules = with_runbooks(&text(&format!("prometheus/rules/{name}.yml")), REPOSITORY);
        let indented = rules.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") });
        let object = format!(
            "# Made from deploy/prometheus/rules/{name}.yml.\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n\
             metadata:\n  name: withings-{name}\nspec:\n{}",
            indented.collect::<String>()
        );
        check_expected(&path("kubernetes/overlays/operator/rules").join(format!("{name}.yaml")), &object);
    }
}
