//! A value of a YAML or JSON file, with its place.

/// A value and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its line, from 1.
    pub(crate) line: u32,
    /// Its column in characters, from 1; of a quoted text that of its first letter.
    pub(crate) column: u32,
    /// Which of several files that are read together it stands in, from 0.
    pub(crate) file: u32,
    /// Its tag, as `!override`.
    pub(crate) tag: Option<String>,
    /// What it is.
    pub(crate) value: Value,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A text, a number or a word.
    Scalar(String),
    /// Values one after another.
    List(Vec<Node>),
    /// Values by name, in the order of the file.
    Map(Vec<Entry>),
}

/// A value with its name, and the place of the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: u32,
    pub(crate) node: Node,
}

impl Node {
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    pub(crate) fn list(&self) -> &[Self] {
        match &self.value {
            Value::List(list) => list,
            Value::Scalar(_) | Value::Map(_) => &[],
        }
    }

    pub(crate) fn map(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Scalar(_) | Value::List(_) => &[],
        }
    }

    /// The value of this name; where it is set twice the last one counts.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        self.entry(name).map(|entry| &entry.node)
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.map().iter().rfind(|entry| entry.key == name)
    }

    /// The value at the end of these names.
    pub(crate) fn at(&self, names: &[&str]) -> Option<&Self> {
        names.iter().try_fold(self, |node, name| node.field(name))
    }

    /// The text of this name.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.field(name)?.text()
    }

    /// One text, or a list of them.
    pub(crate) fn texts(&self) -> Vec<String> {
        let own = self.text().into_iter();
        own.chain(self.list().iter().filter_map(Self::text)).map(str::to_owned).collect()
    }
}
