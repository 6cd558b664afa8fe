//! Text that is no YAML: what the parser says about it, in a user's words and with the usual cause.

use super::mistake::{Mistake, Place};

/// What the parser's sentences contain, and what has usually happened.
const CAUSES: [(&str, &str); 7] = [
    ("mapping values are not allowed", "indent keys of one level alike, and put a value that contains `: ` in quotes"),
    ("cannot start any token", "put a value that begins with a special character in quotes"),
    ("could not find expected ':'", "a key is followed by a colon and a space: `key: value`"),
    ("block mapping", "indent keys of one level alike"),
    ("flow sequence", "a list that begins with `[` ends with `]`, with commas between the names"),
    ("flow mapping", "a mapping that begins with `{` ends with `}`, with commas between the entries"),
    ("quoted scalar", "a text that begins with a quote ends with the same quote"),
];

/// How many `[` and `{` a text may have. Few have ten.
const MOST_BRACKETS: usize = 1000;

/// Refuses characters that YAML does not allow, for whose place the parser gives a byte number only.
pub(super) fn check_characters(text: &str) -> Result<(), Mistake> {
    let forbidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    let Some((index, character)) = text.char_indices().find(|(_, c)| forbidden(*c)) else { return Ok(()) };
    let what = format!("the control character U+{:04X} has no place in YAML", u32::from(character));
    let mistake = Mistake::at_place(Some(Place::after(&text[..index])), what);
    Err(match character {
        '\0' => mistake.help("save the file as UTF-8"),
        _ => mistake.help("remove it"),
    })
}

/// Refuses a text whose brackets alone would keep the parser busy: the time that it takes grows with the square of their
/// number where they are nested.
pub(super) fn check_brackets(text: &str) -> Result<(), Mistake> {
    let Some((index, _)) = text.match_indices(['[', '{']).nth(MOST_BRACKETS) else { return Ok(()) };
    let what = format!("there are more than {MOST_BRACKETS} opening brackets, `[` or `{{`");
    Err(Mistake::at_place(Some(Place::after(&text[..index])), what).help("is it the right file?"))
}

/// The mistake behind a syntax error; `problem` is the parser's sentence, which repeats `place`.
pub(super) fn mistake(text: &str, problem: &str, place: Option<Place>) -> Mistake {
    let Some(stopped) = place else {
        // The parser gives no place for this alone.
        return Mistake::at_place(None, "the file is not one YAML document").help("remove what follows a second `---`");
    };
    let Place { line, column } = stopped;
    let problem = problem.replacen(&format!(" at line {line} column {column}"), "", 1);
    let (problem, begun) = beginning(&problem);
    let mistake = Mistake::at_place(Some(begun.unwrap_or(stopped)), format!("this is not valid YAML: {problem}"));
    if indented_by_tab(text, stopped.line) {
        return mistake.help("YAML does not allow tabs for indentation: use spaces");
    }
    match CAUSES.iter().find(|(sentence, _)| problem.contains(sentence)) {
        Some((_, cause)) => mistake.help(*cause),
        None => mistake,
    }
}

/// The sentence without the place of what was being read, and that place: an open quote or bracket is the mistake, and
/// not where the text ends. Not so for a block, which begins far above.
fn beginning(problem: &str) -> (&str, Option<Place>) {
    let Some((sentence, place)) = problem.rsplit_once(" at line ") else { return (problem, None) };
    let place = place
        .split_once(" column ")
        .and_then(|(line, column)| Some(Place { line: line.parse().ok()?, column: column.parse().ok()? }));
    (sentence, place.filter(|_| !sentence.contains(" block ")))
}

/// The mistake of YAML that is well formed and still makes no values.
pub(super) fn unusable(place: Option<Place>) -> Mistake {
    Mistake::at_place(place, "this cannot be read")
        .help("a tag such as `!!int` does not fit its value, or lists and mappings are nested too deep")
}

/// Whether a tab indents the line, or the one before, which is where the parser sometimes stops.
fn indented_by_tab(text: &str, line: usize) -> bool {
    let tabbed = |line: &str| line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t');
    text.lines().skip(line.saturating_sub(2)).take(line.min(2)).any(tabbed)
}
