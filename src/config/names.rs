//! Lists of names: profiles and measurements. One name, a list of names, or a mapping with the names and empty values.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::Selection;
use super::mistake::Mistake;
use super::nearest::nearest;
use super::node::{Node, Value};
use super::scalar::{shown, wrong_kind};
use crate::catalogue::{Group, Measurement};

/// The longest name of a profile, in characters.
const LONGEST_PROFILE: usize = 200;

/// What to write under `profiles`.
pub(super) const PROFILES_HELP: &str = "write the name of each person: `profiles: [Alice, Bob]`";

/// The word for every measurement.
const ALL: &str = "all";

/// What people call measurements, and the keys that they mean.
const EVERYDAY_WORDS: [(&str, &[&str]); 6] = [
    ("steps", &["activity_steps"]),
    ("pulse", &["heart_pulse_bpm"]),
    ("heart_rate", &["heart_pulse_bpm"]),
    ("blood_pressure", &["systolic_blood_pressure_mmhg", "diastolic_blood_pressure_mmhg"]),
    ("body_fat", &["fat_ratio_pct"]),
    ("distance", &["activity_distance_meters"]),
];

/// `profiles`: at least one, each once, in the file's order. One name that looks like several is added to `warnings`.
pub(super) fn profiles(key: &str, node: &Node, warnings: &mut Vec<String>) -> Result<Vec<Arc<str>>, Mistake> {
    if matches!(node.value, Value::Null) {
        return Err(Mistake::at(node, format!("`{key}` has no value")).help(PROFILES_HELP));
    }
    let names = names(key, node)?;
    if names.is_empty() {
        return Err(Mistake::at(node, format!("`{key}` is empty")).help(PROFILES_HELP));
    }
    // A comma can be in a name, so it is no mistake.
    if node.text().is_some_and(|name| name.contains(',')) {
        let one = if node.hidden { "one person" } else { &format!("one person, {}", shown(node)) };
        warnings.push(format!("`{key}` is {one}; if it is several, write a list: `{key}: [Alice, Bob]`"));
    }
    names.into_iter().map(|(node, name)| profile(node, name)).collect()
}

/// `measurements`: nothing means all; keys, groups and `all` add up. Keys that should be written otherwise are added to
/// `warnings`.
pub(super) fn measurements(key: &str, node: &Node, warnings: &mut Vec<String>) -> Result<Selection, Mistake> {
    if matches!(node.value, Value::Null) {
        return Ok(Selection::all());
    }
    let names = names(key, node)?;
    if names.is_empty() {
        return Err(Mistake::at(node, format!("`{key}` is empty: nothing would be exported"))
            .help(format!("leave `{key}` out for all of them, or name some: `{key}: [weight_kg, sleep]`")));
    }
    let mut selected = BTreeSet::new();
    for (node, name) in names {
        if let Some(measurement) = Measurement::by_former_key(name) {
            warnings.push(format!("the measurement `{name}` is called `{}` now; write its new key", measurement.key));
        }
        selected.extend(selection(node, name)?);
    }
    Ok(Selection(selected))
}

/// The names with their nodes, each once and none blank.
fn names<'a>(key: &str, node: &'a Node) -> Result<Vec<(&'a Node, &'a str)>, Mistake> {
    let nodes: Vec<&Node> = match &node.value {
        Value::List(items) => items.iter().collect(),
        Value::Map(entries) => {
            entries.iter().map(|(name, value)| empty_value(key, name, value)).collect::<Result<_, Mistake>>()?
        }
        _ => vec![node],
    };
    let mut names: Vec<(&Node, &str)> = Vec::with_capacity(nodes.len());
    let mut seen = HashSet::new();
    for node in nodes {
        let name = name(key, node)?;
        if !seen.insert(name) {
            return Err(Mistake::at(node, format!("{} stands twice in `{key}`", shown(node))).help("name each once"));
        }
        names.push((node, name));
    }
    Ok(names)
}

fn empty_value<'a>(key: &str, name: &'a Node, value: &Node) -> Result<&'a Node, Mistake> {
    match value.value {
        Value::Null => Ok(name),
        _ => Err(Mistake::at(value, format!("{} in `{key}` takes no value", shown(name)))
            .help(format!("a mapping under `{key}` has the names and nothing after the colons"))),
    }
}

fn name<'a>(key: &str, node: &'a Node) -> Result<&'a str, Mistake> {
    let empty = || Mistake::at(node, format!("a name in `{key}` is empty")).help("write a name or remove it");
    match &node.value {
        Value::Null => Err(empty()),
        Value::Text(text) if text.trim().is_empty() => Err(empty()),
        Value::Text(text) | Value::Integer(text) => Ok(text),
        Value::Bool(_) | Value::Float(_) => Err(wrong_kind(key, "names", node).help("put it in quotes if it is one")),
        _ => Err(wrong_kind(key, "names", node)
            .help("write one name, a list of names, or a mapping with the names and empty values")),
    }
}

fn profile(node: &Node, name: &str) -> Result<Arc<str>, Mistake> {
    if name.chars().any(char::is_control) {
        return Err(Mistake::at(node, "a profile's name must not have control characters")
            .help("line breaks and tabs are such"));
    }
    let length = name.chars().count();
    if length > LONGEST_PROFILE {
        return Err(Mistake::at(node, format!("a profile's name of {length} characters is too long"))
            .help(format!("allowed are {LONGEST_PROFILE}")));
    }
    Ok(name.into())
}

/// What one word selects.
fn selection(node: &Node, name: &str) -> Result<Vec<Measurement>, Mistake> {
    if name == ALL {
        return Ok(Measurement::all().collect());
    }
    if let Some(measurement) = Measurement::by_key(name).or_else(|| Measurement::by_former_key(name)) {
        return Ok(vec![measurement]);
    }
    let Some(group) = Group::by_name(name) else { return Err(unknown(node, name)) };
    Ok(group.measurements().collect())
}

fn unknown(node: &Node, name: &str) -> Mistake {
    // The metric's name is the mistake that people make who copy from a dashboard.
    let key = name.strip_prefix("withings_").unwrap_or(name);
    let words: Vec<&str> = Measurement::all().map(|measurement| measurement.key).chain(groups()).collect();
    let meant = everyday(key).or_else(|| nearest(key, words.iter().copied()).map(|word| vec![word]));
    Mistake::at(node, format!("{} is not a measurement", shown(node)))
        .did_you_mean(meant.into_iter().flatten().filter(|_| !node.hidden))
        .help(format!("allowed are the groups {}", groups().join(", ")))
        .help("and the keys that `withings-exporter measurements` prints")
}

/// The keys that an everyday word means.
fn everyday(word: &str) -> Option<Vec<&'static str>> {
    let word = word.to_lowercase().replace([' ', '-'], "_");
    EVERYDAY_WORDS.iter().find(|(everyday, _)| *everyday == word).map(|(_, keys)| keys.to_vec())
}

/// The words for many measurements.
fn groups() -> Vec<&'static str> {
    std::iter::once(ALL).chain(Group::ALL.map(Group::name)).collect()
}
