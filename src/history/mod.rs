//! History: what Withings has of a period, as the series that live scrapes would have made of it.
//!
//! Withings is asked for years at a time (`fetch`); each answer is kept in a work directory ([`Work`]), so that an
//! interruption costs one of them. From these parts come the readings of every moment, chosen by the rules that choose
//! the newest one of a page (`moments`), sorted into tracks a person at a time (`timeline`), kept on disk (`spool`), and read
//! from there in the order of a page, a stretch at a time ([`SeriesReader`]). What a sample is called, `exposition` says.

mod fetch;
mod moments;
mod question;
mod reader;
mod spool;
mod timeline;
mod work;

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

pub use fetch::{Fetch, FetchProgress};
pub use question::{Asked, AskedProfile, Question};
pub use reader::{SeriesReader, Stretch};
pub use work::Work;

use crate::catalogue::Call;
use crate::exposition::{CsvWriter, Format, Sample, SampleWriter, TextWriter};
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
    /// Series that have a sample.
    pub series: u64,
    /// Samples of all of them.
    pub samples: u64,
    /// The first sample's time and the last one's, Unix seconds.
    pub span: Option<(i64, i64)>,
}

/// The format of a written history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileFormat {
    /// OpenMetrics text, each sample with its time.
    #[default]
    OpenMetrics,
    /// A table with a line for each value.
    Csv,
}

impl FileFormat {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::OpenMetrics, Self::Csv];

    /// The format's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenMetrics => "openmetrics",
            Self::Csv => "csv",
        }
    }
}

/// Writes the series of `reader` to `out`. Blocks.
pub fn write(reader: SeriesReader, format: FileFormat, out: impl Write) -> Result<Written, HistoryError> {
    let out = BufWriter::new(out);
    match format {
        FileFormat::OpenMetrics => write_to(reader, TextWriter::new(Format::OpenMetrics, out)),
        FileFormat::Csv => write_to(reader, CsvWriter::new(out).map_err(HistoryError::Write)?),
    }
}

fn write_to<W: SampleWriter>(reader: SeriesReader, mut writer: W) -> Result<Written, HistoryError> {
    let (mut written, mut is_new) = (Written::default(), false);
    for stretch in reader {
        let stretch = stretch.map_err(HistoryError::Sort)?;
        is_new |= stretch.is_first;
        for sample in stretch.samples().filter(W::takes) {
            writer.write(&sample).map_err(HistoryError::Write)?;
            written.note(&sample, std::mem::take(&mut is_new));
        }
    }
    writer.end().map_err(HistoryError::Write)?;
    Ok(written)
}

impl Written {
    fn note(&mut self, sample: &Sample<'_>, is_of_new_series: bool) {
        self.series += u64::from(is_of_new_series);
        self.samples += 1;
        if let Some(at) = sample.at {
            let (first, last) = self.span.unwrap_or((at, at));
            self.span = Some((first.min(at), last.max(at)));
        }
    }
}
