//! A mistake in the configuration: what is wrong, what is allowed, a suggestion.

use super::node::Node;

/// A mistake found in a document, not yet placed in its text. No text of it contains a secret.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) what: String,
    pub(super) help: Vec<String>,
    pub(super) at: At,
}

/// Where a mistake is.
#[derive(Debug)]
pub(super) enum At {
    Node(usize),
    Place(Option<Place>),
}

/// A place in a text: line and column, in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
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

    /// With the suggestion "did you mean", if there is one, of one word or of several together.
    pub(super) fn did_you_mean<'a>(self, suggestions: impl IntoIterator<Item = &'a str>) -> Self {
        let words: Vec<_> = suggestions.into_iter().map(|word| format!("`{word}`")).collect();
        if words.is_empty() { self } else { self.help(format!("did you mean {}?", words.join(" and "))) }
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
