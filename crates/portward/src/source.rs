//! Which machine to read: this one, a snapshot file, or another one over ssh.

use std::{
    fs,
    io::{self, Read},
    process::{Command, Stdio},
};

use clap::ArgMatches;
use portward_model::Text;
use portward_ops::{Failure, Machine};
use portward_sys::{Act, Tape, this_machine};

/// A machine, or a reading of one.
pub(crate) enum Source {
    Live(Box<dyn Act>),
    Snapshot(Box<Tape>),
}

impl Source {
    /// As the door takes it.
    pub(crate) fn machine(&self) -> Machine<'_> {
        match self {
            Self::Live(machine) => Machine::Live(machine.as_ref()),
            Self::Snapshot(recorded) => Machine::Snapshot(recorded.as_ref()),
        }
    }
}

/// The machine that the options name, where there are such options.
pub(crate) fn of(matches: &ArgMatches) -> Result<Source, Failure> {
    let named = |option: &str| matches.try_get_one::<String>(option).ok().flatten();
    if let Some(file) = named("from") {
        #[expect(clippy::disallowed_methods, reason = "it reads the file that --from names")]
        let bytes = if file == "-" { stdin() } else { fs::read(file) };
        let bytes = bytes.map_err(|error| {
            Failure::usage(format!("{} cannot be read: {error}.", Text::from(file.as_str())))
                .hint("portward snapshot --out FILE    writes one")
        })?;
        let recorded = Tape::from_json(&bytes).map_err(|error| {
            Failure::usage(format!("{} is no snapshot: {error}.", Text::from(file.as_str())))
                .hint("portward snapshot --out FILE    writes one")
        })?;
        return Ok(Source::Snapshot(Box::new(recorded)));
    }
    if let Some(server) = named("host") {
        return over_ssh(server).map(|recorded| Source::Snapshot(Box::new(recorded)));
    }
    Ok(Source::Live(this_machine()?))
}

fn stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Lets Portward on the far side take a snapshot. What ssh itself says goes straight to standard error.
fn over_ssh(server: &str) -> Result<Tape, Failure> {
    let shown = Text::from(server);
    if server.is_empty() || server.starts_with('-') {
        return Err(Failure::usage(format!("`{shown}` is no server.")).hint("--host user@server"));
    }
    let run = Command::new("ssh").args([server, "portward", "snapshot"]).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output =
        run.map_err(|error| Failure::system(format!("ssh cannot be started: {error}.")).hint("install an ssh client"))?;
    if !output.status.success() {
        let failure = match output.status.code() {
            Some(127) => Failure::system(format!("{shown} has no portward in the PATH of a non-interactive shell."))
                .hint("install Portward there"),
            Some(255) => Failure::system(format!("ssh cannot reach {shown}.")).hint(format!("try: ssh {shown} true")),
            _ => Failure::system(format!("Portward on {shown} failed: {}.", output.status))
                .hint(format!("try: ssh {shown} portward")),
        };
        return Err(failure);
    }
    Ok(Tape::from_json(&output.stdout)?)
}
