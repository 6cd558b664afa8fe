//! What a dashboard asks, read from its JSON as Grafana reads it.

use serde_json::Value;

/// A query of a panel, an annotation or a variable.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The dashboard and the panel.
    pub(super) place: String,
    pub(super) expression: String,
    /// The least time between two steps; `None` for the present value alone.
    pub(super) step: Option<String>,
    /// `$__interval`, which the present value may depend on too.
    pub(super) interval: String,
}

/// The panels, also those in collapsed rows, without the headings of rows.
pub(super) fn panels(dashboard: &Value) -> Vec<&Value> {
    let outside = dashboard["panels"].as_array().unwrap().iter();
    let all = outside.flat_map(|panel| std::iter::once(panel).chain(panel["panels"].as_array().into_iter().flatten()));
    all.filter(|panel| panel["type"] != "row").collect()
}

/// Every query of the panels and annotations.
pub(super) fn asked(dashboard: &Value) -> Vec<Asked> {
    let of = |title: &Value, expression: &Value, interval: &str, is_range: bool| Asked {
        place: format!("{}: {}", dashboard["uid"].as_str().unwrap(), title.as_str().unwrap()),
        expression: expression.as_str().unwrap().to_owned(),
        step: is_range.then(|| interval.to_owned()),
        interval: interval.to_owned(),
    };
    let of_panel = |panel: &Value| -> Vec<Asked> {
        // The variable's shortest step.
        let interval = panel["interval"].as_str().unwrap_or("1h").replace("$step", "1d");
        let targets = panel["targets"].as_array().unwrap().iter();
        targets.map(|target| of(&panel["title"], &target["expr"], &interval, target["range"] == true)).collect()
    };
    let annotations =
        dashboard["annotations"]["list"].as_array().unwrap().iter().filter(|annotation| annotation["expr"].is_string());
    let of_annotations = annotations.map(|annotation| of(&annotation["name"], &annotation["expr"], "1h", true));
    panels(dashboard).into_iter().flat_map(of_panel).chain(of_annotations).collect()
}
