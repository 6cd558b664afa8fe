//! The columns of a table: labels and values of its queries, which Grafana merges to one row for the same labels.

use serde_json::{Map, Value, json};

use crate::limits::Limits;
use crate::pieces::{mappings, plain_words, thresholds};
use crate::quantity::{COUNT, Quantity, System};

/// A column.
pub(crate) struct Column {
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
    pub(crate) fn label(label: &'static str, title: &'static str) -> Self {
        Self { title, content: Content::Label(label), properties: Vec::new() }
    }

    /// Shows a label's values without underlines.
    pub(crate) fn in_plain_words(self) -> Self {
        self.property("mappings", plain_words())
    }

    /// Makes the column this wide, in pixels; the others share what is left.
    pub(crate) fn wide(self, width: u32) -> Self {
        self.property("custom.width", json!(width))
    }

    /// The value of the query with this letter.
    pub(crate) fn value(query: char, title: &'static str, quantity: Quantity) -> Self {
        Self { title, content: Content::Value(query, quantity, None), properties: Vec::new() }
    }

    /// Colours the text by these limits.
    pub(crate) fn limits(mut self, limits: &'static Limits) -> Self {
        if let Content::Value(_, _, own) = &mut self.content {
            *own = Some(limits);
        }
        self.property("custom.cellOptions", json!({"type": "color-text"}))
    }

    /// Shows the values as these words, in their colours.
    pub(crate) fn words(self, words: &[(&str, &str, &str)]) -> Self {
        self.property("mappings", mappings(words)).property("custom.cellOptions", json!({"type": "color-text"}))
    }

    fn property(mut self, id: &'static str, value: Value) -> Self {
        self.properties.push((id, value));
        self
    }

    /// Where the limits of the column come from.
    pub(crate) fn source(&self) -> Option<&'static str> {
        match self.content {
            Content::Value(_, _, limits) => limits.map(|limits| limits.source),
            Content::Label(_) => None,
        }
    }

    /// The name that Grafana has given the column; a single query has no letter.
    fn field(&self, is_single: bool) -> String {
        match self.content {
            Content::Label(label) => label.to_owned(),
            Content::Value(..) if is_single => "Value".to_owned(),
            Content::Value(letter, ..) => format!("Value #{letter}"),
        }
    }

    /// How the column differs from the others.
    fn overrides(&self, system: System) -> Vec<Value> {
        let mut properties = self.properties.clone();
        if let Content::Value(_, quantity, limits) = self.content {
            properties.push(("unit", json!(quantity.unit(system))));
            properties.extend(quantity.decimals().map(|decimals| ("decimals", json!(decimals))));
            properties.extend(limits.map(|limits| ("thresholds", thresholds(Some(limits), quantity, system))));
        }
        properties.into_iter().map(|(id, value)| json!({"id": id, "value": value})).collect()
    }
}

/// One row for the same labels, the columns in this order and no others, for so many queries.
pub(crate) fn transformations(columns: &[Column], queries: usize) -> Value {
    Value::Array(merged(columns, queries))
}

/// One row for each day, with its begin as the time, and a column for each of these queries.
pub(crate) fn of_days(names: impl Iterator<Item = &'static str>, queries: usize) -> Value {
    let values = ('A'..).zip(names).map(|(letter, name)| Column::value(letter, name, COUNT));
    let columns: Vec<Column> = [Column::label("period", "Day")].into_iter().chain(values).collect();
    Value::Array([merged(&columns, queries), in_time("Day", &["number", "time"])].concat())
}

/// Rows in the order of `field`, which is converted to each of these types in turn, at last to a time.
pub(crate) fn in_time(field: &str, types: &[&str]) -> Vec<Value> {
    let conversions = types.iter().map(|name| json!({"destinationType": name, "targetField": field}));
    let conversions: Vec<Value> = conversions.collect();
    vec![
        json!({"id": "convertFieldType", "options": {"conversions": conversions, "fields": {}}}),
        json!({"id": "sortBy", "options": {"fields": {}, "sort": [{"field": field}]}}),
    ]
}

fn merged(columns: &[Column], queries: usize) -> Vec<Value> {
    let fields: Vec<String> = columns.iter().map(|column| column.field(queries == 1)).collect();
    let places = fields.iter().enumerate().map(|(place, field)| (field.clone(), json!(place)));
    let titles = fields.iter().zip(columns).map(|(field, column)| (field.clone(), json!(column.title)));
    vec![
        json!({"id": "merge", "options": {}}),
        json!({"id": "filterFieldsByName", "options": {"include": {"names": fields}}}),
        json!({"id": "organize", "options": {
            "excludeByName": {},
            "indexByName": places.collect::<Map<_, _>>(),
            "renameByName": titles.collect::<Map<_, _>>(),
        }}),
    ]
}

/// Grafana's overrides of these columns.
pub(crate) fn overrides(columns: &[Column], system: System) -> impl Iterator<Item = Value> {
    let properties = columns.iter().map(move |column| (column.title, column.overrides(system)));
    properties
        .filter(|(_, properties)| !properties.is_empty())
        .map(|(title, properties)| json!({"matcher": {"id": "byName", "options": title}, "properties": properties}))
}
