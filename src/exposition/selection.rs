//! A page with some of its families only.

use std::collections::HashSet;

/// The families that a scraper asks for by the names of their metrics, as they are in the text format: with `_total` of a
/// counter and `_info` of an info.
#[derive(Clone, Debug)]
pub struct Selection(HashSet<String>);

impl Selection {
    /// The families of these metrics.
    #[must_use]
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        let mut families = HashSet::new();
        for name in names {
            // OpenMetrics leaves these suffixes out of the family's name.
            families.extend(["_total", "_info"].iter().filter_map(|it| name.strip_suffix(it)).map(str::to_owned));
            families.insert(name);
        }
        Self(families)
    }

    /// What `page`, text in either format, says of these families, and its end.
    pub(super) fn select(&self, page: &str) -> String {
        let mut is_selected = false;
        let lines = page.split_inclusive('\n').filter(|line| {
            let mut words = line.strip_prefix("# ").unwrap_or_default().split_ascii_whitespace();
            match (words.next(), words.next()) {
                (Some("EOF"), None) => return true,
                (Some("HELP" | "TYPE" | "UNIT"), Some(family)) => is_selected = self.0.contains(family),
                _ => {}
            }
            is_selected
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENMETRICS: &str = "\
# HELP a A.
# TYPE a gauge
a{b=\"# HELP c \"} 1
# HELP c C.
# TYPE c counter
# UNIT c seconds
c_total 2
# TYPE d info
d_info{e=\"f\"} 1
# TYPE g histogram
g_bucket{le=\"+Inf\"} 1
g_sum 1
g_count 1
# EOF
";
    const TEXT: &str = "# HELP c_total C.\n# TYPE c_total counter\nc_total 2\n# TYPE d_info gauge\nd_info 1\n";

    #[track_caller]
    fn check(page: &str, names: &[&str], lines: std::ops::Range<usize>) {
        let selected = Selection::of(names.iter().copied().map(str::to_owned)).select(page);
        let expected = page.lines().enumerate().filter(|(index, line)| lines.contains(index) || *line == "# EOF");
        assert_eq!(
            selected.lines().collect::<Vec<_>>(),
            expected.map(|(_, line)| line).collect::<Vec<_>>(),
            "{names:?}"
        );
    }

    #[test]
    fn whole_families_are_selected_by_the_names_of_their_metrics() {
        check(OPENMETRICS, &["a"], 0..3);
        check(OPENMETRICS, &["a", "c_total"], 0..7);
        check(OPENMETRICS, &["d_info"], 7..9);
        check(OPENMETRICS, &["g"], 9..13);
        check(OPENMETRICS, &["g_bucket", "b", "", "EOF"], 0..0);
        check(TEXT, &["c_total"], 0..3);
        check(TEXT, &["d_info", "nothing"], 3..5);
    }
}
