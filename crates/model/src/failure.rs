//! Why a capability could not do what was asked.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{EndpointError, Hint, hint, inert};

/// Whose turn it is to do something about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What was asked makes no sense; ask differently.
    Usage,
    /// It needs more privilege.
    Denied,
    /// The system could not do it.
    System,
    /// A program that was to be run for the caller was not started.
    NotStarted,
    /// Nobody's: the answer is not wanted any more.
    Cancelled,
}

/// One sentence with the thing and the number, and what to do next. Every failure is exit code 2, and 125 where a program was not started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose turn it is.
    pub kind: Kind,
    /// The sentence.
    pub message: String,
    /// The next step.
    pub hint: Option<Hint>,
}

impl Failure {
    /// Something to ask differently.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::of(Kind::Usage, message)
    }

    /// Something that the system could not do.
    pub fn system(message: impl Into<String>) -> Self {
        Self::of(Kind::System, message)
    }

    /// A program that was not started.
    pub fn not_started(message: impl Into<String>) -> Self {
        Self::of(Kind::NotStarted, message)
    }

    /// What a library or a file said stands in many a sentence as it came, and is inert from here on.
    fn of(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: inert(&message.into()).into_owned(), hint: None }
    }

    /// An answer that nobody wants any more.
    pub fn cancelled() -> Self {
        Self { kind: Kind::Cancelled, message: "It was asked to end before it had an answer.".to_owned(), hint: None }
    }

    /// The same, as the reason why a program was not started.
    #[must_use]
    pub fn before_start(self) -> Self {
        if self.kind == Kind::Cancelled { self } else { Self { kind: Kind::NotStarted, ..self } }
    }

    /// The same, with a next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<EndpointError> for Failure {
    fn from(error: EndpointError) -> Self {
        let hint = error.suggestion.clone();
        let message = format!("`{}` is no endpoint: {}.", error.read, error.problem);
        Self { hint: hint.map(|near| hint!("did you mean {} ?", near)), ..Self::usage(message) }
    }
}

/// `1 lease`, `2 leases`.
pub fn plural(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A sentence with its first letter in upper case.
pub fn capitalised(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
