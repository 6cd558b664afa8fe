//! Single values: text, URLs, numbers, switches, durations.

use std::num::NonZeroU32;
use std::time::Duration;

use url::Url;

use super::duration::{format_duration, parse_duration};
use super::mistake::Mistake;
use super::node::{Node, Value};
use super::redaction::quoted;

const SHORTEST_INTERVAL: Duration = Duration::from_secs(15);

/// A year: a login that is not used for so long is lost.
const LONGEST_INTERVAL: Duration = Duration::from_hours(365 * 24);

/// Withings' limit for an application.
const MOST_REQUESTS_PER_MINUTE: u32 = 120;

/// The value for a message, in backquotes, or "this value" if it must not be shown.
pub(super) fn shown(node: &Node) -> String {
    let text = match &node.value {
        Value::Text(text) | Value::Integer(text) | Value::Float(text) if !node.hidden => quoted(text),
        Value::Bool(value) if !node.hidden => Some(format!("`{value}`")),
        _ => None,
    };
    text.unwrap_or_else(|| "this value".to_owned())
}

/// Text that has more than white space and a byte order mark. A whole number counts, as ids may look like one.
pub(super) fn text<'a>(key: &str, node: &'a Node) -> Result<&'a str, Mistake> {
    let mistake = match &node.value {
        Value::Text(text) if trimmed(text).is_empty() => Mistake::at(node, format!("`{key}` is empty")),
        Value::Text(text) | Value::Integer(text) => return Ok(text),
        Value::Null => Mistake::at(node, format!("`{key}` has no value")),
        // A fraction or an exponent would not come back as it was written.
        _ => wrong_kind(key, "text", node),
    };
    Err(mistake.help(format!("write it as `{key}: TEXT`, in quotes if it looks like something else")))
}

/// Text without a byte order mark and white space at its ends.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|sign: char| sign.is_whitespace() || sign == '\u{feff}')
}

/// An `http` or `https` URL without credentials, query and fragment; a slash at its end is dropped.
pub(super) fn url(key: &str, node: &Node) -> Result<Url, Mistake> {
    let text = text(key, node)?;
    let example = "write it like `https://example.org` or `http://localhost:10064`";
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return Err(
            Mistake::at(node, format!("`{key}` must begin with `http://` or `https://`")).help(example.to_owned())
        );
    }
    let mut url =
        Url::parse(text).map_err(|err| Mistake::at(node, format!("`{key}` is not a URL: {err}")).help(example))?;
    let refused = [
        (!url.username().is_empty() || url.password().is_some(), "a user name or password"),
        (url.query().is_some(), "a query (`?…`)"),
        (url.fragment().is_some(), "a fragment (`#…`)"),
    ];
    if let Some((_, part)) = refused.into_iter().find(|(has, _)| *has) {
        return Err(Mistake::at(node, format!("`{key}` must not have {part}")).help(example));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// A [`url()`] without a path.
pub(super) fn origin(key: &str, node: &Node) -> Result<Url, Mistake> {
    let url = url(key, node)?;
    if url.path() == "/" {
        return Ok(url);
    }
    let help = "write only scheme, host and port, like `https://example.org` or `http://localhost:10064`: the paths are Withings' own";
    Err(Mistake::at(node, format!("`{key}` must not have a path")).help(help))
}

/// `refresh_interval`.
pub(super) fn interval(key: &str, node: &Node) -> Result<Duration, Mistake> {
    let allowed = format!(
        "allowed is {} to {}, written like `30s`, `5m` or `1h30m`",
        format_duration(SHORTEST_INTERVAL),
        format_duration(LONGEST_INTERVAL)
    );
    if let Some(number) = bare_number(node) {
        let suggestion = match number {
            0..15 => format!("write `{number}m`"),
            _ => format!("write `{number}s` or `{number}m`"),
        };
        return Err(Mistake::at(node, format!("{} has no unit; {suggestion}", shown(node))).help(allowed));
    }
    let Value::Text(said) = &node.value else {
        return Err(wrong_kind(key, "a duration", node).help(allowed));
    };
    let mistake = |problem| Mistake::at(node, format!("{} {problem}", shown(node))).help(allowed);
    match parse_duration(said) {
        None => Err(mistake("is not a duration")),
        Some(duration) if duration < SHORTEST_INTERVAL => Err(mistake("is too short")),
        Some(duration) if duration > LONGEST_INTERVAL => Err(mistake("is too long")),
        Some(duration) => Ok(duration),
    }
}

/// `requests_per_minute`.
pub(super) fn requests_per_minute(key: &str, node: &Node) -> Result<NonZeroU32, Mistake> {
    let allowed = format!("allowed is 1 to {MOST_REQUESTS_PER_MINUTE}, Withings' limit for an application");
    let Value::Integer(said) = &node.value else {
        return Err(wrong_kind(key, "a whole number", node).help(allowed));
    };
    match said.parse::<NonZeroU32>() {
        Ok(number) if number.get() <= MOST_REQUESTS_PER_MINUTE => Ok(number),
        _ => Err(Mistake::at(node, format!("`{key}` cannot be {}", shown(node))).help(allowed)),
    }
}

/// `true` or `false`, also in quotes and in YAML's older words.
pub(super) fn switch(key: &str, node: &Node) -> Result<bool, Mistake> {
    let word = match &node.value {
        Value::Bool(value) => return Ok(*value),
        Value::Text(word) => word.to_ascii_lowercase(),
        _ => String::new(),
    };
    match word.as_str() {
        "true" | "y" | "yes" | "on" => Ok(true),
        "false" | "n" | "no" | "off" => Ok(false),
        _ => Err(wrong_kind(key, "`true` or `false`", node)),
    }
}

/// The mistake of a value of another kind than the key takes.
pub(super) fn wrong_kind(key: &str, wanted: &str, node: &Node) -> Mistake {
    Mistake::at(node, format!("`{key}` takes {wanted}, and this is {}", node.value.kind()))
}

fn bare_number(node: &Node) -> Option<u64> {
    match &node.value {
        Value::Integer(text) | Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}
