//! Files that a person names: written whole or not at all, for their owner alone; read as far as a limit.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, BufWriter, Read, Write},
    path::Path,
};

use portward_model::Text;
use rustix::{
    fs::{AtFlags, Mode, OFlags, RenameFlags, fsync, openat, renameat, renameat_with, unlinkat},
    io::Errno,
    rand::{GetRandomFlags, getrandom},
};

use super::{
    files::{Mounts, Place},
    reader::{self, Question},
    rights::Taken,
};
use crate::{path_of, text_of};

/// Writes beside the file and renames over it, so that no reader ever sees half of it. A device or a pipe is
/// written to as it is. A root process writes into a user's folder with that user's rights.
pub fn write_private(path: &Path, document: &dyn Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mounts = Mounts::patient();
    if let Ok(place) = mounts.find(path)
        && (!place.is_file() || place.path().starts_with("/proc"))
    {
        return fill(&File::from(place.reopen(OFlags::WRONLY)?), document);
    }
    let Some(name) = path.file_name() else { return Err(io::ErrorKind::IsADirectory.into()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = mounts.find(folder)?;
    let _taken = Taken::whole(folder.word())?;
    let directory = folder.reopen(OFlags::RDONLY | OFlags::DIRECTORY)?;
    let part = beside(name);
    let making = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(openat(&directory, &part, making, Mode::RUSR | Mode::WUSR)?);
    let written = fill(&file, document).and_then(|()| {
        file.sync_all()?;
        Ok(renameat(&directory, &part, &directory, name)?)
    });
    match written {
        // The new name is on the disk, too, where the file system can say so.
        Ok(()) => drop(fsync(&directory)),
        Err(_) => drop(unlinkat(&directory, &part, AtFlags::empty())),
    }
    written
}

/// Makes a file of a project, readable as its user's mask says, whole or not at all; never in the place of what stands there. A root
/// process makes it with the rights of whose folder it is.
///
/// # Errors
/// `AlreadyExists` where something has the name.
pub(super) fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Err(io::ErrorKind::IsADirectory.into()) };
    let mounts = Mounts::patient();
    let folder = mounts.find(folder)?;
    let _taken = Taken::whole(folder.word())?;
    let directory = folder.reopen(OFlags::RDONLY | OFlags::DIRECTORY)?;
    let part = beside(name);
    let making = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(openat(&directory, &part, making, Mode::from_raw_mode(0o666))?);
    let written = fill(&file, &|out| out.write_all(bytes)).and_then(|()| {
        file.sync_all()?;
        Ok(renameat_with(&directory, &part, &directory, name, RenameFlags::NOREPLACE)?)
    });
    match written {
        Ok(()) => drop(fsync(&directory)),
        Err(_) => drop(unlinkat(&directory, &part, AtFlags::empty())),
    }
    written
}

fn fill(file: &File, document: &dyn Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut buffered = BufWriter::new(file);
    document(&mut buffered)?;
    buffered.flush()
}

/// A file that a person named, whole: it may be a pipe, and is then waited for.
///
/// # Errors
/// `FileTooLarge` where it is longer than the limit.
pub fn read_given(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mounts = Mounts::patient();
    let place: Place = mounts.find(path)?;
    if place.is_folder() {
        return Err(Errno::ISDIR.into());
    }
    let mut bytes = Vec::new();
    File::from(place.reopen(OFlags::RDONLY)?).take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// A file of a project, whole; `None` where nothing stands there. What is no regular file is not opened, and a file system that may
/// never answer is a reader process's to look at.
///
/// # Errors
/// `FileTooLarge` where it is longer than the limit, `InvalidInput` for a folder, a pipe or a socket, `TimedOut` where its file system
/// did not answer.
pub fn read_of_project(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mounts = Mounts::now();
    if !mounts.may_stall(path) {
        return read_on(&mounts, path, limit);
    }
    let answer = reader::ask::<Patient>(&Question::File(text_of(path), limit), reader::LONG).map_err(io::Error::other)?;
    answer.map_err(|(code, words)| code.map_or_else(|| io::Error::other(words), io::Error::from_raw_os_error))
}

/// What a reader process answers: the file, or the system's error number with its words.
type Patient = Result<Option<Vec<u8>>, (Option<i32>, String)>;

/// The same in a reader process, which may wait.
pub(super) fn read_patiently(path: &Text, limit: u64) -> Patient {
    read_on(&Mounts::patient(), &path_of(path), limit).map_err(|error| (error.raw_os_error(), error.to_string()))
}

fn read_on(mounts: &Mounts, path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let place = match mounts.find(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        place => place?,
    };
    let bytes = place.read(limit + 1)?;
    if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(Some(bytes)) }
}

/// A name beside another one that nobody can foresee.
pub(super) fn beside(name: &OsStr) -> OsString {
    let mut random = [0; 8];
    // Where the system has no random numbers yet, a name that stands there already is refused all the same (`O_EXCL`).
    let _ = getrandom(&mut random, GetRandomFlags::empty());
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(format!(".{:016x}.part", u64::from_ne_bytes(random)));
    beside
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink},
    };

    use tempfile::TempDir;

    use super::{create, read_given, write_private};

    #[test]
    fn a_file_is_whole_and_its_owners() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("machine.json");
        write_private(&file, &|out| out.write_all(b"one")).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let failed = write_private(&file, &|out| {
            out.write_all(b"half")?;
            Err(std::io::ErrorKind::Other.into())
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&file).unwrap(), b"one");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no part is left behind");
    }

    #[test]
    fn a_link_in_the_files_place_is_replaced_and_not_written_through() {
        let folder = TempDir::new().unwrap();
        let (other, link) = (folder.path().join("other"), folder.path().join("link"));
        fs::write(&other, "theirs").unwrap();
        symlink("other", &link).unwrap();
        write_private(&link, &|out| out.write_all(b"ours")).unwrap();
        assert_eq!((fs::read(&other).unwrap(), fs::read(&link).unwrap()), (b"theirs".to_vec(), b"ours".to_vec()));
    }

    #[test]
    fn a_new_file_takes_nothings_place() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("portward.toml");
        create(&file, b"one").unwrap();
        assert_eq!(create(&file, b"two").unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        symlink("nowhere", folder.path().join("link")).unwrap();
        assert!(create(&folder.path().join("link"), b"x").is_err());
        assert_eq!(fs::read(&file).unwrap(), b"one");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "no part is left behind");
    }

    #[test]
    fn what_is_read_has_an_end() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("long");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read_given(&file, 5).unwrap(), b"12345");
        assert_eq!(read_given(&file, 4).unwrap_err().kind(), std::io::ErrorKind::FileTooLarge);
        assert!(read_given(std::path::Path::new("/dev/zero"), 4096).is_err());
        assert!(read_given(folder.path(), 4096).is_err());
    }

    #[test]
    fn in_a_users_folder_root_writes_as_that_user() {
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let theirs = folder.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        if !portward_testkit::is_root() || lchown(&theirs, Some(NOBODY), Some(NOBODY)).is_err() {
            portward_testkit::skip("root: a folder of another user's cannot be made");
            return;
        }
        write_private(&theirs.join("machine.json"), &|out| out.write_all(b"x")).unwrap();
        let made = fs::metadata(theirs.join("machine.json")).unwrap();
        assert_eq!((made.uid(), made.permissions().mode() & 0o777), (NOBODY, 0o600));
        // Where a link of theirs leads, they may not write; nor do we read what they may not read.
        fs::create_dir(folder.path().join("ours")).unwrap();
        symlink("../ours", theirs.join("link")).unwrap();
        lchown(theirs.join("link"), Some(NOBODY), Some(NOBODY)).unwrap();
        assert!(write_private(&theirs.join("link/machine.json"), &|out| out.write_all(b"x")).is_err());
        assert_eq!(fs::read_dir(folder.path().join("ours")).unwrap().count(), 0);
        fs::write(folder.path().join("ours/secret"), "x").unwrap();
        fs::set_permissions(folder.path().join("ours/secret"), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(read_given(&theirs.join("link/secret"), 10).is_err());
    }

    const NOBODY: u32 = 65534;
}
