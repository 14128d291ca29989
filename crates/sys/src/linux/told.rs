//! Where a process was told the port that it is to serve, beside its arguments: its environment, and its script.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Read,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use portward_model::{CommandLine, Process, Seen, Text, Told};
use portward_wire::mention::{serving_line, serving_variable};

/// The processes that were told to serve the port, each once.
pub(super) fn read(processes: &[Process], port: u16) -> Vec<Told> {
    processes.iter().filter_map(|process| of_environment(process, port).or_else(|| of_script(process, port))).collect()
}

fn of_environment(process: &Process, port: u16) -> Option<Told> {
    let pid = process.id.pid;
    let source = format!("/proc/{pid}/environ");
    let text = serving_variable(&fs::read(&source).ok()?, port)?;
    Some(Told { pid, source: Text::from(source.as_str()), text })
}

/// The first argument that is a text file of a modest size is what an interpreter runs.
fn of_script(process: &Process, port: u16) -> Option<Told> {
    let argv = process.argv.known().map(CommandLine::arguments)?;
    let Seen::Known(cwd) = &process.cwd else { return None };
    let cwd = Path::new(OsStr::from_bytes(cwd.raw()));
    let mut files = argv.iter().skip(1).take(MOST_ARGUMENTS).map(|argument| cwd.join(OsStr::from_bytes(argument.raw())));
    let script = files.find(|file| fs::metadata(file).is_ok_and(|facts| facts.is_file() && facts.len() <= LONGEST_SCRIPT))?;
    let (line, text) = serving_line(&content(&script)?, port)?;
    let source = Text::new([script.as_os_str().as_bytes(), format!(":{line}").as_bytes()].concat());
    Some(Told { pid: process.id.pid, source, text })
}

fn content(file: &PathBuf) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file).ok()?.take(LONGEST_SCRIPT).read_to_end(&mut bytes).ok()?;
    // A program is no text that names ports.
    (!bytes.contains(&0)).then_some(bytes)
}

/// Nobody writes a longer script by hand.
const LONGEST_SCRIPT: u64 = 256 * 1024;
const MOST_ARGUMENTS: usize = 4;
