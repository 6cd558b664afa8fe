//! How a mistake in the configuration is shown: place, line, caret, what is allowed, a suggestion.

use std::fmt;
use std::path::{Path, PathBuf};

use super::document;
use super::mistake::{At, Mistake, Place};
use super::redaction::{self, Excerpt};
use super::schema::Key;

/// A mistake with its place, as a user reads it: several lines, the first without a place, the last without a newline.
///
/// Values that may be secret are masked.
#[derive(Debug)]
pub struct Diagnostic {
    what: String,
    help: Vec<String>,
    file: PathBuf,
    place: Option<(Place, Excerpt)>,
}

impl Mistake {
    /// The mistake placed in the text of `file`, which may have these keys.
    pub(super) fn in_file(self, file: &Path, text: &str, keys: &'static [Key]) -> Diagnostic {
        let place = match self.at {
            At::Node(id) => document::place(text, id),
            At::Place(place) => place,
        };
        let place = place.map(|place| (place, redaction::excerpt(text, place, keys)));
        Diagnostic { what: self.what, help: self.help, file: file.to_owned(), place }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        let margin = self.place.as_ref().map_or(1, |(place, _)| place.line.to_string().len());
        write!(f, "\n{:margin$}--> {}", "", self.file.display())?;
        if let Some((place, excerpt)) = &self.place {
            let caret = " ".repeat(excerpt.caret);
            write!(f, ":{}:{}\n{:margin$} |", place.line, place.column, "")?;
            write!(f, "\n{} | {}\n{:margin$} | {caret}^", place.line, excerpt.line, "")?;
        }
        self.help.iter().try_for_each(|line| write!(f, "\n{:margin$} = {line}", ""))
    }
}
