//! What is wrong with a file, and where.

use std::fmt;

use super::MOST_SERVICES;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its line, from 1.
    pub line: u32,
    /// Its column, from 1, in characters.
    pub column: u32,
    /// What it is.
    pub problem: Problem,
    /// What to write instead, where that is likely.
    pub fix: Option<Fix>,
}

/// What to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// This word, which is near.
    Word(String),
    /// Something like this.
    Example(String),
}

/// What is wrong. Its `Display` is a sentence without its full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is neither UTF-8 nor UTF-16.
    Text,
    /// It is no TOML, as the parser says.
    Toml(String),
    /// A key that there is not: the word, and what it stands in.
    Key(String, String),
    /// A value of another kind: its key, what it is to be, what it is.
    Kind(String, String, &'static str),
    /// A value that cannot be: its key, and why, as the rest of a sentence.
    Value(String, String),
    /// A name that cannot be: the word, and why, as the rest of a sentence.
    Name(String, String),
    /// A service that nothing starts.
    Idle(String),
    /// A service that two keys start.
    Both(String),
    /// A reference to what is not there: in which value, the reference, and what it is not, as the rest of a sentence.
    Reference(String, String, String),
    /// Values that refer to each other in a circle.
    Values(Vec<String>),
    /// A service that waits for one that is not there.
    After(String, String),
    /// Services that wait for each other in a circle.
    Services(Vec<String>),
    /// Two ports of one service with one number.
    Twice(String, u16),
    /// Two public services at one asked port.
    Public(String, String, u16),
    /// Two services with one public name.
    Published(String, String, String),
    /// More services than a project has.
    Many,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("the file is no text in UTF-8 or UTF-16"),
            Self::Toml(said) => write!(f, "this is no TOML: {said}"),
            Self::Key(key, of) => write!(f, "`{key}` is no key of {of}"),
            Self::Kind(key, wanted, found) => write!(f, "`{key}` is {wanted}, and not {found}"),
            Self::Value(key, why) => write!(f, "`{key}` {why}"),
            Self::Name(name, why) => write!(f, "`{name}` {why}"),
            Self::Idle(service) => {
                write!(f, "nothing says how {service} is started: it has none of `command`, `use` and `compose`")
            }
            Self::Both(service) => {
                write!(f, "{service} has two of `command`, `use` and `compose`, and is started by one of them")
            }
            Self::Reference(value, reference, not) => write!(f, "{value} refers to {{{reference}}}, and {not}"),
            Self::Values(names) => write!(f, "these values refer to each other in a circle: {}", circle(names)),
            Self::After(service, other) => write!(f, "{service} waits for {other}, and there is no such service"),
            Self::Services(names) => write!(f, "these services wait for each other in a circle: {}", circle(names)),
            Self::Twice(service, port) => write!(f, "{service} asks for port {port} twice"),
            Self::Public(one, other, port) => {
                write!(f, "{one} and {other} are both public and both ask for port {port}, which only one of them can have")
            }
            Self::Published(one, other, name) => write!(f, "{one} and {other} have the same public name {name}"),
            Self::Many => write!(f, "the project has more than {MOST_SERVICES} services"),
        }
    }
}

/// `a, b, a`
fn circle(names: &[String]) -> String {
    let around: Vec<&str> = names.iter().chain(names.first()).map(String::as_str).collect();
    around.join(" -> ")
}

/// What was found so far.
pub(super) struct Faults<'t> {
    text: &'t str,
    /// Where lines end.
    ends: Vec<usize>,
    found: Vec<(usize, Problem, Option<Fix>)>,
}

impl<'t> Faults<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, ends: text.match_indices('\n').map(|(at, _)| at).collect(), found: Vec::new() }
    }

    /// Adds what is wrong at a byte of the text.
    pub(super) fn add(&mut self, at: Option<usize>, problem: Problem) {
        self.found.push((at.unwrap_or_default(), problem, None));
    }

    /// The same, with what may have been meant.
    pub(super) fn meant(&mut self, at: Option<usize>, problem: Problem, fix: Option<Fix>) {
        self.found.push((at.unwrap_or_default(), problem, fix));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: Option<usize>) -> u32 {
        at.map_or(0, |at| u32::try_from(self.ends.partition_point(|end| *end < at) + 1).unwrap_or(u32::MAX))
    }

    pub(super) fn told(mut self) -> Vec<Fault> {
        self.found.sort_by_key(|(at, ..)| *at);
        self.found.truncate(MOST);
        let text = self.text;
        let told = |(at, problem, fix)| {
            let (line, column) = place(text, at);
            Fault { line, column, problem, fix }
        };
        self.found.into_iter().map(told).collect()
    }
}

/// Line and column of a byte, from 1.
pub(super) fn place(text: &str, at: usize) -> (u32, u32) {
    let before = text.as_bytes().get(..at.min(text.len())).unwrap_or_default();
    let lines = before.split(|byte| *byte == b'\n').count() - 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    // Bytes that go on with a character begin none.
    let column = before.iter().skip(start).filter(|byte| **byte & 0xC0 != 0x80).count();
    let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
    (number(lines), number(column))
}

/// A foreign word, as long as it helps.
pub(super) fn brief(word: &str) -> String {
    let mut chars = word.chars();
    let first: String = chars.by_ref().take(LONGEST_WORD).collect();
    if chars.next().is_some() { format!("{first}...") } else { first }
}

/// Faults that are told.
const MOST: usize = 20;
const LONGEST_WORD: usize = 120;
