//! There is room for what tiles show, from a phone to a wide screen.

use serde_json::Value;

use super::asked::panels;
use super::{HEALTH, all, read};

/// Widths of the dashboard in pixels: a phone; 1280 and 1440 beside the menu; 1600.
const WIDTHS: [f64; 4] = [358.0, 945.0, 1105.0, 1584.0];

/// Below this width each panel has the whole width.
const PHONE: f64 = 769.0;

/// Pixels of a row of Grafana's grid, and between two panels.
const ROW: f64 = 30.0;
const GAP: f64 = 8.0;

/// Pixels of a panel's heading, of its padding, and of a value's padding.
const HEADING: f64 = 40.0;
const PADDING: f64 = 16.0;
const VALUE_PADDING: f64 = 12.0;

/// Pixels of a screen, and of the line of controls above the dashboard.
const SCREEN: f64 = 1000.0;
const CONTROLS: f64 = 56.0;

/// The width of a letter, by the size of the letters.
const LETTER: f64 = 0.55;

/// How many values a tile shows at most at once, where its queries exclude each other or there may be several of one.
const AT_ONCE: [(&str, usize); 8] = [
    ("Heart", 6),
    ("Body", 4),
    ("Change of the weight", 4),
    ("Logins", 3),
    ("Last successful call", 3),
    ("Access token ends in", 3),
    ("Nerves and sweat glands", 8),
    ("Last known state", 1),
];

#[test]
fn names_and_values_of_tiles_fit() {
    for panel in all().iter().flat_map(panels).filter(|panel| panel["type"] == "stat") {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().unwrap();
        let listed = AT_ONCE.iter().find(|(name, _)| *name == title).map(|(_, count)| *count);
        let count = listed.unwrap_or(targets.len());
        let names = targets.iter().filter_map(|target| longest_word(target["legendFormat"].as_str().unwrap()));
        let size = |name: &str| panel["options"]["text"][name].as_f64().unwrap_or(13.0);
        let name = names.fold(0.0, f64::max) * size("titleSize") * LETTER;
        let value = if panel["options"]["textMode"] == "name" {
            0.0
        } else {
            longest_value(panel) * size("valueSize") * LETTER
        };
        // Few have all devices.
        for (width, count) in WIDTHS.into_iter().flat_map(|width| (1..=count).map(move |count| (width, count))) {
            let room = cell(panel, width, count) - VALUE_PADDING;
            assert!(room >= name.max(value), "{title}: {count} of {name} and {value} in {room} of {width}");
        }
    }
}

#[test]
fn the_morning_of_one_person_is_on_one_screen_and_of_three_on_two() {
    for dashboard in HEALTH.map(read) {
        let panels = dashboard["panels"].as_array().unwrap();
        let bottom = |panel: &Value| {
            (panel["gridPos"]["y"].as_f64().unwrap() + panel["gridPos"]["h"].as_f64().unwrap()) * (ROW + GAP)
        };
        let headings: Vec<usize> = (0..panels.len()).filter(|at| panels[*at]["type"] == "row").collect();
        let today = bottom(&panels[headings[1] - 1]);
        // The newest values, and the weight's chart below them.
        assert!(CONTROLS + bottom(&panels[headings[1] + 1]) <= SCREEN);
        assert!(CONTROLS + 3.0 * today <= 2.0 * SCREEN);
    }
}

/// The letters of the longest value; those of a unit are smaller.
fn longest_value(panel: &Value) -> f64 {
    let config = panel["fieldConfig"].to_string();
    // "connected", "121 mmHg", "10 hours", "1485 kcal", "172.9 lb".
    if config.contains("\"connected\"") {
        9.0
    } else if config.contains("suffix:mmHg") {
        7.0
    } else if panel["fieldConfig"]["defaults"]["unit"] == "s" {
        9.0
    } else if config.contains("suffix:kcal") {
        8.5
    } else {
        6.5
    }
}

/// The letters of the longest word: names are broken between words, and what a label says is short.
fn longest_word(legend: &str) -> Option<f64> {
    let words = legend.split([' ', ',']).filter(|word| !word.contains("{{"));
    words.map(|word| word.chars().count()).max().map(|letters| u32::try_from(letters).unwrap().into())
}

/// How wide the place of each of `count` values is: Grafana fills a panel with squares as large as possible, in as few
/// columns as these need, unless the values stand below each other.
fn cell(panel: &Value, dashboard: f64, count: usize) -> f64 {
    let [columns, rows] = ["w", "h"].map(|edge| panel["gridPos"][edge].as_f64().unwrap());
    let width = if dashboard < PHONE { dashboard } else { (dashboard + GAP) / 24.0 * columns - GAP };
    let [width, height] = [width - PADDING, rows * (ROW + GAP) - GAP - HEADING];
    let most = if panel["options"]["orientation"] == "horizontal" { 1 } else { count };
    let across =
        (1..=most).rev().max_by(|a, b| side(width, height, *a, count).total_cmp(&side(width, height, *b, count)));
    width / number(across.unwrap())
}

/// The side of the squares, with so many of them in a row.
fn side(width: f64, height: f64, across: usize, count: usize) -> f64 {
    (width / number(across)).min(height / number(count.div_ceil(across)))
}

fn number(count: usize) -> f64 {
    u32::try_from(count).unwrap().into()
}
