//! Lists of words, made ready once to be looked up.

use std::sync::LazyLock;

/// Words, looked up without regard to case.
pub(super) type Words = LazyLock<Parted>;

/// Words in the order of their first letters and lengths.
pub(super) struct Parted(Vec<&'static str>);

/// Lists of words, parted by spaces.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* static $name: $crate::secret::words::Words =
            std::sync::LazyLock::new(|| $crate::secret::words::parted($text));)*
    };
}
pub(super) use words;

pub(super) fn parted(text: &'static str) -> Parted {
    let mut words: Vec<&str> = text.split_ascii_whitespace().collect();
    words.sort_unstable_by_key(|word| part_of(word.as_bytes()));
    Parted(words)
}

/// True for one of these words.
pub(super) fn is_one_of(words: &Words, word: &[u8]) -> bool {
    let part = part_of(word);
    let from = words.0.partition_point(|known| part_of(known.as_bytes()) < part);
    let alike = words.0.iter().skip(from).take_while(|known| part_of(known.as_bytes()) == part);
    alike.into_iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word))
}

impl Parted {
    /// Each word.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }
}

fn part_of(word: &[u8]) -> usize {
    let first = word.first().map_or(0, |first| usize::from(first.to_ascii_lowercase() & 31));
    first * LENGTHS + word.len().min(LENGTHS - 1)
}

const LENGTHS: usize = 16;
