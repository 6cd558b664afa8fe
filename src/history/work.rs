//! The work directory of a question: the answers that have come so far.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::HistoryError;
use super::question::{Asked, Question};
use crate::catalogue::Call;
use crate::reading::Reading;
use crate::storage::{StorageError, WorkDirectory};
use crate::withings::calls::getsummary::Sleeps;
use crate::withings::calls::sleep_get::{SPAN, SegmentRow};
use crate::zone::Zone;

/// The program's version: another one may keep other parts of an answer.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where the question is kept.
const ASKED: &str = "question";

/// The answers to a question, on disk. Cheap to clone. Blocks, as all of storage.
#[derive(Clone, Debug)]
pub struct Work(Arc<Inner>);

/// The answer to one call for one window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// The person's place in the question.
    pub(super) place: usize,
    pub(super) call: Call,
    /// The begin of the window, Unix seconds.
    pub(super) from: i64,
}

#[derive(Debug)]
struct Inner {
    directory: WorkDirectory,
    asked: Asked,
    is_resumed: bool,
}

impl Work {
    /// Goes on with `question` in the directory at `path` if it was asked there and not finished, else asks it now (Unix
    /// seconds).
    pub fn begin(path: &Path, question: Question, now: i64) -> Result<Self, HistoryError> {
        let directory = WorkDirectory::open(path)?;
        let before: Option<Asked> = directory.load(ASKED)?;
        let new = Asked { question, at: now, version: VERSION.to_owned() };
        let before = before.filter(|before| before.is_gone_on_with_by(&new));
        let is_resumed = before.is_some();
        let asked = before.unwrap_or(new);
        if !is_resumed {
            directory.clear()?;
            directory.save(ASKED, &asked)?;
        }
        Ok(Self(Arc::new(Inner { directory, asked, is_resumed })))
    }

    /// The question, and when it was first asked.
    #[must_use]
    pub fn asked(&self) -> &Asked {
        &self.0.asked
    }

    /// Whether it was asked and interrupted before.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.0.is_resumed
    }

    /// Whether a part is there.
    pub(super) fn has(&self, part: Part) -> bool {
        self.0.directory.has(&part.name())
    }

    /// Keeps a part.
    pub(super) fn save<T: Serialize>(&self, part: Part, rows: &Vec<T>) -> Result<(), StorageError> {
        self.0.directory.save(&part.name(), rows)
    }

    /// What is there of a call for the person at `place`, all windows together.
    pub(super) fn rows<T: DeserializeOwned>(&self, place: usize, call: Call) -> Result<Vec<T>, StorageError> {
        let parts = self.asked().windows().into_iter().map(|window| Part {
            place,
            call,
            from: Zone::UTC.midnight(window.from),
        });
        self.joined(parts)
    }

    /// Every sleep of the person at `place`.
    pub(super) fn sleeps(&self, place: usize) -> Result<Sleeps, StorageError> {
        Ok(Sleeps::all(self.rows(place, Call::Getsummary)?))
    }

    /// The segments of the sleeps whose stages were read, some nights at a time, ascending.
    pub(super) fn segments(
        &self,
        place: usize,
        sleeps: &Sleeps,
    ) -> impl Iterator<Item = Result<Vec<SegmentRow>, StorageError>> {
        let part = move |from| Part { place, call: Call::SleepGet, from };
        let spans = sleeps.spans(&self.asked().detailed(), SPAN);
        spans.into_iter().map(move |(from, _)| self.joined([part(from)].into_iter()))
    }

    /// What the watch of the person at `place` measured, a day at a time.
    pub(super) fn intraday(&self, place: usize) -> impl Iterator<Item = Result<Vec<Reading>, StorageError>> {
        let part = move |from| Part { place, call: Call::Getintradayactivity, from };
        self.asked().days().into_iter().map(move |(from, _)| self.joined([part(from)].into_iter()))
    }

    fn joined<T: DeserializeOwned>(&self, parts: impl Iterator<Item = Part>) -> Result<Vec<T>, StorageError> {
        let mut joined = Vec::new();
        for part in parts {
            let rows: Option<Vec<T>> = self.0.directory.load(&part.name())?;
            joined.extend(rows.into_iter().flatten());
        }
        Ok(joined)
    }

    /// What tells it from any other question, or from the same one asked at another time.
    #[must_use]
    pub fn identity(&self) -> String {
        serde_json::to_string(self.asked()).expect("a question has string keys and no failing fields")
    }

    /// A file of this name in the directory, which is deleted with it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.directory.path(name)
    }

    /// Where a file of this name is that [`Work::create`] made.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.directory.file(name)
    }

    /// A new file of this name in the directory, to be written.
    pub fn create(&self, name: &str) -> Result<File, HistoryError> {
        Ok(self.0.directory.create(name)?)
    }

    /// Puts a file that was written in place at `target`: whole, or not at all.
    pub fn publish(&self, name: &str, file: &File, target: &Path) -> Result<(), HistoryError> {
        Ok(self.0.directory.publish(name, file, target)?)
    }

    /// Deletes what was fetched: the question is answered.
    pub fn finish(self) -> Result<(), HistoryError> {
        Ok(self.0.directory.remove()?)
    }
}

impl Part {
    fn name(self) -> String {
        format!("{}-{}-{}", self.place, self.call, self.from)
    }
}
