//! Plain values of the own process, from `/proc` and system calls.
//!
//! A page needs one reading, and a lone scrape costs half of what `node_exporter` takes at most: hence a file that stays
//! open, and what does not change is read once. The crate `procfs` takes twice the time, and before Linux 6.2 it counts
//! three open files too many.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

use rustix::process::{Resource, getrlimit};

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
        static BOOTED_AT: LazyLock<Option<f64>> = LazyLock::new(|| boot_time(&fs::read_to_string("/proc/stat").ok()?));
        let stat = Stat::read()?;
        Some(Self {
            cpu_seconds: seconds(stat.cpu_ticks),
            start_time: (*BOOTED_AT)? + seconds(stat.start_ticks),
            virtual_bytes: stat.virtual_bytes,
            resident_bytes: stat.resident_pages * rustix::param::page_size() as u64,
            threads: stat.threads,
            open_fds: open_fds()?,
            max_fds: most_open_files(),
        })
    }
}

/// How many files this process may have open.
#[must_use]
pub fn most_open_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The number of the user that this process runs as.
#[must_use]
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The name of this machine; empty where it is no text.
#[must_use]
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_str().unwrap_or_default().to_owned()
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// When the host started, Unix seconds, in `/proc/stat`.
fn boot_time(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()
}

/// Linux says since 6.2 how many files are open; before, they must be counted.
fn open_fds() -> Option<u64> {
    match fs::metadata("/proc/self/fd").ok()?.len() {
        0 => count_fds(),
        open => Some(open),
    }
}

fn count_fds() -> Option<u64> {
    let entries = fs::read_dir("/proc/self/fd").ok()?.count();
    // One of them is the directory that is being read.
    u64::try_from(entries).ok()?.checked_sub(1)
}

/// The fields of `/proc/self/stat` that are shown.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_ticks: u64,
    threads: u64,
    /// From the start of the host to the start of the process.
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    /// Reads the file, which is kept open, in one piece: a file of `/proc` has no size by which more than a few bytes would
    /// be read at once.
    fn read() -> Option<Self> {
        static FILE: LazyLock<Option<File>> = LazyLock::new(|| File::open("/proc/self/stat").ok());
        let mut stat = [0; 1024];
        let length = FILE.as_ref()?.read_at(&mut stat, 0).ok()?;
        Self::parse(str::from_utf8(&stat[..length]).ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        // The second field is the program's name in parentheses, and the name may have spaces and parentheses in it.
        let (_, after_name) = stat.rsplit_once(") ")?;
        let fields: Vec<_> = after_name.split(' ').collect();
        // Counted from 1 as proc(5) does; the first one after the name is 3.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_ticks: field(14)? + field(15)?,
            threads: field(20)?,
            start_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_behind_a_name_with_parentheses() {
        let stat =
            "4242 (with) (ings 1 2) S 1 4242 4242 0 -1 4194304 103 0 0 0 250 75 0 0 20 0 9 0 154776 3133440 381 0\n";
        let expected =
            Stat { cpu_ticks: 325, threads: 9, start_ticks: 154_776, virtual_bytes: 3_133_440, resident_pages: 381 };
        assert_eq!(Stat::parse(stat), Some(expected));
        assert_eq!(Stat::parse("4242 (withings) S 1 4242"), None);
    }

    #[test]
    fn the_boot_time_is_found_by_its_name() {
        assert_eq!(boot_time("cpu  1 2 3\nintr 5\nbtime 1700000000\nprocesses 7\n"), Some(1_700_000_000.0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_plausible_values() {
        let process = Process::read().unwrap();
        assert!(process.virtual_bytes >= process.resident_bytes && process.resident_bytes > 100_000, "{process:?}");
        assert!(process.threads >= 1 && process.open_fds >= 3 && process.open_fds <= process.max_fds, "{process:?}");
        assert!(count_fds().unwrap().abs_diff(process.open_fds) < 100, "{process:?}");
        assert!(process.start_time > 1_600_000_000.0 && process.cpu_seconds < 3600.0, "{process:?}");
    }
}
