//! The columns of a table: labels and values of its queries, which Grafana merges to one row for the same labels.

use serde_json::{Map, Value, json};

use super::limits::Limits;
use super::pieces::{mappings, thresholds};
use super::quantity::{Quantity, System};

/// A column.
pub(super) struct Column {
    title: &'static str,
    content: Content,
    /// Properties of Grafana's field configuration.
    properties: Vec<(&'static str, Value)>,
}

enum Content {
    /// A label that all queries of the row have.
    Label(&'static str),
    /// The value of the query with this letter.
    Value(char, Quantity, Option<&'static Limits>),
}

impl Column {
    /// A label.
    pub(super) fn label(label: &'static str, title: &'static str) -> Self {
        Self { title, content: Content::Label(label), properties: Vec::new() }
    }

    /// The value of the query with this letter.
    pub(super) fn value(query: char, title: &'static str, quantity: Quantity) -> Self {
        Self { title, content: Content::Value(query, quantity, None), properties: Vec::new() }
    }

    /// Its text is coloured by these limits.
    pub(super) fn limits(mut self, limits: &'static Limits) -> Self {
        if let Content::Value(_, _, it) = &mut self.content {
            *it = Some(limits);
        }
        self.property("custom.cellOptions", json!({"type": "color-text"}))
    }

    /// Its texts are these words.
    pub(super) fn words(self, words: &[(&str, &str, &str)]) -> Self {
        self.property("mappings", mappings(words)).property("custom.cellOptions", json!({"type": "color-text"}))
    }

    fn property(mut self, id: &'static str, value: Value) -> Self {
        self.properties.push((id, value));
        self
    }

    /// Where its limits come from.
    pub(super) fn source(&self) -> Option<&'static str> {
        match self.content {
            Content::Value(_, _, limits) => limits.map(|it| it.source),
            Content::Label(_) => None,
        }
    }

    /// The name that Grafana has given it; a single query has no letter.
    fn field(&self, is_single: bool) -> String {
        match self.content {
            Content::Label(label) => label.to_owned(),
            Content::Value(..) if is_single => "Value".to_owned(),
            Content::Value(letter, ..) => format!("Value #{letter}"),
        }
    }

    /// How it differs from the other columns.
    fn overrides(&self, system: System) -> Vec<Value> {
        let mut properties = self.properties.clone();
        if let Content::Value(_, quantity, limits) = self.content {
            properties.push(("unit", json!(quantity.unit(system))));
            properties.extend(limits.map(|it| ("thresholds", thresholds(Some(it), quantity, system))));
        }
        properties.into_iter().map(|(id, value)| json!({"id": id, "value": value})).collect()
    }
}

/// One row for the same labels, the columns in this order and no others, for so many queries.
pub(super) fn transformations(columns: &[Column], queries: usize) -> Value {
    let fields: Vec<String> = columns.iter().map(|it| it.field(queries == 1)).collect();
    let places = fields.iter().enumerate().map(|(place, it)| (it.clone(), json!(place)));
    let titles = fields.iter().zip(columns).map(|(it, column)| (it.clone(), json!(column.title)));
    json!([
        {"id": "merge", "options": {}},
        {"id": "filterFieldsByName", "options": {"include": {"names": fields}}},
        {"id": "organize", "options": {
            "excludeByName": {},
            "indexByName": places.collect::<Map<_, _>>(),
            "renameByName": titles.collect::<Map<_, _>>(),
        }},
    ])
}

/// Grafana's overrides of these columns.
pub(super) fn overrides(columns: &[Column], system: System) -> impl Iterator<Item = Value> {
    let properties = columns.iter().map(move |it| (it.title, it.overrides(system)));
    properties
        .filter(|(_, it)| !it.is_empty())
        .map(|(title, it)| json!({"matcher": {"id": "byName", "options": title}, "properties": it}))
}
