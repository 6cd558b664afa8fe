//! Labels that the series of a history get beside their own.

use std::str::FromStr;

use super::UsageError;
use crate::exposition::own_labels;

/// A label that is added to every series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// Its name.
    pub name: String,
    /// Its value, not empty.
    pub value: String,
}

impl Label {
    /// Names and values of `labels`, by name. Fails if `flag`, which gave them, named one twice.
    pub fn distinct(labels: &[Self], flag: &str) -> Result<Vec<(String, String)>, UsageError> {
        let mut labels: Vec<_> = labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect();
        labels.sort();
        match labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(twice) => Err(UsageError(format!("{flag}: {} is there twice", twice[0].0))),
            None => Ok(labels),
        }
    }
}

impl FromStr for Label {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("write it as job=withings")?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.chars().all(is_word) || name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
            return Err("a label's name has letters, digits and _, and begins with no digit");
        }
        if name.starts_with("__") || own_labels().any(|own| own == name) {
            return Err("the metrics have or reserve this label; job and instance are the usual ones");
        }
        if value.is_empty() {
            return Err("a label without a value is none");
        }
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}
