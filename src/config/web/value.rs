//! Values of the web configuration: switches, headers, users, the rate limit.

use std::time::Duration;

use super::section::Section;
use super::{RateLimit, User};
use crate::config::mistake::Mistake;
use crate::config::nearest::nearest;
use crate::config::node::{Node, Value};
use crate::config::scalar::{shown, text};
use crate::config::schema::{self, Key, KeyKind};

/// The headers that can be set. Others belong to the program.
pub(super) const HEADERS: &[Key] = &[
    ("Content-Security-Policy", KeyKind::Text),
    ("Strict-Transport-Security", KeyKind::Text),
    ("X-Content-Type-Options", KeyKind::Plain),
    ("X-Frame-Options", KeyKind::Plain),
    ("X-XSS-Protection", KeyKind::Text),
];

/// The keys of `rate_limit`.
pub(super) const RATE_LIMIT_KEYS: &[Key] = &[("interval", KeyKind::Plain), ("burst", KeyKind::Plain)];

/// The units of a duration as Go writes it, seconds.
const UNITS: [(&str, f64); 7] =
    [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// `headers`.
pub(super) fn headers(key: &str, node: &Node) -> Result<Vec<(&'static str, String)>, Mistake> {
    let section = Section::of(node.clone(), key, HEADERS)?;
    let mut headers = Vec::new();
    for name in schema::names(HEADERS) {
        let header = section.read(name, header)?;
        headers.extend(header.map(|value| (name, value)));
    }
    Ok(headers)
}

fn header(name: &str, node: &Node) -> Result<String, Mistake> {
    let said = text(name, node)?;
    let allowed: &[&str] = match name {
        "X-Content-Type-Options" => &["nosniff"],
        "X-Frame-Options" => &["deny", "sameorigin"],
        _ => &[],
    };
    if !allowed.is_empty() && !allowed.contains(&said) {
        return Err(Mistake::at(node, format!("`{name}` cannot be {}", shown(node)))
            .did_you_mean(nearest(said, allowed.iter().copied()))
            .help(format!("allowed is {}", allowed.join(" or "))));
    }
    if !said.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)) {
        return Err(Mistake::at(node, format!("`{name}` has characters that no header can have"))
            .help("write it in one line of ASCII"));
    }
    Ok(said.to_owned())
}

/// `basic_auth_users`.
pub(super) fn users(key: &str, node: &Node) -> Result<Vec<User>, Mistake> {
    Section::open(node.clone(), key)?.entries().map(|(name, hash)| user(name, hash)).collect()
}

fn user(name: &Node, hash: &Node) -> Result<User, Mistake> {
    let said = text("the name of a user", name)?;
    let well_formed = hash.text().filter(|hash| is_bcrypt(hash)).ok_or_else(|| {
        Mistake::at(hash, "this is no bcrypt hash of a password")
            .help("`htpasswd -nBC 10 \"\" | tr -d ':\\n'` asks for a password and prints its hash")
    })?;
    Ok(User { name: said.to_owned(), hash: well_formed.into() })
}

/// Whether the text is `$2b$10$` with 53 characters of salt and hash, in any of bcrypt's variants.
fn is_bcrypt(text: &str) -> bool {
    let parts: Vec<&str> = text.split('$').collect();
    let &["", "2" | "2a" | "2b" | "2x" | "2y", cost, rest] = parts.as_slice() else { return false };
    let is_cost = cost.len() == 2 && cost.parse::<u32>().is_ok_and(|cost| (4..=31).contains(&cost));
    is_cost && rest.len() == 53 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'))
}

/// `rate_limit`; `None` if its interval is 0, which is no limit.
pub(super) fn rate_limit(key: &str, node: &Node) -> Result<Option<RateLimit>, Mistake> {
    let section = Section::of(node.clone(), key, RATE_LIMIT_KEYS)?;
    let Some(interval) = section.read("interval", interval)?.filter(|interval| !interval.is_zero()) else {
        return Ok(None);
    };
    let burst = section.read("burst", burst)?;
    let missing =
        || Mistake::at(node, "`burst` is missing").help("it is how many requests may come at once, at least 1");
    Ok(Some(RateLimit { interval, burst: burst.ok_or_else(missing)? }))
}

fn interval(key: &str, node: &Node) -> Result<Duration, Mistake> {
    let found = match &node.value {
        Value::Integer(zero) if zero == "0" => Some(Duration::ZERO),
        Value::Text(said) => go_duration(said),
        _ => None,
    };
    found.ok_or_else(|| {
        Mistake::at(node, format!("`{key}` cannot be {}", shown(node)))
            .help("it is a duration with its unit, like `100ms`, `1s` or `1m30s`, or `0` for no limit")
    })
}

fn burst(key: &str, node: &Node) -> Result<u32, Mistake> {
    match &node.value {
        Value::Integer(said) => said.parse().ok().filter(|burst| *burst > 0),
        _ => None,
    }
    .ok_or_else(|| {
        Mistake::at(node, format!("`{key}` cannot be {}", shown(node))).help("it is a whole number, at least 1")
    })
}

/// Durations as Go reads them: numbers with units, in any order.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|sign: char| !sign.is_ascii_digit() && sign != '.')?);
        let (unit, next) =
            after.split_at(after.find(|sign: char| sign.is_ascii_digit() || sign == '.').unwrap_or(after.len()));
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        seconds += number.parse::<f64>().ok()? * factor;
        rest = next;
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(seconds).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, milliseconds) in [("1s", 1000), ("100ms", 100), ("1m30s", 90_000), ("1.5s", 1500), ("0", 0)] {
            assert_eq!(go_duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "1", "s", "1 s", "-1s", "1d", "1.2.3s", "1s1", "999999999999999999999999h"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_hash_has_variant_cost_salt_and_digest() {
        let rest = "Oj02h0KlGl0rF.qd/.5rWujZAZYaKOxFxprlvgMTMhKvPrC5apzZG";
        for good in ["$2y$10$", "$2a$04$", "$2b$31$", "$2$10$"] {
            assert!(is_bcrypt(&format!("{good}{rest}")), "{good}");
        }
        for bad in ["$2y$3$", "$2y$32$", "$2y$03$", "$1$10$", "2y$10$", "$2y$10", "$2y$10$$"] {
            assert!(!is_bcrypt(&format!("{bad}{rest}")), "{bad}");
        }
        assert!(!is_bcrypt("password"));
    }
}
