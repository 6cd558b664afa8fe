//! The Grafana dashboards in `grafana/dashboards`, as Grafana reads them. `grafana/generator` writes them, and has tests of
//! its own.

mod asked;
mod lacks;
mod lint;
mod live;
mod names;
mod pictures;
mod provisioning;
mod room;
mod sense;
mod versions;

use serde_json::Value;

use crate::sources::root;

/// The health of each person, in metric and in imperial units.
const HEALTH: [&str; 2] = ["withings-health", "withings-health-imperial"];

/// How the exporter is doing.
const EXPORTER: &str = "withings-exporter";

/// Every dashboard.
fn all() -> [Value; 3] {
    [HEALTH[0], HEALTH[1], EXPORTER].map(read)
}

/// The dashboard with this uid, which is the name of its file.
///
/// The braces of `${__interval}`, which end its name before other letters, are taken off: selectors have braces too.
fn read(uid: &str) -> Value {
    let dashboard = std::fs::read_to_string(root().join(path(uid))).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard.replace("${__interval}", "$__interval")).unwrap();
    assert_eq!(dashboard["uid"], uid);
    dashboard
}

/// The file of a dashboard, from the root of the repository.
fn path(uid: &str) -> String {
    format!("grafana/dashboards/{uid}.json")
}
