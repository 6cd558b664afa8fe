//! What of a file an error message may show. Its keys are in the schema; of the values only those of kinds that are no
//! secret: numbers, durations, booleans, measurements, profiles, words of a list. The text may be broken, so a line is
//! judged by itself and those above it.

use super::mistake::Place;
use super::node::{Node, Value};
use super::schema::{Key, KeyKind};
use crate::visible::is_unprintable;

const MASK: &str = "********";

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

/// The line of `place` in the text of a file with these keys; the caret stays inside of it.
pub(super) fn excerpt(text: &str, place: Place, keys: &'static [Key]) -> Excerpt {
    // A file that ends too early is wrong in the line after its last.
    let lines: Vec<&str> = text.lines().chain([""]).take(place.line).collect();
    let line =
        if has_aliases(text) { hidden(lines.last().copied().unwrap_or_default()) } else { redacted(&lines, keys) };
    let line: Vec<char> = line.chars().map(printable).collect();
    let caret = (place.column - 1).min(line.len());
    let from = if line.len() > WIDTH { caret.saturating_sub(WIDTH / 2) } else { 0 };
    Excerpt { line: line[from..].iter().take(WIDTH).collect(), caret: caret - from }
}

/// A word of the file in backquotes; `None` if it may be a secret.
pub(super) fn quoted(word: &str) -> Option<String> {
    (is_plain(word) && word.chars().count() <= WIDTH && !word.contains(is_unprintable)).then(|| format!("`{word}`"))
}

/// A key in backquotes; `None` if it may be a secret that lost its own key or colon: if it is no single word, or has no
/// value.
pub(super) fn quoted_key(key: &Node, value: &Node) -> Option<String> {
    let may_be_shown = !key.hidden && !matches!(value.value, Value::Null);
    key.text().filter(|name| may_be_shown && is_word(name)).and_then(quoted)
}

/// Whether a text gives names to values (`&name`) or takes them from elsewhere (`*name`), so that what stands under any key
/// may be a secret. One of the two is enough: the other may be what is mistyped.
pub(super) fn has_aliases(text: &str) -> bool {
    let is_named = |rest: &str| rest.starts_with(|sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '-'));
    let mut words = text.split(|sign: char| sign.is_whitespace() || matches!(sign, '[' | '{' | ',' | ':'));
    words.any(|word| word.strip_prefix(['&', '*']).is_some_and(is_named))
}

/// The last of `lines` as it may be shown; the ones above tell what it belongs to.
fn redacted(lines: &[&str], keys: &'static [Key]) -> String {
    let Some((line, above)) = lines.split_last() else { return String::new() };
    // A comment may have anything in it.
    let line = line.split(" #").next().unwrap_or_default().trim_end();
    let Some((name, value)) = key(line) else {
        let is_shown = line.is_empty() || is_listed(line, above, keys) && is_plain(line);
        return if is_shown { line.to_owned() } else { hidden(line) };
    };
    let head = &line[..line.len() - value.len()];
    match KeyKind::of(name, keys) {
        None if !is_plain(name) || !is_key(owner(line, above), value, keys) => hidden(line),
        _ if value.is_empty() => head.to_owned(),
        Some(kind) if kind.is_shown() && is_plain(value) => line.to_owned(),
        _ => format!("{head}{MASK}"),
    }
}

/// A line with nothing but its indentation.
fn hidden(line: &str) -> String {
    format!("{}{MASK}", &line[..indentation(line)])
}

/// Whether a word before a colon is a key, though the schema does not have it. One that stands alone in a section may be
/// a secret that lost its key, and so may one under a key with a secret.
fn is_key(owner: Option<&str>, value: &str, keys: &'static [Key]) -> bool {
    let Some(owner) = owner else { return true };
    match KeyKind::of(owner, keys) {
        Some(KeyKind::Section(_)) => !value.is_empty(),
        Some(KeyKind::Names) => true,
        _ => false,
    }
}

/// Whether a line is an item of a list whose values may be shown, with nothing but items between them.
fn is_listed(line: &str, above: &[&str], keys: &'static [Key]) -> bool {
    let is_item = |line: &str| line.trim() == "-" || line.trim_start().starts_with("- ");
    let head = above.iter().rev().find(|line| !is_item(line)).and_then(|line| key(line));
    let is_shown = |name: &str| KeyKind::of(name, keys).is_some_and(KeyKind::is_shown);
    is_item(line) && head.is_some_and(|(name, value)| value.is_empty() && is_shown(name))
}

/// The key under which a line stands: the nearest above that is indented less.
fn owner<'a>(line: &str, above: &[&'a str]) -> Option<&'a str> {
    above.iter().rev().filter(|other| indentation(other) < indentation(line)).find_map(|other| Some(key(other)?.0))
}

/// The key of a line, and the value after it up to the line's end.
fn key(line: &str) -> Option<(&str, &str)> {
    let rest = line[indentation(line)..].trim_start_matches("- ");
    let (name, value) = rest.split_once(':')?;
    let name = name.trim_end().trim_matches(['"', '\'']);
    let ends = value.is_empty() || value.starts_with([' ', '\t']);
    (is_word(name) && ends).then(|| (name, value.trim_start()))
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '-' | '.'))
}

/// Whether a text is too short for a secret, and has nothing in it that may begin one: no second key, no hash of a password
/// (`$2y$10$…`), and no tag: behind `!secret` people write the secret itself.
fn is_plain(text: &str) -> bool {
    !text.contains([':', '=', '$', '!'])
        && text.split(|sign: char| !sign.is_ascii_alphanumeric()).all(|word| word.len() <= LONGEST_WORD)
}

/// A tab as one visible column, and nothing that could control a terminal.
fn printable(character: char) -> char {
    match character {
        '\t' => '→',
        unprintable if is_unprintable(unprintable) => '\u{FFFD}',
        other => other,
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::redacted;
    use crate::config::schema;

    #[track_caller]
    fn check(above: &str, line: &str, expected: &str) {
        let lines: Vec<&str> = above.lines().chain([line]).collect();
        assert_eq!(redacted(&lines, schema::FILE), expected, "{above}");
    }

    #[test]
    fn values_are_shown_by_the_kind_of_their_key() {
        check("withings:", "  refresh_interval: often", "  refresh_interval: often");
        check("withings:", "  requests_per_minute: 1000 # or so", "  requests_per_minute: 1000");
        check("withings:", "  webhooks: maybe", "  webhooks: maybe");
        check("withings:", "  profiles: [Alice, Zoë]", "  profiles: [Alice, Zoë]");
        check("withings:\n  measurements:", "    - wieght", "    - wieght");
        check("withings:\n  profiles:", "    Alice:", "    Alice:");
        check("withings:\n  profiles:", "    Alice: 1", "    Alice: ********");
        check("withings:", "  client_id: id", "  client_id: ********");
        check("withings:", "  client_secret: !secret withings", "  client_secret: ********");
        check("withings:", "  base_url: https://home.example", "  base_url: ********");
    }

    #[test]
    fn an_unknown_key_hides_its_value_and_itself_where_it_may_be_a_secret() {
        check("withings:", "  scan_interval: 300", "  scan_interval: ********");
        check("withings:", "  hush:", "  ********");
        check("withings:", "  5ecde7a1b0c4f6e85ecde7a1b0c4f6e8: 1", "  ********");
        check("withings:\n  client_secret:", "    hush: hush", "    ********");
        check("http:", "  api_password: hush", "  ********");
        check("", "homeassistant:", "homeassistant:");
    }

    #[test]
    fn what_is_no_key_and_value_is_hidden() {
        check("withings:", "  client_secret hush", "  ********");
        check("withings:", "  client_secret:hush", "  ********");
        check("withings:\n  profiles:", "    - client_secret=hush", "    ********");
        check("withings:\n  client_secret: >-", "    hush", "    ********");
        check("withings:\n  client_secret:", "    - hush", "    ********");
        check("withings: {profiles: [", "  Alice], client_secret: hush}", "  ********");
        check("withings:", "  profiles: [Alice], client_secret: hush}", "  profiles: ********");
        check("", "{\"withings\": {\"client_secret\": \"hush\"", "********");
    }
}
