//! Plain values of the own process, from `/proc`.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::{LazyLock, OnceLock};

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
    /// The soft limit of open file descriptors as it was at the first look; `u64::MAX` without one.
    pub max_fds: u64,
}

impl Process {
    /// The present values; `None` where `/proc` cannot be read or is not Linux's.
    #[must_use]
    pub fn read() -> Option<Self> {
        let stat = Stat::read()?;
        let host = Host::get()?;
        Some(Self {
            cpu_seconds: stat.cpu_seconds,
            start_time: host.booted_at + stat.start_after_boot,
            virtual_bytes: stat.virtual_bytes,
            resident_bytes: stat.resident_pages * host.page_bytes,
            threads: stat.threads,
            open_fds: open_fds()?,
            max_fds: host.max_fds,
        })
    }
}

/// The number of the user that this process runs as; `None` where there is no `/proc`.
#[must_use]
pub fn user() -> Option<u32> {
    fs::metadata("/proc/self").ok().map(|it| it.uid())
}

/// What stays as long as the process runs. Each file of `/proc` costs a scrape some microseconds, so these are read once.
#[derive(Clone, Copy)]
struct Host {
    /// When it started, Unix seconds.
    booted_at: f64,
    page_bytes: u64,
    max_fds: u64,
}

impl Host {
    fn get() -> Option<Self> {
        static HOST: OnceLock<Option<Host>> = OnceLock::new();
        *HOST.get_or_init(Self::read)
    }

    fn read() -> Option<Self> {
        Some(Self {
            booted_at: boot_time(&read("/proc/stat")?)?,
            page_bytes: page_bytes(&fs::read("/proc/self/auxv").ok()?)?,
            max_fds: max_fds(&read("/proc/self/limits")?)?,
        })
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// Linux says since 6.2 how many there are; before, they must be counted.
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

/// What `/proc/self/stat` says.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_seconds: f64,
    threads: u64,
    /// Seconds.
    start_after_boot: f64,
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
        let mut fields = after_name.split(' ');
        // `nth` goes on after the field it gave: 14 utime, 15 stime, 20 num_threads, 22 starttime, 23 vsize, 24 rss,
        // counted from 1 as proc(5) does.
        let utime = seconds(fields.nth(14 - 3)?)?;
        let stime = seconds(fields.next()?)?;
        let threads = fields.nth(20 - 16)?.parse().ok()?;
        let start_after_boot = seconds(fields.nth(22 - 21)?)?;
        let virtual_bytes = fields.next()?.parse().ok()?;
        let resident_pages = fields.next()?.parse().ok()?;
        Some(Self { cpu_seconds: utime + stime, threads, start_after_boot, virtual_bytes, resident_pages })
    }
}

fn seconds(ticks: &str) -> Option<f64> {
    ticks.parse::<u64>().ok().map(|it| it as f64 / TICKS_PER_SECOND)
}

/// When the host started, Unix seconds, in `/proc/stat`.
fn boot_time(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()
}

/// The size of a page of memory in `/proc/self/auxv`: pairs of a key and a value, each a machine word.
fn page_bytes(auxv: &[u8]) -> Option<u64> {
    const AT_PAGESZ: usize = 6;
    let (words, _) = auxv.as_chunks::<{ size_of::<usize>() }>();
    let mut pairs = words.chunks_exact(2).map(|pair| (usize::from_ne_bytes(pair[0]), usize::from_ne_bytes(pair[1])));
    pairs.find_map(|(key, value)| (key == AT_PAGESZ).then(|| u64::try_from(value).ok())?)
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
    fn values_are_found_behind_a_name_with_parentheses() {
        let stat =
            "4242 (with) (ings 1 2) S 1 4242 4242 0 -1 4194304 103 0 0 0 250 75 0 0 20 0 9 0 154776 3133440 381 0\n";
        let expected = Stat {
            cpu_seconds: 3.25,
            threads: 9,
            start_after_boot: 1547.76,
            virtual_bytes: 3_133_440,
            resident_pages: 381,
        };
        assert_eq!(Stat::parse(stat), Some(expected));
        assert_eq!(Stat::parse("4242 (withings) S 1 4242"), None);
    }

    #[test]
    fn boot_time_and_page_size_are_found_by_name() {
        assert_eq!(boot_time("cpu  1 2 3\nintr 5\nbtime 1700000000\nprocesses 7\n"), Some(1_700_000_000.0));
        let auxv: Vec<u8> = [3_usize, 64, 6, 4096, 0, 0].into_iter().flat_map(usize::to_ne_bytes).collect();
        assert_eq!(page_bytes(&auxv), Some(4096));
        assert_eq!(page_bytes(&auxv[..16]), None);
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
        assert!(count_fds().unwrap().abs_diff(process.open_fds) < 100, "{process:?}");
        assert!(process.start_time > 1_600_000_000.0 && process.cpu_seconds < 3600.0, "{process:?}");
    }
}
