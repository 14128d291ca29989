//! Lists of words, sorted once.

use std::sync::LazyLock;

/// Words, looked up without regard to case.
pub(super) type Words = LazyLock<Vec<&'static str>>;

/// Lists of words, parted by spaces.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* static $name: $crate::secret::words::Words =
            std::sync::LazyLock::new(|| $crate::secret::words::sorted($text));)*
    };
}
pub(super) use words;

pub(super) fn sorted(text: &'static str) -> Vec<&'static str> {
    let mut words: Vec<&str> = text.split_ascii_whitespace().collect();
    words.sort_unstable();
    words
}

/// True for one of these words.
pub(super) fn is_one_of(words: &Words, word: &[u8]) -> bool {
    words.binary_search_by(|known| known.bytes().cmp(word.iter().map(u8::to_ascii_lowercase))).is_ok()
}
