//! The line of a mistake, as it may be shown: only values of keys that hold no secret, by a list of those keys, so that
//! a secret under a misspelt key, in broken YAML or in somebody else's block is masked too. With aliases no key is safe.

use super::mistake::Place;
use super::nearest::is_typo;
use super::syntax::has_aliases;

const MASK: &str = "********";

/// What the keys of a kind of file hold.
pub(super) struct Vocabulary {
    /// The keys around them.
    pub(super) blocks: &'static [&'static str],
    /// The keys whose values may be shown. No secret is among them, nor is any unknown key.
    pub(super) shown: &'static [&'static str],
    /// The keys with a secret. They themselves may be shown.
    pub(super) secret: &'static [&'static str],
    /// How those keys begin: a misspelt key like that could be meant for one of them.
    pub(super) secret_prefix: &'static str,
    /// What makes a value of any key suspicious.
    pub(super) marks: &'static [&'static str],
}

/// Longer runs of letters and digits are taken for ids, secrets or tokens, wherever they stand.
const LONGEST_WORD: usize = 31;

/// A longer line is cut before and after the mistake.
const WIDTH: usize = 100;

/// A line and the offset of the caret in it, both in characters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub(super) line: String,
    pub(super) caret: usize,
}

/// The line of `place` with what may be secret masked; the caret stays inside of it.
pub(super) fn excerpt(text: &str, place: Place, vocabulary: &Vocabulary) -> Excerpt {
    // A file that ends too early is wrong in the line after its last.
    let lines: Vec<&str> = text.lines().chain([""]).take(place.line).collect();
    let nothing_shown = Vocabulary { shown: &[], ..*vocabulary };
    let vocabulary = if has_aliases(text) { &nothing_shown } else { vocabulary };
    let line: Vec<char> = vocabulary.visible(&lines).chars().map(printable).collect();
    let caret = (place.column - 1).min(line.len());
    let from = if line.len() > WIDTH { caret.saturating_sub(WIDTH / 2) } else { 0 };
    Excerpt { line: line[from..].iter().take(WIDTH).collect(), caret: caret - from }
}

/// A word for a message, in backquotes; `None` if it may be a secret, as `$2y$10$…` is: the hash of a password.
pub(super) fn quoted(word: &str) -> Option<String> {
    let plain: String = redacted(word).chars().map(printable).collect();
    (word.chars().count() <= WIDTH && !word.contains(['@', '?', '#', '$']) && plain == word)
        .then(|| format!("`{word}`"))
}

impl Vocabulary {
    /// The last of `lines` as it may be shown; the ones above tell what it belongs to.
    fn visible(&self, lines: &[&str]) -> String {
        let Some((line, above)) = lines.split_last() else { return String::new() };
        let line = line.split(" #").next().unwrap_or_default().trim_end();
        let (indent, content) = line.split_at(indentation(line));
        let shown = match key(line) {
            Some((name, value)) if self.is_named(owner(line, above), name, value) => {
                let head = &content[..content.len() - value.len()];
                let shown = self.is_shown(name) && self.harmless(value) || reference(value) || value.is_empty();
                format!("{head}{}", if shown { value } else { MASK })
            }
            None if content.is_empty() || self.is_listed(line, above) && self.harmless(content) => content.to_owned(),
            _ => MASK.to_owned(),
        };
        format!("{indent}{}", redacted(&shown))
    }

    /// Whether this key itself may be shown. One that stands alone in a block may be a secret that lost its key.
    fn is_named(&self, owner: Option<&str>, name: &str, value: &str) -> bool {
        match owner {
            None => true,
            Some(owner) if self.blocks.contains(&owner) => {
                !value.is_empty() || self.secret.contains(&name) || self.is_shown(name)
            }
            Some(owner) => self.shown.contains(&owner),
        }
    }

    /// Whether values of this key may be shown. A misspelt one is as good, unless it could be meant for a secret.
    fn is_shown(&self, key: &str) -> bool {
        let far_from_secret = self.shown.iter().copied().filter(|it| !it.starts_with(self.secret_prefix));
        self.shown.contains(&key) || is_typo(key, far_from_secret)
    }

    /// Whether a line is an item of a list whose key may be shown, with nothing but items between them.
    fn is_listed(&self, line: &str, above: &[&str]) -> bool {
        let is_item = |line: &str| line.trim() == "-" || line.trim_start().starts_with("- ");
        let head = above.iter().rev().find(|line| !is_item(line)).and_then(|line| key(line));
        is_item(line) && head.is_some_and(|(name, value)| self.shown.contains(&name) && value.is_empty())
    }

    /// Whether a value holds no second key and nothing that URLs use for passwords and tokens.
    fn harmless(&self, value: &str) -> bool {
        let nested = [": ", ":\t", "\":", "':", "@", "?", "#"];
        let suspicious = nested.iter().chain(self.marks).any(|it| value.contains(it));
        !suspicious && !value.ends_with(':')
    }
}

/// The key under which a line stands: the nearest above that is indented less.
fn owner<'a>(line: &str, above: &[&'a str]) -> Option<&'a str> {
    above.iter().rev().filter(|it| indentation(it) < indentation(line)).find_map(|it| Some(key(it)?.0))
}

/// The key of a line, and the value after it up to the line's end.
fn key(line: &str) -> Option<(&str, &str)> {
    let rest = line[indentation(line)..].trim_start_matches("- ");
    let (name, value) = rest.split_once(':')?;
    let name = name.trim_end().trim_matches(['"', '\'']);
    let is_word = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let ends = value.is_empty() || value.starts_with([' ', '\t']);
    (is_word && ends).then(|| (name, value.trim_start()))
}

/// Whether a value only names a secret of `secrets.yaml`.
fn reference(value: &str) -> bool {
    value.strip_prefix("!secret ").is_some_and(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
}

fn redacted(text: &str) -> String {
    text.split_inclusive(|c: char| !c.is_ascii_alphanumeric())
        .map(|run| match run.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()) {
            word if word.len() > LONGEST_WORD => run.replace(word, MASK),
            _ => run.to_owned(),
        })
        .collect()
}

/// A tab as one visible column, and nothing that could control a terminal.
fn printable(character: char) -> char {
    match character {
        '\t' => '→',
        c if c.is_control() => '\u{FFFD}',
        c => c,
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
