//! Where a service of the project's own keeps what it has: a folder for each service of each worktree, below the user's state folder.
//!
//! ```text
//! own/PROJECT/SERVICE/record.json   whose it is, and its password
//!                     recipe.json   how it is made and served; written before each start
//!                     data/         what the engine keeps; data.new while it is made
//!                     data.before/  what it kept, while a dump is read; data.half is what was read of one that was cut off
//!                     back/         a copy that is about to be its data
//!                     saved/NAME    copies and dumps
//! ```
//! The data is made aside and gets its name when it is whole, so that a kill at any moment leaves none or all of it.

mod change;

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use portward_model::{
    Caller, Failure, Own, ProjectIdentity, Text, hint,
    work::{Input, Order, Recipe, Step},
};
use portward_session::{Program, become_program};
use portward_store::ProjectId;
use portward_sys::{
    End, StateFolder,
    runtime::RuntimeFolder,
    text_of, this_caller,
    works::{self, Kept, Reads, Work},
};
use serde::{Deserialize, Serialize};

/// The folder of one service, and what is recorded of it.
#[derive(Clone, Debug)]
pub struct Grounds {
    folder: StateFolder,
    run: PathBuf,
    /// What is recorded.
    pub record: Record,
}

/// What is recorded of a service of the project's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The engine's name.
    pub engine: String,
    /// The project's root when it was made.
    pub root: Option<Text>,
    /// Its folder, whatever that is called.
    pub mark: Option<portward_model::FolderMark>,
    /// The password that it asks for.
    pub password: String,
    /// The major version that made the data; `None` before there is any.
    pub major: Option<u32>,
}

impl Record {
    /// True where it is of this project: by its root, or by its folder, whatever that is called now.
    fn is_of(&self, identity: Option<&ProjectIdentity>) -> bool {
        let root = identity.map(|identity| &identity.project.root);
        let mark = identity.and_then(|identity| identity.folder);
        self.root.as_ref() == root || (mark.is_some() && self.mark == mark)
    }
}

impl Grounds {
    /// Where this service of this project stands. The first time its folder is made, with a password.
    ///
    /// # Errors
    /// Where it belongs to another project or to another engine, and where it cannot be made or read.
    pub fn find(
        caller: &Caller,
        (project, identity): (ProjectId, Option<&ProjectIdentity>),
        (service, engine): (&str, &str),
    ) -> Result<Self, Failure> {
        let (folder, number, name) = folder_of(caller, project, service);
        let failed = |error: io::Error| unusable(&folder, &error);
        folder.prepare().map_err(failed)?;
        let root = identity.map(|identity| identity.project.root.clone());
        let mark = identity.and_then(|identity| identity.folder);
        let run = short_folder(caller, &number, &name)?;
        let read = || folder.read(RECORD).map_err(failed);
        let record = if let Some(bytes) = read()? {
            serde_json::from_slice::<Record>(&bytes).map_err(|error| {
                Failure::system(format!("{} cannot be understood: {error}.", shown(&folder, RECORD)))
                    .hint(hint!("rm {}    lets it be made anew, with another password", folder.path.join(RECORD).as_path()))
            })?
        } else {
            let password = works::password().map_err(failed)?;
            let record = Record { engine: engine.to_owned(), root: root.clone(), mark, password, major: None };
            let turn = folder.turn(change::TURN, PATIENCE, &|| false).map_err(failed)?;
            // Another one may have been faster: what stands there holds.
            let standing = read()?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            let record = match standing {
                Some(standing) => standing,
                None => write(&folder, RECORD, &record).map(|()| record)?,
            };
            drop(turn);
            record
        };
        // The number of a project is another one's after the store was lost.
        if !record.is_of(identity) {
            let whose = record.root.as_ref().map_or_else(|| "no project".into(), Text::shown);
            return Err(Failure::system(format!("{} belongs to {whose}, and is not touched.", folder.path.display()))
                .hint(hint!("mv {} ELSEWHERE    and {} gets one of its own", folder.path.as_path(), service)));
        }
        if record.engine != engine {
            let sentence =
                format!("The data of {service} was made by {}, and the project file says {engine} now.", record.engine);
            return Err(Failure::system(sentence).hint(hint!(
                "mv {} ELSEWHERE    keeps the old, and {} gets a new one",
                folder.path.as_path(),
                service
            )));
        }
        Ok(Self { folder, run, record })
    }

    /// The same of a service that was there before; nothing is made. `None` where it was not.
    pub fn known(
        caller: &Caller,
        (project, identity): (ProjectId, Option<&ProjectIdentity>),
        (service, engine): (&str, &str),
    ) -> Option<Self> {
        let (folder, _, _) = folder_of(caller, project, service);
        folder.inspect().ok()?;
        let record: Record = serde_json::from_slice(&folder.read(RECORD).ok()??).ok()?;
        let is_it = record.engine == engine && record.is_of(identity);
        is_it.then_some(Self { folder, run: PathBuf::new(), record })
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.folder.path.join(DATA)
    }

    /// The folder that its data is made in.
    pub fn made_in(&self) -> PathBuf {
        self.folder.path.join(ASIDE)
    }

    /// A short folder for its sockets.
    pub fn run(&self) -> &Path {
        &self.run
    }

    /// True where its data was made.
    pub fn is_made(&self) -> bool {
        self.folder.has_folder(DATA)
    }

    /// What makes its data where there is none, prepares it and becomes its server: this program, at first.
    ///
    /// # Errors
    /// Where the recipe cannot be written.
    pub fn starting(&self, recipe: &Recipe) -> Result<Vec<Text>, Failure> {
        write(&self.folder, RECIPE, recipe)?;
        let words = [PathBuf::from(ITSELF), Own::MAKES.into(), self.folder.path.clone(), self.run.clone()];
        Ok(words.iter().map(|word| text_of(word)).collect())
    }

    /// Its saved copies and dumps, by name.
    pub fn saved(&self) -> Vec<String> {
        let mut names = self.folder.below(SAVED).names("", "");
        names.retain(|name| name.split('.').all(|part| !matches!(part, "new" | "gone")));
        names.sort();
        names
    }

    /// The path of a saved one.
    pub fn saved_path(&self, name: &str) -> PathBuf {
        self.folder.path.join(SAVED).join(name)
    }

    /// Makes the folder for saved ones.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn prepare_saved(&self) -> Result<(), Failure> {
        self.folder.below(SAVED).prepare().map_err(|error| unusable(&self.folder, &error))
    }

    /// Has a dump made beside the one of this name, which it gets when it is whole.
    ///
    /// # Errors
    /// Where a step fails; nothing is left of it then.
    pub fn dump(&self, steps: &[Step], name: &str) -> Result<(), Failure> {
        let (folder, aside) = (self.folder.below(SAVED), format!("{name}.new"));
        let failed = |error: io::Error| unusable(&folder, &error);
        folder.remove(&aside).map_err(failed)?;
        if let Err(failure) = do_all(steps) {
            folder.remove(&aside).map_err(failed)?;
            return Err(failure);
        }
        folder.sync(&aside).map_err(failed)?;
        if folder.install(&aside, name).map_err(failed)? {
            Ok(())
        } else {
            Err(Failure::usage(format!("{name} was saved before, and is not replaced.")))
        }
    }

    /// Does some work, one step after the other, in this folder.
    ///
    /// # Errors
    /// Where a step fails, with what it was.
    pub fn work(&self, steps: &[Step]) -> Result<(), Failure> {
        do_all(steps)
    }
}

/// Becomes an engine's server, if this process was started for that; everybody else goes on.
pub(crate) fn entrance(arguments: &[OsString]) -> Option<ExitCode> {
    let [_, word, folder, run] = arguments else { return None };
    if word.to_str() != Some(Own::MAKES) {
        return None;
    }
    let caller = this_caller();
    let folder = StateFolder::at(PathBuf::from(folder), caller.uid);
    let failure = match make_and_serve(&folder, &StateFolder::at(PathBuf::from(run), caller.uid)) {
        Ok(program) => Failure::system(format!("{}.", become_program(&program))),
        Err(failure) => failure,
    };
    say(&failure.message);
    Some(ExitCode::from(2))
}

/// A line into the service's log.
fn say(line: &str) {
    let line = format!("portward: {}\n", portward_model::inert(line));
    let _ = portward_sys::write_at_once(io::stderr(), line.as_bytes());
}

fn make_and_serve(folder: &StateFolder, run: &StateFolder) -> Result<Program, Failure> {
    let failed = |error: io::Error| unusable(folder, &error);
    let recipe: Recipe = read(folder, RECIPE)?;
    run.prepare().map_err(|error| unusable(run, &error))?;
    // Two starts at once: the second waits until the first has made it.
    let turn = folder.turn(change::TURN, PATIENCE, &|| false).map_err(failed)?;
    if turn.is_none() {
        let sentence = format!("Another start has {} to itself for {} s.", folder.path.display(), PATIENCE.as_secs());
        return Err(Failure::system(sentence));
    }
    if !change::is_under_way(folder)?
        && let Some(mended) = change::mend(folder).map_err(failed)?
    {
        say(mended);
    }
    if !folder.has_folder(DATA) {
        folder.discard(ASIDE).map_err(failed)?;
        folder.below(ASIDE).prepare().map_err(failed)?;
        do_all(&recipe.make)?;
        let mut record: Record = read(folder, RECORD)?;
        record.major = recipe.major;
        write(folder, RECORD, &record)?;
        folder.place(ASIDE, DATA).map_err(failed)?;
    }
    do_all(&recipe.prepare)?;
    let Order { words, environment, .. } = recipe.serve;
    let mut words = words.into_iter().map(OsString::from);
    let name = words.next().unwrap_or_default();
    let environment = environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    Ok(Program { name, arguments: words.collect(), environment })
}

fn do_all(steps: &[Step]) -> Result<(), Failure> {
    steps.iter().try_for_each(|step| match step {
        Step::Folder(path) => own(path).prepare().map_err(|error| unusable(&own(path), &error)),
        Step::Write(path, text) => {
            let (folder, name) = parted(path);
            folder.prepare().and_then(|()| folder.replace(&name, text.as_bytes())).map_err(|error| unusable(&folder, &error))
        }
        Step::Run(order) => run(order),
    })
}

/// Runs a program to its end.
fn run(order: &Order) -> Result<(), Failure> {
    let input = order.input.as_ref().map(|input| match input {
        Input::Text(text) => (Some(text.as_str()), None),
        Input::File(path) => (None, Some(parted(path))),
    });
    let reads = match &input {
        None => Reads::Nothing,
        Some((Some(text), _)) => Reads::Text(text),
        Some((None, file)) => file.as_ref().map_or(Reads::Nothing, |(folder, name)| Reads::File((folder, name))),
    };
    let output = order.output.as_deref().map(parted);
    let output: Option<Kept<'_>> = output.as_ref().map(|(folder, name)| (folder, name.as_str()));
    let ended = works::finish(&Work { words: &order.words, environment: &order.environment, input: reads, output })?;
    let program = Text::from(order.words.first().map_or("", |word| word.rsplit('/').next().unwrap_or_default()));
    let how = match ended {
        End::Code(0) => return Ok(()),
        End::Code(code) => format!("ended with {code}"),
        End::Signal(signal) => format!("was ended by signal {signal}"),
    };
    if let Some((folder, name)) = output {
        let _ = folder.remove(name);
    }
    Err(Failure::system(format!("{program} {how}: its own words stand above.")))
}

/// A folder of Portward's own by its path.
fn own(path: &str) -> StateFolder {
    StateFolder::at(PathBuf::from(path), this_caller().uid)
}

/// The folder of a file, and its name there.
fn parted(path: &str) -> (StateFolder, String) {
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
    (own(folder), name.to_owned())
}

fn read<T: serde::de::DeserializeOwned>(folder: &StateFolder, name: &str) -> Result<T, Failure> {
    let bytes = folder.read(name).map_err(|error| unusable(folder, &error))?.unwrap_or_default();
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::system(format!("{} cannot be understood: {error}.", shown(folder, name))))
}

fn write(folder: &StateFolder, name: &str, value: &impl Serialize) -> Result<(), Failure> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| Failure::system(format!("{name}: {error}.")))?;
    folder.replace(name, &bytes).map_err(|error| unusable(folder, &error))
}

fn unusable(folder: &StateFolder, error: &io::Error) -> Failure {
    Failure::system(format!("{} cannot be used: {error}.", folder.path.display()))
}

fn shown(folder: &StateFolder, name: &str) -> String {
    text_of(&folder.path.join(name)).shown()
}

/// The folder of a service, with the project's number and the service's name in it.
fn folder_of(caller: &Caller, project: ProjectId, service: &str) -> (StateFolder, String, String) {
    let (number, name) = (project.0.to_string(), folder_name(service));
    (StateFolder::find(caller).below("own").below(&number).below(&name), number, name)
}

/// A service's name as that of a folder.
fn folder_name(service: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = service.chars().take(LONGEST_NAME).map(|c| if plain(c) { c } else { '_' }).collect();
    // Two names that differ in other letters alone are two services.
    if name == service { name } else { format!("{name}.{:08x}", service.bytes().fold(0x811c_9dc5_u32, mix)) }
}

/// A step of FNV-1a.
fn mix(sum: u32, byte: u8) -> u32 {
    (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193)
}

/// A folder for sockets whose path leaves room for their names: 107 bytes are all that a path of a Unix socket has (unix(7)).
fn short_folder(caller: &Caller, project: &str, service: &str) -> Result<PathBuf, Failure> {
    let all = RuntimeFolder::all(caller);
    let paths =
        all.iter().filter(|folder| folder.is_usable()).map(|folder| folder.path().join(format!("own.{project}.{service}")));
    paths.into_iter().find(|path| path.as_os_str().len() <= LONGEST_PATH).ok_or_else(|| {
        Failure::system(format!("No folder for the sockets of {service} has a path of at most {LONGEST_PATH} bytes."))
            .hint("XDG_RUNTIME_DIR=/run/user/UID    names a short one")
    })
}

/// This program, whatever it is called by now (`proc_pid_exe(5)`).
const ITSELF: &str = "/proc/self/exe";
const RECORD: &str = "record.json";
const RECIPE: &str = "recipe.json";
const DATA: &str = "data";
const ASIDE: &str = "data.new";
const SAVED: &str = "saved";
/// A folder for sockets leaves so much room for their names.
const LONGEST_PATH: usize = 80;
/// Letters of a service's name in that of its folder.
const LONGEST_NAME: usize = 24;
/// How long a start waits for another one of the same service.
const PATIENCE: Duration = Duration::from_mins(2);
