//! What the exporter says of its process.

use super::family::Family;
use super::samples::Sample;
use crate::process::Process;

const SECONDS: Option<&str> = Some("seconds");
const BYTES: Option<&str> = Some("bytes");

/// The process metrics that every Prometheus client library has, under its names.
static CPU: Family = Family::counter("process_cpu_seconds", SECONDS, "Total user and system CPU time spent.");
static START: Family = Family::gauge("process_start_time_seconds", SECONDS, "When the process started, Unix time.");
static VIRTUAL_MEMORY: Family = Family::gauge("process_virtual_memory_bytes", BYTES, "Virtual memory size.");
static RESIDENT_MEMORY: Family = Family::gauge("process_resident_memory_bytes", BYTES, "Resident memory size.");
static THREADS: Family = Family::gauge("process_threads", None, "Number of OS threads.");
static OPEN_FDS: Family = Family::gauge("process_open_fds", None, "Number of open file descriptors.");
static MAX_FDS: Family = Family::gauge("process_max_fds", None, "Maximum number of open file descriptors.");

/// The samples of the process.
pub(super) fn process_samples(process: &Process) -> [Sample<'static>; 7] {
    [
        Sample::new(&CPU, process.cpu_seconds),
        Sample::new(&START, process.start_time),
        Sample::new(&VIRTUAL_MEMORY, process.virtual_bytes as f64),
        Sample::new(&RESIDENT_MEMORY, process.resident_bytes as f64),
        Sample::new(&THREADS, process.threads as f64),
        Sample::new(&OPEN_FDS, process.open_fds as f64),
        Sample::new(&MAX_FDS, process.max_fds as f64),
    ]
}
