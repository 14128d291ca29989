//! Files of the state folder that programs write into for as long as they run, and small ones that are replaced whole.
//!
//! A program has its log open for appending, and keeps it: what is rolled is copied away and cut, so that it goes on at the beginning.
#![expect(clippy::disallowed_methods, reason = "the folder is its user's own, and nobody else can write to it: `inspect`")]

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom},
};

use super::{FileMark, OpenOptions, StateFolder, private_file, reading};

impl StateFolder {
    /// Bytes of a file here from an offset on, at most so many.
    pub fn read_from(&self, name: &str, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        self.expect_file(name)?;
        let mut file = reading(&self.path.join(name))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(u64::try_from(most).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A file here as it is now; `None` where there is none.
    pub fn mark(&self, name: &str) -> Option<FileMark> {
        FileMark::of(&self.path.join(name))
    }

    /// Copies a log to `NAME.1`, the older ones one number further up to `kept`, and cuts it. What a program writes between the last
    /// look and the cut, some microseconds, is lost.
    pub fn roll(&self, name: &str, kept: usize) -> io::Result<()> {
        self.expect_file(name)?;
        let path = |number: usize| self.path.join(format!("{name}.{number}"));
        let own = self.path.join(format!("{name}.{}.new", std::process::id()));
        let mut from = reading(&self.path.join(name))?;
        let mut to = private_file(OpenOptions::new().write(true).create(true).truncate(true)).open(&own)?;
        let copied = io::copy(&mut from, &mut to);
        if copied.is_err() {
            let _ = fs::remove_file(&own);
            copied?;
        }
        for number in (1..kept).rev() {
            match fs::rename(path(number), path(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let log = private_file(OpenOptions::new().write(true)).open(self.path.join(name))?;
        // What came while the others were moved.
        io::copy(&mut from, &mut to)?;
        log.set_len(0)?;
        fs::rename(&own, path(1))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::StateFolder;

    fn folder() -> (tempfile::TempDir, StateFolder) {
        let directory = tempfile::tempdir().unwrap();
        let uid = super::super::owner_of(directory.path()).unwrap();
        let state = StateFolder::at(directory.path().join("portward"), uid);
        state.prepare().unwrap();
        (directory, state)
    }

    #[test]
    fn a_log_goes_on_at_its_beginning_when_it_is_rolled() {
        let (_directory, state) = folder();
        let mut log = state.append("web.log", u64::MAX).unwrap();
        for round in ["one\n", "two\n", "three\n", "four\n"] {
            log.write_all(round.as_bytes()).unwrap();
            state.roll("web.log", 2).unwrap();
        }
        log.write_all(b"five\n").unwrap();
        let text = |name: &str| fs::read_to_string(state.path.join(name)).unwrap_or_default();
        assert_eq!(["web.log", "web.log.1", "web.log.2", "web.log.3"].map(text), ["five\n", "four\n", "three\n", ""]);
        assert_eq!(state.read_from("web.log", 2, 2).unwrap(), b"ve");
        assert_eq!(state.read_from("web.log", 200, 2).unwrap(), b"");
    }

    #[test]
    fn a_small_file_is_replaced_whole() {
        let (directory, state) = folder();
        state.replace("keeper.json", b"1").unwrap();
        state.replace("keeper.json", b"2").unwrap();
        assert_eq!(state.read_from("keeper.json", 0, 10).unwrap(), b"2");
        assert_eq!(state.names("keeper", "").len(), 1, "nothing else stays");
        std::os::unix::fs::symlink(directory.path().join("theirs"), state.path.join("link")).unwrap();
        assert!(state.replace("link", b"x").is_err() && state.roll("link", 1).is_err() && state.read_from("link", 0, 1).is_err());
    }
}
