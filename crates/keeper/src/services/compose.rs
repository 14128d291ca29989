//! Services of a project's Compose files: how Compose is called for them, how their containers are, and what becomes of those.
//!
//! The containers belong to the engine, and live whatever happens here. What starts and follows one is a process of this program in
//! the service's session: where that is killed, its container goes on, and the next start finds it by its labels. Whoever ends the
//! service removes its container, and with the last one the network.
//!
//! ```text
//! compose/PROJECT/FOLDER/record.json    how Compose is called for the files of a folder
//!                        override.yaml  what is laid over them
//! ```

mod containers;
mod follower;

use std::{ffi::OsString, os::unix::ffi::OsStrExt, path::PathBuf, time::Duration};

use portward_model::{Caller, Failure, FolderMark, Own, ProjectIdentity, Sentence, Text, Transport};
use portward_sys::{
    StateFolder, path_of, text_of,
    works::{self, Asked, Heard},
};
use serde::{Deserialize, Serialize};

pub use containers::Container;
pub(crate) use follower::entrance;

/// A service of Compose files, as its keeper has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InCompose {
    /// Where it is written down how Compose is called.
    pub folder: Text,
    /// What the files call it.
    pub service: String,
    /// Where its ports are on this machine.
    pub places: Vec<InComposePort>,
    /// Its first port as a URL, where it is known what is spoken there.
    pub url: Option<String>,
}

/// Where a port of a container is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InComposePort {
    /// The port that the project's programs ask for.
    pub asked: u16,
    /// TCP or UDP.
    pub transport: Transport,
    /// The port of the loopback that it has.
    pub at: u16,
}

/// How Compose is called for the files of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComposeRecord {
    /// What Compose calls the project: another name in every worktree.
    pub name: String,
    /// The program with its first words: `docker compose`.
    pub tool: Vec<String>,
    /// The variables by which the engine is found.
    pub environment: Vec<(String, Text)>,
    /// The files, in their order, without the one that is laid over them.
    pub files: Vec<Text>,
    /// The folder of the files.
    pub folder: Text,
    /// The project's root when it was made.
    pub root: Option<Text>,
    /// Its folder, whatever that is called.
    pub mark: Option<FolderMark>,
}

/// The stack of a folder's Compose files.
#[derive(Clone, Debug)]
pub struct ComposeStack {
    folder: StateFolder,
    /// How Compose is called for it.
    pub record: ComposeRecord,
}

impl ComposeRecord {
    /// True where it is of this project.
    pub fn is_of(&self, identity: Option<&ProjectIdentity>) -> bool {
        let root = identity.map(|identity| &identity.project.root);
        let mark = identity.and_then(|identity| identity.folder);
        self.root.as_ref() == root || (mark.is_some() && self.mark == mark)
    }
}

impl ComposeStack {
    /// Where the stack of a folder of a project is written down.
    pub fn place(caller: &Caller, project: i64, below: &str) -> StateFolder {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
        let name: String = below.chars().take(LONGEST_NAME).map(plain).collect();
        // Two folders that differ in other letters alone are two stacks.
        let name =
            if name == below { format!("at-{name}") } else { format!("at-{name}.{}", portward_sys::digest(&[below.as_bytes()])) };
        Self::all_of(caller, project).below(&name)
    }

    fn all_of(caller: &Caller, project: i64) -> StateFolder {
        StateFolder::find(caller).below("compose").below(&project.to_string())
    }

    /// The one that is written down there; `None` where none is.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn at(folder: StateFolder) -> Result<Option<Self>, Failure> {
        if folder.inspect().is_err() {
            return Ok(None);
        }
        let bytes = folder.read(RECORD).map_err(|error| unusable(&folder, &error))?;
        let record = bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        let record = record.map_err(|error| Failure::system(format!("{}: {error}.", folder.path.join(RECORD).display())))?;
        Ok(record.map(|record| Self { folder, record }))
    }

    /// Those of a project.
    pub fn all(caller: &Caller, project: i64) -> Vec<Self> {
        let all = Self::all_of(caller, project);
        if all.inspect().is_err() {
            return Vec::new();
        }
        all.names("at-", "").into_iter().filter_map(|name| Self::at(all.below(&name)).ok().flatten()).collect()
    }

    /// Writes one down, with what is laid over its files.
    ///
    /// # Errors
    /// Where that cannot be done.
    pub fn write(folder: StateFolder, record: ComposeRecord, over: &str) -> Result<Self, Failure> {
        let bytes = serde_json::to_vec_pretty(&record).map_err(|error| Failure::system(format!("{RECORD}: {error}.")))?;
        let written = folder.prepare().and_then(|()| folder.replace(OVER, over.as_bytes()));
        written.and_then(|()| folder.replace(RECORD, &bytes)).map_err(|error| unusable(&folder, &error))?;
        Ok(Self { folder, record })
    }

    /// Its folder, as the keeper is told.
    pub fn told(&self) -> Text {
        text_of(&self.folder.path)
    }

    /// What starts and follows one of its services.
    pub fn follower(&self, service: &str) -> Vec<Text> {
        let words = [PathBuf::from("/proc/self/exe"), Own::COMPOSES.into(), self.folder.path.clone(), service.into()];
        words.iter().map(|word| text_of(word)).collect()
    }

    /// Compose with its files and what is laid over them.
    fn words_with_files(&self, arguments: &[&str]) -> Vec<String> {
        let over = self.folder.path.join(OVER);
        let files = self.record.files.iter().map(|file| String::from_utf8_lossy(file.raw()).into_owned());
        let files = files.chain([over.to_string_lossy().into_owned()]).flat_map(|file| ["--file".to_owned(), file]);
        self.words().chain(files).chain(arguments.iter().map(|&word| word.to_owned())).collect()
    }

    fn words(&self) -> impl Iterator<Item = String> + '_ {
        self.record.tool.iter().cloned().chain(["--project-name".to_owned(), self.record.name.clone()])
    }

    /// Asks Compose by the labels of what is there: its files may have changed, or be gone.
    fn ask(&self, arguments: &[&str], patience: Duration) -> Result<Heard, Sentence> {
        let words: Vec<String> = self.words().chain(arguments.iter().map(|&word| word.to_owned())).collect();
        let environment: Vec<(OsString, OsString)> = self
            .record
            .environment
            .iter()
            .map(|(name, value)| (name.into(), std::ffi::OsStr::from_bytes(value.raw()).to_owned()))
            .collect();
        let asked = Asked { words: &words, environment: &environment, folder: &path_of(&self.told()) };
        works::ask(&asked, patience).map_err(|error| error.to_string().into())
    }
}

/// What a program complained of, in a line that ends no sentence.
pub fn complaint(heard: &Heard) -> String {
    let text = String::from_utf8_lossy(if heard.stderr.is_empty() { &heard.stdout } else { &heard.stderr }).into_owned();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // What failed stands last; what was done before it, first.
    let line = lines.iter().rev().find(|line| !line.starts_with("time=")).or(lines.last()).copied().unwrap_or("it said nothing");
    let line: String = line.chars().take(LONGEST_COMPLAINT).collect();
    Text::from(line.trim_end_matches('.')).shown()
}

fn unusable(folder: &StateFolder, error: &std::io::Error) -> Failure {
    Failure::system(format!("{} cannot be used: {error}.", folder.path.display()))
}

const RECORD: &str = "record.json";
const OVER: &str = "override.yaml";
/// Who holds this file makes containers and networks of the stack, or takes the last of them away.
const TURN: &str = "turn";
/// Letters of a folder in the name of what is written down of it.
const LONGEST_NAME: usize = 40;
/// Letters of a complaint.
const LONGEST_COMPLAINT: usize = 300;

#[cfg(test)]
mod tests {
    use portward_sys::works::Heard;

    use super::complaint;

    #[test]
    fn what_failed_is_told_without_orders_for_a_terminal() {
        let heard = |stderr: &str| Heard { stderr: stderr.as_bytes().to_vec(), ..Heard::default() };
        for (said, told) in [
            ("time=\"2026\" level=warning msg=\"x\"\nservices.web.ports must be a list.\n", "services.web.ports must be a list"),
            (" Container a  Creating\nError: \x1b[2Jno\n\n", "Error: \\x1b[2Jno"),
            ("", "it said nothing"),
        ] {
            assert_eq!(complaint(&heard(said)), told);
        }
    }
}
