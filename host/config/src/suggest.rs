//! What may have been meant by a word that is not known.

/// The candidate that comes closest to a word, if one comes close: one typing mistake in a short
/// word, two or three in a longer one. Of equals the first wins.
#[must_use]
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = match word.chars().count() {
        0..=3 => 1,
        4..=7 => 2,
        _ => 3,
    };
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
            (distance <= allowed && distance < candidate.chars().count())
                .then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_find_the_word_and_strangers_do_not() {
        let keys = ["input", "output", "env", "dependsOn"];
        assert_eq!(suggest("inputs", keys), Some("input"));
        assert_eq!(suggest("ouptut", keys), Some("output"));
        assert_eq!(suggest("depends_on", keys), Some("dependsOn"));
        assert_eq!(suggest("evn", keys), Some("env"));
        assert_eq!(suggest("persistent", keys), None);
        assert_eq!(suggest("x", ["y"]), None);
    }
}
