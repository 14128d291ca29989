//! Why a task stopped: one sentence, and the next step where one is known.

use std::fmt;

/// A task could not go on.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What happened to which thing.
    pub(crate) sentence: String,
    /// What to do next.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// A failure without a known next step.
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), hint: None }
    }

    /// The same failure with its next step.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " (hint: {hint})"))
    }
}

/// Words for an operation that failed on a file.
pub(crate) fn on_path(verb: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} could not be {verb}: {error}.", path.display()))
}
