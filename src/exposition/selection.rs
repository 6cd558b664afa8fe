//! A page with some of its families only.

use std::collections::HashSet;

/// The families that a scraper asks for by the names of their metrics, as they are in the text format: with `_total` of a
/// counter and `_info` of an info; or all of them.
#[derive(Clone, Debug)]
pub struct FamilySelection(Option<HashSet<String>>);

impl FamilySelection {
    /// Every family.
    #[must_use]
    pub fn everything() -> Self {
        Self(None)
    }

    /// The families of these metrics.
    #[must_use]
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        let mut families = HashSet::new();
        for name in names {
            // OpenMetrics leaves these suffixes out of the family's name.
            families
                .extend(["_total", "_info"].iter().filter_map(|suffix| name.strip_suffix(suffix)).map(str::to_owned));
            families.insert(name);
        }
        Self(Some(families))
    }

    /// Whether a family is selected, by its name in OpenMetrics.
    pub(super) fn has(&self, family: &str) -> bool {
        self.0.as_ref().is_none_or(|families| families.contains(family))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_selected_by_the_names_of_their_metrics() {
        let selection = FamilySelection::of(["a", "c_total", "d_info", "g_bucket"].map(str::to_owned));
        let families = ["a", "b", "c", "d", "g", ""];
        assert_eq!(families.map(|family| selection.has(family)), [true, false, true, true, false, false]);
        assert_eq!(families.map(|family| FamilySelection::everything().has(family)), [true; 6]);
    }
}
