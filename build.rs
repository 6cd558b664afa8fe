//! Tells the program its revision, branch and compiler, for `--version` and `withings_exporter_build_info`, and packs the
//! static one.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    // A path that is missing, as in a package, would make cargo build anew each time.
    for path in [".git/HEAD", ".git/refs/heads"].into_iter().filter(|path| Path::new(path).exists()) {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    tell("WITHINGS_EXPORTER_REVISION", "--short=12");
    tell("WITHINGS_EXPORTER_BRANCH", "--abbrev-ref");
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = said(Command::new(rustc).arg("--version"));
    let version = version.as_deref().and_then(|said| said.split(' ').nth(1)).unwrap_or("unknown");
    println!("cargo::rustc-env=WITHINGS_EXPORTER_RUSTC={version}");
    pack();
}

/// Makes the static program half a megabyte smaller. Rust's musl reads relocations that are packed; a program for glibc may meet an
/// old one, which does not.
fn pack() {
    let target =
        ["CARGO_CFG_TARGET_ENV", "CARGO_CFG_TARGET_ARCH"].map(|variable| env::var(variable).unwrap_or_default());
    if target == ["musl", "x86_64"] {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Gives the program the variable, or what git says of the checkout where it is not set.
fn tell(variable: &str, asked_of_git: &str) {
    println!("cargo::rerun-if-env-changed={variable}");
    let of_checkout = || said(Command::new("git").args(["rev-parse", asked_of_git, "HEAD"]));
    let told = env::var(variable).ok().or_else(of_checkout).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env={variable}={told}");
}

/// What a command printed, trimmed; `None` if it could not be run or failed.
#[expect(clippy::disallowed_methods, reason = "nothing else runs in this process")]
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
