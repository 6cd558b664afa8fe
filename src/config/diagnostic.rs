//! A mistake in the configuration, and how it is shown: place, line, caret, what is allowed, a suggestion.

use std::fmt;
use std::path::{Path, PathBuf};

use super::document::{self, Node};
use super::excerpt::{self, Excerpt, Vocabulary};

/// A mistake found in a document, not yet placed in its text. No text of it contains a secret.
#[derive(Debug)]
pub(super) struct Mistake {
    what: String,
    help: Vec<String>,
    at: At,
}

#[derive(Debug)]
enum At {
    Node(usize),
    Place(Option<Place>),
}

/// A place in a text: line and column, in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

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
    /// A mistake at a node.
    pub(super) fn at(node: &Node, what: impl Into<String>) -> Self {
        Self { what: what.into(), help: Vec::new(), at: At::Node(node.id) }
    }

    /// A mistake at a place of the text; `None` where only the file is known.
    pub(super) fn at_place(place: Option<Place>, what: impl Into<String>) -> Self {
        Self { what: what.into(), help: Vec::new(), at: At::Place(place) }
    }

    /// With one more line of advice.
    pub(super) fn help(mut self, line: impl Into<String>) -> Self {
        self.help.push(line.into());
        self
    }

    /// With the suggestion "did you mean", if there is one.
    pub(super) fn did_you_mean(self, suggestion: Option<&str>) -> Self {
        match suggestion {
            Some(suggestion) => self.help(format!("did you mean `{suggestion}`?")),
            None => self,
        }
    }

    /// The mistake placed in the text of `file`, whose keys are those of `vocabulary`.
    pub(super) fn in_file(self, file: &Path, text: &str, vocabulary: &Vocabulary) -> Diagnostic {
        let place = match self.at {
            At::Node(id) => document::place(text, id),
            At::Place(place) => place,
        };
        let place = place.map(|place| (place, excerpt::excerpt(text, place, vocabulary)));
        Diagnostic { what: self.what, help: self.help, file: file.to_owned(), place }
    }

    /// The mistake in a few words, for a file of which no line may be shown.
    pub(super) fn in_secret_file(&self) -> String {
        match self.at {
            At::Place(Some(place)) => format!("line {}, column {}: {}", place.line, place.column, self.what),
            _ => self.what.clone(),
        }
    }
}

impl Place {
    /// The place right after `before`, which is the text from its beginning.
    pub(super) fn after(before: &str) -> Self {
        let line = before.rsplit('\n').next().unwrap_or_default();
        Self { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
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
