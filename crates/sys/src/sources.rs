//! The files of a project that are known by their names, as they were found.

use portward_model::Text;
use serde::{Deserialize, Serialize};

/// What was found below a project's root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// The files, in the order of their paths.
    pub files: Vec<SourceFile>,
    /// What could not be read, and why.
    pub unread: Vec<Unread>,
    /// How many names were looked at.
    pub names: usize,
}

/// A file with what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Where it is, below the root.
    pub path: Text,
    /// What it says, whatever it is encoded in.
    pub text: Text,
}

/// A file or a folder that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Where it is, below the root; empty for the root itself.
    pub path: Text,
    /// Why, as the end of a sentence: `Permission denied`.
    pub why: String,
}
