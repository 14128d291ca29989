//! Folders in the state folder that programs keep their data in: made aside, and put in their place whole.
#![expect(clippy::disallowed_methods, reason = "the folder is its user's own, and nobody else can write to it: `inspect`")]

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use super::{OpenOptions, StateFolder, private_file, private_folder, reading};

impl StateFolder {
    /// A file of this folder for reading.
    pub(crate) fn open(&self, name: &str) -> io::Result<File> {
        self.expect_file(name)?;
        reading(&self.path.join(name))
    }

    /// A new file of this folder for writing, which its user alone may read; fails where one is.
    pub(crate) fn create_file(&self, name: &str) -> io::Result<File> {
        private_file(OpenOptions::new().write(true).create_new(true)).open(self.path.join(name))
    }

    /// False for a file here that another user owns, reads or writes; true where there is none.
    pub fn is_private(&self, name: &str) -> io::Result<bool> {
        self.expect_file(name)?;
        match fs::symlink_metadata(self.path.join(name)) {
            // None of the six bits of group and others.
            Ok(found) => Ok(super::mode(&found).trailing_zeros() >= 6 && super::owner(&found).is_none_or(|uid| uid == self.uid)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// What stands in a small file of this folder; `None` where there is none.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        match self.open(name) {
            Ok(file) => file.take(LONGEST).read_to_end(&mut bytes).map(|_| Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts a small file in the place of one of this name, whole or not at all, and on the disk.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.renew(name, bytes, true)
    }

    /// The same, whenever the kernel puts it on the disk: nobody waits for that.
    pub fn replace_soon(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.renew(name, bytes, false)
    }

    fn renew(&self, name: &str, bytes: &[u8], lasts: bool) -> io::Result<()> {
        self.expect_file(name)?;
        let own = format!("{name}.{}.new", std::process::id());
        self.remove(&own)?;
        let written = self.create_file(&own).and_then(|mut file| {
            file.write_all(bytes)?;
            if lasts { file.sync_all() } else { Ok(()) }
        });
        let done = written.and_then(|()| fs::rename(self.path.join(&own), self.path.join(name)));
        if done.is_err() {
            let _ = self.remove(&own);
        }
        done
    }

    /// A folder in this one, for this user alone; it is not made.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        Self { path: self.path.join(name), ..self.clone() }
    }

    /// Removes a folder in this one with all that is in it; it is no error that there is none. Where this is cut off, what is left is
    /// removed the next time: its name is given up first.
    pub fn discard(&self, name: &str) -> io::Result<()> {
        let (path, dead) = (self.path.join(name), self.path.join(format!("{name}.gone")));
        remove(&dead)?;
        match fs::rename(&path, &dead) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => remove(&dead),
        }
    }

    /// Gives a folder that is finished its name, where no other has it, and lets both last.
    pub fn place(&self, finished: &str, name: &str) -> io::Result<()> {
        if self.has_folder(name) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{name} is there already")));
        }
        File::open(self.path.join(finished))?.sync_all()?;
        fs::rename(self.path.join(finished), self.path.join(name))?;
        File::open(&self.path)?.sync_all()
    }

    /// True where there is a folder of this name, that is no link.
    pub fn has_folder(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path.join(name)).is_ok_and(|found| found.is_dir())
    }

    /// Copies a folder in this one, with all files and folders in it, and puts the copy on the disk before it has its name. Sockets,
    /// pipes and links are left out: they belong to what runs.
    pub fn copy_folder(&self, name: &str, copy: &str) -> io::Result<()> {
        let aside = format!("{copy}.new");
        remove(&self.path.join(&aside))?;
        copy_all(&self.path.join(name), &self.path.join(&aside))?;
        self.place(&aside, copy)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies a tree of files, one folder after the other.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    let mut open = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = open.pop() {
        private_folder().create(&to)?;
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
            if kind.is_dir() {
                open.push((entry.path(), to));
            } else if kind.is_file() {
                let mut file = private_file(OpenOptions::new().write(true).create_new(true)).open(&to)?;
                io::copy(&mut File::open(entry.path())?, &mut file)?;
                file.sync_all()?;
            }
        }
    }
    Ok(())
}

/// Bytes of a small file that are read.
const LONGEST: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::StateFolder;

    #[test]
    fn folders_are_copied_placed_and_discarded_whole() {
        let directory = tempfile::tempdir().unwrap();
        let uid = rustix::process::getuid().as_raw();
        let state = StateFolder::at(directory.path().join("site"), uid);
        state.below("data/deep").prepare().unwrap();
        fs::write(state.path.join("data/deep/a"), "1").unwrap();
        symlink("/etc/passwd", state.path.join("data/link")).unwrap();
        state.copy_folder("data", "saved").unwrap();
        assert_eq!(fs::read(state.path.join("saved/deep/a")).unwrap(), b"1");
        assert!(!state.path.join("saved/link").exists());
        assert!(state.copy_folder("data", "saved").is_err(), "what is there stays");
        assert!(state.has_folder("saved") && !state.has_folder("data/link"));
        state.discard("data").unwrap();
        state.discard("data").unwrap();
        assert!(!state.has_folder("data"));
        state.place("saved", "data").unwrap();
        assert_eq!(fs::read(state.path.join("data/deep/a")).unwrap(), b"1");
    }

    #[test]
    fn a_small_file_is_replaced_whole() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateFolder::at(directory.path().join("site"), rustix::process::getuid().as_raw());
        state.prepare().unwrap();
        assert_eq!(state.read("record").unwrap(), None);
        for text in ["1", "2"] {
            state.replace("record", text.as_bytes()).unwrap();
            assert_eq!(state.read("record").unwrap().as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(state.names("", ""), ["record"], "nothing else stays");
        symlink(directory.path().join("theirs"), state.path.join("link")).unwrap();
        assert!(state.replace("link", b"x").is_err() && state.read("link").is_err());
    }

    #[test]
    fn a_discarding_that_was_cut_off_is_ended_the_next_time() {
        let directory = tempfile::tempdir().unwrap();
        let uid = rustix::process::getuid().as_raw();
        let state = StateFolder::at(directory.path().join("site"), uid);
        state.below("data.gone").prepare().unwrap();
        fs::write(state.path.join("data.gone/a"), "1").unwrap();
        state.below("data").prepare().unwrap();
        state.discard("data").unwrap();
        assert!(!state.has_folder("data") && !state.has_folder("data.gone"));
    }
}
