//! The program as a process of its own: started from a shell's command line, ended by a signal.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::demo::daytime_zone;
use crate::program::{fed, spawn};
use crate::sources::root;

/// The address at which the program listens, according to the documents.
const DOCUMENTED_ADDRESS: &str = "localhost:10064";

/// How long a running program may take to do what is wanted.
const PATIENCE: Duration = Duration::from_mins(1);

/// A user's folder: a configuration, and room for the program's state.
pub(crate) struct Home(TempDir);

impl Home {
    #[expect(clippy::disallowed_methods, reason = "a test file needs no atomic replacement")]
    pub(crate) fn new(configuration: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("withings.yaml"), configuration).unwrap();
        Self(folder)
    }

    /// A command line, to be run here with a port of its own.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new("bash");
        command
            .args(["-c", line])
            .current_dir(root())
            // Tests run with what the build script said, and a build within would take that for an order.
            .env_remove("WITHINGS_EXPORTER_REVISION")
            .env_remove("WITHINGS_EXPORTER_BRANCH")
            .env("WITHINGS_EXPORTER_CONFIG_FILE", self.0.path().join("withings.yaml"))
            .env("STATE_DIRECTORY", self.0.path().join("state"))
            .env("TZ", daytime_zone())
            .env("WITHINGS_EXPORTER_WEB_LISTEN_ADDRESS", "127.0.0.1:0");
        command
    }

    /// Starts a program that serves, and waits until it has printed its address.
    pub(crate) fn start(&self, line: &str) -> Running {
        let mut command = self.command(&format!("exec {line} 2>&1"));
        let mut child = spawn(command.stdin(Stdio::null()).stdout(Stdio::piped())).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut said = Vec::new();
        let address = lines.find_map(|line| {
            let address = address_in(&line);
            said.push(line);
            address
        });
        let address = address.unwrap_or_else(|| panic!("it ended:\n{}", said.join("\n")));
        // A full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Running { child, address }
    }
}

/// A program that serves.
pub(crate) struct Running {
    child: Child,
    address: String,
}

impl Running {
    /// Runs a command line that the documents show, against this program, until what it prints is as wanted.
    pub(crate) fn until(&self, line: &str, mut is_wanted: impl FnMut(&str) -> bool) {
        let line = line.replace(DOCUMENTED_ADDRESS, &self.address);
        let begun = Instant::now();
        loop {
            let output = fed(Command::new("bash").args(["-c", &line]), b"");
            let said = String::from_utf8(output.stdout).unwrap();
            if is_wanted(&said) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{line}\n{said}{}", String::from_utf8_lossy(&output.stderr));
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Ends the program as a service manager does; its exit code must be 0.
    pub(crate) fn end(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Running {
    /// Leaves nothing behind when a test fails.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("127.0.0.1:")?;
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(format!("127.0.0.1:{port}"))
}
