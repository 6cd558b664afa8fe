//! The Grafana dashboards in `grafana/dashboards`: made here from one description, and tested.
//!
//! `UPDATE_EXPECT=1` writes the files anew.

mod asked;
mod colours;
mod columns;
mod dashboard;
mod expression;
mod health;
mod lacks;
mod limits;
mod lint;
mod live;
mod meaning;
mod names;
mod operator;
mod panel;
mod pieces;
mod provisioning;
mod quantity;
mod target;
mod versions;

use std::path::PathBuf;

use dashboard::Dashboard;
use quantity::System;
use serde_json::Value;

use crate::config::check_expected;
use crate::sources::root;

/// Every dashboard.
fn all() -> [Dashboard; 3] {
    [health::dashboard(System::Metric), health::dashboard(System::Imperial), operator::dashboard()]
}

fn path(dashboard: &Dashboard) -> PathBuf {
    root().join(format!("grafana/dashboards/{}.json", dashboard.uid))
}

/// The file as Grafana reads it.
fn read(dashboard: &Dashboard) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path(dashboard)).unwrap()).unwrap()
}

#[test]
fn the_files_are_as_they_are_described_here() {
    for dashboard in all() {
        check_expected(&path(&dashboard), &dashboard.render());
    }
}
