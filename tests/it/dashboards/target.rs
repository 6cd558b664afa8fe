//! A query of a panel, and how its values are drawn.

use serde_json::{Value, json};

use super::colours::Words;
use super::limits::Limits;
use super::pieces::{data_source, fixed, mappings, thresholds};
use super::quantity::{Quantity, System};

/// A query with what is its own in the panel.
pub(super) struct Target {
    expression: String,
    legend: &'static str,
    quantity: Option<Quantity>,
    limits: Option<&'static Limits>,
    words: Option<Words>,
    /// Properties of Grafana's field configuration.
    properties: Vec<(&'static str, Value)>,
}

/// How a panel takes the values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The present value of each series.
    Instant,
    /// The present value of each series, a row for each.
    Rows,
    /// Values over the time range.
    Range,
}

/// A query; `legend` names its values.
pub(super) fn query(legend: &'static str, expression: String) -> Target {
    Target { expression, legend, quantity: None, limits: None, words: None, properties: Vec::new() }
}

impl Target {
    /// Its values are something else than the panel's.
    pub(super) fn unit(mut self, quantity: Quantity) -> Self {
        self.quantity = Some(quantity);
        self
    }

    /// Its values are coloured by these limits.
    pub(super) fn limits(mut self, limits: &'static Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Its values are shown as words: each with its colour.
    pub(super) fn words(mut self, words: Words) -> Self {
        self.words = Some(words);
        self
    }

    pub(super) fn decimals(self, decimals: u8) -> Self {
        self.property("decimals", json!(decimals))
    }

    pub(super) fn colour(self, colour: &'static str) -> Self {
        self.property("color", fixed(colour))
    }

    /// Drawn as dots, and not named in the legend: the line that goes with them is.
    pub(super) fn dots(self) -> Self {
        let hidden = json!({"legend": true, "tooltip": false, "viz": false});
        self.lone_dots().property("custom.hideFrom", hidden)
    }

    /// Drawn as dots.
    pub(super) fn lone_dots(self) -> Self {
        self.property("custom.lineWidth", json!(0)).property("custom.showPoints", json!("always"))
    }

    /// Drawn as a smooth, wide line.
    pub(super) fn average(self) -> Self {
        self.property("custom.lineWidth", json!(3))
            .property("custom.lineInterpolation", json!("smooth"))
            .property("custom.showPoints", json!("never"))
    }

    /// Drawn as a dashed line, for what somebody aims at.
    pub(super) fn goal(self) -> Self {
        self.property("custom.drawStyle", json!("line"))
            .property("custom.lineStyle", json!({"fill": "dash", "dash": [10, 10]}))
            .property("custom.lineWidth", json!(2))
            .property("custom.fillOpacity", json!(0))
            .property("custom.showPoints", json!("never"))
            .property("custom.stacking", json!({"group": "A", "mode": "none"}))
    }

    pub(super) fn property(mut self, id: &'static str, value: Value) -> Self {
        self.properties.push((id, value));
        self
    }

    /// Where its limits come from.
    pub(super) fn source(&self) -> Option<&'static str> {
        self.limits.map(|it| it.source)
    }

    /// What Grafana asks the data source.
    pub(super) fn render(&self, id: char, of_panel: Quantity, shape: Shape, system: System) -> Value {
        json!({
            "datasource": data_source(),
            "editorMode": "code",
            "expr": self.quantity.unwrap_or(of_panel).expression(system, &self.expression),
            "format": if shape == Shape::Rows { "table" } else { "time_series" },
            "instant": shape != Shape::Range,
            "legendFormat": self.legend,
            "range": shape == Shape::Range,
            "refId": id,
        })
    }

    /// How its values differ from the panel's others; nothing if they don't.
    pub(super) fn overrides(&self, of_panel: Quantity, system: System) -> Vec<Value> {
        let quantity = self.quantity.unwrap_or(of_panel);
        let unit = self.quantity.map(|it| ("unit", json!(it.unit(system))));
        let steps = self.limits.map(|it| ("thresholds", thresholds(Some(it), quantity, system)));
        let words = self.words.map(|it| ("mappings", mappings(it)));
        let properties = unit.into_iter().chain(steps).chain(words).chain(self.properties.iter().cloned());
        properties.map(|(id, value)| json!({"id": id, "value": value})).collect()
    }
}
