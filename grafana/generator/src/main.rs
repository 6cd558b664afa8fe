//! The generator of the Grafana dashboards in `grafana/dashboards`: three files from one description.
//!
//! `cargo dashboards`, run in the root of the repository, writes the files anew.

mod colours;
mod columns;
mod dashboard;
mod expression;
#[cfg(test)]
mod expression_tests;
mod guideline;
mod health;
mod limits;
mod operator;
mod panel;
mod pieces;
mod quantity;
mod target;
mod variables;

use std::path::PathBuf;

use dashboard::Dashboard;
use quantity::System;

/// Every dashboard.
fn all() -> [Dashboard; 3] {
    [health::dashboard(System::Metric), health::dashboard(System::Imperial), operator::dashboard()]
}

/// The file of a dashboard.
fn path(dashboard: &Dashboard) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "dashboards", &format!("{}.json", dashboard.uid)].iter().collect()
}

#[expect(clippy::disallowed_methods, reason = "what is lost half-way is made again by the next run")]
fn main() -> std::io::Result<()> {
    all().iter().try_for_each(|dashboard| std::fs::write(path(dashboard), dashboard.render()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs::{read_dir, read_to_string};

    use super::{all, path};

    #[test]
    fn the_dashboards_are_as_they_are_described_here() {
        let described = BTreeMap::from(all().map(|dashboard| (path(&dashboard), dashboard.render())));
        let folder = described.keys().find_map(|file| file.parent()).unwrap();
        let files = read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let found: BTreeMap<_, _> = files.map(|file| (file.clone(), read_to_string(file).unwrap())).collect();
        assert!(found == described, "{} is not what `cargo dashboards` writes", folder.display());
    }
}
