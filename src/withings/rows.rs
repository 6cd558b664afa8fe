//! The rows of a call, taken while its pages come.

use super::envelope::{self, DecodeError};
use super::prune::Prune;
use super::wire::AnswerPage;

/// How many rows of a page are kept before they are pruned for the first time.
pub(super) const MANY: usize = 64;

/// Takes the rows of a call, whatever they are. For the bar of the program's size: what asks for pages is compiled once then, and
/// not for each call.
pub trait PageRows: Send {
    /// Begins a page at the server's time, Unix seconds. Rows of a page that was not kept are dropped.
    fn begin(&mut self, server_now: i64);

    /// Takes the rows of a body, or of an object with a part of the body's list.
    fn take(&mut self, body: &[u8]) -> Result<PageEnd, DecodeError>;

    /// Keeps the rows of the page beside those of the pages before it.
    fn keep(&mut self);
}

/// What a page says beside its rows.
#[derive(Debug, Default)]
pub struct PageEnd {
    /// The offset of the next page; `None` if there is none.
    pub next: Option<i64>,
    /// The server's time, Unix seconds, where the answer tells it.
    pub server_time: Option<i64>,
}

/// The rows of a call whose pages are `P`.
pub struct Rows<P: AnswerPage> {
    kept: Vec<P::Row>,
    page: Vec<P::Row>,
    prune: Prune<P::Row>,
    server_now: i64,
    /// The number of the page's rows at which they are pruned.
    many: usize,
}

impl<P: AnswerPage> Rows<P> {
    /// No rows yet. They are pruned when they are many.
    #[must_use]
    pub fn new(prune: Prune<P::Row>) -> Self {
        Self { kept: Vec::new(), page: Vec::new(), prune, server_now: 0, many: MANY }
    }

    /// The rows of the pages that were kept.
    #[must_use]
    pub fn kept(self) -> Vec<P::Row> {
        self.kept
    }
}

impl<P: AnswerPage> PageRows for Rows<P> {
    fn begin(&mut self, server_now: i64) {
        (self.server_now, self.many) = (server_now, MANY);
        self.page.clear();
        (self.prune)(&mut self.kept, server_now);
    }

    fn take(&mut self, body: &[u8]) -> Result<PageEnd, DecodeError> {
        let page: P = envelope::parse(body)?;
        let server_time = page.server_time();
        let (rows, next) = page.into_rows();
        self.page.extend(rows);
        if self.page.len() >= self.many {
            (self.prune)(&mut self.page, self.server_now);
            self.many = MANY.max(self.page.len() * 2);
        }
        Ok(PageEnd { next, server_time })
    }

    fn keep(&mut self) {
        self.kept.append(&mut self.page);
    }
}

#[cfg(test)]
impl<P: AnswerPage> Rows<P> {
    /// How many rows of the page are kept at present.
    pub(super) fn of_page(&self) -> usize {
        self.page.len()
    }
}
