//! Lists of words, made ready once to be looked up.

use std::sync::LazyLock;

/// Words, looked up without regard to case.
pub(super) type Words = LazyLock<Parted>;

/// Words by their first letters and lengths.
pub(super) struct Parted(Vec<Vec<&'static str>>);

/// Lists of words, parted by spaces.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* static $name: $crate::secret::words::Words =
            std::sync::LazyLock::new(|| $crate::secret::words::parted($text));)*
    };
}
pub(super) use words;

pub(super) fn parted(text: &'static str) -> Parted {
    let mut parts = vec![Vec::new(); PARTS];
    for word in text.split_ascii_whitespace() {
        parts.get_mut(part_of(word.as_bytes())).into_iter().for_each(|part| part.push(word));
    }
    Parted(parts)
}

/// True for one of these words.
pub(super) fn is_one_of(words: &Words, word: &[u8]) -> bool {
    let alike = words.0.get(part_of(word)).map(Vec::as_slice).unwrap_or_default();
    alike.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word))
}

impl Parted {
    /// Each word.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().flatten().copied()
    }
}

fn part_of(word: &[u8]) -> usize {
    let first = word.first().map_or(0, |first| usize::from(first.to_ascii_lowercase() & 31));
    first * LENGTHS + word.len().min(LENGTHS - 1)
}

const LENGTHS: usize = 16;
const PARTS: usize = 32 * LENGTHS;
