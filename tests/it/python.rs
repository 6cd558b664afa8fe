//! The Python that the independent judges run in.

use std::io::Write;
use std::process::{Command, Stdio};

/// `tests/python/<script>`, to be run with the packages of `tests/python/requirements.txt`.
pub(crate) fn script(name: &str) -> Command {
    let python = std::env::var_os("WITHINGS_TEST_PYTHON")
        .expect("run tests/run, which prepares the Python environment that WITHINGS_TEST_PYTHON names");
    let mut command = Command::new(python);
    command.arg(format!("{}/tests/python/{name}", env!("CARGO_MANIFEST_DIR")));
    command
}

/// What a program prints after it has read `input`.
pub(crate) fn answer(mut program: Command, input: &[u8]) -> Vec<u8> {
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let written = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    written.unwrap();
    output.stdout
}
