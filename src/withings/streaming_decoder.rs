//! The streaming decoder: reads a long list piece by piece while the answer comes, so that a whole history never lies in
//! memory.
//!
//! It is here for one bar: 14 MiB resident with two profiles after histories of ten years. A history of 10,000 groups has
//! 8.3 MiB, of which the decoder holds 0.2 MiB at a time. Collected bodies would be held two at a time, and the allocator
//! would keep their memory.

use std::ops::Range;

use super::envelope::{self, DecodeError};
use super::error::CallError;
use super::prune::Prune;
use super::wire::AnswerPage;

/// How much of a list is read at one time, bytes: little enough that the one async thread answers a scrape in between.
const PIECE: usize = 16 * 1024;

/// How many rows are kept before they are pruned for the first time.
const MANY: usize = 64;

/// The depth of a list in the body: it is in an object in an object.
const LIST_DEPTH: usize = 3;

/// Decodes an answer of which a part has come.
pub struct StreamingDecoder<P: AnswerPage> {
    /// The bytes that have come, without the pieces of the list that were read.
    text: Vec<u8>,
    scanner: Scanner,
    list: Option<List>,
    rows: Vec<P::Row>,
    prune: Prune<P::Row>,
    server_now: i64,
    /// The number of rows at which they are pruned.
    many: usize,
    /// The first piece that could not be read.
    error: Option<DecodeError>,
}

/// The rows of a whole answer.
#[derive(Debug)]
pub struct DecodedPage<R> {
    /// The rows of the page.
    pub rows: Vec<R>,
    /// The offset of the next page; `None` if there is none.
    pub next: Option<i64>,
    /// The server's time, Unix seconds, where the answer tells it.
    pub server_time: Option<i64>,
}

/// Scans the text for lists of the body: how far it has come, and where in the JSON that is.
#[derive(Default)]
struct Scanner {
    at: usize,
    depth: usize,
    in_body: bool,
    in_string: bool,
    is_escaped: bool,
}

/// A list of the body whose end has not come.
struct List {
    /// The place of the list's name in the text, with the quotation marks.
    name: Range<usize>,
    /// The place of the first element that was not read yet.
    begin: usize,
}

/// What the place after a scanned byte is.
enum Boundary {
    /// No boundary.
    Inside,
    /// The begin of a list in the body.
    ListBegins,
    /// Between two elements of a list in the body.
    NextElement,
    /// The end of a list in the body.
    ListEnds,
}

impl<P: AnswerPage> StreamingDecoder<P> {
    /// A decoder for an answer of which nothing has come. Its rows are pruned at `server_now`, Unix seconds, when they are many.
    #[must_use]
    pub fn new(prune: Prune<P::Row>, server_now: i64) -> Self {
        let (scanner, list) = (Scanner::default(), None);
        Self { text: Vec::new(), scanner, list, rows: Vec::new(), prune, server_now, many: MANY, error: None }
    }

    /// Takes the bytes that came next.
    pub fn push(&mut self, chunk: &[u8]) {
        // In pieces, however much came at one time: a list is read as soon as a piece of it is there.
        chunk.chunks(PIECE).for_each(|piece| self.take(piece));
    }

    /// The decoded answer, once all of it has come. With `needs_body` an answer without a body is an error.
    pub fn finish(mut self, needs_body: bool) -> Result<DecodedPage<P::Row>, CallError> {
        let page: P = match envelope::open(&self.text)?? {
            "null" if needs_body => return Err(CallError::NoBody),
            // Withings writes an empty map as a list.
            "null" | "[]" => P::default(),
            body => envelope::parse(body.as_bytes()).map_err(CallError::Body)?,
        };
        if let Some(error) = self.error {
            return Err(CallError::Body(error));
        }
        let server_time = page.server_time();
        let (rest, next) = page.into_rows();
        self.rows.extend(rest);
        Ok(DecodedPage { rows: self.rows, next, server_time })
    }

    fn take(&mut self, chunk: &[u8]) {
        self.text.extend_from_slice(chunk);
        while let Some(step) = self.scanner.step(&self.text) {
            match step {
                Boundary::Inside => {}
                Boundary::ListBegins => self.list = List::beginning(&self.text, self.scanner.at),
                Boundary::NextElement => self.read_piece(),
                Boundary::ListEnds => self.list = None,
            }
        }
    }

    /// Reads the elements that have come and takes them out of the text, if they are a piece.
    fn read_piece(&mut self) {
        let Some(list) = self.list.as_ref().filter(|list| self.scanner.at - list.begin >= PIECE) else { return };
        let elements = &self.text[list.begin..self.scanner.at - 1];
        let piece = [b"{", &self.text[list.name.clone()], b":[", elements, b"]}"].concat();
        match envelope::parse::<P>(&piece) {
            Ok(page) => self.rows.extend(page.into_rows().0),
            Err(error) => drop(self.error.get_or_insert(error)),
        }
        self.text.drain(list.begin..self.scanner.at);
        self.scanner.at = list.begin;
        if self.rows.len() >= self.many {
            (self.prune)(&mut self.rows, self.server_now);
            self.many = MANY.max(self.rows.len() * 2);
        }
    }
}

impl Scanner {
    /// Scans the next byte, if there is one. Wrong JSON is found when it is parsed.
    fn step(&mut self, text: &[u8]) -> Option<Boundary> {
        let byte = *text.get(self.at)?;
        self.at += 1;
        if self.in_string {
            self.in_string = self.is_escaped || byte != b'"';
            self.is_escaped = byte == b'\\' && !self.is_escaped;
            return Some(Boundary::Inside);
        }
        let is_in_list = self.in_body && self.depth == LIST_DEPTH;
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth < LIST_DEPTH {
                    self.in_body = name_before(text, self.at - 1).is_some_and(|name| &text[name] == b"\"body\"");
                } else if self.depth == LIST_DEPTH && self.in_body && byte == b'[' {
                    return Some(Boundary::ListBegins);
                }
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return Some(if is_in_list { Boundary::ListEnds } else { Boundary::Inside });
            }
            b',' if is_in_list => return Some(Boundary::NextElement),
            _ => {}
        }
        Some(Boundary::Inside)
    }
}

impl List {
    /// The list whose elements begin at `begin`.
    fn beginning(text: &[u8], begin: usize) -> Option<Self> {
        Some(Self { name: name_before(text, begin - 1)?, begin })
    }
}

/// The place of the name of the value that begins at `at`, with the quotation marks.
fn name_before(text: &[u8], at: usize) -> Option<Range<usize>> {
    let before = text[..at].trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
    let name = before.strip_suffix(b"\"")?;
    Some(name.iter().rposition(|byte| *byte == b'"')?..before.len())
}

#[cfg(test)]
#[path = "streaming_decoder_tests.rs"]
mod tests;
