//! A project as its files tell of it, and what is known of the machine that it runs on.

use portward_model::{PortRules, Text, plan::Plan};
use portward_wire::{
    source::{Encoding, Fact, Findings, Kind, PROGRAMS, What, decoded, kind_of},
    stack::{StackFlaw, Variables},
};

use super::stacks::{self, Open};

/// A project: its files, its declaration, its machine.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// Its root; empty where it is none of this machine's.
    pub root: Text,
    /// Its files, in the order of their paths.
    pub files: Vec<File>,
    /// What its `portward.toml` declares, where it has one.
    pub plan: Option<Plan>,
    /// The text of that file.
    pub plan_text: String,
    /// The table of ports that its README should hold now, between its marks; `None` where it holds none.
    pub table: Option<Table>,
    /// The machine, where it was read.
    pub life: Life,
}

/// A table of ports in a README, and what it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The file, below the root.
    pub file: String,
    /// The line of its first mark.
    pub line: u32,
    /// What stands there.
    pub stands: String,
    /// What should.
    pub should: String,
}

/// What is known of the machine.
#[derive(Clone, Debug, Default)]
pub struct Life {
    /// The kernel's port rules.
    pub rules: Option<PortRules>,
    /// What the project's own programs listen on outside of sessions.
    pub listeners: Vec<Listener>,
}

/// A port that a program of the project listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// The folder that the program works in, below the root; empty for the root.
    pub folder: String,
    /// The program with its pid: `node (pid 4121)`.
    pub holder: String,
}

/// A file, and what it says.
#[derive(Clone)]
pub struct File {
    /// Where it is, below the root, with slashes.
    pub path: String,
    /// What kind it is.
    pub kind: &'static Kind,
    /// What stands in it.
    pub text: String,
    /// How it is encoded.
    pub encoding: Encoding,
    /// What it says of ports; of a Compose file, together with those that it belongs to.
    pub found: Findings,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("path", &self.path).field("found", &self.found).finish_non_exhaustive()
    }
}

impl File {
    /// A file from its bytes; the reason where it is no text.
    ///
    /// # Errors
    /// What it is instead, as the end of a sentence.
    pub fn read(path: &str, kind: &'static Kind, bytes: &[u8]) -> Result<Self, &'static str> {
        let (text, encoding) = decoded(bytes)?;
        let found = kind.read(path, &text);
        Ok(Self { path: path.to_owned(), kind, text, encoding, found })
    }

    /// The folder that it stands in; empty for the root.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Its own name.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// A line, without its end.
    pub fn line(&self, number: u32) -> Option<&str> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        self.text.split('\n').nth(at).map(|line| line.strip_suffix('\r').unwrap_or(line))
    }

    /// True for a file that speaks of a container's ports where it does not publish them.
    pub fn is_of_containers(&self) -> bool {
        matches!(self.kind.name, "dockerfile" | "devcontainer")
    }
}

impl Project {
    /// A project of these files.
    pub fn new(root: Text, files: Vec<File>) -> Self {
        Self::with(root, files, &Variables::default(), &|_| None).0
    }

    /// A project of these files, its Compose files read together: by what the environment says of them, and with those that they name
    /// and `open` gives by its path below the root. What of them could not be read or understood comes with it.
    pub fn with(root: Text, mut files: Vec<File>, environment: &Variables, open: Open<'_>) -> (Self, Vec<StackFlaw>) {
        let flaws = stacks::together(&root, &mut files, environment, open);
        (Self { root, files, ..Self::default() }, flaws)
    }

    /// The files of a kind.
    pub(crate) fn of_kind<'p>(&'p self, name: &'static str) -> impl Iterator<Item = &'p File> {
        self.files.iter().filter(move |file| file.kind.name == name)
    }

    /// Every fact with its file.
    pub(crate) fn facts(&self) -> impl Iterator<Item = (&File, &Fact)> {
        self.files.iter().flat_map(|file| file.found.facts.iter().map(move |fact| (file, fact)))
    }

    /// Facts that say where something of the project listens on this machine. What is meant for another one, such as `.env.production`,
    /// says nothing of that.
    pub(crate) fn serving(&self) -> impl Iterator<Item = (&File, &Fact)> {
        self.facts().filter(|(file, fact)| {
            !file.is_of_containers()
                && !is_for_others(file.name())
                && matches!(fact.what, What::Asked { .. } | What::Usual | What::Published { .. })
        })
    }

    /// True where anything says that the port is one of the project's.
    pub(crate) fn knows(&self, port: u16) -> bool {
        self.facts()
            .any(|(_, fact)| fact.port == port && !matches!(fact.what, What::Dialled(_) | What::Origin(_) | What::Callback(_)))
            || self
                .plan
                .as_ref()
                .is_some_and(|plan| plan.services.iter().flat_map(|service| &service.ports).any(|own| own.asked == port))
    }
}

/// True for files that are meant for another place than a person's own machine.
pub(crate) fn is_for_others(name: &str) -> bool {
    let parts = name.strip_prefix("docker-compose").unwrap_or(name).split(['.', '-', '_']);
    parts.into_iter().any(|part| {
        matches!(part, "test" | "testing" | "ci" | "e2e" | "prod" | "production" | "staging" | "stage" | "docker" | "deploy")
    })
}

/// The kind of a file by its path and what stands beside it in the project.
pub fn kind_among<'a>(path: &str, paths: &(impl Iterator<Item = &'a str> + Clone)) -> Option<&'static Kind> {
    let parted = |path: &'a str| path.rsplit_once('/').unwrap_or(("", path));
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let above = folder.strip_suffix(PROGRAMS).filter(|above| above.is_empty() || above.ends_with('/'));
    let above = above.map(|above| above.trim_end_matches('/'));
    kind_of(path, &|name| {
        let is_near = |other: &str| other == folder || Some(other) == above;
        paths.clone().map(parted).any(|(other, own)| own == name && is_near(other))
    })
}

/// A project of files that are given as texts.
///
/// # Panics
///
/// Where a file is of no kind, or cannot be read.
#[cfg(any(test, feature = "scenes"))]
pub fn given(files: &[(&str, &str)]) -> Project {
    let paths = files.iter().map(|(path, _)| *path);
    let file = |(path, text): &(&str, &str)| {
        let kind = kind_among(path, &paths).unwrap_or_else(|| panic!("{path} is of no kind"));
        let file = File::read(path, kind, text.as_bytes()).unwrap();
        assert_eq!(file.found.flaws, [], "{path}");
        file
    };
    let plan_text = files.iter().find(|(path, _)| *path == "portward.toml").map_or("", |(_, text)| text).to_owned();
    let plan = (!plan_text.is_empty()).then(|| portward_wire::project_file::read(plan_text.as_bytes()).unwrap());
    let others = files.iter().filter(|(path, _)| *path != "portward.toml").map(file).collect();
    Project { plan, plan_text, ..Project::new(Text::from("/home/ana/shop"), others) }
}
