//! What a person reads, which nothing is decided on.

use std::{borrow::Cow, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::inert;

/// A text that Portward worded: it is written, read back and shown, and put into other sentences. It cannot be searched, split,
/// or compared with a text: whoever has to decide asks the value that it was made of. Two are equal as parts of equal answers.
///
/// ```compile_fail,E0599
/// # let told = portward_model::Sentence::from("it is held by vite");
/// let _ = told.contains("vite");
/// ```
///
/// ```compile_fail,E0369
/// # let told = portward_model::Sentence::from("it is held by vite");
/// let _ = told == "it is held by vite";
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, description = "A sentence.")]
pub struct Sentence(Cow<'static, str>);

impl Sentence {
    /// True where there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same without its full stop, for the middle of another sentence.
    pub fn clause(&self) -> &(impl fmt::Display + ?Sized) {
        self.0.trim_end_matches('.')
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<T: Into<Cow<'static, str>>> From<T> for Sentence {
    fn from(text: T) -> Self {
        let text = text.into();
        // What is quoted in it may have come from anywhere; from here on it acts on nothing.
        match inert(&text) {
            Cow::Borrowed(_) => Self(text),
            Cow::Owned(inert) => Self(inert.into()),
        }
    }
}
