//! The program itself: what it would gain when it starts, and becoming it.

use std::{
    ffi::{OsStr, OsString},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use rustix::thread::{CapabilitySet, capabilities};

use crate::{Program, StartError};

/// Why a program would not work as it is meant to where it may not gain rights (`PR_SET_NO_NEW_PRIVS`): it is set-user-id
/// or set-group-id, or has capabilities of its own. `None` for every other, and for one who may give rights to all.
pub fn gains_rights(program: &Program) -> Option<String> {
    if is_privileged() {
        return None;
    }
    let file = find(&program.name)?;
    let gained = gained_by(&file)?;
    Some(format!("{} {gained}", file.display()))
}

/// What a program would gain by its file, and does not here, in the words after its name.
fn gained_by(file: &Path) -> Option<&'static str> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    if mode & 0o4000 != 0 {
        return Some("is set-user-id, and a supervised program gains no rights");
    }
    // Set-group-id without the execute bit of the group means mandatory locks (inode(7)).
    if mode & 0o2010 == 0o2010 {
        return Some(GROUP);
    }
    let mut value = [0; 64];
    match rustix::fs::getxattr(file, "security.capability", &mut value) {
        Ok(1..) => Some("has capabilities of its own, and a supervised program gains none"),
        Ok(_) | Err(_) => None,
    }
}

/// Programs that begin in a session and would gain rights outside: each is told once.
pub(super) struct Powerless {
    /// Nobody's rights are taken from him here.
    is_privileged: bool,
    told: Vec<PathBuf>,
}

impl Powerless {
    pub(super) fn begin() -> Self {
        Self { is_privileged: is_privileged(), told: Vec::new() }
    }

    /// The file of a thread's program and what is missing to it, where that is to be told.
    pub(super) fn meet(&mut self, tid: u32, name: &[u8]) -> Option<(PathBuf, &'static str)> {
        if self.is_privileged || self.told.len() >= MOST_TOLD {
            return None;
        }
        let link = format!("/proc/{tid}/exe");
        // One whose file may not be read lets nobody look at it either, and goes by its name.
        let file = std::fs::read_link(&link).ok().or_else(|| find(OsStr::from_bytes(name)))?;
        // A group protects from lookers as often as it gives rights: the agent of ssh does its work without.
        let gained = gained_by(&file).filter(|gained| *gained != GROUP)?;
        (!self.told.contains(&file)).then(|| {
            self.told.push(file.clone());
            (file, gained)
        })
    }
}

/// True for one whose filter takes nothing from its programs: it has `CAP_SYS_ADMIN`.
fn is_privileged() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
}

/// What is missing to one that is set-group-id.
const GROUP: &str = "is set-group-id, and a supervised program gains no rights";
/// Files that are told.
const MOST_TOLD: usize = 20;

/// True when the program's file is found.
pub fn is_there(program: &Program) -> bool {
    find(&program.name).is_some_and(|file| file.is_file())
}

/// The program as it is started with a listening socket as its descriptor 3. What it reads to know of it names its own pid
/// (`sd_listen_fds(3)`), which a shell knows that becomes the program.
#[must_use]
pub fn taking_socket(program: Program) -> Program {
    let mut arguments: Vec<OsString> = ["-c", "LISTEN_PID=$$ exec \"$@\"", "sh"].map(Into::into).into();
    arguments.push(program.name);
    arguments.extend(program.arguments);
    let mut environment = program.environment;
    environment.extend([("LISTEN_FDS".into(), "1".into()), ("LISTEN_PID".into(), "0".into())]);
    Program { name: "sh".into(), arguments, environment }
}

/// Replaces this process by the program; comes back only where that fails.
pub fn become_program(program: &Program) -> StartError {
    let source = program.builder().exec();
    StartError::Program { program: program.name.to_string_lossy().into_owned(), source }
}

impl Program {
    /// What starts it.
    pub(super) fn builder(&self) -> Command {
        let mut builder = Command::new(&self.name);
        builder.args(&self.arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        builder
    }
}

/// The file that `execvp(3)` would start.
fn find(name: &OsStr) -> Option<PathBuf> {
    if name.as_bytes().contains(&b'/') {
        return Some(Path::new(name).to_owned());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
