//! Names that come close to a word.

/// Those of the names that a word may have been meant for, nearest first: two letters swapped, one or two changed, left out or added,
/// or one that begins or ends as the word does.
pub fn near<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let word = word.to_lowercase();
    let mut found: Vec<(usize, &str)> = Vec::new();
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        let own = name.to_lowercase();
        let most = if word.chars().count() < LONG { 1 } else { 2 };
        let begins = word.chars().count() >= SHORTEST && (own.contains(&word) || word.contains(&own));
        let far = distance(&word, &own).min(if begins { most } else { usize::MAX });
        if far <= most && !found.iter().any(|(_, known)| *known == name) {
            found.push((far, name));
        }
    }
    found.sort_by_key(|(far, _)| *far);
    found.into_iter().map(|(_, name)| name).take(MOST).collect()
}

/// Letters that differ between two words, with two that are swapped counted once (optimal string alignment).
pub fn distance(one: &str, other: &str) -> usize {
    let begin = |word: &str| word.chars().take(LONGEST).collect::<String>();
    strsim::osa_distance(&begin(one), &begin(other))
}

/// Words from this length on may differ in two letters.
const LONG: usize = 6;
/// A part of a name that is shorter says nothing.
const SHORTEST: usize = 3;
/// Names that help.
const MOST: usize = 4;
/// Letters that are compared.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn near_names() {
        let names = ["web", "worker", "db", "npm run dev", "shop"];
        for (word, found) in [
            ("wbe", &["web"][..]),
            ("we", &["web"]),
            ("wroker", &["worker"]),
            ("wrker2", &["worker"]),
            ("shpo", &["shop"]),
            ("Web", &["web"]),
            ("dev", &["npm run dev"]),
            ("worker-2", &["worker"]),
            ("postgres", &[]),
            ("x", &[]),
        ] {
            assert_eq!(near(word, names), found, "{word}");
        }
    }
}
