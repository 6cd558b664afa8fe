//! History: what Withings has of a period, as the series that live scrapes would have made of it.
//!
//! Withings is asked for years at a time (`fetch`); each answer is kept in a work directory ([`Work`]), so that an
//! interruption costs one of them. From these parts come the readings of every moment, chosen by the rules that choose
//! the newest one of a page (`moments`), sorted into series on disk, a person at a time (`timeline`), and read from there
//! in the order of a page, a stretch at a time ([`Reader`]).

mod fetch;
mod moments;
mod question;
mod reader;
mod series;
mod timeline;
mod work;

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

pub use fetch::{Fetch, Progress};
pub use question::{Asked, Person, Question};
pub use reader::Reader;
pub use series::{Sample, Series};
pub use work::Work;

use crate::catalogue::Call;
use crate::exposition::Archive;
use crate::login::LoginError;
use crate::storage::{StorageError, WorkError};

/// A history was not fetched or not written.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The work directory cannot be used.
    #[error("the directory for what is fetched cannot be used")]
    Work(#[from] WorkError),
    /// What was fetched could not be kept or read again.
    #[error("what is fetched cannot be kept")]
    Storage(#[from] StorageError),
    /// The profile's login is another person's than when the history was asked for.
    #[error("somebody else logged in as {0} meanwhile; start again")]
    AnotherPerson(Arc<str>),
    /// A call failed for good, or for so long that it was given up.
    #[error("{profile}: the call {call} cannot be made")]
    Call {
        /// The profile.
        profile: Arc<str>,
        /// The call.
        call: Call,
        /// Why not, at last.
        source: LoginError,
    },
    /// The series could not be sorted on disk.
    #[error("the series cannot be sorted on disk")]
    Sort(#[source] io::Error),
    /// The text could not be written.
    #[error("the history cannot be written")]
    Write(#[source] io::Error),
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Series.
    pub series: u64,
    /// Samples of all of them.
    pub samples: u64,
    /// The first sample's time and the last one's, Unix seconds.
    pub span: Option<(i64, i64)>,
}

/// Writes the series of `reader` to `out` as OpenMetrics text. Blocks.
pub fn write(reader: Reader, out: impl Write) -> Result<Written, HistoryError> {
    let mut archive = Archive::new(BufWriter::new(out));
    let mut written = Written::default();
    let (mut begun, mut before) = (None, Vec::new());
    for stretch in reader {
        let (family, Series { name, labels, samples }) = stretch.map_err(HistoryError::Sort)?;
        if begun.replace(family) != Some(family) {
            archive.begin(family).map_err(HistoryError::Write)?;
            before.clear();
        }
        archive.samples(&name, &labels, samples.iter().map(|it| (it.at, it.value))).map_err(HistoryError::Write)?;
        written.series += u64::from(labels != before);
        written.samples += samples.len() as u64;
        for at in samples.first().into_iter().chain(samples.last()).map(|it| it.at) {
            let (first, last) = written.span.unwrap_or((at, at));
            written.span = Some((first.min(at), last.max(at)));
        }
        before = labels;
    }
    archive.end().map_err(HistoryError::Write)?;
    Ok(written)
}
