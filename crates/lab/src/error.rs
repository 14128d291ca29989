//! Why a lab could not be built or asked.

use portward_model::{Failure, Hint, capitalised};
use serde::{Deserialize, Serialize};

/// One sentence without its full stop, and what would help. It crosses from a scene's processes to the one that starts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct LabError {
    /// What could not be done, and why.
    pub message: String,
    /// What would allow it.
    pub hint: Option<Hint>,
}

impl LabError {
    /// An error without advice.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// The same, with what would allow it.
    pub(crate) fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<LabError> for Failure {
    fn from(error: LabError) -> Self {
        let failure = Self::system(format!("{}.", capitalised(error.message.trim_end_matches('.'))));
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// Says what was being done when an error of the system came.
pub(crate) trait While<T> {
    /// `doing` reads after "could not", as in "could not mount /proc".
    fn or_say(self, doing: impl FnOnce() -> String) -> Result<T, LabError>;
}

impl<T, E: std::fmt::Display> While<T> for Result<T, E> {
    fn or_say(self, doing: impl FnOnce() -> String) -> Result<T, LabError> {
        self.map_err(|error| LabError::new(format!("the lab could not {}: {error}", doing())))
    }
}
