//! Tells the program its revision and compiler, for `--version` and `withings_exporter_build_info`.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    // A path that is missing, as in a package, would make cargo build anew each time.
    for path in [".git/HEAD", ".git/refs/heads"].into_iter().filter(|it| Path::new(it).exists()) {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=WITHINGS_EXPORTER_REVISION");
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let revision = env::var("WITHINGS_EXPORTER_REVISION").ok().or_else(|| said(&mut revision_command()));
    let version = said(Command::new(rustc).arg("--version"));
    println!("cargo::rustc-env=WITHINGS_EXPORTER_REVISION={}", revision.unwrap_or_else(|| "unknown".to_owned()));
    let version = version.as_deref().and_then(|it| it.split(' ').nth(1)).unwrap_or("unknown").to_owned();
    println!("cargo::rustc-env=WITHINGS_EXPORTER_RUSTC={version}");
}

fn revision_command() -> Command {
    let mut git = Command::new("git");
    git.args(["rev-parse", "--short=12", "HEAD"]);
    git
}

/// What a command printed, trimmed; `None` if it could not be run or failed.
#[expect(clippy::disallowed_methods, reason = "nothing else runs in this process")]
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|it| it.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
