//! What a process is told beside its arguments: the port that it is to serve, by its environment and its script; and by its script
//! whether it serves one client and ends.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use portward_model::{CommandLine, Errand, Grammar, Process, Runs, Text, Told};
use portward_wire::mention::{once_line, serving_line, serving_variable};

use super::{files::Mounts, kernel};

/// The processes that were told to serve the port, each once.
pub(super) fn read(processes: &[Process], port: u16) -> Vec<Told> {
    let mounts = Mounts::now();
    processes.iter().filter_map(|process| of_environment(process, port).or_else(|| of_script(&mounts, process, port))).collect()
}

fn of_environment(process: &Process, port: u16) -> Option<Told> {
    let pid = process.id.pid;
    let source = format!("/proc/{pid}/environ");
    let text = serving_variable(&kernel::read(&source).ok()?, port)?;
    Some(Told { pid, source: Text::from(source.as_str()), text })
}

/// The processes that serve one client and end, each once.
pub(super) fn errands(processes: &[Process]) -> Vec<Errand> {
    let mounts = Mounts::now();
    let of = |process: &Process| {
        let (path, bytes) = script(&mounts, process)?;
        let (line, text) = once_line(&bytes)?;
        Some(Errand { pid: process.id.pid, source: at_line(&path, line), text })
    };
    processes.iter().filter_map(of).collect()
}

fn of_script(mounts: &Mounts, process: &Process, port: u16) -> Option<Told> {
    let (path, bytes) = script(mounts, process)?;
    let (line, text) = serving_line(&bytes, port)?;
    Some(Told { pid: process.id.pid, source: at_line(&path, line), text })
}

fn at_line(path: &Path, line: u32) -> Text {
    Text::new([path.as_os_str().as_bytes(), format!(":{line}").as_bytes()].concat())
}

/// What an interpreter runs; of another program, the first argument that is a text file of a modest size.
fn script(mounts: &Mounts, process: &Process) -> Option<(PathBuf, Vec<u8>)> {
    let argv = process.argv.known().map(CommandLine::arguments)?;
    let words: Vec<&[u8]> = argv.iter().map(Text::raw).collect();
    let grammar = words.first().and_then(|program| Grammar::of(program)).filter(|grammar| grammar.interprets());
    let run = match grammar.map(|grammar| grammar.runs(&words)) {
        Some(Runs::Program { at, .. }) => words.get(at..=at)?,
        Some(Runs::Code | Runs::Itself | Runs::Nothing) => return None,
        None => words.get(1..)?,
    };
    // Without the folder that it works in, an absolute path is still one.
    let cwd = process.cwd.known().map(|cwd| Path::new(OsStr::from_bytes(cwd.raw())));
    let file = |argument: &&[u8]| {
        let path = Path::new(OsStr::from_bytes(argument));
        if path.is_absolute() { Some(path.to_owned()) } else { Some(cwd?.join(path)) }
    };
    let files = run.iter().take(MOST_ARGUMENTS).filter_map(file);
    let is_script = |file: &super::files::Place| file.is_file() && file.facts().stx_size <= LONGEST_SCRIPT;
    let script = files.filter_map(|file| mounts.find(&file).ok()).find(is_script)?;
    // A program is no text that says anything.
    let bytes = script.read(LONGEST_SCRIPT).ok().filter(|bytes| !bytes.contains(&0))?;
    Some((script.path().to_owned(), bytes))
}

/// Nobody writes a longer script by hand.
const LONGEST_SCRIPT: u64 = 256 * 1024;
const MOST_ARGUMENTS: usize = 4;
