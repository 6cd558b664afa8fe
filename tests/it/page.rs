//! A page of metrics as a reader understands it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::http_client::Answer;

/// What a page says, in no order.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Page {
    /// By name.
    pub(crate) families: BTreeMap<String, Family>,
    /// By [`series`].
    pub(crate) samples: BTreeMap<String, f64>,
}

/// What is said about a family.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Family {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) unit: String,
}

impl Page {
    /// Reads either format, line by line.
    pub(crate) fn read(text: &str) -> Self {
        let mut page = Self::default();
        for line in text.lines().filter(|line| !line.is_empty() && *line != "# EOF") {
            match line.strip_prefix("# ") {
                Some(metadata) => page.note_metadata(metadata),
                None => page.note_sample(line),
            }
        }
        page
    }

    fn note_metadata(&mut self, metadata: &str) {
        let mut words = metadata.splitn(3, ' ');
        let [keyword, name, said] = [(); 3].map(|()| words.next().unwrap());
        let family = self.families.entry(name.to_owned()).or_default();
        let place = match keyword {
            "HELP" => &mut family.help,
            "TYPE" => &mut family.kind,
            "UNIT" => &mut family.unit,
            _ => panic!("not metadata: {metadata}"),
        };
        assert!(place.is_empty(), "said twice: {metadata}");
        said.clone_into(place);
    }

    fn note_sample(&mut self, line: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let before = self.samples.insert(self::series(name, &read_labels(labels)), value.parse().unwrap());
        assert_eq!(before, None, "said twice: {line}");
    }
}

/// A name with its labels in alphabetical order and their values as they are, unescaped: `name{a="1",b="2"}`.
pub(crate) fn series(name: &str, labels: &BTreeMap<String, String>) -> String {
    let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", number(name, value))).collect();
    if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) }
}

/// Some write a whole bound of a bucket with a point and some without.
fn number(label: &str, value: &str) -> String {
    match value.parse::<f64>() {
        Ok(bound) if label == "le" => format!("{bound:?}"),
        _ => value.to_owned(),
    }
}

/// Reads `a="1",b="2"}`.
fn read_labels(text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while let Some((name, quoted)) = rest.split_once("=\"") {
        let (value, after) = unquoted(quoted);
        labels.insert(name.to_owned(), value);
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    assert_eq!(rest, "}", "{text}");
    labels
}

/// The text up to the quotation mark that ends it, without escapes, and what follows.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next().unwrap() {
            '"' => return (value, chars.as_str()),
            '\\' => value.push(match chars.next().unwrap() {
                'n' => '\n',
                escaped => escaped,
            }),
            c => value.push(c),
        }
    }
}

/// The samples of a page, as they stand there, of which no two are the same.
pub(crate) fn lines_of_samples(page: &Answer) -> BTreeSet<String> {
    assert_eq!(page.status, 200, "{}", page.body);
    let lines: Vec<_> = page.body.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let samples: BTreeSet<_> = lines.iter().cloned().collect();
    assert_eq!(samples.len(), lines.len());
    samples
}
