//! A query of a panel, and how its values are drawn.

use serde_json::{Value, json};

use crate::colours::{AIM, Words, pale};
use crate::limits::Limits;
use crate::pieces::{data_source, fixed, mappings, thresholds};
use crate::quantity::{Quantity, System};

/// A query with what is its own in the panel.
pub(crate) struct Target {
    expression: String,
    pub(crate) legend: &'static str,
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
    /// A row for each day, with its begin as a label.
    Days,
    /// Values over the time range.
    Range,
}

/// A query; `legend` names its values.
pub(crate) fn query(legend: &'static str, expression: String) -> Target {
    Target { expression, legend, quantity: None, limits: None, words: None, properties: Vec::new() }
}

/// A difference in kg under the first name, and under the second without its sign where it is negative.
pub(crate) fn gained_or_lost(names: [&'static str; 2], difference: &str) -> [Target; 2] {
    let [gained, lost] = names;
    // What is shown as 0.0 is neither gained nor lost, and has no sign.
    [query(gained, format!("clamp_min(({difference}) > -0.05, 0)")), query(lost, format!("-({difference}) >= 0.05"))]
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

    /// Leaves the values out of the legend.
    pub(crate) fn unlisted(self) -> Self {
        self.property("custom.hideFrom", json!({"legend": true, "tooltip": false, "viz": false}))
    }

    /// Draws the values where they are, among others that are stacked.
    pub(crate) fn unstacked(self) -> Self {
        self.property("custom.stacking", json!({"group": "A", "mode": "none"}))
    }

    /// Draws the values as pale dots, and does not name them in the legend: the line of this colour that goes with them
    /// is named there.
    pub(crate) fn dots_beside(self, colour: &str) -> Self {
        self.dots().property("color", fixed(&pale(colour))).unlisted()
    }

    /// Draws the values as dots.
    pub(crate) fn dots(self) -> Self {
        self.property("custom.drawStyle", json!("points"))
            .property("custom.fillOpacity", json!(100))
            .property("custom.showPoints", json!("always"))
    }

    /// Draws the values as a smooth, wide line.
    pub(crate) fn average(self) -> Self {
        self.property("custom.lineWidth", json!(3))
            .property("custom.lineInterpolation", json!("smooth"))
            .property("custom.showPoints", json!("never"))
    }

    /// Draws the values as a dashed line, for what somebody aims at.
    pub(crate) fn goal(self) -> Self {
        self.dashed(10).property("custom.lineWidth", json!(2)).colour(AIM)
    }

    /// Draws the values as a thin dashed line, for a limit.
    pub(crate) fn limit(self, colour: &'static str) -> Self {
        self.dashed(4).property("custom.lineWidth", json!(1)).colour(colour)
    }

    /// A dashed line through the whole panel, also among bars.
    fn dashed(self, length: u8) -> Self {
        self.property("custom.drawStyle", json!("line"))
            .property("custom.lineStyle", json!({"fill": "dash", "dash": [length, length]}))
            .property("custom.fillOpacity", json!(0))
            .property("custom.showPoints", json!("never"))
            .unstacked()
    }

    pub(crate) fn property(mut self, id: &'static str, value: Value) -> Self {
        self.properties.push((id, value));
        self
    }

    /// What is asked, in the metric's unit.
    pub(crate) fn expression(&self) -> &str {
        &self.expression
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
            "format": if matches!(shape, Shape::Rows | Shape::Days) { "table" } else { "time_series" },
            "instant": shape != Shape::Range,
            "legendFormat": self.legend,
            "range": shape == Shape::Range,
            "refId": id,
        })
    }

    /// How the values of the query differ from the panel's others, with these `limits` unless it has its own; nothing if
    /// they don't.
    pub(crate) fn overrides(&self, of_panel: Quantity, limits: Option<&Limits>, system: System) -> Vec<Value> {
        let quantity = self.quantity.unwrap_or(of_panel);
        let unit = self.quantity.map(|quantity| ("unit", json!(quantity.unit(system))));
        let decimals = self.quantity.and_then(Quantity::decimals).map(|decimals| ("decimals", json!(decimals)));
        let limits = self.limits.or(limits);
        let steps = limits.map(|limits| ("thresholds", thresholds(Some(limits), quantity, system)));
        let words = self.words.map(|words| ("mappings", mappings(words)));
        let properties =
            unit.into_iter().chain(decimals).chain(steps).chain(words).chain(self.properties.iter().cloned());
        properties.map(|(id, value)| json!({"id": id, "value": value})).collect()
    }
}
