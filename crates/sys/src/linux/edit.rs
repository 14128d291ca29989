//! One line of a file, written anew: the file is replaced whole, or stays as it was.
//!
//! The new text is written to a file beside the old one, which takes its name only when it is whole and on the disk. So
//! whoever reads, and whatever ends this process or the machine, meets the old file or the new one. What a replacement
//! would silently lose (another hard link, an attribute, the owner) is a reason to leave the file alone.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Write},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use portward_model::{Edit, Text};
use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{
        Access, AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Uid, accessat, fchmod, fchown, fgetxattr,
        flistxattr, fsetxattr, fstat,
    },
    fs::{XattrFlags, fsync, openat, openat2, renameat, statat, unlinkat},
    io::Errno,
};

use super::{files::Mounts, rights::Taken, whole::beside};
use crate::SysError;

/// Writes the edit's lines in place of the one that was seen, with no more rights than whoever has the file.
pub(super) fn apply(edit: &Edit) -> Result<(), SysError> {
    let shown = edit.file.shown();
    let unread = |source| SysError::Read { path: shown.clone(), source };
    // Links lead to the file itself; what is replaced is the file, never the link.
    let mounts = Mounts::patient();
    let file = mounts.find(Path::new(OsStr::from_bytes(edit.file.raw()))).map_err(unread)?;
    let _taken = Taken::whole(file.word()).map_err(|error| unread(error.into()))?;
    replace(edit, file.path())
}

fn replace(edit: &Edit, file: &Path) -> Result<(), SysError> {
    let shown = edit.file.shown();
    let failed = |operation: &'static str| {
        let path = shown.clone();
        move |error: Errno| SysError::Write { path: path.clone(), operation, source: error.into() }
    };
    let left = |why: &'static str| SysError::LeftAlone { path: shown.clone(), why };
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Err(left("it is no file")) };
    // From here on the folder is this one, whatever its path comes to mean. It has no links in it.
    let directory = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let folder = openat2(CWD, folder, directory, Mode::empty(), ResolveFlags::NO_SYMLINKS).map_err(failed("found"))?;
    // A pipe or a device is not waited for.
    let reading = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let old = openat(&folder, name, reading, Mode::empty()).map_err(failed("read"))?;
    let stat = fstat(&old).map_err(failed("read"))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(left("it is no regular file"));
    }
    if stat.st_nlink != 1 {
        return Err(left("it has another name, which would go on naming the old text"));
    }
    // With the rights that are taken now (`AT_EACCESS` means those of `setfsuid(2)`, too).
    accessat(&folder, name, Access::WRITE_OK, AtFlags::EACCESS).map_err(failed("written"))?;
    let old = File::from(old);
    let mut bytes = Vec::new();
    (&old).take(LONGEST_FILE + 1).read_to_end(&mut bytes).map_err(|source| SysError::Read { path: shown.clone(), source })?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(left("it is too long to be a configuration"));
    }
    let changed = || SysError::Changed { path: shown.clone(), line: edit.line };
    let bytes = rewritten(&bytes, edit).ok_or_else(changed)?;
    let part = beside(name);
    let written = write_beside(&folder, &part, &bytes, &stat, &old).and_then(|()| {
        // Another writer may have come between.
        let now = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if !same(&stat, &now) {
            return Ok(false);
        }
        renameat(&folder, &part, &folder, name)?;
        Ok(true)
    });
    match written {
        Ok(true) => {
            // The new name is on the disk, too, where the file system can say so.
            let _ = fsync(&folder);
            Ok(())
        }
        Ok(false) => {
            let _ = unlinkat(&folder, &part, AtFlags::empty());
            Err(changed())
        }
        Err(error) => {
            // One that another process made is not ours to remove.
            if error != Errno::EXIST {
                let _ = unlinkat(&folder, &part, AtFlags::empty());
            }
            match error {
                Errno::BUSY => Err(left("something is mounted on it, as a container's runtime does with its files")),
                error => Err(failed("replaced")(error)),
            }
        }
    }
}

/// The text with the line replaced; `None` where it is not what was seen. New lines end as the old one did.
fn rewritten(bytes: &[u8], edit: &Edit) -> Option<Vec<u8>> {
    let index = usize::try_from(edit.line).ok()?.checked_sub(1)?;
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let line = lines.get(index)?;
    let (text, ends) = line.strip_suffix(b"\r").map_or((*line, false), |text| (text, true));
    // The last line has no end to go by: a file is written in one way.
    let between: &[u8] = if ends || lines.first()?.ends_with(b"\r") { b"\r\n" } else { b"\n" };
    if text != edit.now.raw() || edit.then.iter().any(|line| line.raw().iter().any(|byte| matches!(byte, b'\n' | 0))) {
        return None;
    }
    let mut new = edit.then.iter().map(Text::raw).collect::<Vec<_>>().join(between);
    if ends {
        new.push(b'\r');
    }
    let all: Vec<&[u8]> = lines.iter().enumerate().map(|(at, line)| if at == index { &new[..] } else { *line }).collect();
    Some(all.join(&b'\n'))
}

/// A new file with the old one's owner, mode and attributes, whole and on the disk.
fn write_beside(folder: &OwnedFd, part: &OsStr, bytes: &[u8], stat: &Stat, old: &File) -> Result<(), Errno> {
    let making = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let new = openat(folder, part, making, Mode::RUSR | Mode::WUSR)?;
    let own = fstat(&new)?;
    if (own.st_uid, own.st_gid) != (stat.st_uid, stat.st_gid) {
        fchown(&new, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))?;
    }
    // After the owner: a change of owner takes bits of the mode away.
    fchmod(&new, Mode::from_raw_mode(stat.st_mode))?;
    copy_attributes(old, &new)?;
    let mut new = File::from(new);
    new.write_all(bytes)
        .and_then(|()| new.sync_all())
        .map_err(|error: io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

/// Access lists, labels and attributes of the user's own. A label that the system sets by itself may not be writable;
/// it counts as copied when it is there already.
fn copy_attributes(old: &File, new: impl AsFd) -> Result<(), Errno> {
    let mut names = vec![0u8; 64 * 1024];
    let length = match flistxattr(old, &mut names[..]) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(()),
        Err(error) => return Err(error),
    };
    for name in names.get(..length).unwrap_or_default().split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = OsStr::from_bytes(name);
        let value = |file: &dyn Fn(&mut [u8]) -> Result<usize, Errno>| {
            let mut value = vec![0u8; 64 * 1024];
            let length = file(&mut value)?;
            value.truncate(length);
            Ok::<_, Errno>(value)
        };
        let wanted = value(&|room| fgetxattr(old, name, room))?;
        if value(&|room| fgetxattr(&new, name, room)).is_ok_and(|known| known == wanted) {
            continue;
        }
        fsetxattr(&new, name, &wanted, XattrFlags::empty())?;
    }
    Ok(())
}

/// True when nobody wrote to the file, or put another in its place.
fn same(before: &Stat, now: &Stat) -> bool {
    let facts = |stat: &Stat| {
        (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec)
    };
    facts(before) == facts(now)
}

/// No configuration is longer.
const LONGEST_FILE: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::{
            ffi::OsStrExt,
            fs::{MetadataExt, PermissionsExt, lchown, symlink},
        },
        path::Path,
    };

    use portward_model::{Edit, Text};
    use tempfile::TempDir;

    use super::{apply, rewritten};
    use crate::SysError;

    fn edit(file: &Path, line: u32, now: &str, then: &[&str]) -> Edit {
        let then = then.iter().map(|line| Text::from(*line)).collect();
        Edit { file: Text::new(file.as_os_str().as_bytes()), line, now: now.into(), then, after: None }
    }

    fn becomes(text: &str, line: u32, now: &str, then: &[&str]) -> Option<String> {
        rewritten(text.as_bytes(), &edit(Path::new("/x"), line, now, then)).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    /// Nothing but these files stands in the folder: no part of a file was left behind.
    #[track_caller]
    fn only(folder: &TempDir, names: &[&str]) {
        let mut found: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        assert_eq!(found, names);
    }

    #[test]
    fn one_line_is_replaced_and_every_end_stays() {
        assert_eq!(becomes("a\nb\nc\n", 2, "b", &["B"]).as_deref(), Some("a\nB\nc\n"));
        assert_eq!(becomes("a\r\nb\r\nc\r\n", 2, "b", &["B"]).as_deref(), Some("a\r\nB\r\nc\r\n"));
        assert_eq!(becomes("a\nb", 2, "b", &["B"]).as_deref(), Some("a\nB"));
        assert_eq!(becomes("a\r\nb", 2, "b", &["B", "C"]).as_deref(), Some("a\r\nB\r\nC"));
        assert_eq!(becomes("a\nb\n", 1, "a", &["a", "x"]).as_deref(), Some("a\nx\nb\n"));
        assert_eq!(becomes("", 1, "", &["x"]).as_deref(), Some("x"));
        // A line alone with a carriage return keeps it.
        assert_eq!(becomes("a\nb\r\nc\n", 2, "b", &["B"]).as_deref(), Some("a\nB\r\nc\n"));
    }

    #[test]
    fn a_line_that_is_not_what_was_seen_is_left() {
        for (line, now) in [(2, "B"), (1, "b"), (4, "x"), (0, "a"), (9, "b"), (2, "b\r")] {
            assert_eq!(becomes("a\nb\nc\n", line, now, &["new"]), None, "{line} {now}");
        }
        // What is written is lines, and no more of them than were shown.
        assert_eq!(becomes("a\nb\n", 2, "b", &["c\nd"]), None);
    }

    #[test]
    fn a_file_is_replaced_whole_with_its_mode() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join(".env");
        fs::write(&file, "PORT=3000\nX=1\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let before = fs::metadata(&file).unwrap();
        // Whoever has the old file open goes on reading the old text: it is never written to.
        let mut open = fs::File::open(&file).unwrap();
        apply(&edit(&file, 1, "PORT=3000", &["PORT=3001"])).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "PORT=3001\nX=1\n");
        let mut old = String::new();
        std::io::Read::read_to_string(&mut open, &mut old).unwrap();
        assert_eq!(old, "PORT=3000\nX=1\n");
        let after = fs::metadata(&file).unwrap();
        assert_eq!((after.mode(), after.uid(), after.gid()), (before.mode(), before.uid(), before.gid()));
        assert_ne!(after.ino(), before.ino());
        only(&folder, &[".env"]);
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_left() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join(".env");
        fs::write(&file, "# new\nPORT=3000\n").unwrap();
        let error = apply(&edit(&file, 1, "PORT=3000", &["PORT=3001"])).unwrap_err();
        assert!(matches!(error, SysError::Changed { line: 1, .. }), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "# new\nPORT=3000\n");
        only(&folder, &[".env"]);
    }

    #[test]
    fn a_link_leads_to_its_file_and_stays_a_link() {
        let folder = TempDir::new().unwrap();
        let (file, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&file, "PORT=3000").unwrap();
        symlink("real", &link).unwrap();
        apply(&edit(&link, 1, "PORT=3000", &["PORT=3001"])).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "PORT=3001");
        only(&folder, &["link", "real"]);
    }

    #[test]
    fn what_a_replacement_would_lose_is_left_alone() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("one");
        fs::write(&file, "a\n").unwrap();
        fs::hard_link(&file, folder.path().join("two")).unwrap();
        let error = apply(&edit(&file, 1, "a", &["b"])).unwrap_err();
        assert!(error.to_string().contains("another name"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "a\n");
        only(&folder, &["one", "two"]);
        let error = apply(&edit(folder.path(), 1, "", &["b"])).unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
        assert!(matches!(apply(&edit(&folder.path().join("none"), 1, "", &["b"])), Err(SysError::Read { .. })));
    }

    #[test]
    fn root_edits_a_users_file_with_that_users_rights() {
        let folder = TempDir::new().unwrap();
        let theirs = folder.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        if !portward_testkit::is_root() || lchown(&theirs, Some(NOBODY), Some(NOBODY)).is_err() {
            portward_testkit::skip("root: a folder of another user's cannot be made");
            return;
        }
        let (secret, link, own) = (folder.path().join("secret"), theirs.join("link"), theirs.join("own"));
        for file in [&secret, &own] {
            fs::write(file, "Port 22\n").unwrap();
        }
        symlink("../secret", &link).unwrap();
        lchown(&own, Some(NOBODY), Some(NOBODY)).unwrap();
        lchown(&link, Some(NOBODY), Some(NOBODY)).unwrap();
        // Readable by them, so that only the right to write it is wanting.
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(apply(&edit(&link, 1, "Port 22", &["Port 2222"])).is_err());
        assert_eq!(fs::read_to_string(&secret).unwrap(), "Port 22\n");
        apply(&edit(&own, 1, "Port 22", &["Port 2222"])).unwrap();
        assert_eq!(fs::read_to_string(&own).unwrap(), "Port 2222\n");
        let after = fs::metadata(&own).unwrap();
        assert_eq!((after.uid(), after.gid()), (NOBODY, NOBODY));
    }

    const NOBODY: u32 = 65534;
}
