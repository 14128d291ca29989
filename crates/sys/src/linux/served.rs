//! A folder that is served to others, and nothing outside of it.
//!
//! Every path is resolved by the kernel below the folder (`openat2(2)`, `RESOLVE_BENEATH`): a link that leads out of it, a `..` and a
//! rename on the way end in a refusal, never outside. What is found is held without being opened (`O_PATH`), so that a pipe is not waited
//! for and a device not touched; only regular files and folders are opened then.
//!
//! Root serves a user's folder with that user's rights ([`Served::rights`]). In a folder of root's own it follows only the links that
//! `super::files` would follow, and opens what those lead to with the rights of whose word it is.

mod receiving;
mod watching;

use std::{
    ffi::{CString, OsStr},
    fs::File,
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use rustix::{
    fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags, open, openat2, statx},
    io::Errno,
    process::geteuid,
};

use super::{
    files::Mounts,
    rights::{Taken, Word, with_rights},
};
pub use receiving::Receiving;
pub use watching::Watching;

/// A folder that is served, or one file.
pub struct Served {
    folder: OwnedFd,
    path: PathBuf,
    word: Word,
    /// The name of the one file of the folder that is served.
    only: Option<Vec<u8>>,
}

/// Why there is nothing.
#[derive(Debug)]
pub enum Miss {
    /// Nothing has this name.
    Absent,
    /// The system does not let this user see it.
    Denied,
    /// It is outside of what is served.
    Outside,
    /// It would have to be waited for; only where that was not wanted.
    Later,
    /// Anything else that the system said.
    Failed(Errno),
}

/// What something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A pipe, a socket or a device, which is never opened.
    Special,
}

/// What is known of something without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub sort: Sort,
    /// Bytes.
    pub size: u64,
    /// The file system and the number of the file in it.
    pub inode: (u32, u32, u64),
    /// When it was changed: seconds since 1970, and nanoseconds of that second.
    pub changed: (i64, u32),
    /// When anything about it was changed, its mode too.
    pub touched: (i64, u32),
}

/// Something below the folder, held and not opened.
pub struct Met {
    handle: OwnedFd,
    /// What it is.
    pub facts: Facts,
    /// With whose rights it is opened, where that is not the thread's.
    word: Option<Word>,
}

/// Something in a folder.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: Vec<u8>,
    /// What it is, of a link what that leads to.
    pub facts: Facts,
    /// True where a link leads to it.
    pub is_link: bool,
}

/// The rights of whose folder is served, as long as it lives; the thread's alone.
pub struct RightsTaken(#[allow(dead_code)] Taken);

impl Served {
    /// Opens what is to be served.
    ///
    /// # Errors
    /// Where nothing is there, it is neither a file nor a folder, or this system cannot keep a path below a folder (before Linux 5.6).
    pub fn open(path: &Path) -> io::Result<Self> {
        let mounts = Mounts::patient();
        let place = mounts.find(path)?;
        let (folder, only) = if place.is_folder() {
            (None, None)
        } else if place.is_file() {
            let (Some(name), Some(parent)) = (place.path().file_name(), place.path().parent()) else {
                return Err(Errno::NOENT.into());
            };
            (Some(mounts.find(parent)?), Some(name.as_bytes().to_vec()))
        } else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a folder nor a file"));
        };
        let folder = folder.as_ref().unwrap_or(&place);
        let handle = folder.reopen(OFlags::PATH | OFlags::DIRECTORY)?;
        let served = Self { folder: handle, path: folder.path().to_owned(), word: folder.word(), only };
        served.find(served.only.as_deref().unwrap_or_default(), false).map_err(|miss| match miss {
            Miss::Failed(error) => io::Error::from(error),
            Miss::Denied => Errno::ACCESS.into(),
            Miss::Absent | Miss::Outside | Miss::Later => Errno::NOENT.into(),
        })?;
        Ok(served)
    }

    /// Where the folder is, links resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the file, where one file alone is served.
    pub fn only(&self) -> Option<&[u8]> {
        self.only.as_deref()
    }

    /// Takes the rights of whose folder this is for this thread. A thread that looks here takes them first.
    ///
    /// # Errors
    /// Where they cannot be had.
    pub fn rights(&self) -> io::Result<RightsTaken> {
        Ok(RightsTaken(Taken::whole(self.word)?))
    }

    /// What has this path, without a slash at its beginning; the folder itself has the empty one. With `at_once` nothing is waited for: no
    /// disk, and no other machine (`RESOLVE_CACHED`).
    ///
    /// # Errors
    /// Why there is nothing.
    pub fn find(&self, path: &[u8], at_once: bool) -> Result<Met, Miss> {
        if self.only.as_deref().is_some_and(|only| only != path) {
            return Err(Miss::Absent);
        }
        let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        if at_once {
            resolve |= ResolveFlags::CACHED;
        }
        let is_roots_own = self.word == Word::Own && geteuid().is_root();
        if is_roots_own {
            resolve |= ResolveFlags::NO_SYMLINKS;
        }
        let name: &[u8] = if path.is_empty() { b"." } else { path };
        match openat2(&self.folder, name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Ok(handle) => Met::of(handle, None),
            Err(Errno::LOOP) if is_roots_own && at_once => Err(Miss::Later),
            Err(Errno::LOOP) if is_roots_own => self.find_by_link(path),
            // Somebody renamed something on the way.
            Err(Errno::AGAIN) if !at_once => Err(Miss::Absent),
            Err(error) => Err(Miss::of(error)),
        }
    }

    /// The folder itself, whether or not one file of it alone is served.
    fn root(&self) -> Result<Met, Miss> {
        let handle = openat2(&self.folder, c".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::BENEATH);
        Met::of(handle.map_err(Miss::of)?, None)
    }

    /// What a path with links in it leads to, where root serves: each link is followed on the word of who made it.
    fn find_by_link(&self, path: &[u8]) -> Result<Met, Miss> {
        let mounts = Mounts::patient();
        let place = mounts.find(&self.path.join(OsStr::from_bytes(path))).map_err(|error| Miss::of_io(&error))?;
        if !place.path().starts_with(&self.path) {
            return Err(Miss::Outside);
        }
        let word = place.word();
        Met::of(place.reopen(OFlags::PATH).map_err(|error| Miss::of_io(&error))?, Some(word))
    }
}

impl Miss {
    fn of(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => Self::Absent,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            Errno::XDEV | Errno::LOOP => Self::Outside,
            Errno::AGAIN => Self::Later,
            error => Self::Failed(error),
        }
    }

    fn of_io(error: &io::Error) -> Self {
        Self::of(Errno::from_io_error(error).unwrap_or(Errno::IO))
    }
}

impl Met {
    fn of(handle: OwnedFd, word: Option<Word>) -> Result<Self, Miss> {
        let facts = Facts::of(&stat(handle.as_fd(), c"", AtFlags::EMPTY_PATH).map_err(Miss::of)?);
        Ok(Self { handle, facts, word })
    }

    /// Opens it: a regular file for reading, a folder for its names.
    ///
    /// # Errors
    /// Where this user may not, or it is neither.
    pub fn open(&self) -> Result<File, Miss> {
        let more = match self.facts.sort {
            Sort::File => OFlags::NONBLOCK,
            Sort::Folder => OFlags::DIRECTORY,
            Sort::Special => return Err(Miss::Denied),
        };
        let path = format!("/proc/self/fd/{}", self.handle.as_raw_fd());
        let opened = self.with_its_rights(|| open(path, OFlags::RDONLY | OFlags::CLOEXEC | more, Mode::empty()));
        Ok(File::from(opened.map_err(Miss::of)?))
    }

    /// What is in the folder, at most so many, in no order, and how many were left out. Links stand there as what they lead to within what is
    /// served, and not at all where that is nothing.
    ///
    /// # Errors
    /// Where this user may not read it.
    pub fn entries(&self, served: &Served, own: &[u8], most: usize) -> Result<(Vec<Entry>, usize), Miss> {
        let (mut found, mut left_out) = (Vec::new(), 0);
        let folder = self.open()?;
        for entry in Dir::read_from(&folder).map_err(Miss::of)?.flatten() {
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if found.len() >= most {
                left_out += 1;
                continue;
            }
            let Ok(facts) = self.with_its_rights(|| stat(folder.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)) else { continue };
            let name = name.to_bytes().to_vec();
            let is_link = FileType::from_raw_mode(facts.stx_mode.into()) == FileType::Symlink;
            let facts = if is_link {
                let path = if own.is_empty() { name.clone() } else { [own, b"/", &name[..]].concat() };
                match served.find(&path, false) {
                    Ok(met) => met.facts,
                    Err(_) => continue,
                }
            } else {
                Facts::of(&facts)
            };
            found.push(Entry { name, facts, is_link });
        }
        Ok((found, left_out))
    }

    fn with_its_rights<T>(&self, body: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
        match self.word {
            Some(word) => with_rights(word, body),
            None => body(),
        }
    }
}

impl Facts {
    fn of(facts: &Statx) -> Self {
        let sort = match FileType::from_raw_mode(facts.stx_mode.into()) {
            FileType::RegularFile => Sort::File,
            FileType::Directory => Sort::Folder,
            _ => Sort::Special,
        };
        Self {
            sort,
            size: facts.stx_size,
            inode: (facts.stx_dev_major, facts.stx_dev_minor, facts.stx_ino),
            changed: (facts.stx_mtime.tv_sec, facts.stx_mtime.tv_nsec),
            touched: (facts.stx_ctime.tv_sec, facts.stx_ctime.tv_nsec),
        }
    }
}

fn stat(folder: BorrowedFd<'_>, name: &std::ffi::CStr, flags: AtFlags) -> Result<Statx, Errno> {
    statx(folder, name, flags | AtFlags::NO_AUTOMOUNT, StatxFlags::BASIC_STATS)
}

/// A name as the system takes it; `None` for what is no name of something in a folder.
fn plain_name(name: &[u8]) -> Option<CString> {
    let is_plain = !name.is_empty() && name.len() <= LONGEST_NAME && !name.contains(&b'/') && !matches!(name, b"." | b"..");
    is_plain.then(|| CString::new(name).ok()).flatten()
}

/// `NAME_MAX`, in bytes.
const LONGEST_NAME: usize = 255;

#[cfg(test)]
mod tests;
