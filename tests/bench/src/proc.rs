//! What the kernel says about a process.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::time::TimeValLike;
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

/// The memory of a process, bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// In RAM now.
    pub(crate) resident: u64,
    /// Of it, what is the process's own: not a page of a file.
    pub(crate) own: u64,
    /// The most that ever was in RAM.
    pub(crate) peak: u64,
}

/// The CPU time that the process `pid` has spent, all its threads together: what `/proc/PID/stat` counts, in
/// nanoseconds.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(pid.cast_signed()))?;
    Ok(Duration::from_nanos(clock.now()?.num_nanoseconds().cast_unsigned()))
}

/// The CPU time that the thread `tid` of this process has spent.
pub(crate) fn cpu_of_thread(tid: Pid) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/self/task/{tid}/schedstat"))?;
    Ok(Duration::from_nanos(stat.split(' ').next().context("no time in schedstat")?.parse()?))
}

pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let bytes = |key: &str| -> Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).context("a value is missing in status")?;
        Ok(line.split_whitespace().next().context("no number in status")?.parse::<u64>()? * 1024)
    };
    Ok(Memory { resident: bytes("VmRSS:")?, own: bytes("RssAnon:")?, peak: bytes("VmHWM:")? })
}

/// What the process `pid` has written to disks, bytes: whole pages of files, and nothing where files are in memory.
pub(crate) fn written(pid: u32) -> Result<u64> {
    let io = fs::read_to_string(format!("/proc/{pid}/io"))?;
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).context("a value is missing in io")?;
    Ok(written.parse()?)
}
