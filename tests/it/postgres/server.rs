//! The programs of PostgreSQL and their processes: who runs them, how they are found, and how they end with the test.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use withings_exporter::process;

use crate::program::{fed, spawn};

/// Who PostgreSQL runs as where the tests are root, which it refuses to be: user and group `nobody`.
const NOBODY: u32 = 65534;

/// Waits for the end of this process, which closes the pipe, however it ends. Then it stops every program that works in the
/// folder, at last by force, and removes the folder. A server that ends by QUIT takes its shared memory with it.
const CLEAN_UP: &str = r#"
running() { find /proc/[0-9]*/cwd -maxdepth 0 -lname "$1/*" 2>/dev/null | cut -d / -f 3; }
cat
round=0 signal=QUIT
while processes=$(running "$1"); [ -n "$processes" ]; do
  kill -s "$signal" $processes
  kill -s CONT $processes
  sleep 0.1
  round=$((round + 1))
  [ "$round" -lt 50 ] || signal=KILL
done
rm -rf "$1"
"#;

/// The folder of this process for its servers. It is cleaned up when this process has ended.
pub(super) fn home() -> &'static Path {
    static HOME: OnceLock<(PathBuf, Child)> = OnceLock::new();
    let (folder, _cleaner) = HOME.get_or_init(|| {
        let folder = tempfile::Builder::new().prefix("withings-postgres-").tempdir().unwrap().keep();
        // As the kernel names the folders of processes.
        let folder = folder.canonicalize().unwrap();
        give(&folder, 0o700);
        // Another user, even root, may not see where a program works.
        let mut cleaner = unprivileged();
        cleaner.args(["sh", "-c", CLEAN_UP, "sh"]).arg(&folder);
        cleaner.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // A signal from the keyboard goes to the whole group of the tests.
        let cleaner = spawn(cleaner.process_group(0)).unwrap();
        (folder, cleaner)
    });
    folder
}

/// Gives a file or folder to who runs the servers, with this mode.
pub(super) fn give(path: &Path, mode: u32) {
    if process::user() == 0 {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// One of PostgreSQL's programs, in this folder, with nothing from this environment.
pub(super) fn program(name: &str, folder: &Path) -> Command {
    let programs = programs();
    let mut command = unprivileged();
    command.arg(programs.join(name));
    command.current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
    command.env("LD_LIBRARY_PATH", env::join_paths(libraries(&programs)).unwrap());
    command
}

/// The beginning of a command that is not run as root. What is unpacked may lie in a folder that only root may enter, so that
/// right is left.
fn unprivileged() -> Command {
    if process::user() != 0 {
        return Command::new("env");
    }
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]);
    command.args(["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]);
    command
}

/// The folder of the first PostgreSQL that `PATH` names.
fn programs() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).find(|folder| folder.join("initdb").is_file());
    found.expect("initdb is not there; run tests/run, which unpacks PostgreSQL")
}

/// Where Debian's packages have the libraries of these programs, which `tests/run` unpacks beside them.
fn libraries(programs: &Path) -> [PathBuf; 2] {
    let root = programs.ancestors().nth(5).unwrap_or(programs);
    ["usr/lib", "lib"].map(|folder| root.join(folder).join(format!("{}-linux-gnu", env::consts::ARCH)))
}

/// Runs a program to its end and gives what it prints, or its messages where it fails.
pub(super) fn run(command: &mut Command, input: &str) -> Result<String, String> {
    let output = fed(command, input.as_bytes());
    let messages = String::from_utf8(output.stderr).unwrap();
    if output.status.success() { Ok(String::from_utf8(output.stdout).unwrap()) } else { Err(messages) }
}

/// A server's processes: the first one, and those that it has started.
pub(super) fn processes(first: Pid) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let all = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    let is_own = |process: &Pid| {
        let started_by = field(*process, 1).and_then(|id| id.parse().ok()).and_then(Pid::from_raw);
        *process == first || started_by == Some(first)
    };
    all.filter(is_own).collect()
}

/// Freezes all processes of a server.
pub(super) fn freeze(first: Pid) {
    // It alone starts others.
    send(first, Signal::STOP);
    until("the server to freeze", || {
        let mut awake =
            processes(first).into_iter().filter(|process| state(*process).is_some_and(|state| state != "T"));
        let process = awake.next();
        process.into_iter().chain(awake).for_each(|process| send(process, Signal::STOP));
        process.is_none().then_some(())
    });
}

/// Sends a signal to a process that may have ended.
pub(super) fn send(process: Pid, signal: Signal) {
    let _ = kill_process(process, signal);
}

/// The state of a process as a letter, `T` for one that is stopped; `None` for one that has ended.
pub(super) fn state(process: Pid) -> Option<String> {
    field(process, 0).filter(|state| state != "Z")
}

/// A field that the kernel tells of a process after its name: 0 is its state, 1 is who started it.
fn field(process: Pid, place: usize) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    let (_, fields) = status.rsplit_once(')')?;
    fields.split_whitespace().nth(place).map(str::to_owned)
}

/// Asks again and again until there is an answer, for a minute.
pub(crate) fn until<T>(awaited: &str, ask: impl FnMut() -> Option<T>) -> T {
    within(Duration::from_mins(1), ask).unwrap_or_else(|| panic!("waited in vain: {awaited}"))
}

/// Asks again and again until there is an answer, for about this long.
pub(super) fn within<T>(time: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    const PAUSE: Duration = Duration::from_millis(10);
    (0..time.as_millis() / PAUSE.as_millis()).find_map(|_| {
        ask().or_else(|| {
            thread::sleep(PAUSE);
            None
        })
    })
}
