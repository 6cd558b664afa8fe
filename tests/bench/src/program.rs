//! Programs that are measured from outside.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::client::{Client, Encoding};
use crate::proc::{self, Memory};

/// How long a program may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running program that answers scrapes. It is killed with this value.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Program {
    /// Starts `command`, which will listen at `address`.
    pub(crate) fn start(command: &mut Command, address: SocketAddr) -> Result<Self> {
        let name = command.get_program().to_owned();
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Ok(Self { child: child.with_context(|| name.display().to_string())?, address })
    }

    /// Waits until it accepts connections, looking again every moment.
    pub(crate) fn connect(&self) -> Result<Client> {
        let began = Instant::now();
        loop {
            match Client::connect(self.address) {
                Ok(client) => return Ok(client),
                Err(error) => ensure!(began.elapsed() < PATIENCE, "nobody listens: {error}"),
            }
            sleep(Duration::from_micros(200));
        }
    }

    /// The page of metrics.
    pub(crate) fn page(&self, encoding: Encoding) -> Result<Vec<u8>> {
        let mut client = self.connect()?;
        client.scrape(encoding)?;
        Ok(client.body)
    }

    pub(crate) fn cpu(&self) -> Result<Duration> {
        proc::cpu(self.child.id())
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        proc::memory(self.child.id())
    }

    /// What it has written to disks.
    pub(crate) fn written(&self) -> Result<u64> {
        proc::written(self.child.id())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The exporter's release build.
pub(crate) fn exporter() -> Result<PathBuf> {
    let path =
        env::var_os("BENCH_PROGRAM").context("BENCH_PROGRAM must name the release build; tests/bench/run does")?;
    Ok(path.into())
}

/// An address that nobody uses.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
