//! What Grafana reads at its start.

use std::fs;

use serde_json::Value;

use super::{all, path};
use crate::sources::root;

/// Where the document says that the folders are mounted.
const MOUNTED: [(&str, &str); 2] =
    [("grafana/provisioning", "/etc/grafana/provisioning"), ("grafana/dashboards", "/var/lib/grafana/dashboards")];

fn provisioned(file: &str) -> Value {
    let text = fs::read_to_string(root().join("grafana/provisioning").join(file)).unwrap();
    let file: Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(file["apiVersion"], 1);
    file
}

#[test]
fn the_dashboards_are_where_grafana_looks_for_them() {
    let file = provisioned("dashboards/withings.yaml");
    let [provider] = &file["providers"].as_array().unwrap()[..] else { panic!("{file}") };
    assert_eq!((&provider["type"], &provider["options"]["path"]), (&"file".into(), &MOUNTED[1].1.into()));
    let document = fs::read_to_string(root().join("docs/dashboards.md")).unwrap();
    for (folder, mounted) in MOUNTED {
        assert!(root().join(folder).is_dir() && document.contains(&format!("`{folder}` at `{mounted}`")), "{folder}");
    }
    for dashboard in all() {
        let [title, uid] = ["title", "uid"].map(|name| dashboard[name].as_str().unwrap());
        assert!(document.contains(&format!("| [{title}](../{}) |", path(uid))), "{uid}");
    }
}

#[test]
fn rates_know_the_scrape_interval() {
    let file = provisioned("datasources/prometheus.yaml");
    let [source] = &file["datasources"].as_array().unwrap()[..] else { panic!("{file}") };
    let prometheus = fs::read_to_string(root().join("deploy/prometheus/prometheus.yml")).unwrap();
    let prometheus: Value = serde_yaml::from_str(&prometheus).unwrap();
    let interval = prometheus["global"]["scrape_interval"].as_str();
    assert_eq!((source["type"].as_str(), source["jsonData"]["timeInterval"].as_str()), (Some("prometheus"), interval));
}
