//! Durations as the configuration writes them: `30s`, `5m`, `1h30m`.

use std::time::Duration;

const UNITS: [(char, u64); 3] = [('h', 3600), ('m', 60), ('s', 1)];

/// The duration: whole hours, minutes and seconds in this order, each at most once. `None` if it is anything else.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total: u64 = 0;
    for (unit, seconds) in UNITS {
        let Some((number, after)) = rest.split_once(unit) else { continue };
        if !number.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(seconds)?)?;
        rest = after;
    }
    (rest.is_empty() && !text.is_empty()).then(|| Duration::from_secs(total))
}

/// The duration in whole seconds, as the configuration would write it.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut rest = duration.as_secs();
    let parts = UNITS.map(|(unit, seconds)| {
        let number = rest / seconds;
        rest %= seconds;
        if number > 0 { format!("{number}{unit}") } else { String::new() }
    });
    match parts.concat() {
        text if text.is_empty() => "0s".to_owned(),
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_minutes_and_seconds_are_read_and_written_alike() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("1h30m", 5400), ("2h", 7200), ("1h1m1s", 3661), ("0s", 0)] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
            assert_eq!(format_duration(Duration::from_secs(seconds)), text);
        }
        assert_eq!(parse_duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(format_duration(Duration::from_secs(90)), "1m30s");
    }

    #[test]
    fn anything_else_is_no_duration() {
        for text in
            ["", "5", "m", "5 m", "5min", "1.5h", "-5m", "+5m", "5s3m", "5m5m", "500ms", "1d", "99999999999999999999h"]
        {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
