//! A query of a panel, and how its values are drawn.

use serde_json::{Value, json};

use crate::colours::Words;
use crate::limits::Limits;
use crate::pieces::{data_source, fixed, mappings, thresholds};
use crate::quantity::{Quantity, System};

/// A query with what is its own in the panel.
pub(crate) struct Target {
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
pub(crate) enum Shape {
    /// The present value of each series.
    Instant,
    /// The present value of each series, a row for each.
    Rows,
    /// Values over the time range.
    Range,
}

/// A query; `legend` names its values.
pub(crate) fn query(legend: &'static str, expression: String) -> Target {
    Target { expression, legend, quantity: None, limits: None, words: None, properties: Vec::new() }
}

impl Target {
    /// Shows the values in this unit, and not in the panel's.
    pub(crate) fn unit(mut self, quantity: Quantity) -> Self {
        self.quantity = Some(quantity);
        self
    }

    /// Colours the values by these limits.
    pub(crate) fn limits(mut self, limits: &'static Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Shows the values as words, each with its colour.
    pub(crate) fn words(mut self, words: Words) -> Self {
        self.words = Some(words);
        self
    }

    pub(crate) fn decimals(self, decimals: u8) -> Self {
        self.property("decimals", json!(decimals))
    }

    pub(crate) fn colour(self, colour: &'static str) -> Self {
        self.property("color", fixed(colour))
    }

    /// Draws the values as dots, and does not name them in the legend: the line that goes with them is named there.
    pub(crate) fn dots(self) -> Self {
        let hidden = json!({"legend": true, "tooltip": false, "viz": false});
        self.lone_dots().property("custom.hideFrom", hidden)
    }

    /// Draws the values as dots.
    pub(crate) fn lone_dots(self) -> Self {
        self.property("custom.lineWidth", json!(0)).property("custom.showPoints", json!("always"))
    }

    /// Draws the values as a smooth, wide line.
    pub(crate) fn average(self) -> Self {
        self.property("custom.lineWidth", json!(3))
            .property("custom.lineInterpolation", json!("smooth"))
            .property("custom.showPoints", json!("never"))
    }

    /// Draws the values as a dashed line, for what somebody aims at.
    pub(crate) fn goal(self) -> Self {
        self.property("custom.drawStyle", json!("line"))
            .property("custom.lineStyle", json!({"fill": "dash", "dash": [10, 10]}))
            .property("custom.lineWidth", json!(2))
            .property("custom.fillOpacity", json!(0))
            .property("custom.showPoints", json!("never"))
            .property("custom.stacking", json!({"group": "A", "mode": "none"}))
    }

    pub(crate) fn property(mut self, id: &'static str, value: Value) -> Self {
        self.properties.push((id, value));
        self
    }

    /// Where the limits of the query come from.
    pub(crate) fn source(&self) -> Option<&'static str> {
        self.limits.map(|limits| limits.source)
    }

    /// What Grafana asks the data source.
    pub(crate) fn render(&self, id: char, of_panel: Quantity, shape: Shape, system: System) -> Value {
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

    /// How the values of the query differ from the panel's others; nothing if they don't.
    pub(crate) fn overrides(&self, of_panel: Quantity, system: System) -> Vec<Value> {
        let quantity = self.quantity.unwrap_or(of_panel);
        let unit = self.quantity.map(|quantity| ("unit", json!(quantity.unit(system))));
        let steps = self.limits.map(|limits| ("thresholds", thresholds(Some(limits), quantity, system)));
        let words = self.words.map(|words| ("mappings", mappings(words)));
        let properties = unit.into_iter().chain(steps).chain(words).chain(self.properties.iter().cloned());
        properties.map(|(id, value)| json!({"id": id, "value": value})).collect()
    }
}
