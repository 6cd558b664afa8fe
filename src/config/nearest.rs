//! "Did you mean": the word that a misspelt one was probably meant to be.

/// The nearest candidate by edit distance, with or without its last part (`_kg`), if it is near: two fifths of the
/// letters differ at most, or it contains the word. Case does not matter; spaces and dashes count as underscores.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace([' ', '-'], "_");
    let word = plain(word);
    let near = |candidate: &str| {
        let candidate = &plain(candidate);
        let distance = distance(&word, candidate);
        let longer = word.chars().count().max(candidate.chars().count());
        let contained = word.len() >= 4 && candidate.contains(&word);
        (5 * distance <= 2 * longer || contained).then_some(distance)
    };
    let score = |candidate: &str| {
        let stem = candidate.rsplit_once('_').map_or(candidate, |(stem, _)| stem);
        near(candidate).into_iter().chain(near(stem)).min()
    };
    candidates.into_iter().filter_map(|it| Some((score(it)?, it))).min_by_key(|(score, _)| *score).map(|(_, it)| it)
}

/// Whether the word is a candidate with one or two letters wrong, missing or added.
pub(super) fn is_typo<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> bool {
    candidates.into_iter().any(|it| (1..=2).contains(&distance(word, it)))
}

/// The Levenshtein distance: how many letters must be inserted, removed or replaced.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (index, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, b) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[track_caller]
    fn check(word: &str, meant: Option<&str>) {
        let words = [
            "profiles",
            "measurements",
            "refresh_interval",
            "weight_kg",
            "heart_pulse_bpm",
            "spo2_pct",
            "X-Frame-Options",
        ];
        assert_eq!(nearest(word, words), meant, "{word}");
    }

    #[test]
    fn a_misspelt_or_shortened_word_finds_the_one_that_was_meant() {
        check("profile", Some("profiles"));
        check("measures", Some("measurements"));
        check("wieght_kg", Some("weight_kg"));
        check("wieght", Some("weight_kg"));
        check("Weight-KG", Some("weight_kg"));
        check("interval", Some("refresh_interval"));
        check("pulse", Some("heart_pulse_bpm"));
        check("x-frame-option", Some("X-Frame-Options"));
    }

    #[test]
    fn another_word_finds_nothing() {
        check("zigbee2mqtt", None);
        check("", None);
        check("Größe", None);
    }
}
