//! Programs that are run to their end for what they do: the makers of a database's files, its dumps.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::io::Errno;

use super::programs;
use crate::{End, StateFolder, SysError};

/// A program that is run to its end.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// Its path or name, and its arguments.
    pub words: &'a [String],
    /// What it finds in its environment besides this process's own.
    pub environment: &'a [(String, String)],
    /// What it reads.
    pub input: Reads<'a>,
    /// The new file that it writes to; this process's own standard output where there is none.
    pub output: Option<Kept<'a>>,
}

/// A program that is asked something, with all that it finds.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its path, and its arguments.
    pub words: &'a [String],
    /// The whole of its environment.
    pub environment: &'a [(OsString, OsString)],
    /// The folder that it stands in.
    pub folder: &'a Path,
}

/// What a program answered.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// It ended with 0, within its time.
    pub succeeded: bool,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
}

/// What a program reads from standard input.
#[derive(Clone, Copy, Debug)]
pub enum Reads<'a> {
    /// Nothing.
    Nothing,
    /// This text.
    Text(&'a str),
    /// This file.
    File(Kept<'a>),
}

/// A file by its name in a folder.
pub type Kept<'a> = (&'a StateFolder, &'a str);

/// Runs it to its end.
///
/// # Errors
/// Where it cannot be started, or its files cannot be opened.
pub fn finish(work: &Work<'_>) -> Result<End, SysError> {
    if work.words.is_empty() {
        return Ok(End::Code(0));
    }
    let mut command = command(work);
    match work.input {
        Reads::Nothing => command.stdin(Stdio::null()),
        Reads::Text(_) => command.stdin(Stdio::piped()),
        Reads::File(kept @ (folder, name)) => {
            command.stdin(folder.open(name).map_err(|source| SysError::Read { path: shown(kept), source })?)
        }
    };
    if let Some(kept @ (folder, name)) = work.output {
        let file = folder.create_file(name);
        command.stdout(file.map_err(|source| SysError::Write { path: shown(kept), operation: "written", source })?);
    }
    let mut child = command.spawn().map_err(|source| not_run(work, source))?;
    if let (Reads::Text(text), Some(mut input)) = (work.input, child.stdin.take()) {
        // One that does not read to its end says in its own words why.
        let _ = input.write_all(text.as_bytes());
    }
    let status = child.wait().map_err(|source| not_run(work, source))?;
    Ok(status.signal().map_or_else(|| End::Code(status.code().unwrap_or(0)), End::Signal))
}

/// Runs two programs at once until the first has ended; what the first prints goes nowhere. What the second prints goes to this process's
/// standard output, but for so many bytes at its beginning; it has so long to end by itself then, and is killed. Answers how many bytes
/// it printed, and whether it was killed.
///
/// # Errors
/// Where one of them cannot be started.
pub fn finish_beside(first: &Work<'_>, second: &Work<'_>, skipped: u64, grace: Duration) -> Result<(u64, bool), SysError> {
    let (mut beside, shown) = shows(second, skipped).map_err(|source| not_run(second, source))?;
    let ended = command(first).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_late = ended.is_err() || !programs::wait(&beside, Instant::now() + grace);
    if is_late {
        // It fails only when the program has ended since.
        let _ = beside.kill();
    }
    beside.wait().map_err(|source| not_run(second, source))?;
    ended.map_err(|source| not_run(first, source))?;
    Ok((shown.settle(), is_late))
}

/// Runs a program to its end and shows what it prints, but for so many bytes at its beginning. Answers how many bytes it printed.
///
/// # Errors
/// Where it cannot be started.
pub fn show_from(work: &Work<'_>, skipped: u64) -> Result<u64, SysError> {
    let (mut child, shown) = shows(work, skipped).map_err(|source| not_run(work, source))?;
    child.wait().map_err(|source| not_run(work, source))?;
    Ok(shown.settle())
}

/// What a program prints, on its way to this process's standard output.
struct Shown {
    copying: JoinHandle<()>,
    /// How many bytes came, and that none is shown any more.
    count: Arc<Mutex<(u64, bool)>>,
}

impl Shown {
    /// Waits for the last bytes of a program that has ended. What it has left running may hold its output open, and is not waited for.
    fn settle(self) -> u64 {
        let end = Instant::now() + LAST_BYTES;
        while !self.copying.is_finished() && Instant::now() < end {
            std::thread::sleep(BETWEEN);
        }
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.1 = true;
        count.0
    }
}

/// Starts a program and a thread that shows what it prints to either stream, but for so many bytes at the beginning.
fn shows(work: &Work<'_>, skipped: u64) -> io::Result<(Child, Shown)> {
    let (mut reader, writer) = io::pipe()?;
    let child = command(work).stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).spawn()?;
    let count = Arc::new(Mutex::new((0, false)));
    let own = Arc::clone(&count);
    let copying = std::thread::spawn(move || {
        let mut bytes = [0; 16 * 1024];
        while let Ok(length) = reader.read(&mut bytes) {
            let mut count = own.lock().unwrap_or_else(PoisonError::into_inner);
            if length == 0 || count.1 {
                return;
            }
            let known = usize::try_from(skipped.saturating_sub(count.0)).unwrap_or(usize::MAX).min(length);
            count.0 += length as u64;
            pass_on(bytes.get(known..length).unwrap_or_default());
        }
    });
    Ok((child, Shown { copying, count }))
}

/// Writes to this process's standard output, as the program itself would. Nobody may read there any more.
fn pass_on(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

fn not_run(work: &Work<'_>, source: io::Error) -> SysError {
    SysError::Start { program: work.words.first().cloned().unwrap_or_default(), source }
}

fn command(work: &Work<'_>) -> Command {
    let [name, arguments @ ..] = work.words else { return Command::new("") };
    let mut command = Command::new(name);
    command.args(arguments).envs(work.environment.iter().map(|(name, value)| (name, value)));
    command
}

/// The program of this name: in the folders of `PATH`, or in one of these, in which a star stands for any part of a name. Of several
/// the last in the order of their numbers.
pub fn program(name: &str, folders: &[&str]) -> Option<PathBuf> {
    programs::find(name).or_else(|| {
        let mut found: Vec<PathBuf> =
            folders.iter().flat_map(|folder| matching(folder)).map(|folder| folder.join(name)).collect();
        found.retain(|path| programs::is_trusted(path));
        found.sort_by_key(|path| numbers(path));
        found.pop()
    })
}

/// A new password: letters and digits, with 120 bits that nobody can guess (`getrandom(2)`).
///
/// # Errors
/// Where the kernel gives none.
pub fn password() -> io::Result<String> {
    let mut random = [0_u8; 24];
    let got = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    if got < random.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // Five bits each: no letter is more likely than another.
    Ok(random.iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect())
}

/// What a program prints for these arguments, within some seconds.
pub fn said(program: &Path, arguments: &[&str]) -> Option<String> {
    let answer = programs::run(program, arguments, PATIENCE)?;
    Some(String::from_utf8_lossy(if answer.stdout.is_empty() { &answer.stderr } else { &answer.stdout }).into_owned())
}

/// Asks a program, and waits for its answer for so long; it is killed then.
///
/// # Errors
/// Where it cannot be started.
pub fn ask(asked: &Asked<'_>, patience: Duration) -> Result<Heard, SysError> {
    let [name, arguments @ ..] = asked.words else { return Ok(Heard::default()) };
    let mut command = Command::new(name);
    command.args(arguments).env_clear().envs(asked.environment.iter().map(|(name, value)| (name, value)));
    command.current_dir(asked.folder);
    let answer = programs::take(command, "", patience);
    let answer = answer.map_err(|source| SysError::Start { program: name.clone(), source })?;
    Ok(Heard { succeeded: answer.succeeded, stdout: answer.stdout, stderr: answer.stderr })
}

/// Folders that a path with stars means.
fn matching(pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/")];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = match part.split_once('*') {
            None => found.into_iter().map(|path| path.join(part)).collect(),
            Some((begin, end)) => found.iter().flat_map(|path| entries(path, begin, end)).collect(),
        };
    }
    found
}

#[expect(clippy::disallowed_methods, reason = "programs in it are judged before one is run: `is_trusted`")]
fn entries(folder: &Path, begin: &str, end: &str) -> Vec<PathBuf> {
    let fits = |name: &str| name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end);
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_str().is_some_and(fits)).map(|entry| entry.path()).collect()
}

/// The numbers in a path, so that 15 comes after 9.
fn numbers(path: &Path) -> Vec<u64> {
    let text = path.to_string_lossy();
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

fn shown((folder, name): Kept<'_>) -> String {
    folder.path.join(name).display().to_string()
}

/// Of a password; without those that look alike.
const LETTERS: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345678";
/// How long the last bytes of a program that has ended may take.
const LAST_BYTES: Duration = Duration::from_secs(2);
/// Between two looks whether they came.
const BETWEEN: Duration = Duration::from_millis(2);
/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::{
        path::{Path, PathBuf},
        time::Duration,
    };

    use super::{Asked, PATIENCE, Reads, Work, ask, finish, finish_beside, matching, numbers, program, said};
    use crate::{End, StateFolder};

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn what_a_program_reads_and_writes() {
        let directory = tempfile::tempdir().unwrap();
        let folder = StateFolder::at(directory.path().join("kept"), rustix::process::getuid().as_raw());
        folder.prepare().unwrap();
        let cat = words(&["cat"]);
        let work = Work { words: &cat, environment: &[], input: Reads::Text("a\nb"), output: Some((&folder, "one")) };
        assert_eq!(finish(&work).unwrap(), End::Code(0));
        let work = Work { input: Reads::File((&folder, "one")), output: Some((&folder, "two")), ..work };
        assert_eq!(finish(&work).unwrap(), End::Code(0));
        assert_eq!(std::fs::read(folder.path.join("two")).unwrap(), b"a\nb");
        assert!(finish(&work).is_err(), "what is there stays");
    }

    #[test]
    fn how_a_program_ends_and_that_there_is_none() {
        let environment = [("CODE".to_owned(), "7".to_owned())];
        let line = words(&["sh", "-c", "exit $CODE"]);
        let work = Work { words: &line, environment: &environment, input: Reads::Nothing, output: None };
        assert_eq!(finish(&work).unwrap(), End::Code(7));
        let none = words(&["no-such-program-here"]);
        let error = finish(&Work { words: &none, ..work }).unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"), "{error}");
        // A text that nobody reads.
        let work = Work { words: &words(&["true"]), environment: &[], input: Reads::Text(&"x".repeat(1 << 20)), output: None };
        assert_eq!(finish(&work).unwrap(), End::Code(0));
    }

    #[test]
    fn programs_are_found_in_path_and_in_folders_with_stars() {
        assert!(program("sh", &[]).is_some());
        assert_eq!(program("no-such-program-here", &["/usr/*/bin", "/none/*"]), None);
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_str().unwrap();
        for name in ["v9", "v15", "w"] {
            std::fs::create_dir_all(directory.path().join(name).join("bin")).unwrap();
        }
        let mut found = matching(&format!("{root}/v*/bin"));
        found.sort_by_key(|path| numbers(path));
        assert_eq!(found, ["v9/bin", "v15/bin"].map(|name| directory.path().join(name)));
        assert_eq!(matching("/"), [PathBuf::from("/")]);
    }

    #[test]
    fn passwords_are_long_and_new() {
        let (one, other) = (super::password().unwrap(), super::password().unwrap());
        assert!(one.len() == 24 && one != other && one.chars().all(|c| c.is_ascii_alphanumeric()), "{one} {other}");
    }

    #[test]
    fn a_program_is_asked_with_what_it_is_given_and_no_more() {
        let environment = [("ONE".into(), "1".into())];
        let line = words(&["/bin/sh", "-c", "echo $ONE$HOME in $PWD; echo no >&2; exit 3"]);
        let heard = ask(&Asked { words: &line, environment: &environment, folder: Path::new("/") }, PATIENCE).unwrap();
        assert_eq!((heard.succeeded, &heard.stdout[..], &heard.stderr[..]), (false, &b"1 in /\n"[..], &b"no\n"[..]));
        let none = words(&["/no/such/program"]);
        assert!(ask(&Asked { words: &none, environment: &[], folder: Path::new("/") }, PATIENCE).is_err());
    }

    #[test]
    fn a_program_beside_another_ends_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("said").to_str().unwrap().to_owned();
        let work = |line: &str| words(&["sh", "-c", line, "sh", &path]);
        let (first, short, long) = (work("sleep 0.1"), work("echo shown > \"$1\""), work("exec sleep 1000"));
        let of = |words| Work { words, environment: &[], input: Reads::Nothing, output: None };
        assert_eq!(finish_beside(&of(&first), &of(&short), 0, PATIENCE).unwrap(), (0, false));
        assert_eq!(std::fs::read(&path).unwrap(), b"shown\n");
        assert_eq!(finish_beside(&of(&first), &of(&long), 0, Duration::ZERO).unwrap(), (0, true));
        // What it has left behind holds its output open, and keeps nobody.
        let (said, forks) = (work("echo said; echo more >&2; exec sleep 1000"), work("echo left; sleep 4 & exit"));
        assert_eq!(finish_beside(&of(&first), &of(&said), 3, Duration::ZERO).unwrap(), (10, true));
        assert_eq!(finish_beside(&of(&first), &of(&forks), 0, PATIENCE).unwrap(), (5, false));
        assert!(finish_beside(&of(&words(&["no-such-program-here"])), &of(&long), 0, PATIENCE).is_err());
    }

    #[test]
    fn what_a_program_says() {
        assert!(said(&program("sh", &[]).unwrap(), &["-c", "echo 1.2 >&2"]).unwrap().contains("1.2"));
    }
}
