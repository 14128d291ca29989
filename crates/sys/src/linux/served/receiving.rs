//! A file that comes from outside: there whole under its name, or not at all.

use std::{
    ffi::{CStr, CString},
    fs::File,
    io,
};

use rustix::{
    fd::AsRawFd,
    fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, openat, renameat, renameat_with, unlinkat},
    io::Errno,
    rand::{GetRandomFlags, getrandom},
};

use super::{Met, Served, Sort, plain_name};

/// A file that is being received, without a name as far as the file system lets it. What is dropped before [`Receiving::keep`] leaves
/// nothing.
pub struct Receiving {
    folder: File,
    /// What is written to.
    pub file: File,
    name: CString,
    /// The name that it has meanwhile, on a file system that has no files without one.
    part: Option<CString>,
}

impl Served {
    /// Begins to receive a file into a folder.
    ///
    /// # Errors
    /// `InvalidInput` for what is no name of a file, and what the system says.
    pub fn receive(&self, folder: &Met, name: &[u8]) -> io::Result<Receiving> {
        let name = plain_name(name).ok_or(io::ErrorKind::InvalidInput)?;
        if folder.facts.sort != Sort::Folder {
            return Err(Errno::NOTDIR.into());
        }
        let opened = folder.open().map_err(|_| Errno::ACCESS)?;
        let mode = Mode::from_raw_mode(0o666);
        let unnamed = openat(&opened, c".", OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, mode);
        let (file, part) = match unnamed {
            Ok(file) => (file, None),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT) => {
                let part = beside();
                let making = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                (openat(&opened, &part, making, mode)?, Some(part))
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Receiving { folder: opened, file: File::from(file), name, part })
    }
}

impl Receiving {
    /// Gives it its name. True where that took the place of another file.
    ///
    /// # Errors
    /// `AlreadyExists` where something has the name and is not to be replaced.
    pub fn keep(mut self, replace: bool) -> io::Result<bool> {
        self.file.sync_data()?;
        let (folder, name) = (&self.folder, &self.name);
        let placed = match &self.part {
            Some(part) => renameat_with(folder, part, folder, name, RenameFlags::NOREPLACE),
            None => self.link(name),
        };
        let replaced = match placed {
            Ok(()) => false,
            Err(Errno::EXIST) if replace => {
                let part = if let Some(part) = self.part.take() {
                    part
                } else {
                    let part = beside();
                    self.link(&part)?;
                    part
                };
                let moved = renameat(&self.folder, &part, &self.folder, &self.name);
                if moved.is_err() {
                    self.part = Some(part);
                }
                moved?;
                true
            }
            Err(error) => return Err(error.into()),
        };
        self.part = None;
        Ok(replaced)
    }

    fn link(&self, name: &CStr) -> Result<(), Errno> {
        let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        linkat(CWD, own, &self.folder, name, AtFlags::SYMLINK_FOLLOW)
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            let _ = unlinkat(&self.folder, part, AtFlags::empty());
        }
    }
}

/// A name that nothing else has.
fn beside() -> CString {
    let mut random = [0_u8; 8];
    let _ = getrandom(&mut random, GetRandomFlags::empty());
    CString::new(format!(".portward-{:016x}", u64::from_ne_bytes(random))).unwrap_or_default()
}
