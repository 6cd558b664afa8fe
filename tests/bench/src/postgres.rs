//! A PostgreSQL server of its own, as it is after its installation: a commit waits for the disk.

use std::env;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use tempfile::TempDir;

use crate::program::free_address;

/// Who it runs as where the benches are root, which it refuses to be: user and group `nobody`.
const NOBODY: u32 = 65534;

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server with one superuser, `postgres`, who needs no password. It ends with this value.
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Server {
    /// Starts a new server.
    pub(crate) fn start() -> Result<Self> {
        let folder = TempDir::new()?;
        if Uid::current().is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY))?;
        }
        let mut initdb = program("initdb", folder.path())?;
        initdb.args(["--username=postgres", "--auth=trust", "--locale=C", "--encoding=UTF8", "--pgdata=data"]);
        succeed(&mut initdb)?;
        let port = free_address()?.port();
        let mut server = program("postgres", folder.path())?;
        server.args(["-D", "data", "-c", "listen_addresses=127.0.0.1", "-p", &port.to_string(), "-k"]);
        server.arg(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { port, child: server.spawn()?, folder };
        let began = Instant::now();
        while server.sql("postgres", "select 1").is_err() {
            ensure!(began.elapsed() < PATIENCE, "PostgreSQL does not answer");
            sleep(Duration::from_millis(100));
        }
        Ok(server)
    }

    /// The URL of the database of this name.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// What the database of this name answers to this SQL.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = program("psql", self.folder.path())?;
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        psql.args([&format!("--dbname={}", self.url(database)), "--command", sql]);
        succeed(&mut psql)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // At once, without a checkpoint; it may have ended by itself.
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGQUIT);
        let _ = self.child.wait();
    }
}

/// One of PostgreSQL's programs, in this folder. What is unpacked may lie in a folder that only root may enter, so that right
/// is left where root runs it as another user.
fn program(name: &str, folder: &Path) -> Result<Command> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).find(|folder| folder.join("initdb").is_file());
    let programs = found.context("initdb of PostgreSQL is not in PATH; tests/run unpacks one")?;
    let mut command = Command::new(if Uid::current().is_root() { "setpriv" } else { "env" });
    if Uid::current().is_root() {
        command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]);
        command.args(["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]);
    }
    command.arg(programs.join(name)).current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
    command.env("LD_LIBRARY_PATH", env::join_paths(libraries(&programs))?);
    Ok(command)
}

/// Where the libraries of unpacked programs are.
fn libraries(programs: &Path) -> [PathBuf; 2] {
    let root = programs.ancestors().nth(5).unwrap_or(programs);
    ["usr/lib", "lib"].map(|folder| root.join(folder).join(format!("{}-linux-gnu", env::consts::ARCH)))
}

/// Runs a program to its end and gives what it prints.
pub(crate) fn succeed(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{}", command.get_program().display()))?;
    ensure!(output.status.success(), "{:?}: {}", command.get_program(), String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
