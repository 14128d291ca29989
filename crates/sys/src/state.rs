//! The folder in which what must outlast a run is kept, and the few things that are done to files there.
//!
//! One folder per user, used by that user's processes alone: what root would do to another user's folder is done by this program
//! executed again as that user ([`crate::Hands`]).
#![expect(clippy::disallowed_methods, reason = "the folder is its user's own, and nobody else can write to it: `inspect`")]

mod folders;
mod home;
mod logs;

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

use portward_model::{Caller, FolderMark};

use crate::path_of;
use home::{comes_back, home_of};

/// A user's folder for what outlasts a run. Finding it makes nothing; [`StateFolder::prepare`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFolder {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// Why it ends with this run of the machine, as the end of a sentence; `None` for a lasting one.
    pub brief: Option<String>,
    uid: u32,
}

impl StateFolder {
    /// The folder of the caller's user: `$XDG_STATE_HOME/portward`, or `~/.local/state/portward`. A user
    /// without a home has one below `$XDG_RUNTIME_DIR`, or in `/tmp`, that ends with the machine's run.
    ///
    /// Root's is never one that another user could lead elsewhere, whatever variables root was given.
    pub fn find(asker: &Caller) -> Self {
        let uid = asker.uid;
        let is_safe = |path: &Path| uid != 0 || is_ours_alone(path);
        // Relative ones are ignored, as the XDG base directory specification asks.
        let named = |name: &str| asker.variable(name).map(path_of).filter(|path| path.is_absolute());
        let folder_variable = |name: &str| named(name).filter(|path| comes_back(path) && is_safe(path));
        let lasting = |folder: PathBuf| Self { path: folder.join("portward"), brief: None, uid };
        if let Some(state) = folder_variable("XDG_STATE_HOME") {
            return lasting(state);
        }
        let home = folder_variable("HOME").or_else(|| home_of(uid).filter(|home| comes_back(home)));
        // Services are often given `/` or a folder that does not exist.
        let is_home = |home: &Path| home.is_dir() && (home != Path::new("/") || uid == 0);
        if let Some(home) = home.as_deref().filter(|home| is_home(home)) {
            return lasting(home.join(".local/state"));
        }
        let silent = named("HOME").filter(|home| home != Path::new("/") && !comes_back(home));
        let why = match (home, silent) {
            (Some(home), _) => format!("{} is no home folder", home.display()),
            (None, Some(home)) => format!("the file system of {} does not answer", home.display()),
            (None, None) => "HOME is not set".to_owned(),
        };
        let runtime = folder_variable("XDG_RUNTIME_DIR").filter(|path| owner_of(path) == Some(uid));
        let path = runtime.map_or_else(|| Path::new("/tmp").join(format!("portward-{uid}")), |path| path.join("portward"));
        Self { path, brief: Some(why), uid }
    }

    /// A lasting folder at this place, for the user with this uid.
    pub fn at(path: PathBuf, uid: u32) -> Self {
        Self { path, brief: None, uid }
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
                Ok(()) => {}
                // Another process was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        self.inspect()
    }

    /// Refuses a folder that is not its user's own, and for root one that somebody else could have put there.
    ///
    /// # Errors
    /// Why it is not trusted, in a sentence; the system's own error where there is none.
    pub fn inspect(&self) -> io::Result<()> {
        let refuse = |why: &str| {
            let said = format!("{} {why}, and is not trusted", self.path.display());
            Err(io::Error::new(io::ErrorKind::PermissionDenied, said))
        };
        let found = fs::symlink_metadata(&self.path)?;
        if !found.is_dir() {
            return refuse("is a link or no folder");
        }
        if owner(&found).is_some_and(|uid| uid != self.uid) {
            return refuse("belongs to another user");
        }
        let (open, why) =
            if self.brief.is_some() { (0o077, "is open to other users") } else { (0o002, "can be written to by every user") };
        if mode(&found) & open != 0 {
            return refuse(why);
        }
        if self.uid == 0 && !is_ours_alone(&self.path) {
            return refuse("is below what belongs to another user");
        }
        Ok(())
    }

    /// A file of this folder by the path that has no links in it.
    pub fn file(&self, name: &str) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone()).join(name)
    }

    /// Refuses a pipe, a link or whatever else in place of one of this folder's files; one that is not there is none.
    pub fn expect_file(&self, name: &str) -> io::Result<()> {
        match fs::symlink_metadata(self.path.join(name)) {
            Ok(found) if !found.is_file() => {
                let said = format!("{} is no regular file, and is not opened", self.path.join(name).display());
                Err(io::Error::new(io::ErrorKind::PermissionDenied, said))
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// A new, empty file that its user alone may read; fails where one is.
    pub fn create(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        private_file(OpenOptions::new().write(true).create_new(true)).open(&path)?;
        Ok(path)
    }

    /// A file to go on writing at its end, which its user alone may read; one that has grown beyond `most` bytes begins anew.
    pub fn append(&self, name: &str, most: u64) -> io::Result<File> {
        self.expect_file(name)?;
        let file = private_file(OpenOptions::new().append(true).create(true)).open(self.path.join(name))?;
        if file.metadata()?.len() > most {
            file.set_len(0)?;
        }
        Ok(file)
    }

    /// The same as [`Self::create`], under a name that no other process makes one by.
    pub fn create_own(&self, name: &str, end: &str) -> io::Result<(String, PathBuf)> {
        let name = format!("{name}.{}{end}", std::process::id());
        let path = self.create(&name)?;
        Ok((name, path))
    }

    /// Gives a file of this folder a second name, under which it stays when the first is given to another one; false where
    /// there is one of that name already. Nothing is copied, however long it is.
    pub fn keep(&self, name: &str, second: &str) -> io::Result<bool> {
        self.expect_file(name)?;
        match fs::hard_link(self.path.join(name), self.path.join(second)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
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
        reading(&self.path.join(name))?.sync_data()
    }

    /// Waits for a turn with a lock file here, until `needless` says that it is wanted no more. `None` then, and when the
    /// time is over: a stopped process may hold the turn for ever. The turn ends with its holder.
    ///
    /// Asked again and again, because the kernel's own queue is left by nobody: a hundred processes that wait for the
    /// first to make a file would each be woken for a turn that it no longer needs, one after the other.
    pub fn turn(&self, name: &str, patience: Duration, needless: &dyn Fn() -> bool) -> io::Result<Option<Turn>> {
        self.expect_file(name)?;
        let file = private_file(OpenOptions::new().write(true).create(true).truncate(false)).open(self.path.join(name))?;
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

/// The same of a folder that is open; `None` where the file system does not tell when it was made.
#[cfg(target_os = "linux")]
pub(crate) fn folder_mark(facts: &rustix::fs::Statx) -> Option<FolderMark> {
    let tells = facts.stx_mask & rustix::fs::StatxFlags::BTIME.bits() != 0;
    let seconds = u64::try_from(facts.stx_btime.tv_sec).ok().filter(|_| tells)?;
    let born_ns = seconds.checked_mul(1_000_000_000)?.checked_add(facts.stx_btime.tv_nsec.into())?;
    Some(FolderMark { inode: facts.stx_ino, born_ns })
}

/// True when nobody else could have chosen where a path leads, as far as there is something.
#[cfg(target_os = "linux")]
fn is_ours_alone(path: &Path) -> bool {
    let mounts = crate::linux::Mounts::patient();
    let there = path.ancestors().find(|above| fs::symlink_metadata(above).is_ok());
    there.is_some_and(|there| mounts.is_ours_alone(there))
}

#[cfg(not(target_os = "linux"))]
fn is_ours_alone(_: &Path) -> bool {
    true
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
fn mode(found: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(found)
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> u32 {
    0
}

/// A file for reading; a pipe in its place is not waited for.
fn reading(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(target_os = "linux")]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOFOLLOW);
    options.open(path)
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
    #[cfg(target_os = "linux")]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NONBLOCK | libc::O_NOFOLLOW);
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
        (directory, StateFolder { path, brief: None, uid })
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
        assert!(!state.keep("one", "two").unwrap());
        assert!(state.install("one", "three").unwrap());
        assert_eq!(state.names("t", ""), if state.names("t", "")[0] == "two" { ["two", "three"] } else { ["three", "two"] });
        assert_eq!(fs::read(state.path.join("two")).unwrap(), b"2");
        assert!(state.keep("three", "four").unwrap());
        assert_eq!(fs::read(state.path.join("four")).unwrap(), b"1");
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let (directory, state) = folder();
        state.prepare().unwrap();
        fs::write(directory.path().join("secret"), "theirs").unwrap();
        std::os::unix::fs::symlink(directory.path().join("secret"), state.path.join("link")).unwrap();
        let pipe = std::ffi::CString::new(state.path.join("pipe").into_os_string().into_encoded_bytes()).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
        for name in ["link", "pipe"] {
            assert!(state.expect_file(name).unwrap_err().to_string().contains("no regular file"), "{name}");
            assert!(state.keep(name, "copy").is_err() && state.turn(name, Duration::ZERO, &|| true).is_err(), "{name}");
        }
        assert!(state.sync("link").is_err());
        let _ = state.sync("pipe");
        state.expect_file("none").unwrap();
        assert!(!state.path.join("copy").exists());
        fs::set_permissions(&state.path, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(state.inspect().unwrap_err().to_string().contains("every user"));
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
