//! The Python in which the independent judges run.

use std::path::PathBuf;
use std::process::Command;

use crate::program::fed;

/// `tests/python/<script>`, to be run with the packages of `tests/python/requirements.txt`.
pub(crate) fn script(name: &str) -> Command {
    let mut command = Command::new(python());
    command.arg(format!("{}/tests/python/{name}", env!("CARGO_MANIFEST_DIR")));
    command
}

/// A program that one of these packages installs.
pub(crate) fn tool(name: &str) -> Command {
    Command::new(python().with_file_name(name))
}

fn python() -> PathBuf {
    let python = std::env::var_os("WITHINGS_TEST_PYTHON");
    python.expect("run tests/run, which prepares the Python environment that WITHINGS_TEST_PYTHON names").into()
}

/// The output of a judge that has read `input`.
pub(crate) fn answer(judge: &mut Command, input: &[u8]) -> Vec<u8> {
    let output = fed(judge, input);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
