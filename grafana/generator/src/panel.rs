//! A panel: what it asks, how it looks, what it says about itself.

use serde_json::{Value, json};

use crate::columns::{self, Column};
use crate::expression::Series;
use crate::limits::Limits;
use crate::pieces::{data_source, merge, thresholds};
use crate::quantity::{COUNT, Quantity, System, number};
use crate::target::{Shape, Target, query};

/// The variable with the length of a step: a day, and longer in a long time range.
const BY_DAY: &str = "$step";

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
    /// Overrides of fields by their names.
    named: Vec<Value>,
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
        "text": {"titleSize": 13, "valueSize": 20},
        "textMode": "value_and_name",
        // Beside each other a name and its value are laid over each other where there is little room.
        "wideLayout": false,
    });
    Panel::new("stat", title, Shape::Instant, options).defaults(json!({"color": {"mode": "thresholds"}}))
}

/// Lines over time.
pub(crate) fn lines(title: &'static str) -> Panel {
    let options = json!({
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true},
        "tooltip": {"mode": "multi", "sort": "none"},
    });
    Panel::new("timeseries", title, Shape::Range, options)
        .defaults(json!({"color": {"mode": "palette-classic"}}))
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
fn bars(title: &'static str) -> Panel {
    lines(title).defaults(json!({"min": 0})).custom(
        json!({"barAlignment": 1, "drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0, "showPoints": "never"}),
    )
}

/// Bars over time, of parts that make a whole.
pub(crate) fn stacked(title: &'static str) -> Panel {
    bars(title).custom(json!({"stacking": {"group": "A", "mode": "normal"}}))
}

/// States over time.
pub(crate) fn timeline(title: &'static str) -> Panel {
    let options = json!({
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
        "mergeValues": true,
        "rowHeight": 0.9,
        // Words would be cut to what fits into a state: the legend and the tooltip have them.
        "showValue": "never",
        "tooltip": {"mode": "single", "sort": "none"},
    });
    // With thresholds as the colours Grafana does not show the words.
    Panel::new("state-timeline", title, Shape::Range, options)
        .defaults(json!({"color": {"mode": "palette-classic"}}))
        .custom(json!({"fillOpacity": 80, "lineWidth": 0}))
}

/// Rows and columns.
pub(crate) fn table(title: &'static str) -> Panel {
    let options = json!({"cellHeight": "sm", "showHeader": true});
    Panel::new("table", title, Shape::Rows, options)
        .defaults(json!({"color": {"mode": "thresholds"}}))
        .custom(json!({"align": "auto", "cellOptions": {"type": "auto"}, "inspect": false, "minWidth": 80}))
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
            named: Vec::new(),
            more: json!({}),
        }
    }

    /// Says `what` it is, and what it means when it is `empty`, which an empty panel says too.
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

    /// Makes a step of the chart a day, or as long as the dashboard's variable says.
    pub(crate) fn by_day(self) -> Self {
        self.every(BY_DAY)
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

    /// Shows the values of `expression` as bars, whose colours say in which of these classes they are: one query for
    /// each. Grafana's own colours by thresholds would be a gradient in each bar, mostly of the wrong colour.
    pub(crate) fn show_classes(self, limits: &'static Limits, names: &[&'static str], expression: &str) -> Self {
        assert_eq!(names.len(), limits.steps.len() + 1, "each class has a name");
        let begins = limits.steps.iter().map(|(limit, _)| Some(*limit));
        let colours = limits.steps.iter().map(|(_, colour)| *colour);
        let ends = begins.clone().chain([None]);
        let classes = [None].into_iter().chain(begins).zip(ends).zip([limits.below].into_iter().chain(colours));
        classes.zip(names).fold(self.explained_by(limits), |panel, (((begin, end), colour), name)| {
            let begin = begin.map_or_else(String::new, |begin| format!(" >= {}", number(begin)));
            let end = end.map_or_else(String::new, |end| format!(" < {}", number(end)));
            panel.show(query(name, format!("({expression}){begin}{end}")).colour(colour))
        })
    }

    /// Shows these limits as dashed lines.
    pub(crate) fn dashed_at(self, limits: &'static Limits) -> Self {
        self.limits(limits).custom(json!({"thresholdsStyle": {"mode": "dashed"}}))
    }

    /// Shows these limits as areas behind the values.
    pub(crate) fn areas_at(self, limits: &'static Limits) -> Self {
        self.limits(limits).custom(json!({"thresholdsStyle": {"mode": "area"}}))
    }

    /// What the axis shows at least, so that limits are in sight.
    pub(crate) fn axis(mut self, from: f64, to: f64) -> Self {
        self.axis = Some((from, to));
        self
    }

    /// Names each value alone, without a number, one below the other.
    pub(crate) fn names_alone(self) -> Self {
        self.options(json!({"orientation": "horizontal", "text": {"valueSize": 16}, "textMode": "name"}))
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

    /// A smaller size of many values in a tile.
    pub(crate) fn small(self) -> Self {
        self.options(json!({"text": {"titleSize": 12, "valueSize": 14}}))
    }

    /// Changes the fields with these names.
    pub(crate) fn named(mut self, overrides: impl IntoIterator<Item = Value>) -> Self {
        self.named.extend(overrides);
        self
    }

    /// Says what it means in a timeline without `series`: Grafana's own words for an empty one are about time fields.
    pub(crate) fn or_nothing(self, series: &Series) -> Self {
        let nothing = query(self.empty, series.nothing()).words(&[(0, " ", "transparent")]);
        self.show(nothing.unlisted())
    }

    /// Says `nothing` in the column of a label where a table would have its headings alone.
    pub(crate) fn or_row(self, label: &str, nothing: &str) -> Self {
        let row = format!("label_replace(vector(0), \"{label}\", \"{nothing}\", \"\", \"\")");
        let row = self.targets.iter().fold(row, |row, target| format!("{row} unless on () ({})", target.expression()));
        self.show(query("", row).unit(COUNT))
    }

    /// Adds these columns of a table.
    pub(crate) fn columns(mut self, columns: impl IntoIterator<Item = Column>) -> Self {
        self.columns.extend(columns);
        self
    }

    /// Draws each day of the person at its own begin: [`crate::expression::Series::of_days`].
    pub(crate) fn by_own_day(mut self) -> Self {
        self.shape = Shape::Days;
        self.by_day()
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
        if self.shape == Shape::Days {
            let names = self.targets.iter().map(|target| target.legend);
            panel["transformations"] = columns::of_days(names, self.targets.len());
        }
        panel
    }

    /// The queries with their ids.
    fn letters(&self) -> impl Iterator<Item = (char, &Target)> {
        ('A'..='Z').zip(&self.targets)
    }

    fn overrides(&self, system: System) -> Vec<Value> {
        // What an empty tile says would have the colour of the lowest value.
        let of_tiles = self.limits.filter(|_| self.kind == "stat");
        let of_targets =
            self.letters().map(|(id, target)| (id, target.legend, target.overrides(self.quantity, of_tiles, system)));
        let of_targets = of_targets.filter(|(.., properties)| !properties.is_empty());
        let of_targets = of_targets
            .map(|(id, name, properties)| json!({"matcher": self.matcher(id, name), "properties": properties}));
        let of_columns = columns::overrides(&self.columns, system);
        self.of_gaps().into_iter().chain(of_targets).chain(of_columns).chain(self.named.iter().cloned()).collect()
    }

    /// The fields of a query: after days are merged they have its name alone.
    fn matcher(&self, id: char, name: &str) -> Value {
        match self.shape {
            Shape::Days => json!({"id": "byName", "options": name}),
            Shape::Instant | Shape::Rows | Shape::Range => json!({"id": "byFrameRefID", "options": id}),
        }
    }

    /// What a cell of a table and the tooltip of a chart say where a value is missing: not what the empty panel says.
    fn of_gaps(&self) -> Option<Value> {
        ["timeseries", "table"].contains(&self.kind).then(|| {
            json!({"matcher": {"id": "byType", "options": "number"}, "properties": [{"id": "noValue", "value": "–"}]})
        })
    }

    fn field_defaults(&self, system: System) -> Value {
        let mut defaults = json!({
            "custom": self.custom,
            "mappings": [],
            "thresholds": thresholds(self.limits.filter(|_| self.kind != "stat"), self.quantity, system),
            "unit": self.quantity.unit(system),
        });
        // In a timeline each gap would be a state: that of a text, or 0 for null.
        if self.kind != "state-timeline" {
            defaults["noValue"] = json!(self.empty);
        }
        if let Some(decimals) = self.quantity.decimals() {
            defaults["decimals"] = json!(decimals);
        }
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
        if self.interval == Some(BY_DAY) {
            sentences.push(
                "One step is a day; of the longer steps in long time ranges the mean is shown. Choose a time range of 2 \
                 days or more.",
            );
        }
        format!("{} Empty: {}.", sentences.join(" "), self.empty)
    }
}
