//! The completions in the shells that they are for: what somebody sees who presses the Tab key.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use super::path;
use crate::program::{fed, spawn};

/// How long a shell may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is typed before the Tab key, and what is offered then.
const CASES: [(&str, &[&str]); 8] = [
    ("withings-exporter che", &["check-config"]),
    ("withings-exporter --web.", &["--web.listen-address", "--web.config.file", "--web.max-requests"]),
    ("withings-exporter demo --demo.", &["--demo.replay", "--demo.backfill", "--demo.label"]),
    ("withings-exporter check-config --conf", &["--config.file"]),
    ("withings-exporter --web.max-requests 3 backfill --s", &["--sleep-stages", "--start", "--storage.path"]),
    ("withings-exporter measurements --format ", &["table", "markdown", "json"]),
    ("withings-exporter forget --log.level ", &["debug", "info", "warn", "error"]),
    ("withings-exporter --log.format ", &["logfmt", "json"]),
];

/// A shell at a terminal of its own. It ends with its terminal.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
    screen: String,
}

impl Terminal {
    fn start(shell: &str) -> Self {
        let mut command = Command::new("script");
        command.args(["--quiet", "--flush", "--command", shell, "/dev/null"]);
        command.env_clear().env("TERM", "dumb").env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(&mut command).unwrap();
        let (mut stdout, keys) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
        let (sender, shown) = mpsc::channel();
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut some) {
                if sender.send(some[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keys, shown, screen: String::new() }
    }

    fn press(&mut self, keys: &str) {
        self.screen.clear();
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the screen shows all these words since the last key.
    fn until_shown(&mut self, typed: &str, words: &[&str]) {
        while words.iter().any(|word| !self.screen.replace(typed, "").contains(word)) {
            let more = self.shown.recv_timeout(PATIENCE);
            let more = more.unwrap_or_else(|error| panic!("{words:?}: {error}; after {typed:?}:\n{}", self.screen));
            self.screen.push_str(&String::from_utf8_lossy(&more));
        }
    }

    /// Tries every case after `setup`, a line that prints `ready`.
    fn check(mut self, setup: &str) {
        self.press(&format!("{setup}; echo rea''dy\n"));
        self.until_shown(setup, &["ready"]);
        for (typed, offered) in CASES {
            self.press(&format!("{typed}\t"));
            // The rest of the only word follows what was typed.
            let rest = offered[0].strip_prefix(typed.rsplit(' ').next().unwrap()).unwrap();
            self.until_shown(typed, if offered.len() == 1 { std::slice::from_ref(&rest) } else { offered });
            // Erases the line, so that nothing is run.
            self.press("\u{15}");
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn bash_completes() {
    let script = path("completions/withings-exporter.bash");
    let options = "bind 'set show-all-if-ambiguous on'; bind 'set enable-bracketed-paste off'";
    Terminal::start("bash --norc --noprofile -i").check(&format!("{options}; source {}", script.display()));
}

#[test]
fn zsh_completes() {
    let folder = path("completions");
    let setup =
        format!("fpath=({} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt prompt_cr", folder.display());
    Terminal::start("zsh -f -i").check(&setup);
}

#[test]
fn fish_completes() {
    let script = path("completions/withings-exporter.fish");
    for (typed, offered) in CASES {
        let line = format!("source {}; complete -C '{typed}'", script.display());
        let output = fed(Command::new("fish").args(["--no-config", "--command", &line]), b"");
        let said = String::from_utf8(output.stdout).unwrap();
        let words: Vec<_> = said.lines().map(|line| line.split('\t').next().unwrap()).collect();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(offered.iter().all(|word| words.contains(word)), "{typed}: {words:?} {errors}");
    }
}
