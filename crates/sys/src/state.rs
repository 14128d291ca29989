//! The folder in which what must outlast a run is kept, and the few things that are done to files there.
//!
//! One folder per user. Under sudo it is the folder of the user who called sudo, so that the same command gives the
//! same answer with sudo and without; what is made there is given to that user.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

use portward_model::{Caller, FolderMark};

use crate::path_of;

/// A user's folder for what outlasts a run. Finding it makes nothing; [`StateFolder::prepare`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFolder {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// Why it ends with this run of the machine, as the end of a sentence; `None` for a lasting one.
    pub brief: Option<String>,
    /// The user who called sudo, and gets what is made.
    caller: Option<Sudoer>,
    uid: u32,
}

/// The user who called sudo.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sudoer {
    uid: u32,
    gid: u32,
    home: PathBuf,
}

impl StateFolder {
    /// The folder of the caller's user: `$XDG_STATE_HOME/portward`, or `~/.local/state/portward`. A user
    /// without a home has one below `$XDG_RUNTIME_DIR`, or in `/tmp`, that ends with the machine's run.
    pub fn find(asker: &Caller) -> Self {
        let uid = asker.uid;
        let caller = if uid == 0 { Sudoer::find(asker) } else { None };
        // Relative ones are ignored, as the XDG base directory specification asks.
        let folder_variable = |name: &str| asker.variable(name).map(path_of).filter(|path| path.is_absolute());
        let lasting = |folder: PathBuf, caller| Self { path: folder.join("portward"), brief: None, caller, uid };
        // What sudo let through from its caller's environment is used where it is the caller's.
        let is_ours = |path: &Path| caller.as_ref().is_none_or(|caller| owner_of(path) == Some(caller.uid));
        if let Some(state) = folder_variable("XDG_STATE_HOME").filter(|path| is_ours(path)) {
            return lasting(state, caller);
        }
        let home = caller.as_ref().map(|caller| caller.home.clone()).or_else(|| folder_variable("HOME"));
        // Services are often given `/` or a folder that does not exist.
        let is_home = |home: &Path| home.is_dir() && (home != Path::new("/") || uid == 0);
        if let Some(home) = home.as_deref().filter(|home| is_home(home)) {
            return lasting(home.join(".local/state"), caller);
        }
        let why = home.map_or_else(|| "HOME is not set".to_owned(), |home| format!("{} is no home folder", home.display()));
        let runtime = folder_variable("XDG_RUNTIME_DIR").filter(|path| owner_of(path) == Some(uid));
        let path = runtime.map_or_else(|| Path::new("/tmp").join(format!("portward-{uid}")), |path| path.join("portward"));
        Self { path, brief: Some(why), caller: None, uid }
    }

    /// A lasting folder at this place, for the user with this uid.
    pub fn at(path: PathBuf, uid: u32) -> Self {
        Self { path, brief: None, caller: None, uid }
    }

    /// Makes the folder where it is missing, readable for its user alone, and makes sure that it is this user's.
    pub fn prepare(&self) -> io::Result<()> {
        let mut missing = Vec::new();
        for folder in self.path.ancestors() {
            match fs::symlink_metadata(folder) {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(folder),
                Err(error) => return Err(error),
            }
        }
        for folder in missing.iter().rev() {
            match private_folder().create(folder) {
                Ok(()) => self.give(folder)?,
                // Another process was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        self.inspect()
    }

    /// Refuses a folder that somebody else could have put here: in a folder that all may write, or below a home that
    /// root enters for another user.
    fn inspect(&self) -> io::Result<()> {
        let refuse = |folder: &Path, why: &str| {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{} {why}, and is not trusted", folder.display())))
        };
        let doubted: Vec<&Path> = match &self.caller {
            Some(caller) => {
                self.path.ancestors().take_while(|folder| *folder != caller.home && folder.parent().is_some()).collect()
            }
            None if self.brief.is_some() => vec![&self.path],
            None => Vec::new(),
        };
        let may_own = |uid: u32| uid == self.uid || self.caller.as_ref().is_some_and(|caller| uid == caller.uid);
        for folder in doubted {
            let found = fs::symlink_metadata(folder)?;
            if !found.is_dir() {
                return refuse(folder, "is a link or no folder");
            }
            if owner(&found).is_some_and(|uid| !may_own(uid)) {
                return refuse(folder, "belongs to another user");
            }
            if self.brief.is_some() && others_may_enter(&found) {
                return refuse(folder, "is open to other users");
            }
        }
        Ok(())
    }

    /// A new, empty file that its user alone may read; fails where one is.
    pub fn create(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        private_file(OpenOptions::new().write(true).create_new(true)).open(&path)?;
        self.give(&path)?;
        Ok(path)
    }

    /// The same, under a name that no other process makes one by.
    pub fn create_own(&self, name: &str, end: &str) -> io::Result<(String, PathBuf)> {
        let name = format!("{name}.{}{end}", std::process::id());
        let path = self.create(&name)?;
        Ok((name, path))
    }

    /// Copies a file of this folder beside itself, for its user alone; false where the copy is there already.
    pub fn copy(&self, from: &str, to: &str) -> io::Result<bool> {
        let path = self.path.join(to);
        let mut copy = match private_file(OpenOptions::new().write(true).create_new(true)).open(&path) {
            Ok(copy) => copy,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(error),
        };
        let copied = File::open(self.path.join(from)).and_then(|mut original| io::copy(&mut original, &mut copy));
        if let Err(error) = copied.and_then(|_| copy.sync_all()) {
            // Half a copy would pass for a whole one.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        self.give(&path)?;
        Ok(true)
    }

    /// Gives a finished file its name, and lets the name last; false where another has it, which stays.
    pub fn install(&self, finished: &str, name: &str) -> io::Result<bool> {
        // A link never replaces, unlike a rename.
        match fs::hard_link(self.path.join(finished), self.path.join(name)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(error),
        }
        fs::remove_file(self.path.join(finished))?;
        // The name is on the disk when the folder is.
        File::open(&self.path)?.sync_all()?;
        Ok(true)
    }

    /// Renames a file of this folder, over another one where there is one.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    /// Removes a file of this folder; it is no error that there is none.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Names of the files here that begin and end like this.
    pub fn names(&self, begin: &str, end: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter(|name| name.starts_with(begin) && name.ends_with(end)).collect()
    }

    /// Puts what was written to a file here onto the disk.
    pub fn sync(&self, name: &str) -> io::Result<()> {
        File::open(self.path.join(name))?.sync_data()
    }

    /// Waits for a turn with a lock file here, until `needless` says that it is wanted no more. `None` then, and when the
    /// time is over: a stopped process may hold the turn for ever. The turn ends with its holder.
    ///
    /// Asked again and again, because the kernel's own queue is left by nobody: a hundred processes that wait for the
    /// first to make a file would each be woken for a turn that it no longer needs, one after the other.
    pub fn turn(&self, name: &str, patience: Duration, needless: &dyn Fn() -> bool) -> io::Result<Option<Turn>> {
        let path = self.path.join(name);
        let is_new = !path.exists();
        let file = private_file(OpenOptions::new().write(true).create(true).truncate(false)).open(&path)?;
        if is_new {
            self.give(&path)?;
        }
        let until = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Turn { _file: file })),
                Err(fs::TryLockError::WouldBlock) => {}
                Err(fs::TryLockError::Error(error)) => return Err(error),
            }
            if needless() || Instant::now() >= until {
                return Ok(None);
            }
            thread::sleep(PAUSE);
        }
    }

    /// Gives what root made to the user who called sudo.
    fn give(&self, path: &Path) -> io::Result<()> {
        #[cfg(unix)]
        if let Some(caller) = &self.caller {
            return std::os::unix::fs::lchown(path, Some(caller.uid), Some(caller.gid));
        }
        let _ = path;
        Ok(())
    }
}

/// Lets a time pass that no two processes share, for who finds a file busy: up to nine milliseconds, and longer each time, up to 33.
pub fn step_aside(count: u32) {
    let longest = 8000_u64 << count.min(2);
    let number = u64::from(std::process::id()) << 32 | u64::from(count);
    // Any function whose values lie apart will do: this is a step of splitmix64.
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    thread::sleep(Duration::from_micros(1000 + (mixed ^ (mixed >> 27)) % longest));
}

/// The right to write, among all processes that ask for it; ends when dropped, or with the process.
pub struct Turn {
    _file: File,
}

/// A file as it is now: which one, how long, and when it was last written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMark {
    /// Device and inode: another file under the same name differs.
    pub identity: (u64, u64),
    /// Bytes.
    pub size: u64,
    /// When it was last written to.
    pub written: SystemTime,
}

impl FileMark {
    /// The mark of a file, by one `stat`; `None` where it cannot be seen.
    pub fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self { identity: identity(&found), size: found.len(), written: found.modified().ok()? })
    }

    /// The mark of a folder that lasts through renames; `None` where the file system does not tell when it was made.
    pub fn folder(path: &Path) -> Option<FolderMark> {
        let found = fs::metadata(path).ok()?;
        let born = found.created().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(FolderMark { inode: identity(&found).1, born_ns: u64::try_from(born.as_nanos()).ok()? })
    }
}

impl Sudoer {
    /// Who called sudo, by the variables that sudo sets (`sudo(8)`, ENVIRONMENT).
    fn find(asker: &Caller) -> Option<Self> {
        let number = |name| std::str::from_utf8(asker.variable(name)?.raw()).ok()?.parse::<u32>().ok();
        let uid = number("SUDO_UID").filter(|uid| *uid != 0)?;
        let gid = number("SUDO_GID").unwrap_or(uid);
        let home = home_of(uid).filter(|home| owner_of(home) == Some(uid))?;
        Some(Self { uid, gid, home })
    }
}

fn home_of(uid: u32) -> Option<PathBuf> {
    let passwd = fs::read("/etc/passwd").ok()?;
    let home = std::str::from_utf8(portward_wire::procfs::home_of(&passwd, uid)?).ok()?;
    Some(PathBuf::from(home)).filter(|home| home.is_absolute() && home.parent().is_some())
}

fn owner_of(path: &Path) -> Option<u32> {
    owner(&fs::symlink_metadata(path).ok()?)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no numbers for owners")]
fn owner(found: &fs::Metadata) -> Option<u32> {
    Some(std::os::unix::fs::MetadataExt::uid(found))
}

#[cfg(not(unix))]
fn owner(_: &fs::Metadata) -> Option<u32> {
    None
}

#[cfg(unix)]
fn identity(found: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> (u64, u64) {
    (0, 0)
}

#[cfg(unix)]
fn others_may_enter(found: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(found) & 0o077 != 0
}

#[cfg(not(unix))]
fn others_may_enter(_: &fs::Metadata) -> bool {
    false
}

fn private_folder() -> DirBuilder {
    #[allow(unused_mut)]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Between two looks at a turn.
const PAUSE: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

    use super::{FileMark, StateFolder};

    fn folder() -> (tempfile::TempDir, StateFolder) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/portward");
        let uid = super::owner_of(directory.path()).unwrap();
        (directory, StateFolder { path, brief: None, caller: None, uid })
    }

    #[test]
    fn a_folder_for_its_user_alone() {
        let (_directory, state) = folder();
        state.prepare().unwrap();
        state.prepare().unwrap();
        assert_eq!(fs::metadata(&state.path).unwrap().permissions().mode() & 0o777, 0o700);
        let file = state.create("x").unwrap();
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(state.create("x").is_err(), "what is there stays");
    }

    #[test]
    fn a_brief_folder_must_be_ours_and_closed() {
        let (directory, mut state) = folder();
        state.brief = Some("HOME is not set".to_owned());
        state.prepare().unwrap();
        fs::set_permissions(&state.path, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(state.prepare().unwrap_err().to_string().contains("open to other users"));
        state.path = directory.path().join("link");
        std::os::unix::fs::symlink(directory.path(), &state.path).unwrap();
        assert!(state.prepare().unwrap_err().to_string().contains("is a link"));
        state.path = directory.path().join("a/portward");
        state.uid = state.uid.wrapping_add(1);
        assert!(state.prepare().unwrap_err().to_string().contains("another user"));
    }

    #[test]
    fn nothing_is_replaced() {
        let (_directory, state) = folder();
        state.prepare().unwrap();
        fs::write(state.path.join("one"), "1").unwrap();
        fs::write(state.path.join("two"), "2").unwrap();
        assert!(!state.install("one", "two").unwrap());
        assert!(!state.copy("one", "two").unwrap());
        assert!(state.install("one", "three").unwrap());
        assert_eq!(state.names("t", ""), if state.names("t", "")[0] == "two" { ["two", "three"] } else { ["three", "two"] });
        assert_eq!(fs::read(state.path.join("two")).unwrap(), b"2");
        assert!(state.copy("three", "four").unwrap());
        assert_eq!(fs::read(state.path.join("four")).unwrap(), b"1");
    }

    #[test]
    fn one_turn_at_a_time() {
        let (_directory, state) = folder();
        state.prepare().unwrap();
        let first = state.turn("lock", Duration::ZERO, &|| false).unwrap();
        assert!(first.is_some());
        assert!(state.turn("lock", Duration::from_millis(1), &|| false).unwrap().is_none());
        assert!(state.turn("lock", Duration::from_hours(1), &|| true).unwrap().is_none(), "nobody waits for what is needless");
        drop(first);
        assert!(state.turn("lock", Duration::from_mins(1), &|| false).unwrap().is_some());
    }

    #[test]
    fn a_folder_stays_itself_when_it_is_renamed() {
        let (directory, state) = folder();
        state.prepare().unwrap();
        let (one, other) = (directory.path().join("a"), directory.path().join("b"));
        let mark = FileMark::folder(&one);
        fs::rename(&one, &other).unwrap();
        assert_eq!(FileMark::folder(&other), mark);
        assert_eq!(FileMark::folder(&one), None);
    }
}
