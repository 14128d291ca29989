//! Hints: the next step, in which a foreign name is one word of a shell whatever it holds.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ShellLine, Word, inert, shell::crosses_as_a_string};

/// A hint with words in its holes: `hint!("portward lease release {}    and take it again", name)`.
#[macro_export]
macro_rules! hint {
    ($hint:literal $(, $word:expr)* $(,)?) => {{
        const { assert!($crate::holes($hint) == <[&str]>::len(&[$(stringify!($word)),*]), "each hole has its word") };
        $crate::Hint::filled($hint, &[$($crate::Word::said(&$word)),*])
    }};
}

/// The next step after a failure or beside an answer: a line to type, or words, with foreign names as words of a shell in it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Hint(String);

impl Hint {
    /// A hint with its words in its holes; [`hint!`] counts both.
    #[doc(hidden)]
    pub fn filled(hint: &'static str, words: &[String]) -> Self {
        let mut words = words.iter();
        let mut parts = hint.split("{}");
        let first = parts.next().unwrap_or_default().to_owned();
        Self(parts.fold(first, |out, part| out + words.next().map_or("", String::as_str) + part))
    }

    /// Names, each as a word: `one of web, 'a b'`.
    pub fn listing(before: &'static str, names: impl IntoIterator<Item = impl Word>) -> Self {
        let names: Vec<String> = names.into_iter().map(|name| name.said()).collect();
        Self(format!("{before}{}", names.join(", ")))
    }

    /// Words that are no command, whatever is quoted in them.
    pub fn told(words: &str) -> Self {
        Self(inert(words).into_owned())
    }

    /// As it is said.
    pub fn words(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for Hint {
    fn from(hint: &'static str) -> Self {
        Self(hint.to_owned())
    }
}

impl From<ShellLine> for Hint {
    fn from(line: ShellLine) -> Self {
        Self(line.line().to_owned())
    }
}

impl From<&ShellLine> for Hint {
    fn from(line: &ShellLine) -> Self {
        Self(line.line().to_owned())
    }
}

crosses_as_a_string!(Hint, 0);

impl<'de> Deserialize<'de> for Hint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer).map(|hint| Self::told(&hint))
    }
}

#[cfg(test)]
mod tests {
    use super::Hint;
    use crate::{Text, shell};

    #[test]
    fn hints_quote_their_words() {
        assert_eq!(hint!("portward front {}    lends it", "a;id").words(), "portward front 'a;id'    lends it");
        assert_eq!(hint!("portward front {}", Text::new(b"a\nb")).words(), "portward front 'a\\nb'");
        assert_eq!(hint!("{}    and again", shell!("kill {}", "a b")).words(), "kill 'a b'    and again");
        assert_eq!(Hint::listing("one of ", ["web", "a b"]).words(), "one of web, 'a b'");
        assert_eq!(Hint::told("a\u{1b}[2J").words(), "a\\x1b[2J");
    }
}
