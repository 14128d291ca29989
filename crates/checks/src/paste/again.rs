//! A line as it is said again, and what stands in one whatever its letters' case.

use portward_model::{Text, masked_line};

/// The line as it is said again: without its secrets, and cut around the place where the error stands.
pub(super) fn repeated(text: &str, at: usize) -> Text {
    let masked = masked_line(text.as_bytes());
    if masked.raw() == text.as_bytes() {
        return Text::new(shortened(text, at));
    }
    let before = masked_line(text.get(..at).unwrap_or_default().as_bytes()).raw().len();
    Text::new(shortened(&masked.lossy(), before))
}

/// At most 300 characters of a line, with what was found in it.
fn shortened(text: &str, at: usize) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    let before = text.get(..at).map_or(0, |start| start.chars().count());
    let skipped = if before > SHOWN / 2 { before - SHOWN / 3 } else { 0 };
    text.chars().skip(skipped).take(SHOWN).collect()
}

pub(super) fn contains_ignoring_case(text: &str, word: &str) -> bool {
    find_ignoring_case(text, word).is_some()
}

pub(super) fn find_ignoring_case(text: &str, word: &str) -> Option<usize> {
    text.as_bytes().windows(word.len()).position(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

/// Characters of a line that are kept.
const SHOWN: usize = 300;
