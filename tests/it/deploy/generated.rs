//! Files that are generated from others and committed for installing: `UPDATE_EXPECT=1` writes them anew.

use std::fs;

use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};
use withings_exporter::cli::Cli;

use super::{path, text};
use crate::config::check_expected;

/// The rules of Prometheus, by their file's name.
const RULES: [&str; 5] = ["base-units", "data", "exporter", "limits", "vitals"];

fn command() -> Command {
    Cli::command().version(env!("CARGO_PKG_VERSION"))
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

#[test]
fn the_operators_rules_are_those_of_prometheus() {
    for name in RULES {
        let rules = text(&format!("prometheus/rules/{name}.yml"));
        let indented = rules.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") });
        let object = format!(
            "# Made from deploy/prometheus/rules/{name}.yml.\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n\
             metadata:\n  name: withings-{name}\nspec:\n{}",
            indented.collect::<String>()
        );
        check_expected(&path("kubernetes/overlays/operator/rules").join(format!("{name}.yaml")), &object);
    }
}
