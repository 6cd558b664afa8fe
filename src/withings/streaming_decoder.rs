//! The streaming decoder: reads a long list piece by piece while the answer comes, so that a whole history never lies in
//! memory.
//!
//! It is here for one bar: 14 MiB resident with two profiles after histories of ten years. A history of 10,000 groups has
//! 8.3 MiB, of which the decoder holds 0.2 MiB at a time. Collected bodies would be held two at a time, and the allocator
//! would keep their memory.

use std::ops::Range;

use super::envelope::{self, DecodeError};
use super::error::CallError;
use super::rows::{PageEnd, PageRows};

/// How much of a list is read at one time, bytes: little enough that the one async thread answers a scrape in between.
const PIECE: usize = 16 * 1024;

/// The depth of a list in the body: it is in an object in an object.
const LIST_DEPTH: usize = 3;

/// Decodes an answer of which a part has come.
pub struct StreamingDecoder<'a> {
    /// The bytes that have come, without the pieces of the list that were read.
    text: Vec<u8>,
    scanner: Scanner,
    list: Option<List>,
    rows: &'a mut dyn PageRows,
    /// The first piece that could not be read.
    error: Option<DecodeError>,
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

impl<'a> StreamingDecoder<'a> {
    /// A decoder for an answer of which nothing has come, at the server's time, Unix seconds.
    #[must_use]
    pub fn new(rows: &'a mut dyn PageRows, server_now: i64) -> Self {
        rows.begin(server_now);
        Self { text: Vec::new(), scanner: Scanner::default(), list: None, rows, error: None }
    }

    /// Takes the bytes that came next.
    pub fn push(&mut self, chunk: &[u8]) {
        // In pieces, however much came at one time: a list is read as soon as a piece of it is there.
        chunk.chunks(PIECE).for_each(|piece| self.take(piece));
    }

    /// Keeps the rows of the answer, once all of it has come, or none of them where anything of it cannot be read. With
    /// `needs_body` an answer without a body is an error.
    pub fn finish(self, needs_body: bool) -> Result<PageEnd, CallError> {
        let end = match envelope::open(&self.text)?? {
            "null" if needs_body => return Err(CallError::NoBody),
            // Withings writes an empty map as a list.
            "null" | "[]" => PageEnd::default(),
            body => self.rows.take(body.as_bytes()).map_err(CallError::Body)?,
        };
        if let Some(error) = self.error {
            return Err(CallError::Body(error));
        }
        self.rows.keep();
        Ok(end)
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
        if let Err(error) = self.rows.take(&piece) {
            self.error.get_or_insert(error);
        }
        self.text.drain(list.begin..self.scanner.at);
        self.scanner.at = list.begin;
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
