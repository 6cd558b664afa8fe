//! As much of PromQL as the tests must understand.

/// A selector of series: `metric{label="value"}`.
#[derive(Debug, PartialEq)]
pub(super) struct Selector {
    pub(super) metric: String,
    /// Each label with operator and quoted value, such as `=~"a|b"`.
    pub(super) matchers: Vec<(String, String)>,
    /// The function that it is the argument of, if it is one's first.
    pub(super) function: String,
}

impl Selector {
    /// Whether it has this condition on this label.
    pub(super) fn matches(&self, label: &str, matcher: &str) -> bool {
        self.matchers.iter().any(|(name, condition)| name == label && condition == matcher)
    }
}

/// Every selector with braces, in order.
pub(super) fn selectors(expression: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some((before, after)) = rest.split_once('{') {
        let (matchers, after) = matchers(after);
        let start = before.rfind(|it: char| !is_word(it)).map_or(0, |it| it + 1);
        let (outside, metric) = before.split_at(start);
        let outside = outside.strip_suffix('(').unwrap_or_default();
        let function = outside.rsplit(|it: char| !is_word(it)).next().unwrap_or_default();
        found.push(Selector { metric: metric.to_owned(), matchers, function: function.to_owned() });
        rest = after;
    }
    found
}

/// The matchers up to the brace that ends them, and what follows.
fn matchers(text: &str) -> (Vec<(String, String)>, &str) {
    let (mut found, mut rest) = (Vec::new(), text);
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(after) = rest.strip_prefix('}') {
            return (found, after);
        }
        let (name, after) = rest.split_at(rest.find(|it: char| !is_word(it)).unwrap());
        let opening = after.find('"').unwrap();
        let closing = opening + 2 + after[opening + 1..].find('"').unwrap();
        found.push((name.to_owned(), after[..closing].to_owned()));
        rest = &after[closing..];
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

#[test]
fn selectors_are_found() {
    let found = selectors(r#"1 + rate(a_total{b=~"x{2}|y",c!="z"}[5m]) / on (c) d{} and ({e="f"} > 1)"#);
    let selector = |metric: &str, matchers: &[(&str, &str)], function: &str| Selector {
        metric: metric.to_owned(),
        matchers: matchers.iter().map(|(name, it)| ((*name).to_owned(), (*it).to_owned())).collect(),
        function: function.to_owned(),
    };
    let expected = [
        selector("a_total", &[("b", "=~\"x{2}|y\""), ("c", "!=\"z\"")], "rate"),
        selector("d", &[], ""),
        selector("", &[("e", "=\"f\"")], ""),
    ];
    assert_eq!(found, expected);
}
