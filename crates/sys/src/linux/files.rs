//! The one way to whatever stands outside `/proc` and `/sys`: folders and files that somebody else may have made.
//!
//! Two things are never done. **Nothing is opened with more rights than whoever could have chosen it has**: a root
//! process takes a user's rights (`setfsuid(2)`, no groups) before it looks into a folder of that user, and no link is
//! followed that a third one made. **Nothing is waited for that may never answer**: a pipe is no file, and a file system
//! behind a network or another process (`nfs`, `fuse`) is not entered. For those the work is done once more by a reader
//! process, which [`super::reader`] starts and nobody waits for.
//!
//! A path is walked name by name, each opened without following it (`O_PATH | O_NOFOLLOW`, which reads nothing), so that
//! what was looked at is what is gone on with, whatever the path comes to mean meanwhile.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use portward_wire::procfs::{self, Mount};
use rustix::{
    fd::{AsRawFd, OwnedFd},
    fs::{
        AtFlags, Dir, FileType, FsWord, Mode, OFlags, PROC_SUPER_MAGIC, Statx, StatxFlags, open, openat, readlinkat, statx,
        unlinkat,
    },
    io::Errno,
};

use super::{
    kernel,
    rights::{Word, with_rights},
};

/// The file systems that this process sees, to tell those that answer at once from those that may not.
pub(crate) struct Mounts {
    all: OnceLock<Vec<Mount>>,
    /// Where one begins that may never answer; mostly nowhere.
    stalling: Vec<PathBuf>,
    /// What a person named is waited for, and what a reader process reads, which nobody waits for.
    patient: bool,
}

impl Mounts {
    /// As they are now. Without them every file system may be one that never answers.
    pub(super) fn now() -> Self {
        let mut mounts = Self { all: OnceLock::new(), stalling: Vec::new(), patient: false };
        let point = |mount: &Mount| PathBuf::from(OsStr::from_bytes(&mount.point));
        mounts.stalling = mounts.all().iter().filter(|mount| !answers(mount)).map(point).collect();
        mounts
    }

    /// The same for what is worth waiting for: what a person named. They are read once somebody asks for one of them.
    pub(crate) fn patient() -> Self {
        Self { all: OnceLock::new(), stalling: Vec::new(), patient: true }
    }

    fn all(&self) -> &[Mount] {
        self.all.get_or_init(|| procfs::mounts(&kernel::read("/proc/thread-self/mountinfo").unwrap_or_default()))
    }

    /// True when a look at this path may take for ever. A relative one begins in this process's own folder, which may be on such a
    /// file system itself; the kernel names it without a look (`getcwd(2)`).
    pub(super) fn may_stall(&self, path: &Path) -> bool {
        if path.is_relative() {
            return !self.patient && !std::env::current_dir().is_ok_and(|own| !self.may_stall(&own.join(path)));
        }
        if self.patient || (!self.all().is_empty() && !self.stalling.iter().any(|point| path.starts_with(point))) {
            return false;
        }
        // Of those that hold the path the longest is meant, and of two equal ones the later.
        let holding = self.all().iter().filter(|mount| path.starts_with(OsStr::from_bytes(&mount.point)));
        !holding.max_by_key(|mount| mount.point.len()).is_some_and(answers)
    }

    /// True when a mount is known not to be one that may take for ever.
    fn answers(&self, id: u64) -> bool {
        self.patient || self.all().iter().find(|mount| mount.id == id).is_some_and(answers)
    }

    /// True when nobody but root and this process's user could have chosen where a path leads.
    pub(crate) fn is_ours_alone(&self, path: &Path) -> bool {
        self.find(path).is_ok_and(|place| place.word() == Word::Own)
    }

    /// What stands at a path, whichever way it is written; a relative one begins in this process's own directory.
    pub(super) fn find(&self, path: &Path) -> io::Result<Place<'_>> {
        let absolute;
        let path = if path.is_absolute() {
            path
        } else {
            absolute = std::env::current_dir()?.join(path);
            &absolute
        };
        self.root()?.walk(path)
    }

    fn root(&self) -> io::Result<Place<'_>> {
        let fd = open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let facts = facts(&fd, c"", AtFlags::EMPTY_PATH)?;
        Ok(Place { mounts: self, fd, facts, word: Word::Own, path: PathBuf::from("/") })
    }
}

/// Something on a disk, opened without touching what it holds.
pub(super) struct Place<'m> {
    mounts: &'m Mounts,
    fd: OwnedFd,
    facts: Statx,
    /// On whose word it is what it is, and with whose rights it is looked into.
    word: Word,
    path: PathBuf,
}

impl Place<'_> {
    /// Where it is, links resolved.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Who could have chosen it.
    pub(super) fn word(&self) -> Word {
        self.word
    }

    /// What the kernel says of it: type, mode, owner, device, inode.
    pub(super) fn facts(&self) -> &Statx {
        &self.facts
    }

    /// True for a directory.
    pub(super) fn is_folder(&self) -> bool {
        self.kind() == FileType::Directory
    }

    /// True for a regular file.
    pub(super) fn is_file(&self) -> bool {
        self.kind() == FileType::RegularFile
    }

    fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.facts.stx_mode.into())
    }

    /// True when it is on a file system of this type (`statfs(2)`).
    pub(super) fn is_on(&self, magic: FsWord) -> bool {
        is_on(&self.fd, magic)
    }

    /// The device of its file system, in the kernel's own encoding: of btrfs and overlay not what their files tell of themselves
    /// (`show_mountinfo` in `fs/proc_namespace.c`, `vfs_getattr`).
    pub(super) fn device(&self) -> u32 {
        let mount = self.mounts.all().iter().find(|mount| mount.id == self.facts.stx_mnt_id);
        mount.map_or(self.facts.stx_dev_major << 20 | self.facts.stx_dev_minor, |mount| mount.device)
    }

    /// A name by which the kernel finds this very thing again, whatever its path comes to mean.
    pub(super) fn handle(&self) -> String {
        format!("/proc/self/fd/{}", self.fd.as_raw_fd())
    }

    /// True when both are one and the same.
    pub(super) fn is(&self, device: (u32, u32), inode: u64) -> bool {
        (self.facts.stx_dev_major, self.facts.stx_dev_minor) == device && self.facts.stx_ino == inode
    }

    /// What has this name, or path, in this folder, links followed where that is safe.
    pub(super) fn find(&self, path: &Path) -> io::Result<Self> {
        self.duplicate()?.walk(path)
    }

    /// True when the folder has an entry of this name that is a folder, a file, or a link to one.
    pub(super) fn has(&self, name: &str) -> bool {
        let found = with_rights(self.word, || facts(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW));
        found.is_ok_and(|facts| {
            matches!(
                FileType::from_raw_mode(facts.stx_mode.into()),
                FileType::RegularFile | FileType::Directory | FileType::Symlink
            )
        })
    }

    /// The folder above.
    pub(super) fn parent(&self) -> io::Result<Self> {
        let path = self.path.parent().ok_or(Errno::NOENT)?;
        self.enter(c"..".to_bytes(), path.to_owned())
    }

    /// A regular file's first `limit` bytes.
    pub(super) fn read(&self, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open()?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A regular file, for reading.
    pub(super) fn open(&self) -> io::Result<File> {
        if !self.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        self.reopen(OFlags::RDONLY | OFlags::NONBLOCK).map(File::from)
    }

    /// The same thing, opened for what the flags say, with the rights of its word.
    pub(super) fn reopen(&self, flags: OFlags) -> io::Result<OwnedFd> {
        let own = self.handle();
        Ok(with_rights(self.word, || open(own, flags | OFlags::CLOEXEC, Mode::empty()))?)
    }

    /// Removes what has this name in this folder, with the rights of the folder's word.
    pub(super) fn unlink(&self, name: &OsStr) -> io::Result<()> {
        Ok(with_rights(self.word, || unlinkat(&self.fd, name, AtFlags::empty()))?)
    }

    /// The names in a folder, at most so many, in no order.
    pub(super) fn names(&self, most: usize) -> Vec<OsString> {
        let Ok(folder) = self.reopen(OFlags::RDONLY | OFlags::DIRECTORY) else { return Vec::new() };
        let Ok(entries) = Dir::new(folder) else { return Vec::new() };
        let names = entries.flatten().map(|entry| entry.file_name().to_bytes().to_vec());
        names.filter(|name| !matches!(&name[..], b"." | b"..")).take(most).map(OsString::from_vec).collect()
    }

    /// The same, each with what it is as far as the folder says, in the order of the names; an error where the folder may not be read.
    pub(super) fn entries(&self, most: usize) -> io::Result<Vec<(OsString, FileType)>> {
        let entries = Dir::new(self.reopen(OFlags::RDONLY | OFlags::DIRECTORY)?)?;
        let entry = |entry: rustix::fs::DirEntry| (entry.file_name().to_bytes().to_vec(), entry.file_type());
        let entries = entries.flatten().map(entry).filter(|(name, _)| !matches!(&name[..], b"." | b".."));
        let mut found: Vec<_> = entries.take(most).map(|(name, kind)| (OsString::from_vec(name), kind)).collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(found)
    }

    fn duplicate(&self) -> io::Result<Self> {
        let Self { mounts, facts, word, ref path, .. } = *self;
        Ok(Self { mounts, fd: self.fd.try_clone()?, facts, word, path: path.clone() })
    }

    fn walk(mut self, path: &Path) -> io::Result<Self> {
        let mut left: VecDeque<Vec<u8>> = names(path);
        if path.is_absolute() && self.path.parent().is_some() {
            self = self.mounts.root()?.on(self.word);
        }
        let mut links = 0;
        while let Some(name) = left.pop_front() {
            let next = match &name[..] {
                b".." if self.path.parent().is_none() => continue,
                b".." => self.parent()?,
                name => self.enter(name, self.path.join(OsStr::from_bytes(name)))?,
            };
            if next.kind() != FileType::Symlink {
                self = next;
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(Errno::LOOP.into());
            }
            if is_on(&next.fd, PROC_SUPER_MAGIC) {
                self = self.enter_magic(&name, next.path)?;
                continue;
            }
            // Whoever made the link says where it leads. Nobody else's links are followed than root's and those of
            // whom the way belongs to.
            let word = self.word.and(next.facts.stx_uid).filter(|word| word.can_be_taken()).ok_or(Errno::ACCESS)?;
            let target = with_rights(word, || readlinkat(&next.fd, c"", Vec::new()))?;
            let target = Path::new(OsStr::from_bytes(target.to_bytes()));
            for name in names(target).into_iter().rev() {
                left.push_front(name);
            }
            self = if target.is_absolute() { self.mounts.root()?.on(word) } else { self.on(word) };
        }
        Ok(self)
    }

    /// Follows what looks like a link below `/proc` and is none: `/dev/stdin`, or the pipe of a shell's `<(...)`. Only a person
    /// names such a thing.
    fn enter_magic(&self, name: &[u8], path: PathBuf) -> io::Result<Self> {
        if self.word != Word::Own || !self.mounts.patient {
            return Err(Errno::LOOP.into());
        }
        let fd = openat(&self.fd, name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let facts = facts(&fd, c"", AtFlags::EMPTY_PATH)?;
        let word = self.word.and(facts.stx_uid).unwrap_or(Word::Nobody);
        Ok(Self { mounts: self.mounts, fd, facts, word, path })
    }

    /// The same place, on another's word.
    fn on(self, word: Word) -> Self {
        Self { word, ..self }
    }

    /// Opens one name of this folder without following it.
    fn enter(&self, name: &[u8], path: PathBuf) -> io::Result<Self> {
        if self.mounts.may_stall(&path) {
            return Err(stalls());
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let (fd, facts) = with_rights(self.word, || {
            let fd = openat(&self.fd, name, flags, Mode::empty())?;
            facts(&fd, c"", AtFlags::EMPTY_PATH).map(|facts| (fd, facts))
        })?;
        // A file system may have been mounted here a moment ago.
        if facts.stx_mnt_id != self.facts.stx_mnt_id && !self.mounts.answers(facts.stx_mnt_id) {
            return Err(stalls());
        }
        let owner = facts.stx_uid;
        // What anybody may put into a folder is on the word of who put it there.
        let word = if FileType::from_raw_mode(facts.stx_mode.into()) == FileType::Symlink {
            self.word
        } else {
            self.word.and(owner).unwrap_or(Word::Nobody)
        };
        Ok(Self { mounts: self.mounts, fd, facts, word, path })
    }
}

/// True for an error that stands for a file system that may never answer.
pub(super) fn is_stalling(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::XDEV.raw_os_error())
}

fn is_on(fd: &OwnedFd, magic: FsWord) -> bool {
    rustix::fs::fstatfs(fd).is_ok_and(|system| system.f_type == magic)
}

fn stalls() -> io::Error {
    Errno::XDEV.into()
}

fn answers(mount: &Mount) -> bool {
    ANSWERING.contains(&&mount.kind[..])
}

/// What is known of a file without asking another machine or process for it (`AT_STATX_DONT_SYNC`).
fn facts(fd: &OwnedFd, name: impl rustix::path::Arg, flags: AtFlags) -> Result<Statx, Errno> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME | StatxFlags::MNT_ID;
    statx(fd, name, flags | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC, wanted)
}

fn names(path: &Path) -> VecDeque<Vec<u8>> {
    let names = path.as_os_str().as_bytes().split(|byte| *byte == b'/');
    names.filter(|name| !name.is_empty() && *name != b".").map(<[u8]>::to_vec).collect()
}

/// File systems that the kernel answers for by itself, from a disk of its own or from memory. Every other one waits for a server or a
/// process, and has to be taken for one.
const ANSWERING: &[&[u8]] = &[
    b"ext2",
    b"ext3",
    b"ext4",
    b"xfs",
    b"btrfs",
    b"bcachefs",
    b"f2fs",
    b"zfs",
    b"jfs",
    b"reiserfs",
    b"nilfs2",
    b"rootfs",
    b"tmpfs",
    b"ramfs",
    b"devtmpfs",
    b"overlay",
    b"aufs",
    b"squashfs",
    b"erofs",
    b"iso9660",
    b"udf",
    b"vfat",
    b"msdos",
    b"exfat",
    b"ntfs3",
    b"hfsplus",
    b"ecryptfs",
    b"proc",
    b"sysfs",
    b"cgroup",
    b"cgroup2",
    b"devpts",
    b"mqueue",
    b"hugetlbfs",
    b"securityfs",
    b"debugfs",
    b"tracefs",
    b"bpf",
    b"nsfs",
    b"configfs",
    b"pstore",
    b"efivarfs",
];
/// As many as the kernel follows (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

#[cfg(test)]
mod tests;
