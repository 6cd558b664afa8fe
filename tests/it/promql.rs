//! As much of Prometheus' query language as tests of rules and dashboards need.

use std::collections::BTreeMap;
use std::ops::Range;

/// A selector of an expression.
#[derive(Debug, PartialEq)]
pub(crate) struct Selector<'a> {
    pub(crate) metric: &'a str,
    /// Each label with its operator and quoted value, as `=~"a|b"`.
    pub(crate) matchers: Vec<(&'a str, &'a str)>,
    /// The function whose first argument begins with the selector.
    pub(crate) function: &'a str,
    /// Whether the selector is followed by a duration.
    pub(crate) is_range: bool,
}

impl Selector<'_> {
    /// Whether there is a sample for each value that each label may have. Patterns are alternatives that may end with
    /// `.*`.
    pub(crate) fn matches_all(&self, samples: &BTreeMap<String, f64>) -> bool {
        let of_metric = |series: &&String| series.split('{').next() == Some(self.metric);
        let series: Vec<_> = samples.keys().filter(of_metric).collect();
        let is_there = |label: &str, value: &str| {
            let wanted = match value.strip_suffix(".*") {
                Some(start) => format!("{label}=\"{start}"),
                None => format!("{label}=\"{value}\""),
            };
            series.iter().any(|sample| sample.contains(&wanted))
        };
        let values = |condition| str::trim_matches(condition, ['=', '~', '"']).split('|');
        !series.is_empty()
            && self.matchers.iter().all(|(label, condition)| values(condition).all(|value| is_there(label, value)))
    }
}

/// The selectors of an expression, in order: all with braces, and this project's metrics without.
pub(crate) fn selectors(expression: &str) -> Vec<Selector<'_>> {
    let grouped = grouped(expression);
    let mut found = Vec::new();
    let mut at = 0;
    // A selector may have braces and no name.
    let may_begin = |letter: char| is_of_name(letter) || letter == '{';
    while let Some(start) = expression[at..].find(may_begin).map(|found| at + found) {
        let rest = &expression[start..];
        let (metric, after) = rest.split_at(rest.find(|letter| !is_of_name(letter)).unwrap_or(rest.len()));
        let is_bare = metric.starts_with("withings") && !grouped.iter().any(|group| group.contains(&start));
        let braced = after.strip_prefix('{').map(matchers);
        let is_selector = is_bare || braced.is_some();
        let (matchers, after) = braced.unwrap_or((Vec::new(), after));
        if is_selector {
            let function = function(&expression[..start]);
            found.push(Selector { metric, matchers, function, is_range: after.starts_with('[') });
        }
        at = expression.len() - after.len();
    }
    found
}

/// The labels that an expression joins on or sums by, each time.
pub(crate) fn groupings(expression: &str) -> Vec<&str> {
    grouped(expression).into_iter().map(|range| &expression[range]).collect()
}

/// The places of these labels in the expression.
fn grouped(expression: &str) -> Vec<Range<usize>> {
    let groups = |before: &str| {
        let word = before.split_whitespace().last().unwrap_or_default();
        ["on", "by", "without", "ignoring"].contains(&word)
    };
    let opened = expression.match_indices('(').filter(|(at, _)| groups(&expression[..*at]));
    opened.map(|(at, _)| at + 1..at + expression[at..].find(')').unwrap_or_default()).collect()
}

/// The matchers up to the brace that ends them, and what follows.
fn matchers(text: &str) -> (Vec<(&str, &str)>, &str) {
    let (mut found, mut rest) = (Vec::new(), text);
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(after) = rest.strip_prefix('}') {
            return (found, after);
        }
        let (label, condition) = rest.split_at(rest.find(|letter| !is_of_name(letter)).unwrap());
        let opening = condition.find('"').unwrap() + 1;
        let closing = opening + condition[opening..].find('"').unwrap() + 1;
        found.push((label, &condition[..closing]));
        rest = &condition[closing..];
    }
}

/// The function that is called with the text after this one.
fn function(before: &str) -> &str {
    let name = before.strip_suffix('(').unwrap_or_default();
    name.rsplit(|letter| !is_of_name(letter)).next().unwrap_or_default()
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'
}

#[test]
fn selectors_are_found() {
    let expression = "a * rate(withings_b{withings_c=~\"d{2}|e.*\",f!=\"g\"}[15m]) > scalar(withings_limit:h) and \
                      max by (withings_i) (withings_j) / up{} or {withings_k=\"withings_l\"}";
    let selector = |metric, function, is_range| Selector { metric, matchers: Vec::new(), function, is_range };
    let matchers = vec![("withings_c", "=~\"d{2}|e.*\""), ("f", "!=\"g\"")];
    assert_eq!(
        selectors(expression),
        [
            Selector { matchers, ..selector("withings_b", "rate", true) },
            selector("withings_limit:h", "scalar", false),
            selector("withings_j", "", false),
            selector("up", "", false),
            Selector { matchers: vec![("withings_k", "=\"withings_l\"")], ..selector("", "", false) },
        ]
    );
}

#[test]
fn groupings_are_found() {
    assert_eq!(groupings("sum by (a, b) (c[(d)]) / on(e) group_left () f and\nignoring (g) h"), ["a, b", "e", "g"]);
}

#[test]
fn selectors_match_when_each_of_their_values_is_there() {
    let samples: BTreeMap<_, _> =
        ["m{a=\"x\",b=\"yes\"}", "m{a=\"z\",b=\"no\"}"].map(|series| (series.to_owned(), 1.0)).into();
    let matches = |selector: &str| selectors(selector)[0].matches_all(&samples);
    assert!(matches("m{}") && matches("m{a=\"x\"}") && matches("m{a=~\"x|z\",b=~\"y.*\"}"));
    assert!(!matches("n{}") && !matches("m{a=\"y\"}") && !matches("m{a=~\"x|y\"}") && !matches("m{c=~\".*\"}"));
}
