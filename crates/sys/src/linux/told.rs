//! Where a process was told the port that it is to serve, beside its arguments: its environment, and its script.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

use portward_model::{CommandLine, Process, Seen, Text, Told};
use portward_wire::mention::{serving_line, serving_variable};

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

/// The first argument that is a text file of a modest size is what an interpreter runs.
fn of_script(mounts: &Mounts, process: &Process, port: u16) -> Option<Told> {
    let argv = process.argv.known().map(CommandLine::arguments)?;
    let Seen::Known(cwd) = &process.cwd else { return None };
    let cwd = Path::new(OsStr::from_bytes(cwd.raw()));
    let files = argv.iter().skip(1).take(MOST_ARGUMENTS).map(|argument| cwd.join(OsStr::from_bytes(argument.raw())));
    let is_script = |file: &super::files::Place| file.is_file() && file.facts().stx_size <= LONGEST_SCRIPT;
    let script = files.filter_map(|file| mounts.find(&file).ok()).find(is_script)?;
    let bytes = script.read(LONGEST_SCRIPT).ok()?;
    // A program is no text that names ports.
    let (line, text) = serving_line(&bytes, port).filter(|_| !bytes.contains(&0))?;
    let source = Text::new([script.path().as_os_str().as_bytes(), format!(":{line}").as_bytes()].concat());
    Some(Told { pid: process.id.pid, source, text })
}

/// Nobody writes a longer script by hand.
const LONGEST_SCRIPT: u64 = 256 * 1024;
const MOST_ARGUMENTS: usize = 4;
