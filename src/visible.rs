//! Text that others wrote, as people may see it on a page, in the log and on a terminal: nothing in it can steer a terminal,
//! break a line, or turn the direction of what stands beside it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// How much of a text from outside is kept, in characters.
const MOST_CHARACTERS: usize = 200;

/// Whether a character cannot be seen and changes what can: control characters, separators of lines and paragraphs, and what
/// turns the direction of writing.
#[must_use]
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text from outside, cleaned and cut: one short line. To be called where the text comes in.
#[must_use]
pub fn cleaned(text: &str) -> String {
    let shown = |character| if is_unprintable(character) { char::REPLACEMENT_CHARACTER } else { character };
    text.chars().take(MOST_CHARACTERS).map(shown).collect()
}

/// A text of people whose characters must stay, such as the name of a profile: what cannot be printed is written as its
/// number. Line breaks and tabs stay.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    let is_escaped = |character: char| is_unprintable(character) && !matches!(character, '\n' | '\t');
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_escaped(character) {
            write!(shown, "\\u{{{:x}}}", u32::from(character)).expect("writing to a String does not fail");
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// A text as a shell takes it: one word.
#[must_use]
pub fn quoted(text: &str) -> Cow<'_, str> {
    let is_plain = |character: char| character.is_alphanumeric() || "/._-+:@%".contains(character);
    if text.chars().all(is_plain) { text.into() } else { format!("'{}'", text.replace('\'', r"'\''")).into() }
}

/// A terminal, to which every text is written [`escaped`].
pub struct Terminal<W>(pub W);

impl<W: Write> Write for Terminal<W> {
    /// Writes as much as is whole UTF-8, or what is no text as it is.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = match str::from_utf8(bytes) {
            Err(error) if error.valid_up_to() > 0 => error.valid_up_to(),
            _ => bytes.len(),
        };
        match str::from_utf8(&bytes[..length]) {
            Ok(text) => self.0.write_all(escaped(text).as_bytes())?,
            Err(_) => self.0.write_all(&bytes[..length])?,
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURNED: &str = "Eve\u{202e}\u{2066}\u{200f}ecilA";

    #[test]
    fn text_from_outside_is_one_short_line() {
        assert_eq!(cleaned("Body\u{1b}[31m+\n\u{202e}"), "Body\u{fffd}[31m+\u{fffd}\u{fffd}");
        assert_eq!(cleaned(&"é".repeat(3_000_000)).chars().count(), MOST_CHARACTERS);
        assert_eq!(cleaned("ScanWatch 2 – é 👩\u{200d}🔬"), "ScanWatch 2 – é 👩\u{200d}🔬");
    }

    #[test]
    fn a_name_keeps_its_characters_as_numbers() {
        assert_eq!(escaped(TURNED), r"Eve\u{202e}\u{2066}\u{200f}ecilA");
        assert!(matches!(escaped("Zoë\tthe\nfirst"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_terminal_sees_no_character_that_steers_it() {
        let mut terminal = Terminal(Vec::new());
        writeln!(terminal, "{TURNED} \u{1b}[2J").unwrap();
        assert_eq!(String::from_utf8(terminal.0).unwrap(), "Eve\\u{202e}\\u{2066}\\u{200f}ecilA \\u{1b}[2J\n");
    }
}
