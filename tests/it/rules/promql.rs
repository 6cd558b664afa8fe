//! As much of Prometheus' query language as tests of rules need.

use std::collections::BTreeMap;

/// What an expression reads.
#[derive(Debug, PartialEq)]
pub(super) struct Selector<'a> {
    pub(super) metric: &'a str,
    /// What stands between the braces.
    matchers: &'a str,
    /// Whether it is followed by a duration.
    pub(super) is_range: bool,
}

impl Selector<'_> {
    /// Whether there is a sample for each value that each label may have. Patterns are alternatives that may end with `.*`.
    pub(super) fn matches_all(&self, samples: &BTreeMap<String, f64>) -> bool {
        let of_metric = |it: &&String| it.split('{').next() == Some(self.metric);
        let series: Vec<_> = samples.keys().filter(of_metric).collect();
        let mut matchers = self.matchers.split("\",").filter(|it| !it.is_empty());
        !series.is_empty()
            && matchers.all(|matcher| {
                let (label, values) = matcher.split_once('=').unwrap();
                let values = values.trim_start_matches('~').trim_matches('"');
                values.split('|').all(|value| {
                    let wanted = match value.strip_suffix(".*") {
                        Some(start) => format!("{label}=\"{start}"),
                        None => format!("{label}=\"{value}\""),
                    };
                    series.iter().any(|it| it.contains(&wanted))
                })
            })
    }
}

/// What an expression reads of this project's metrics, in order.
pub(super) fn selectors(expression: &str) -> Vec<Selector<'_>> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find("withings") {
        let name = &rest[start..];
        let (metric, after) = name.split_at(name.find(|it| !is_of_name(it)).unwrap_or(name.len()));
        let (matchers, after) = match after.strip_prefix('{') {
            Some(braced) => braced.split_once('}').unwrap(),
            None => ("", after),
        };
        found.push(Selector { metric, matchers, is_range: after.starts_with('[') });
        rest = after;
    }
    found
}

fn is_of_name(it: char) -> bool {
    it.is_ascii_alphanumeric() || it == '_' || it == ':'
}

/// The labels that an expression joins on or sums by, each time.
pub(super) fn groupings(expression: &str) -> Vec<&str> {
    let groups =
        |before: &str| ["on", "by", "without", "ignoring"].contains(&before.split_whitespace().last()?).then_some(());
    let opened = expression.match_indices('(').filter_map(|(at, _)| groups(&expression[..at]).map(|()| at + 1));
    opened.map(|at| expression[at..].split(')').next().unwrap()).collect()
}

#[test]
fn selectors_are_found() {
    let selector = |metric, matchers, is_range| Selector { metric, matchers, is_range };
    assert_eq!(
        selectors("a * withings_b{withings_c=~\"d|e.*\",f=\"g\"}[15m] > scalar(withings_limit:h) and withings_i"),
        [
            selector("withings_b", "withings_c=~\"d|e.*\",f=\"g\"", true),
            selector("withings_limit:h", "", false),
            selector("withings_i", "", false)
        ]
    );
}

#[test]
fn groupings_are_found() {
    assert_eq!(groupings("sum by (a, b) (c[(d)]) / on(e) group_left () f and\nignoring (g) h"), ["a, b", "e", "g"]);
}

#[test]
fn selectors_match_when_each_of_their_values_is_there() {
    let samples: BTreeMap<_, _> = ["m{a=\"x\",b=\"yes\"}", "m{a=\"z\",b=\"no\"}"].map(|it| (it.to_owned(), 1.0)).into();
    let matches = |metric, matchers| Selector { metric, matchers, is_range: false }.matches_all(&samples);
    assert!(matches("m", "") && matches("m", "a=\"x\"") && matches("m", "a=~\"x|z\",b=~\"y.*\""));
    assert!(!matches("n", "") && !matches("m", "a=\"y\"") && !matches("m", "a=~\"x|y\"") && !matches("m", "c=~\".*\""));
}
