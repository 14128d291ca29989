//! Where sessions are measured: projects, home and state folders of the benchmark's own, and programs started there.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use tempfile::TempDir;

use crate::{
    command,
    failure::{Failure, on_path},
    places,
};

/// A home with projects in it; removed with all of it when dropped.
pub(in crate::bench) struct Room {
    home: TempDir,
}

/// Whether a program runs in its project's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bench) enum Side {
    Outside,
    Inside,
}

impl Room {
    pub(in crate::bench) fn new() -> Result<Self, Failure> {
        let home =
            tempfile::tempdir().map_err(|error| Failure::new(format!("A temporary folder could not be made: {error}.")))?;
        Ok(Self { home })
    }

    /// A project's folder, made where it is not there yet.
    pub(in crate::bench) fn project(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.home.path().join(name);
        places::write(&folder.join("package.json"), "{}\n")?;
        Ok(folder)
    }

    /// A program in a project, with nothing of the environment of whoever measures.
    pub(in crate::bench) fn program(&self, project: &Path, words: &[&str]) -> Command {
        let mut task = Command::new(words.first().copied().unwrap_or_default());
        let path = std::env::var_os("PATH").unwrap_or_default();
        task.args(words.iter().skip(1)).current_dir(project).env_clear().env("PATH", path).env("LC_ALL", "C.UTF-8");
        task.env("HOME", self.home.path()).env("XDG_STATE_HOME", self.home.path().join("state"));
        task
    }

    /// The same program, on one side or the other.
    pub(in crate::bench) fn on(&self, side: Side, project: &Path, words: &[&str]) -> Command {
        match side {
            Side::Outside => self.program(project, words),
            Side::Inside => {
                let portward = places::release_binary();
                let front = [&*portward.to_string_lossy(), "run", "--"].map(str::to_owned);
                let words: Vec<&str> = front.iter().map(String::as_str).chain(words.iter().copied()).collect();
                self.program(project, &words)
            }
        }
    }
}

/// A server that is ended and waited for when dropped.
pub(in crate::bench) struct Server {
    child: Child,
    /// What it says; less than a pipe holds.
    out: Option<BufReader<Box<dyn Read>>>,
}

/// The stream on which a server says that it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bench) enum Stream {
    Output,
    Errors,
}

impl Server {
    /// Starts a server, to be told on this stream when it is ready.
    pub(in crate::bench) fn start(mut task: Command, stream: Stream) -> Result<Self, Failure> {
        let name = command::told(&task);
        task.stdin(Stdio::piped());
        if stream == Stream::Output {
            task.stdout(Stdio::piped()).stderr(Stdio::null());
        } else {
            task.stdout(Stdio::null()).stderr(Stdio::piped());
        }
        let mut child = task.spawn().map_err(|error| Failure::new(format!("`{name}` could not be started: {error}.")))?;
        let (out, errors) = (child.stdout.take(), child.stderr.take());
        let out: Option<Box<dyn Read>> =
            out.map(|out| Box::new(out) as Box<dyn Read>).or(errors.map(|errors| Box::new(errors) as Box<dyn Read>));
        Ok(Self { child, out: out.map(BufReader::new) })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line with these words, which it waits for.
    pub(in crate::bench) fn line(&mut self, words: &str) -> Result<String, Failure> {
        let mut line = String::new();
        let mut last = String::new();
        if let Some(out) = &mut self.out {
            while out.read_line(&mut line).is_ok_and(|length| length > 0) {
                if line.contains(words) {
                    return Ok(line);
                }
                last = std::mem::take(&mut line);
            }
        }
        Err(Failure::new(format!("A server ended before it said `{words}`; its last line was `{}`.", last.trim())))
    }

    /// Ends its standard input, which ends servers of the benchmark, and waits.
    pub(in crate::bench) fn end(&mut self) -> Option<ExitStatus> {
        drop(self.child.stdin.take());
        self.child.wait().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has been waited for is not signalled: its number may be another's by now.
        if let (Ok(None), Ok(number)) = (self.child.try_wait(), i32::try_from(self.child.id()))
            && let Some(pid) = rustix::process::Pid::from_raw(number)
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

/// What a process occupies, in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Memory {
    /// Resident, shared pages too.
    pub(super) resident: f64,
    /// Resident, shared pages by parts.
    pub(super) shared_out: f64,
    /// Pages that no other process has.
    pub(super) private: f64,
}

impl Memory {
    pub(super) fn of(pid: u32) -> Result<Self, Failure> {
        Ok(Self::read(&places::read(Path::new(&format!("/proc/{pid}/smaps_rollup")))?))
    }

    /// Reads `smaps_rollup`, proc(5).
    pub(super) fn read(rollup: &str) -> Self {
        let field = |name: &str| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()).unwrap_or(0.0)
        };
        Self {
            resident: field("Rss"),
            shared_out: field("Pss"),
            private: field("Private_Clean") + field("Private_Dirty") + field("Private_Hugetlb"),
        }
    }
}

/// The children of a process.
pub(super) fn children(pid: u32) -> Result<Vec<u32>, Failure> {
    let folder = PathBuf::from("/proc");
    let entries = fs::read_dir(&folder).map_err(|error| on_path("read", &folder, &error))?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    Ok(pids.filter(|child| parent(&fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default()) == Some(pid)).collect())
}

/// The fourth field of `stat`, proc(5); the second may hold anything, brackets and blanks too.
fn parent(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Memory, parent};

    #[test]
    fn memory_is_read() {
        let rollup = "55d0-7ffe ---p 00000000 00:00 0    [rollup]\nRss:    5120 kB\nPss:   1800 kB\nPss_Dirty: 900 kB\n\
                      Private_Clean:  100 kB\nPrivate_Dirty:  900 kB\n";
        assert_eq!(Memory::read(rollup), Memory { resident: 5120.0, shared_out: 1800.0, private: 1000.0 });
        assert_eq!(Memory::read("noise"), Memory::default());
    }

    #[test]
    fn a_parent_is_read_behind_any_name() {
        assert_eq!(parent("812 (a) S 7 (b) S 811 812 3"), Some(811));
        assert_eq!(parent(""), None);
    }
}
