//! Work that is done on files of Portward's own: what is written, and which programs are run.

use serde::{Deserialize, Serialize};

/// Something that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A folder that its user alone may enter.
    Folder(String),
    /// A file that its user alone may read, with this text.
    Write(String, String),
    /// A program that is to end with 0.
    Run(Order),
}

/// A program, as it is to be started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its path or name, and its arguments. No secret is in them: every user of the machine may read them.
    pub words: Vec<String>,
    /// What it finds in its environment besides.
    pub environment: Vec<(String, String)>,
    /// What it reads from standard input; nothing where that is empty.
    pub input: Option<Input>,
    /// The file that its standard output goes to; to the log where there is none.
    pub output: Option<String>,
}

/// What a program reads from standard input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// This text.
    Text(String),
    /// This file.
    File(String),
}

impl Order {
    /// With a variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// With something to read.
    #[must_use]
    pub fn reading(mut self, input: Input) -> Self {
        self.input = Some(input);
        self
    }

    /// With a file to write to.
    #[must_use]
    pub fn writing(mut self, path: &str) -> Self {
        self.output = Some(path.to_owned());
        self
    }
}

/// How a service of a project's own comes to serve: made once, prepared at each start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// What makes its data, aside, in a folder that gets its name when all of it was done.
    pub make: Vec<Step>,
    /// What is done before each start.
    pub prepare: Vec<Step>,
    /// What serves.
    pub serve: Order,
    /// The major version of what serves, where it says one.
    pub major: Option<u32>,
}
