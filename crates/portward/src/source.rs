//! Which machine to read: this one, a snapshot file, or another one over ssh.

use std::{
    io::{self, Read},
    path::Path,
    process::{Command, Stdio},
};

use clap::ArgMatches;
use portward_model::{Text, hint};
use portward_ops::{Failure, Machine};
use portward_sys::{Act, Tape, read_given, this_machine};

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

impl Source {
    /// True for what was read elsewhere.
    pub(crate) fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Snapshot(_))
    }
}

/// The machine that the options name, where there are such options.
pub(crate) fn of(matches: &ArgMatches) -> Result<Source, Failure> {
    let named = |option: &str| matches.try_get_one::<String>(option).ok().flatten();
    if let Some(file) = named("from") {
        let bytes = if file == "-" { limited(io::stdin().lock()) } else { read_given(Path::new(file), LONGEST) };
        let bytes = bytes.map_err(|error| {
            let shown = Text::from(file.as_str());
            let failure = Failure::usage(match error.kind() {
                io::ErrorKind::FileTooLarge => format!("{shown} is longer than any snapshot: {LONGEST} bytes are read of it."),
                _ => format!("{shown} cannot be read: {error}."),
            });
            failure.hint("portward snapshot --out FILE    writes one")
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

/// What comes, to its end, unless that is too far away.
fn limited(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// Lets Portward on the far side take a snapshot. What ssh itself says goes straight to standard error.
fn over_ssh(server: &str) -> Result<Tape, Failure> {
    let shown = Text::from(server);
    if server.is_empty() || server.starts_with('-') {
        return Err(Failure::usage(format!("`{shown}` is no server.")).hint("--host user@server"));
    }
    let failed = |error: io::Error| Failure::system(format!("ssh cannot be started: {error}.")).hint("install an ssh client");
    let mut ssh = Command::new("ssh");
    ssh.args([server, "portward", "snapshot"]).stdin(Stdio::null()).stderr(Stdio::inherit()).stdout(Stdio::piped());
    let mut ssh = ssh.spawn().map_err(failed)?;
    let snapshot = ssh.stdout.take().map(limited).transpose();
    if snapshot.is_err() {
        // It fails only where ssh has ended since.
        let _ = ssh.kill();
    }
    let status = ssh.wait().map_err(failed)?;
    let snapshot = snapshot.map_err(|error| Failure::system(format!("The snapshot of {shown} cannot be read: {error}.")))?;
    if !status.success() {
        let failure = match status.code() {
            Some(127) => Failure::system(format!("{shown} has no portward in the PATH of a non-interactive shell."))
                .hint("install Portward there"),
            Some(255) => Failure::system(format!("ssh cannot reach {shown}.")).hint(hint!("try: ssh {} true", server)),
            _ => Failure::system(format!("Portward on {shown} failed: {status}.")).hint(hint!("try: ssh {} portward", server)),
        };
        return Err(failure);
    }
    Ok(Tape::from_json(&snapshot.unwrap_or_default())?)
}

/// Bytes that a snapshot may have: some 40,000 sockets with their owners are a tenth of that.
const LONGEST: u64 = 512 << 20;
