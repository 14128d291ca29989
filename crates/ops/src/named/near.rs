//! Names that come close to a word.

/// Those of the names that a word may have been meant for, nearest first: two letters swapped, one or two changed, left out or added,
/// or one that begins or ends as the word does.
pub(super) fn near<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
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
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().take(LONGEST).collect(), other.chars().take(LONGEST).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut row = vec![at + 1];
        for (to, against) in other.iter().enumerate() {
            let get = |steps: &[usize], at: usize| steps.get(at).copied().unwrap_or(usize::MAX - 1);
            let change = get(&last, to) + usize::from(letter != against);
            let mut nearest = change.min(get(&last, to + 1) + 1).min(get(&row, to) + 1);
            let swapped = at > 0 && to > 0 && other.get(to - 1) == Some(letter) && one.get(at - 1) == Some(against);
            if swapped {
                nearest = nearest.min(get(&before, to - 1) + 1);
            }
            row.push(nearest);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
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
