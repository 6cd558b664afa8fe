//! The pictures of the dashboards, which are made by hand.

use std::collections::BTreeSet;
use std::fs;

use crate::sources::root;

const PICTURES: [&str; 5] = ["exporter", "overview", "phone", "pressure", "sleep"];

const LARGEST: u64 = 300 * 1024;

/// How every PNG file begins.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

#[test]
fn each_picture_is_small_and_linked_and_can_be_made_again() {
    let [readme, guide, contributing] = ["README.md", "docs/dashboards.md", "CONTRIBUTING.md"]
        .map(|document| fs::read_to_string(root().join(document)).unwrap());
    let folder = root().join("grafana/pictures");
    let files: BTreeSet<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, PICTURES.map(|name| format!("{name}.png").into()).into());
    for name in PICTURES {
        let file = folder.join(format!("{name}.png"));
        assert!(fs::read(&file).unwrap().starts_with(PNG), "{name}");
        assert!(fs::metadata(&file).unwrap().len() <= LARGEST, "{name}");
        assert!(guide.contains(&format!("(../grafana/pictures/{name}.png)")), "{name} is in no document");
        assert!(contributing.contains(&format!("| `{name}.png` |")), "nobody knows how to make {name} again");
    }
    assert!(readme.contains("(grafana/pictures/overview.png)"));
}
