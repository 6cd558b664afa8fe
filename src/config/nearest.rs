//! "Did you mean": the word that a misspelt one was probably meant to be.

/// The nearest candidate by Levenshtein distance, with or without its last part (`_kg`), if it is near: two fifths of the
/// letters differ at most, or it contains the word. Case does not matter; spaces and dashes count as underscores.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace([' ', '-'], "_");
    let word = plain(word);
    let near = |candidate: &str| {
        let candidate = &plain(candidate);
        let distance = strsim::levenshtein(&word, candidate);
        let longer = word.chars().count().max(candidate.chars().count());
        let contained = word.len() >= 4 && candidate.contains(&word);
        (5 * distance <= 2 * longer || contained).then_some(distance)
    };
    let score = |candidate: &str| {
        let stem = candidate.rsplit_once('_').map_or(candidate, |(stem, _)| stem);
        near(candidate).into_iter().chain(near(stem)).min()
    };
    let scores = candidates.into_iter().filter_map(|candidate| Some((score(candidate)?, candidate)));
    scores.min_by_key(|(score, _)| *score).map(|(_, candidate)| candidate)
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
