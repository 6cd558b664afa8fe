//! A dashboard: rows of panels, with the variables and links that all dashboards have.

use serde_json::{Value, json};

use crate::expression::{EXPORTER, firing};
use crate::panel::Placed;
use crate::pieces::data_source;
use crate::quantity::System;

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
            "annotations": {"list": annotations()},
            "description": self.description,
            "editable": true,
            "fiscalYearStartMonth": 0,
            "graphTooltip": 1,
            "links": links(),
            "panels": self.panels(),
            "refresh": "5m",
            "schemaVersion": 39,
            "tags": self.tags,
            "templating": {"list": variables()},
            "time": {"from": self.from, "to": "now"},
            "timepicker": {"refresh_intervals": ["1m", "5m", "15m", "1h"]},
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
}

/// Alerts that fire, as regions in the charts.
fn annotations() -> Value {
    let builtin = json!({
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": true,
        "hide": true,
        "iconColor": "rgba(0, 211, 255, 1)",
        "name": "Annotations & Alerts",
        "type": "dashboard",
    });
    let alerts = json!({
        "datasource": data_source(),
        "enable": true,
        "expr": firing(""),
        "iconColor": "red",
        "name": "Alerts",
        "step": "60s",
        "tagKeys": "severity",
        "textFormat": "{{profile}}",
        "titleFormat": "{{alertname}}",
    });
    json!([builtin, alerts])
}

fn links() -> Value {
    let tagged = json!({
        "asDropdown": false,
        "icon": "external link",
        "includeVars": true,
        "keepTime": true,
        "tags": ["withings"],
        "targetBlank": false,
        "title": "",
        "tooltip": "",
        "type": "dashboards",
        "url": "",
    });
    json!([tagged])
}

/// The data source, which exporter, and who.
fn variables() -> Value {
    let source = json!({
        "current": {},
        "hide": 0,
        "includeAll": false,
        "label": "Data source",
        "multi": false,
        "name": "datasource",
        "options": [],
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "skipUrlSync": false,
        "type": "datasource",
    });
    let profiles = format!("{{{EXPORTER}}}");
    json!([
        source,
        variable("job", "Job", 2, "label_values(withings_up, job)"),
        variable("instance", "Instance", 2, r#"label_values(withings_up{job=~"$job"}, instance)"#),
        variable("profile", "Person", 0, &format!("label_values(withings_up{profiles}, profile)")),
    ])
}

/// A variable with the values of a label; Grafana hides it with `hide` 2.
fn variable(name: &str, label: &str, hide: u8, query: &str) -> Value {
    json!({
        "allValue": ".+",
        "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
        "datasource": data_source(),
        "definition": query,
        "hide": hide,
        "includeAll": true,
        "label": label,
        "multi": true,
        "name": name,
        "options": [],
        "query": {"query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 2,
        "regex": "",
        "skipUrlSync": false,
        "sort": 1,
        "type": "query",
    })
}
