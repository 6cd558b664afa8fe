//! Programs that run beside a test.

use std::fs::File;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// How long a test waits for a state, on a slow machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Held while a program starts. Until it has become that program it is a copy of this process, with every test's
/// sockets and locks: what is closed here meanwhile is not closed.
static STARTING: Mutex<()> = Mutex::new(());

/// A running program. It is killed when this value is dropped, and its output is shown if the test fails.
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `command`, whose output goes to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let file = File::create(log).unwrap();
        let child = spawn(command.stdout(file.try_clone().unwrap()).stderr(file));
        let child = child.unwrap_or_else(|error| missing(command, &error));
        Self { child, log: log.to_owned() }
    }

    /// The output so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The address on this host at which the program listens, as soon as it prints it after this text.
    pub(crate) async fn address(&self, after: &str) -> SocketAddr {
        until("its address", async || {
            let said = self.said();
            let (_, port) = said.split_once(&format!("{after}127.0.0.1:"))?;
            let (port, _) = port.split_once(|sign: char| !sign.is_ascii_digit())?;
            Some((Ipv4Addr::LOCALHOST, port.parse().unwrap()).into())
        })
        .await
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until the program has ended, and gives its exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        until("the program's end", async || self.child.try_wait().unwrap()).await.code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}:\n{}", self.log.display(), self.said());
        }
    }
}

/// Starts `command`, as every program of these tests is started.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let _others_wait = STARTING.lock().unwrap();
    #[expect(clippy::disallowed_methods, reason = "here the others wait")]
    let child = command.spawn()?;
    // The kernel lets us go on before it has closed the copies, which it does before the program stops.
    let id = Pid::from_child(&child);
    kill_process(id, Signal::STOP)?;
    waitid(WaitId::Pid(id), WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    kill_process(id, Signal::CONT)?;
    Ok(child)
}

/// Waits until no program is starting: from then on, what was closed is closed.
pub(crate) fn until_started() {
    drop(STARTING.lock().unwrap());
}

/// The output of `command` with this standard input.
pub(crate) fn fed(command: &mut Command, input: &[u8]) -> Output {
    let child = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut child = child.unwrap_or_else(|error| missing(command, &error));
    // A program that failed has left some of it unread.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn missing(command: &Command, error: &io::Error) -> ! {
    panic!("{}: {error}; run tests/run, which installs it", command.get_program().display())
}

/// Asks again and again until there is an answer.
pub(crate) async fn until<T>(awaited: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "what is waited for is outside of this process and its time")]
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("waited in vain: {awaited}");
}
