//! Where services write: one file each in the state folder, rolled when it is long, and read by whoever wants to.

use std::os::fd::OwnedFd;

use portward_model::Text;
use portward_sys::{FileMark, StateFolder};

/// The log of a service.
#[derive(Clone, Debug)]
pub struct Log {
    folder: StateFolder,
    name: String,
}

impl Log {
    /// The log of this service of a project, by that one's number.
    pub fn of(folder: &StateFolder, project: i64, service: &str) -> Self {
        Self { folder: folder.clone(), name: format!("log-{project}-{}.log", plain(service)) }
    }

    /// The services of a project that have logs, by their names.
    pub fn all(folder: &StateFolder, project: i64) -> Vec<String> {
        let (begin, end) = (format!("log-{project}-"), ".log");
        let names = folder.names(&begin, end);
        let mut names: Vec<String> =
            names.iter().filter_map(|name| Some(spelt(name.strip_prefix(&begin)?.strip_suffix(end)?))).collect();
        names.sort();
        names
    }

    /// Where what its readiness is asked by writes.
    pub(super) fn of_questions(folder: &StateFolder, project: i64, service: &str) -> Self {
        Self { folder: folder.clone(), name: format!("log-{project}-{}.ready", plain(service)) }
    }

    /// Opens one of which the last lines alone are wanted; gives where they will begin.
    pub(super) fn begin_anew(&self) -> std::io::Result<(OwnedFd, u64)> {
        let file = self.folder.append(&self.name, LONGEST_OF_QUESTIONS)?;
        Ok((file.into(), self.length()))
    }

    /// Where it is.
    pub fn path(&self) -> std::path::PathBuf {
        self.folder.file(&self.name)
    }

    /// Opens it for a program to write to, with a line of its own before that.
    pub(super) fn open(&self, line: &str) -> std::io::Result<(OwnedFd, u64)> {
        use std::io::Write;
        let length = self.length();
        let mut log = self.folder.append(&self.name, u64::MAX)?;
        writeln!(log, "{line}")?;
        Ok((log.into(), length))
    }

    /// Bytes in it.
    pub fn length(&self) -> u64 {
        self.folder.mark(&self.name).map_or(0, |mark| mark.size)
    }

    /// Rolls it where it is long.
    pub(super) fn roll(&self) {
        if self.length() > LONGEST {
            // Where the disk is full the log goes on to grow; the next look tries again.
            let _ = self.folder.roll(&self.name, KEPT);
        }
    }

    /// True where a line holds this text from a place on.
    pub(super) fn holds(&self, from: &mut u64, text: &str) -> bool {
        if self.length() < *from {
            *from = 0;
        }
        let Ok(bytes) = self.folder.read_from(&self.name, *from, PART) else { return false };
        let found = bytes.windows(text.len().max(1)).any(|window| window == text.as_bytes());
        // A line that has not come to its end is looked at again.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let whole = if whole == 0 && bytes.len() >= PART { bytes.len() } else { whole };
        *from += u64::try_from(whole).unwrap_or(0);
        found
    }

    /// The last lines, from a place on where one is named; at most so many.
    pub fn last(&self, lines: usize, from: Option<u64>) -> Vec<Text> {
        let length = self.length();
        let from = from.filter(|from| *from <= length).unwrap_or(0);
        let mut start = length.saturating_sub(u64::try_from(lines.saturating_mul(USUAL_LINE)).unwrap_or(u64::MAX)).max(from);
        loop {
            let bytes =
                self.folder.read_from(&self.name, start, usize::try_from(length - start).unwrap_or(0)).unwrap_or_default();
            let mut found: Vec<Text> = bytes.split(|byte| *byte == b'\n').map(Text::new).collect();
            if found.last().is_some_and(Text::is_empty) {
                found.pop();
            }
            // The first one may be the end of a longer one.
            let is_whole = start == from;
            let enough = found.len() > lines;
            if enough || is_whole || length - start > MOST_LOOKED_AT {
                let skip = found.len().saturating_sub(lines);
                found.drain(..skip);
                return found;
            }
            start = start.saturating_sub((length - start).max(1024)).max(from);
        }
    }

    /// Follows it from here on.
    pub fn follow(&self) -> Tail {
        self.follow_from(self.length())
    }

    /// Follows it from a place on.
    pub fn follow_from(&self, at: u64) -> Tail {
        Tail { log: self.clone(), at, rolled: self.rolled(), rest: Vec::new() }
    }

    /// The file that it was rolled to last.
    fn rolled(&self) -> Option<(u64, u64)> {
        self.folder.mark(&format!("{}.1", self.name)).map(|mark: FileMark| mark.identity)
    }
}

/// Somebody who reads a log as it grows.
#[derive(Clone, Debug)]
pub struct Tail {
    log: Log,
    at: u64,
    rolled: Option<(u64, u64)>,
    /// The beginning of a line that has not come to its end.
    rest: Vec<u8>,
}

impl Tail {
    /// Lines that came since the last time. A line without an end is one once it is long.
    pub fn read(&mut self) -> Vec<Text> {
        let rolled = self.log.rolled();
        if rolled != self.rolled {
            // What was written before is in the file that it was copied to.
            self.rolled = rolled;
            let older = self.log.folder.read_from(&format!("{}.1", self.log.name), self.at, PART).unwrap_or_default();
            self.rest.extend(older);
            self.at = 0;
        } else if self.log.length() < self.at {
            self.at = 0;
        }
        let bytes = self.log.folder.read_from(&self.log.name, self.at, PART).unwrap_or_default();
        self.at += u64::try_from(bytes.len()).unwrap_or(0);
        self.rest.extend(bytes);
        let mut lines = Vec::new();
        let mut begin = 0;
        while let Some(length) = self.rest.get(begin..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n')) {
            lines.push(Text::new(self.rest.get(begin..begin + length).unwrap_or_default()));
            begin += length + 1;
        }
        self.rest.drain(..begin);
        if self.rest.len() > LONGEST_LINE {
            lines.push(Text::new(std::mem::take(&mut self.rest)));
        }
        lines
    }

    /// What is left of a line that never came to its end.
    pub fn rest(&mut self) -> Option<Text> {
        Some(std::mem::take(&mut self.rest)).filter(|rest| !rest.is_empty()).map(Text::new)
    }
}

/// A name as one of a file: what a file's name cannot hold is a percent sign and its number. No two services have one.
fn plain(service: &str) -> String {
    let mut name = String::new();
    for byte in service.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            byte => name.extend(["%".to_owned(), format!("{byte:02x}")]),
        }
    }
    name.truncate(LONGEST_NAME);
    name
}

/// The name that a file's name stands for.
fn spelt(plain: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = plain.as_bytes();
    while let [first, after @ ..] = rest {
        let number = || u8::from_str_radix(std::str::from_utf8(after.get(..2)?).ok()?, 16).ok();
        match (first, number()) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A log is rolled beyond so many bytes.
const LONGEST: u64 = 8 << 20;
/// One of questions begins anew beyond so many bytes.
const LONGEST_OF_QUESTIONS: u64 = 64 * 1024;
/// Logs of a service that are kept beside the one that is written to.
const KEPT: usize = 3;
/// Bytes that are read at once.
const PART: usize = 1 << 20;
/// Bytes of a line that is shown although its end has not come.
const LONGEST_LINE: usize = 64 * 1024;
/// Bytes of a line, for a first guess where the last ones begin.
const USUAL_LINE: usize = 160;
/// Bytes from the end that are looked through for the last lines.
const MOST_LOOKED_AT: u64 = 8 << 20;
/// Bytes of a service's name in that of a file.
const LONGEST_NAME: usize = 150;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use portward_sys::{StateFolder, this_caller};

    use super::{Log, plain, spelt};

    fn log() -> (tempfile::TempDir, StateFolder, Log) {
        let directory = tempfile::tempdir().unwrap();
        let folder = StateFolder::at(directory.path().join("portward"), this_caller().uid);
        folder.prepare().unwrap();
        let log = Log::of(&folder, 7, "web");
        (directory, folder, log)
    }

    fn shown(lines: &[portward_model::Text]) -> Vec<String> {
        lines.iter().map(portward_model::Text::shown).collect()
    }

    #[test]
    fn the_last_lines_are_found_however_long_they_are() {
        let (_directory, folder, log) = log();
        assert!(log.last(5, None).is_empty());
        let mut file = folder.append("log-7-web.log", u64::MAX).unwrap();
        for number in 0..500 {
            writeln!(file, "{number} {}", "x".repeat(number)).unwrap();
        }
        let last = shown(&log.last(3, None));
        assert_eq!(last.iter().map(|line| line.split(' ').next().unwrap()).collect::<Vec<_>>(), ["497", "498", "499"]);
        let from = log.length();
        write!(file, "a\nb").unwrap();
        assert_eq!(shown(&log.last(10, Some(from))), ["a", "b"]);
        assert_eq!(log.last(1000, None).len(), 502);
    }

    #[test]
    fn nothing_is_lost_where_a_log_is_rolled() {
        let (_directory, folder, log) = log();
        let mut file = folder.append("log-7-web.log", u64::MAX).unwrap();
        let mut tail = log.follow();
        writeln!(file, "one").unwrap();
        assert_eq!(shown(&tail.read()), ["one"]);
        write!(file, "two\nthr").unwrap();
        folder.roll("log-7-web.log", 2).unwrap();
        writeln!(file, "ee\nfour, which is longer than all that was there before").unwrap();
        assert_eq!(shown(&tail.read()), ["two", "three", "four, which is longer than all that was there before"]);
        write!(file, "no end").unwrap();
        assert!(tail.read().is_empty());
        assert_eq!(tail.rest().unwrap().shown(), "no end");
    }

    #[test]
    fn a_text_is_found_once_its_line_is_there() {
        let (_directory, folder, log) = log();
        let mut file = folder.append("log-7-web.log", u64::MAX).unwrap();
        let mut from = 0;
        write!(file, "not yet\nready to acc").unwrap();
        assert!(!log.holds(&mut from, "ready to accept"));
        writeln!(file, "ept connections").unwrap();
        assert!(log.holds(&mut from, "ready to accept"));
    }

    #[test]
    fn names_of_files() {
        assert_eq!(plain("web"), "web");
        assert_eq!(plain("dev:css/a b.é"), "dev%3acss%2fa%20b%2e%c3%a9");
        for name in ["web", "dev:css/a b.é", "100%", "%"] {
            assert_eq!(spelt(&plain(name)), name);
        }
    }
}
