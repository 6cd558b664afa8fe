//! The live section of a page: what changes without a snapshot, as OpenMetrics text that ends the page.

use crate::process::Process;
use crate::telemetry::Telemetry;

use super::Live;
use super::openmetrics::{Family, Writer};

/// The section as `live` wants it.
pub(super) fn render(live: Live, telemetry: &Telemetry) -> String {
    let page = match live {
        Live::Hidden => Writer::default(),
        Live::Shown { process } => {
            let mut page = Writer::after(telemetry.encode());
            if let Some(process) = process() {
                write_process(&mut page, &process);
            }
            page
        }
    };
    page.end()
}

/// The process metrics that every Prometheus client library has, under its names.
fn write_process(page: &mut Writer, process: &Process) {
    let mut write = |family: Family<'_>, value: f64| page.family(&family, |samples| samples.add([], value));
    let seconds = Some("seconds");
    let bytes = Some("bytes");
    write(
        Family::counter("process_cpu_seconds", seconds, "Total user and system CPU time spent."),
        process.cpu_seconds,
    );
    write(
        Family::gauge("process_start_time_seconds", seconds, "When the process started, Unix time."),
        process.start_time,
    );
    write(Family::gauge("process_virtual_memory_bytes", bytes, "Virtual memory size."), process.virtual_bytes as f64);
    write(
        Family::gauge("process_resident_memory_bytes", bytes, "Resident memory size."),
        process.resident_bytes as f64,
    );
    write(Family::gauge("process_threads", None, "Number of OS threads."), process.threads as f64);
    write(Family::gauge("process_open_fds", None, "Number of open file descriptors."), process.open_fds as f64);
    write(Family::gauge("process_max_fds", None, "Maximum number of open file descriptors."), process.max_fds as f64);
}
