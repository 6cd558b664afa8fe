//! What a backfill has done, and what to do with it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use chrono::DateTime;

use crate::catalogue::Call;
use crate::history::{FileFormat, Written};
use crate::remote_write::Target;
use crate::visible::quoted;

/// With longer blocks promtool would refuse nothing, and with its own of two hours ten years become thousands of blocks.
const BLOCK: &str = "9000h";

/// Seconds of a year.
const YEAR: i64 = 365 * 86_400;

/// What was done with a history.
pub struct Report {
    pub(super) given: Given,
    /// Calls that the logins do not permit.
    pub(super) left_out: Vec<(Arc<str>, Call)>,
    /// When it was done, Unix seconds.
    pub(super) now: i64,
}

/// Where it went, and how much it was.
#[derive(Clone, Debug)]
pub(super) enum Given {
    Stdout(FileFormat, Written),
    File(PathBuf, FileFormat, Written),
    Server {
        target: Target,
        samples: u64,
        /// Those that an interrupted run had sent.
        before: u64,
    },
}

impl Report {
    /// Whether standard output belongs to the history.
    pub(super) fn takes_stdout(&self) -> bool {
        matches!(self.given, Given::Stdout(..))
    }

    /// Says how much it is, what is missing, and the next command.
    pub fn print(&self, out: &mut dyn Write) -> Result<()> {
        for (profile, call) in &self.left_out {
            let scope = call.scope().unwrap_or_default();
            writeln!(out, "Left out: {call} of {profile}, whose login lacks the permission {scope}.")?;
        }
        match &self.given {
            Given::File(path, format, written) => {
                self.how_much(written, &format!("to {}", path.display()), out)?;
                self.next(*format, written, Some(path), out)?;
            }
            Given::Stdout(format, written) => {
                self.how_much(written, "to standard output", out)?;
                self.next(*format, written, None, out)?;
            }
            Given::Server { target, samples, before } => {
                write!(out, "Sent {samples} samples to {target}")?;
                let earlier = if *before > 0 { format!(", {before} of them earlier") } else { String::new() };
                writeln!(out, "{earlier}.")?;
                if let Some(afterwards) = target.afterwards() {
                    writeln!(out, "{afterwards}")?;
                }
            }
        }
        Ok(out.flush()?)
    }

    fn how_much(&self, written: &Written, whereto: &str, out: &mut dyn Write) -> Result<()> {
        let Written { series, samples, span } = written;
        let (first, last) = span.unwrap_or((self.now, self.now));
        let day = |at: i64| DateTime::from_timestamp(at, 0).unwrap_or_default().date_naive();
        Ok(writeln!(out, "Wrote {samples} samples of {series} series, {} to {}, {whereto}.", day(first), day(last))?)
    }

    /// Says how a time series engine takes the history. A table is for people, who know what to do with it.
    fn next(&self, format: FileFormat, written: &Written, path: Option<&Path>, out: &mut dyn Write) -> Result<()> {
        let (Some((first, _)), FileFormat::OpenMetrics) = (written.span, format) else { return Ok(()) };
        let years = (self.now - first) / YEAR + 2;
        let path = path.map(Path::to_string_lossy);
        let (file, upload) = (path.as_deref().unwrap_or("/dev/stdin"), path.as_deref().unwrap_or("-"));
        let (file, upload) = (quoted(file), quoted(upload));
        writeln!(
            out,
            "\nPrometheus deletes what is older than its retention, 15 days unless it is set. Start it with\n\
             --storage.tsdb.retention.time={years}y first, and then give it the history: DATA is the directory of its\n\
             --storage.tsdb.path, and the new blocks in it must belong to its user.\n\n  \
             promtool tsdb create-blocks-from openmetrics --max-block-duration={BLOCK} {file} DATA\n\n\
             VictoriaMetrics, started with -retentionPeriod={years}y:\n\n  \
             curl -fsS -X POST -T {upload} http://localhost:8428/api/v1/import/prometheus"
        )?;
        Ok(())
    }
}
