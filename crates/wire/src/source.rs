//! The files that a project has anyway, and what they say of ports: one entry for each kind of file.
//!
//! A number is a port only with a stated reason: every [`Fact`] carries the one for which it was read. What a file starts is a
//! [`Start`], what it sets is a [`Setting`]; what cannot be understood is a [`Flaw`] with its place. Whatever follows from all of
//! them together is reasoned in `portward_checks`.

pub(crate) mod command;
pub(crate) mod json;
pub(crate) mod node;
pub(crate) mod number;
mod site;
mod text;
pub(crate) mod yaml;

use portward_model::Transport;

use node::Node;
pub use number::{Url, urls};
pub use package::WORKSPACES;
pub use program::PROGRAMS;
pub use text::{Encoding, decoded};

macro_rules! kinds {
    ($($name:ident,)*) => {
        $(mod $name;)*

        /// Every kind of file that is read, the more specific names first.
        pub const KINDS: &[Kind] = &[$($name::KIND),*];
    };
}

kinds! {
    package,
    workspace,
    procfile,
    compose,
    dotenv,
    launch,
    tasks,
    angular,
    development,
    spring,
    dotnet,
    django,
    makefile,
    just,
    taskfile,
    dockerfile,
    devcontainer,
    manage,
    artisan,
    rails,
    composer,
    deno,
    go,
    rust,
    gradle,
    maven,
    wrangler,
    phoenix,
    jekyll,
    hugo,
    mkdocs,
    wrapper,
    www,
    program,
    readme,
}

/// A kind of file: its names, and what reads it.
#[derive(Clone, Copy)]
pub struct Kind {
    /// A word for it: `compose`.
    pub name: &'static str,
    /// As people call such a file.
    pub title: &'static str,
    /// Its names; a star stands for any letters, and a folder may stand before it.
    pub patterns: &'static [&'static str],
    /// Names of which one stands beside it; none where it is read wherever it stands. So a program's own text is read at the root of
    /// its package, and not in each of a thousand folders.
    pub beside: &'static [&'static str],
    /// What is read in it, in a sentence or two.
    pub reads: &'static str,
    /// True for a file that programs read though git ignores it.
    pub personal: bool,
    /// True where what it starts is called after its folder, where it stands in one: the name that it gives itself is everybody's.
    pub by_folder: bool,
    read: fn(&Source<'_>, &mut Findings),
}

/// A file's text with its place.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file, below the project's root, with slashes.
    pub path: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Ports, each with the reason why it is one.
    pub facts: Vec<Fact>,
    /// What can be started.
    pub starts: Vec<Start>,
    /// Variables that it sets.
    pub settings: Vec<Setting>,
    /// What could not be understood.
    pub flaws: Vec<Flaw>,
}

/// A number that is a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The port; 0 where a variable without a default says it.
    pub port: u16,
    /// TCP or UDP.
    pub transport: Transport,
    /// What is said of it.
    pub what: What,
    /// The service, script, configuration or variable that says it.
    pub service: Option<String>,
    /// The variable that the number stands for where it is set: `WEB_PORT` of `${WEB_PORT:-3000}`.
    pub variable: Option<String>,
    /// Its line, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// Why it is a port: `the argument of --port`.
    pub reason: &'static str,
}

/// What is said of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A program listens on it.
    Asked {
        /// The address that it is told to listen on, where one is named.
        host: Option<String>,
    },
    /// A program listens on it where nothing else tells it a port.
    Usual,
    /// A container's port is published at it.
    Published {
        /// The address of this machine; `None` for every one.
        address: Option<String>,
        /// The port in the container.
        container: u16,
    },
    /// A program in a container listens on it.
    Exposed,
    /// A debugger is waited for, or dialled, at it.
    Debugger {
        /// True where the program waits there; false where an editor dials it.
        waits: bool,
    },
    /// Something is dialled at it.
    Dialled(Url),
    /// A page of this origin is let in.
    Origin(Url),
    /// A login sends the browser back to it.
    Callback(Url),
    /// An editor passes it on from a container.
    Forwarded,
}

/// Something that can be started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// What it is called there.
    pub name: String,
    /// The line for `sh -c`, as it is typed in [`Start::folder`]; `None` where only its file's own tool starts it.
    pub command: Option<String>,
    /// What runs in the end, where that is not the command: `next dev` of `npm run dev`.
    pub runs: Option<String>,
    /// Where it is started, below the project's root; empty for the root.
    pub folder: String,
    /// Its line.
    pub line: u32,
    /// Names of others of the same file that come before it.
    pub after: Vec<String>,
    /// The image of a container.
    pub image: Option<String>,
    /// The folder that an image is built from, below the project's root.
    pub build: Option<String>,
    /// Profiles without which it is not started.
    pub profiles: Vec<String>,
    /// Others of the same file that are started with it: those of one compound.
    pub with: Vec<String>,
    /// The ports of a container that are published, those of the file that is laid over the others last.
    pub published: Vec<Spot>,
    /// Lists of ports that a file laid over others adds to those of the others, without a word that it is to replace them.
    pub added: Vec<Added>,
    /// Its file belongs to none that are read without being named.
    pub is_apart: bool,
    /// Others of the same file that run within it, and whose ports are its own.
    pub parts: Vec<Part>,
    /// These run at once, as each would by itself, and nothing else runs with them.
    pub together: bool,
}

/// What runs within another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it goes by there.
    pub label: String,
    /// What it is.
    pub start: Start,
}

/// A published port, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// The port of this machine.
    pub port: u16,
    /// The port in the container.
    pub container: u16,
    /// TCP or UDP.
    pub transport: Transport,
}

/// A list of ports that is added to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// Its file.
    pub file: String,
    /// The line of its key.
    pub line: u32,
}

/// A variable that a file sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// What it is; never shown, for it may be a secret.
    pub value: String,
    /// The service that finds it in its environment; `None` for every reader of the file.
    pub service: Option<String>,
    /// Its line.
    pub line: u32,
}

/// Something that could not be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The line, from 1; 0 for the whole file.
    pub line: u32,
    /// The column in characters, from 1; 0 for the whole line.
    pub column: u32,
    /// What is wrong, as the end of a sentence: `a mapping is not closed`.
    pub words: String,
}

/// The kind of the file at this path below a project's root; `None` for one that is not read. `has` says what stands beside it.
pub fn kind_of(path: &str, has: &dyn Fn(&str) -> bool) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| {
        kind.patterns.iter().any(|pattern| is_named(path, pattern))
            && (kind.beside.is_empty() || kind.beside.iter().any(|name| has(name)))
    })
}

/// The kind of this name.
pub fn kind_named(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

impl Kind {
    /// What a file of this kind says.
    pub fn read(&self, path: &str, text: &str) -> Findings {
        let mut found = Findings::default();
        (self.read)(&Source { path, text }, &mut found);
        found
    }

    /// A kind that is read wherever it stands; entries begin with it.
    const fn of(
        name: &'static str,
        title: &'static str,
        patterns: &'static [&'static str],
        read: fn(&Source<'_>, &mut Findings),
    ) -> Self {
        Self { name, title, patterns, beside: &[], reads: "", personal: false, by_folder: false, read }
    }
}

impl Source<'_> {
    /// The folder that the file stands in, below the project's root; empty for the root.
    fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Its lines with their numbers.
    fn lines(&self) -> impl Iterator<Item = (u32, &str)> {
        (1..).zip(self.text.lines())
    }
}

impl Fact {
    /// A TCP port at a place of a file.
    pub(crate) fn new(port: u16, what: What, reason: &'static str, line: u32, column: u32) -> Self {
        Self { port, transport: Transport::Tcp, what, service: None, variable: None, line, column, reason }
    }

    /// True where a program listens on it.
    pub fn listens(&self) -> bool {
        matches!(self.what, What::Asked { .. } | What::Usual)
    }

    pub(crate) fn of(self, service: &str) -> Self {
        Self { service: Some(service.to_owned()), ..self }
    }
}

impl Findings {
    /// The documents of a YAML file, or the flaw that it has.
    fn yaml(&mut self, source: &Source<'_>) -> Vec<Node> {
        yaml::read(source.text).unwrap_or_else(|flaw| {
            self.flaws.push(flaw);
            Vec::new()
        })
    }

    /// The value of a JSON file, comments and trailing commas allowed, or the flaw that it has.
    fn json(&mut self, source: &Source<'_>) -> Option<Node> {
        json::read(source.text).map_err(|flaw| self.flaws.push(flaw)).ok()
    }

    /// Every URL of this machine in a text that stands at a place.
    pub(crate) fn urls(&mut self, text: &str, line: u32, column: u32, service: Option<&str>) {
        for (at, url) in urls(text).filter(|(_, url)| url.is_here()) {
            let (what, reason) = number::meaning(service.unwrap_or_default(), url);
            let column =
                column.saturating_add(u32::try_from(text.get(..at).map_or(0, |before| before.chars().count())).unwrap_or(0));
            let mut fact = Fact::new(what.1, what.0, reason, line, column);
            fact.service = service.map(str::to_owned);
            self.facts.push(fact);
        }
    }
}

/// True where a path ends with what a pattern says; a star stands for any letters of a name. Asked of every name of a project, so that
/// the folders are looked at only where the name itself fits.
fn is_named(path: &str, pattern: &str) -> bool {
    let last = |text: &str| text.rfind('/').map_or(0, |at| at + 1);
    let (path_at, pattern_at) = (last(path), last(pattern));
    let name = path.get(path_at..).unwrap_or_default();
    let wanted = pattern.get(pattern_at..).unwrap_or_default();
    let fits = match wanted.split_once('*') {
        None => name == wanted,
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
    };
    let above = |text: &str, at: usize| text.get(..at.saturating_sub(1)).unwrap_or_default().to_owned();
    fits && (pattern_at == 0 || is_named(&above(path, path_at), &above(pattern, pattern_at)))
}

#[cfg(test)]
mod tests;
