//! A dashboard: rows of panels, with the variables and links that all dashboards have.

use serde_json::{Value, json};

use crate::panel::Placed;
use crate::pieces::data_source;
use crate::quantity::System;
use crate::variables;

/// How wide Grafana's grid is.
pub(crate) const COLUMNS: u32 = 24;

/// A dashboard in both systems of units.
pub(crate) struct Dashboard {
    /// The name of its file and its address, for ever: links and provisioning depend on it.
    pub(crate) uid: &'static str,
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    pub(crate) tags: &'static [&'static str],
    /// The time range that it opens with, until now.
    pub(crate) from: &'static str,
    /// The time ranges that are chosen by a click: a name, and the begin.
    pub(crate) ranges: &'static [(&'static str, &'static str)],
    /// The alerts that are regions in the charts: a name, and the query.
    pub(crate) alerts: (&'static str, String),
    /// Its own variables, beside those that every dashboard has.
    pub(crate) variables: Vec<Value>,
    pub(crate) system: System,
    pub(crate) rows: Vec<Row>,
}

/// A row with a heading.
pub(crate) struct Row {
    title: &'static str,
    is_open: bool,
    panels: Vec<Placed>,
}

impl Row {
    /// A row whose panels are in sight.
    pub(crate) fn open(title: &'static str, panels: Vec<Placed>) -> Self {
        Self { title, is_open: true, panels }
    }

    /// A row that is opened by a click.
    pub(crate) fn collapsed(title: &'static str, panels: Vec<Placed>) -> Self {
        Self { is_open: false, ..Self::open(title, panels) }
    }

    /// A row with a person in its heading is there for each person: what would stack or mix them.
    fn is_repeated(&self) -> bool {
        self.title.contains("$profile")
    }
}

impl Dashboard {
    /// Grafana's JSON, ending with a newline.
    pub(crate) fn render(&self) -> String {
        let json = json!({
            "annotations": {"list": self.annotations()},
            "description": self.description,
            "editable": true,
            "fiscalYearStartMonth": 0,
            "graphTooltip": 1,
            "links": links(),
            "panels": self.panels(),
            "refresh": "5m",
            "schemaVersion": 39,
            "tags": self.tags,
            "templating": {"list": self.variables()},
            "time": {"from": self.from, "to": "now"},
            "timepicker": {"quick_ranges": self.quick_ranges(), "refresh_intervals": ["1m", "5m", "15m", "1h"]},
            "timezone": "browser",
            "title": self.title,
            "uid": self.uid,
            "version": 1,
            "weekStart": "",
        });
        format!("{json:#}\n")
    }

    /// The panels, each row below the one before.
    fn panels(&self) -> Vec<Value> {
        let (mut ids, mut top, mut rendered) = (1.., 0, Vec::new());
        let mut id = || ids.next().expect("numbers do not end");
        for row in &self.rows {
            let heading = id();
            let panels: Vec<Value> = row.panels.iter().map(|placed| self.panel(placed, id(), top + 1)).collect();
            let (inside, below) = if row.is_open { (Vec::new(), panels) } else { (panels, Vec::new()) };
            let mut heading = json!({
                "collapsed": !row.is_open,
                "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": top},
                "id": heading,
                "panels": inside,
                "title": row.title,
                "type": "row",
            });
            if row.is_repeated() {
                heading["repeat"] = json!("profile");
            }
            rendered.push(heading);
            rendered.extend(below);
            let height = row.panels.iter().map(|Placed { place: [_, y, _, height], .. }| y + height).max();
            top += 1 + if row.is_open { height.unwrap_or_default() } else { 0 };
        }
        rendered
    }

    fn panel(&self, Placed { panel, place }: &Placed, id: u32, top: u32) -> Value {
        let [left, below, width, height] = place;
        let mut panel = panel.render(self.system);
        panel["gridPos"] = json!({"h": height, "w": width, "x": left, "y": top + below});
        panel["id"] = json!(id);
        panel
    }

    fn variables(&self) -> Vec<Value> {
        variables::of_all().into_iter().chain(self.variables.clone()).collect()
    }

    fn quick_ranges(&self) -> Vec<Value> {
        self.ranges.iter().map(|(name, from)| json!({"display": name, "from": from, "to": "now"})).collect()
    }

    /// Alerts that fire, as regions in the charts.
    fn annotations(&self) -> Value {
        let builtin = json!({
            "builtIn": 1,
            "datasource": {"type": "grafana", "uid": "-- Grafana --"},
            "enable": true,
            "hide": true,
            "iconColor": "rgba(0, 211, 255, 1)",
            "name": "Annotations & Alerts",
            "type": "dashboard",
        });
        let (name, expression) = &self.alerts;
        let alerts = json!({
            "datasource": data_source(),
            "enable": true,
            "expr": expression,
            // On a phone its switch would take a line of the screen.
            "hide": true,
            "iconColor": "red",
            "name": name,
            "step": "60s",
            "tagKeys": "severity",
            "textFormat": "{{profile}}",
            "titleFormat": "{{alertname}}",
        });
        json!([builtin, alerts])
    }
}

fn links() -> Value {
    let tagged = json!({
        "asDropdown": true,
        "icon": "external link",
        "includeVars": true,
        // Health is looked at in months, the exporter in hours.
        "keepTime": false,
        "tags": ["withings"],
        "targetBlank": false,
        "title": "Dashboards",
        "tooltip": "",
        "type": "dashboards",
        "url": "",
    });
    json!([tagged])
}
