//! Plain values of the own process, from `/proc`.

use std::fs;
use std::sync::OnceLock;

/// Clock ticks per second in `/proc`, as Linux reports them to every program whatever the kernel's own timer is.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the kernel says about this process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Process {
    /// User and system time spent since the start, seconds.
    pub cpu_seconds: f64,
    /// When it started, Unix seconds.
    pub start_time: f64,
    /// Virtual memory, bytes.
    pub virtual_bytes: u64,
    /// Memory that is in RAM, bytes.
    pub resident_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// The soft limit of open file descriptors; `u64::MAX` without one.
    pub max_fds: u64,
}

impl Process {
    /// The present values; `None` where `/proc` cannot be read or is not Linux's.
    #[must_use]
    pub fn read() -> Option<Self> {
        let times = Times::parse(&read("/proc/self/stat")?)?;
        let status = read("/proc/self/status")?;
        Some(Self {
            cpu_seconds: times.cpu_seconds,
            start_time: booted_at()? + times.start_after_boot,
            virtual_bytes: status_value(&status, "VmSize:")? * 1024,
            resident_bytes: status_value(&status, "VmRSS:")? * 1024,
            threads: status_value(&status, "Threads:")?,
            open_fds: open_fds()?,
            max_fds: max_fds(&read("/proc/self/limits")?)?,
        })
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

fn open_fds() -> Option<u64> {
    let entries = fs::read_dir("/proc/self/fd").ok()?.count();
    // One of them is the directory that is being read.
    u64::try_from(entries).ok()?.checked_sub(1)
}

/// The times in `/proc/self/stat`, seconds.
#[derive(Debug, PartialEq)]
struct Times {
    cpu_seconds: f64,
    start_after_boot: f64,
}

impl Times {
    fn parse(stat: &str) -> Option<Self> {
        // The second field is the program's name in parentheses, and the name may have spaces and parentheses in it.
        let (_, after_name) = stat.rsplit_once(") ")?;
        let mut fields = after_name.split(' ');
        // `nth` goes on after the field it gave: 14 utime, 15 stime, 22 starttime, counted from 1 as proc(5) does.
        let utime = seconds(fields.nth(14 - 3)?)?;
        let stime = seconds(fields.next()?)?;
        let starttime = seconds(fields.nth(22 - 16)?)?;
        Some(Self { cpu_seconds: utime + stime, start_after_boot: starttime })
    }
}

fn seconds(ticks: &str) -> Option<f64> {
    ticks.parse::<u64>().ok().map(|it| it as f64 / TICKS_PER_SECOND)
}

/// When the host started, Unix seconds. Asked once: the kernel counts every interrupt of the host for the answer.
fn booted_at() -> Option<f64> {
    static BOOTED_AT: OnceLock<Option<f64>> = OnceLock::new();
    *BOOTED_AT.get_or_init(|| boot_time(&read("/proc/stat")?))
}

/// When the host started, Unix seconds, in `/proc/stat`.
fn boot_time(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()
}

/// The number after `key` in `/proc/self/status`: kB for memory.
fn status_value(status: &str, key: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(key))?.split_whitespace().next()?.parse().ok()
}

/// The soft limit of open files in `/proc/self/limits`.
fn max_fds(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        limit => limit.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_with_parentheses() {
        let stat =
            "4242 (with) (ings 1 2) S 1 4242 4242 0 -1 4194304 103 0 0 0 250 75 0 0 20 0 9 0 154776 3133440 381 0\n";
        assert_eq!(Times::parse(stat), Some(Times { cpu_seconds: 3.25, start_after_boot: 1547.76 }));
        assert_eq!(Times::parse("4242 (withings) S 1 4242"), None);
    }

    #[test]
    fn memory_threads_and_boot_time_are_found_by_name() {
        let status = "Name:\tVmRSS:\nVmPeak:\t   9000 kB\nVmSize:\t    8192 kB\nVmRSS:\t     381 kB\nThreads:\t9\n";
        assert_eq!(status_value(status, "VmSize:"), Some(8192));
        assert_eq!(status_value(status, "VmRSS:"), Some(381));
        assert_eq!(status_value(status, "Threads:"), Some(9));
        assert_eq!(status_value(status, "VmSwap:"), None);
        assert_eq!(boot_time("cpu  1 2 3\nintr 5\nbtime 1700000000\nprocesses 7\n"), Some(1_700_000_000.0));
    }

    #[test]
    fn the_soft_limit_counts() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(max_fds(limits), Some(1024));
        assert_eq!(max_fds(&limits.replace("1024", "unlimited")), Some(u64::MAX));
        assert_eq!(max_fds("Max cpu time unlimited unlimited seconds\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_plausible_values() {
        let process = Process::read().unwrap();
        assert!(process.virtual_bytes >= process.resident_bytes && process.resident_bytes > 100_000, "{process:?}");
        assert!(process.threads >= 1 && process.open_fds >= 3 && process.open_fds <= process.max_fds, "{process:?}");
        assert!(process.start_time > 1_600_000_000.0 && process.cpu_seconds < 3600.0, "{process:?}");
    }
}
