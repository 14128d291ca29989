//! Running other programs, with sentences for what goes wrong.

use std::{
    ffi::OsStr,
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{failure::Failure, places};

/// A program that begins in the repository, with its arguments.
pub(crate) fn program<S: AsRef<OsStr>>(name: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(places::root());
    command
}

/// Cargo, as the one that started us.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments)
}

/// Runs to the end with our terminal; anything but success is a failure.
pub(crate) fn run(mut command: Command) -> Result<(), Failure> {
    let name = told(&command);
    let status = command.status().map_err(|error| not_started(&name, &error))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("`{name}` ended with {status}."))) }
}

/// Runs quietly and gives what it printed; anything but success is a failure with its last words.
pub(crate) fn output(mut command: Command) -> Result<String, Failure> {
    let name = told(&command);
    let output = command.stdin(Stdio::null()).output().map_err(|error| not_started(&name, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let talk = String::from_utf8_lossy(&output.stderr);
    let last = talk.trim().lines().last().unwrap_or("nothing was said").trim_end_matches('.');
    Err(Failure::new(format!("`{name}` ended with {}: {last}.", output.status)))
}

/// The same, for who has to understand why: a failure has all that was said as an error, and its last words otherwise.
pub(crate) fn quietly(mut command: Command) -> Result<(), Failure> {
    let name = told(&command);
    let output = command.stdin(Stdio::null()).output().map_err(|error| not_started(&name, &error))?;
    if output.status.success() {
        return Ok(());
    }
    let talk = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<&str> =
        talk.lines().filter_map(|line| line.strip_prefix("E: ")).map(|line| line.trim_end_matches('.')).collect();
    let words =
        if errors.is_empty() { talk.trim().lines().last().unwrap_or("nothing was said").to_owned() } else { errors.join("; ") };
    Err(Failure::new(format!("`{name}` ended with {}: {words}.", output.status)))
}

/// True when it runs and succeeds; its words go nowhere.
pub(crate) fn succeeds(mut command: Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Where a program is found on PATH.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Debian keeps daemons and network tools in the sbin folders, which are not on everybody's PATH.
    let extra = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(extra).map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// True when we are root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The command line for a sentence: the program and its first words.
pub(crate) fn told(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let mut told = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    if told.len() > LONGEST {
        let cut = (0..=LONGEST).rev().find(|at| told.is_char_boundary(*at)).unwrap_or(0);
        told.truncate(cut);
        told.push('…');
    }
    told
}

fn not_started(name: &str, error: &std::io::Error) -> Failure {
    Failure::new(format!("`{name}` could not be started: {error}.")).hint("cargo xtask test --only install")
}

const LONGEST: usize = 120;

#[cfg(test)]
mod tests {
    use super::{program, told};

    #[test]
    fn a_long_command_line_is_cut_between_characters() {
        let long = "é".repeat(200);
        let shown = told(&program("rustfmt", [long.as_str()]));
        assert!(shown.starts_with("rustfmt é") && shown.ends_with('…'), "{shown}");
    }
}
