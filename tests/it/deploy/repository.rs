//! What the setting `repository` of Cargo.toml brings: the labels of the image and the link to the releases. They stand
//! between marks, and `UPDATE_EXPECT=1` writes them anew; as long as the setting is missing there is nothing between.

use std::fs;

use crate::config::check_expected;
use crate::sources::root;

const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// A file with what stands between two of its lines.
struct Place {
    file: &'static str,
    marks: [&'static str; 2],
    made: fn(&str) -> String,
}

const PLACES: [Place; 2] = [
    Place { file: "deploy/Dockerfile", marks: ["# repository\n", "# /repository\n"], made: labels },
    Place { file: "README.md", marks: ["<!-- repository -->\n", "<!-- /repository -->\n"], made: releases },
];

impl Place {
    /// The file as it must be for this repository.
    fn text(&self, repository: &str) -> String {
        let text = fs::read_to_string(root().join(self.file)).unwrap();
        let [begin, end] = self.marks;
        let (before, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{}: no {begin}", self.file));
        let (_, after) = rest.split_once(end).unwrap_or_else(|| panic!("{}: no {end}", self.file));
        let made = if repository.is_empty() { String::new() } else { (self.made)(repository) };
        [before, begin, &made, end, after].concat()
    }
}

fn labels(repository: &str) -> String {
    let labels =
        ["source", "url", "documentation"].map(|name| format!("org.opencontainers.image.{name}=\"{repository}\""));
    format!("LABEL {}\n", labels.join(" \\\n      "))
}

fn releases(repository: &str) -> String {
    format!("All of this can be downloaded from [the page of the releases]({repository}/releases).\n")
}

#[test]
fn the_files_have_what_the_setting_brings() {
    for place in PLACES {
        check_expected(&root().join(place.file), &place.text(REPOSITORY));
    }
}

#[test]
fn one_setting_gives_the_image_its_labels_and_the_documents_their_link() {
    let [image, readme] = PLACES.map(|place| place.text("https://git.example/health/exporter"));
    assert!(image.contains(
        "# repository\n\
         LABEL org.opencontainers.image.source=\"https://git.example/health/exporter\" \\\n      \
         org.opencontainers.image.url=\"https://git.example/health/exporter\" \\\n      \
         org.opencontainers.image.documentation=\"https://git.example/health/exporter\"\n\
         # /repository\n"
    ));
    assert!(readme.contains("](https://git.example/health/exporter/releases)"));
}

#[test]
fn without_the_setting_nothing_is_written() {
    for place in PLACES {
        assert!(place.text("").contains(&place.marks.concat()), "{}", place.file);
    }
}
