//! A panel: what it asks, how it looks, what it says about itself.

use serde_json::{Value, json};

use crate::columns::{self, Column};
use crate::limits::Limits;
use crate::pieces::{data_source, mappings, merge, thresholds};
use crate::quantity::{COUNT, Quantity, System};
use crate::target::{Shape, Target};

/// What an empty graph says; and so does its tooltip of each gap, where a sentence would be too much.
const NOTHING: &str = "nothing measured";

/// A panel that is not placed yet.
pub(crate) struct Panel {
    kind: &'static str,
    title: &'static str,
    /// What the panel is, as sentences.
    what: &'static str,
    /// What it means when nothing is shown.
    empty: &'static str,
    quantity: Quantity,
    limits: Option<&'static Limits>,
    /// Limits that its query has, and no colour.
    explained: Option<&'static Limits>,
    shape: Shape,
    targets: Vec<Target>,
    /// The least time between two steps.
    interval: Option<&'static str>,
    options: Value,
    /// Grafana's field configuration for every value, without the drawing.
    defaults: Value,
    /// The drawing.
    custom: Value,
    axis: Option<(f64, f64)>,
    /// The columns of a table.
    columns: Vec<Column>,
    /// Further properties of the panel itself.
    more: Value,
}

/// A panel with its place in its row: left, top, width and height.
pub(crate) struct Placed {
    pub(crate) panel: Panel,
    pub(crate) place: [u32; 4],
}

/// Tiles, each with its name.
pub(crate) fn tiles(title: &'static str) -> Panel {
    let options = json!({
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
        "text": {"titleSize": 13, "valueSize": 24},
        "textMode": "value_and_name",
    });
    let unknown = json!([{
        "type": "special",
        "options": {"match": "null+nan", "result": {"color": "text", "index": 0, "text": "–"}},
    }]);
    Panel::new("stat", title, Shape::Instant, options)
        .defaults(json!({"color": {"mode": "thresholds"}, "mappings": unknown}))
}

/// Lines over time.
pub(crate) fn lines(title: &'static str) -> Panel {
    let options = json!({
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true},
        "tooltip": {"mode": "multi", "sort": "none"},
    });
    Panel::new("timeseries", title, Shape::Range, options)
        .defaults(json!({"color": {"mode": "palette-classic"}, "noValue": NOTHING}))
        .custom(json!({
            "axisColorMode": "text",
            "axisPlacement": "auto",
            "drawStyle": "line",
            "fillOpacity": 0,
            "lineInterpolation": "linear",
            "lineWidth": 2,
            "pointSize": 6,
            "showPoints": "auto",
            "spanNulls": true,
        }))
}

/// Bars over time, side by side.
pub(crate) fn bars(title: &'static str) -> Panel {
    lines(title).defaults(json!({"min": 0})).custom(
        json!({"barAlignment": 1, "drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0, "showPoints": "never"}),
    )
}

/// Bars over time, of parts that make a whole.
pub(crate) fn stacked(title: &'static str) -> Panel {
    bars(title).custom(json!({"stacking": {"group": "A", "mode": "normal"}}))
}

/// States over time.
pub(crate) fn timeline<V: ToString>(title: &'static str, words: &[(V, &str, &str)]) -> Panel {
    let options = json!({
        "alignValue": "center",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
        "mergeValues": true,
        "rowHeight": 0.9,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    });
    // With thresholds as the colours Grafana does not show the words.
    Panel::new("state-timeline", title, Shape::Range, options)
        .defaults(json!({"color": {"mode": "palette-classic"}, "mappings": mappings(words), "noValue": NOTHING}))
        .custom(json!({"fillOpacity": 80, "lineWidth": 0}))
}

/// Rows and columns.
pub(crate) fn table(title: &'static str) -> Panel {
    let options = json!({"cellHeight": "sm", "showHeader": true});
    Panel::new("table", title, Shape::Rows, options)
        .defaults(json!({"color": {"mode": "thresholds"}}))
        .custom(json!({"align": "auto", "cellOptions": {"type": "auto"}, "inspect": false}))
}

impl Panel {
    fn new(kind: &'static str, title: &'static str, shape: Shape, options: Value) -> Self {
        Self {
            kind,
            title,
            what: "",
            empty: "",
            quantity: COUNT,
            limits: None,
            explained: None,
            shape,
            targets: Vec::new(),
            interval: None,
            options,
            defaults: json!({}),
            custom: json!({}),
            axis: None,
            columns: Vec::new(),
            more: json!({}),
        }
    }

    /// Says `what` it is, and what it means when it is `empty`.
    pub(crate) fn about(mut self, what: &'static str, empty: &'static str) -> Self {
        (self.what, self.empty) = (what, empty);
        self
    }

    pub(crate) fn unit(mut self, quantity: Quantity) -> Self {
        self.quantity = quantity;
        self
    }

    pub(crate) fn show(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// Makes a step of the chart a day, or longer in a long time range.
    pub(crate) fn by_day(self) -> Self {
        self.every("1d")
    }

    pub(crate) fn every(mut self, interval: &'static str) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Colours every value by these limits.
    pub(crate) fn limits(mut self, limits: &'static Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Says where these limits come from, which its query has.
    pub(crate) fn explained_by(mut self, limits: &'static Limits) -> Self {
        self.explained = Some(limits);
        self
    }

    /// Colours each bar by these limits.
    pub(crate) fn coloured(self, limits: &'static Limits) -> Self {
        // Without the scheme all bars have one colour.
        self.limits(limits).defaults(json!({"color": {"mode": "thresholds"}})).custom(json!({"gradientMode": "scheme"}))
    }

    /// Shows these limits behind the values: as `dashed` lines or as an `area`.
    pub(crate) fn behind(self, limits: &'static Limits, style: &'static str) -> Self {
        self.limits(limits).custom(json!({"thresholdsStyle": {"mode": style}}))
    }

    /// What the axis shows at least, so that limits are in sight.
    pub(crate) fn axis(mut self, from: f64, to: f64) -> Self {
        self.axis = Some((from, to));
        self
    }

    /// Gives what has the same name the same colour, as dots and the line that goes with them.
    pub(crate) fn coloured_by_name(self) -> Self {
        self.defaults(json!({"color": {"mode": "palette-classic-by-name"}}))
    }

    /// Names each value alone, without a number.
    pub(crate) fn names_alone(self) -> Self {
        self.options(json!({"textMode": "name"}))
    }

    pub(crate) fn options(mut self, options: Value) -> Self {
        merge(&mut self.options, options);
        self
    }

    pub(crate) fn defaults(mut self, defaults: Value) -> Self {
        merge(&mut self.defaults, defaults);
        self
    }

    pub(crate) fn custom(mut self, custom: Value) -> Self {
        merge(&mut self.custom, custom);
        self
    }

    pub(crate) fn more(mut self, properties: Value) -> Self {
        merge(&mut self.more, properties);
        self
    }

    /// Adds these columns of a table.
    pub(crate) fn columns(mut self, columns: impl IntoIterator<Item = Column>) -> Self {
        self.columns.extend(columns);
        self
    }

    /// Takes the present values as rows of a table, which transformations make something else of.
    pub(crate) fn transformed_rows(mut self, transformations: &Value) -> Self {
        self.shape = Shape::Rows;
        self.more(json!({"transformations": transformations}))
    }

    pub(crate) fn at(self, left: u32, top: u32, width: u32, height: u32) -> Placed {
        Placed { panel: self, place: [left, top, width, height] }
    }

    /// Grafana's JSON without id and place.
    pub(crate) fn render(&self, system: System) -> Value {
        let targets = self.letters().map(|(id, target)| target.render(id, self.quantity, self.shape, system));
        let mut panel = json!({
            "datasource": data_source(),
            "description": self.description(),
            "fieldConfig": {"defaults": self.field_defaults(system), "overrides": self.overrides(system)},
            "options": self.options,
            "targets": targets.collect::<Vec<_>>(),
            "title": self.title,
            "type": self.kind,
        });
        merge(&mut panel, self.more.clone());
        if let Some(interval) = self.interval {
            panel["interval"] = json!(interval);
        }
        if !self.columns.is_empty() {
            panel["transformations"] = columns::transformations(&self.columns, self.targets.len());
        }
        panel
    }

    /// The queries with their ids.
    fn letters(&self) -> impl Iterator<Item = (char, &Target)> {
        ('A'..='Z').zip(&self.targets)
    }

    fn overrides(&self, system: System) -> Vec<Value> {
        let of_targets = self.letters().map(|(id, target)| (id, target.overrides(self.quantity, system)));
        let of_targets = of_targets.filter(|(_, properties)| !properties.is_empty());
        let of_targets = of_targets.map(
            |(id, properties)| json!({"matcher": {"id": "byFrameRefID", "options": id}, "properties": properties}),
        );
        of_targets.chain(columns::overrides(&self.columns, system)).collect()
    }

    fn field_defaults(&self, system: System) -> Value {
        let mut defaults = json!({
            "custom": self.custom,
            "mappings": [],
            "noValue": "–",
            "thresholds": thresholds(self.limits, self.quantity, system),
            "unit": self.quantity.unit(system),
        });
        merge(&mut defaults, self.defaults.clone());
        if let Some((from, to)) = self.axis {
            let [from, to] = [from, to].map(|limit| self.quantity.value(system, limit));
            merge(&mut defaults["custom"], json!({"axisSoftMax": to, "axisSoftMin": from}));
        }
        defaults
    }

    fn description(&self) -> String {
        let mut sentences = vec![self.what];
        let of_parts =
            self.targets.iter().filter_map(Target::source).chain(self.columns.iter().filter_map(Column::source));
        let of_panel = self.limits.into_iter().chain(self.explained).map(|limits| limits.source);
        for source in of_parts.chain(of_panel) {
            if !source.is_empty() && !sentences.contains(&source) {
                sentences.push(source);
            }
        }
        if self.interval == Some("1d") {
            sentences.push("One step is a day: choose a time range of 2 days or more.");
        }
        format!("{} Empty: {}", sentences.join(" "), self.empty)
    }
}
