//! The first process of a scene: it furnishes, starts the services, tries, and runs the learner's program.
//!
//! The kernel ends a pid namespace with its first process. This one leaves as soon as its starter has: a thread of its
//! own reads the socket to the starter and ends the process at its end.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, ExitCode, exit},
    sync::mpsc,
    thread,
};

use std::os::unix::{ffi::OsStringExt, process::CommandExt};

use rustix::process::{Signal, WaitOptions, set_parent_process_death_signal, wait};

use super::{
    COMMANDS, INSIDE, LAB, STATE, TWIN, WORKPLACE, furnish, kernel, powers,
    scene::{Go, Word, quiet},
    service,
};
use crate::{Lab, LabError, Tried, error::While, labs};

/// Plays the first process.
pub(super) fn run(name: &str, which: &str, channel: &str) -> ExitCode {
    let Some(mut channel) = kernel::inherited(channel) else { return ExitCode::from(2) };
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let Ok(listening) = channel.try_clone() else { return ExitCode::from(2) };
    let (send, told) = mpsc::channel();
    thread::spawn(move || listen(listening, &send));
    let word = match live(name, which, &mut channel, &told) {
        Ok(code) => Word::Ended(code),
        Err(error) => Word::Failed(error),
    };
    say(&mut channel, &word);
    ExitCode::SUCCESS
}

/// Passes on what the starter says, and ends this process when the starter is gone.
fn listen(channel: UnixStream, send: &mpsc::Sender<Go>) {
    for line in BufReader::new(channel).lines() {
        let Ok(line) = line else { break };
        if let Ok(go) = serde_json::from_str(&line) {
            let _ = send.send(go);
        }
    }
    exit(0)
}

fn say(channel: &mut UnixStream, word: &Word) {
    if let Ok(line) = serde_json::to_string(word) {
        let _ = writeln!(channel, "{line}");
    }
}

fn live(name: &str, which: &str, channel: &mut UnixStream, told: &mpsc::Receiver<Go>) -> Result<u8, LabError> {
    let lab = labs::scene(name).ok_or_else(|| LabError::new(format!("there is no lab {name}")))?;
    let lab = if which == TWIN { lab.into_twin() } else { lab };
    furnish::furnish(&lab, which)?;
    for one in lab.services.iter().filter(|service| service.start) {
        service::start(one)?;
    }
    furnish::commands(&lab.world.after)?;
    say(channel, &Word::Ready(tried(&lab)?));
    let Ok(go) = told.recv() else { exit(0) };
    let mut child = start(&lab, &go)?;
    Ok(end_of(&mut child))
}

/// The try, in a process of its own that lacks what the learner lacks.
fn tried(lab: &Lab) -> Result<Tried, LabError> {
    let output = quiet(Command::new(format!("{COMMANDS}/portward")).args([INSIDE, "try"]).envs(&lab.world.environment))
        .output()
        .or_say(|| "start the client of its scene".to_owned())?;
    serde_json::from_slice(&output.stdout)
        .or_say(|| format!("hear the client of its scene ({})", String::from_utf8_lossy(&output.stderr).trim()))
}

/// The learner's program, or a shell whose prompt says where it is.
fn start(lab: &Lab, go: &Go) -> Result<Child, LabError> {
    let mut words = go.program.iter().map(|word| std::ffi::OsString::from_vec(word.clone()));
    let program = words.next();
    let shell = program.is_none();
    let program = program.or_else(|| std::env::var_os("SHELL").filter(|shell| !shell.is_empty())).unwrap_or("/bin/sh".into());
    let mut command = Command::new(&program);
    if shell {
        prompt(&mut command, &program.to_string_lossy());
    }
    // Directories that the scene's own hide are out of reach.
    let hidden = |directory: &PathBuf| ["/tmp", "/run", "/var/run"].iter().any(|own| directory.starts_with(own));
    let directory = go.directory.clone().filter(|directory| !hidden(directory) && directory.is_dir());
    // Where the scene has files, they are the learner's.
    let directory = directory.filter(|_| lab.world.files.is_empty());
    command.args(words).current_dir(directory.unwrap_or_else(|| WORKPLACE.into()));
    command.env(LAB, &lab.name).env("PATH", furnish::path()).envs(&lab.world.environment);
    powers::lay_down(&lab.world.without)?;
    let words = || format!("start {}", program.to_string_lossy());
    command.spawn().or_say(words)
}

fn prompt(command: &mut Command, shell: &str) {
    let kind = shell.rsplit('/').next().unwrap_or_default();
    match kind {
        "bash" => {
            command.args(["--rcfile", &format!("{STATE}/shell/bashrc")]);
        }
        "zsh" => {
            command.env("ZDOTDIR", format!("{STATE}/shell"));
        }
        _ => {
            command.env("ENV", format!("{STATE}/shell/profile"));
        }
    }
    command.arg0(kind);
}

/// Waits for the learner's program and buries whoever else ends meanwhile.
fn end_of(child: &mut Child) -> u8 {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if i64::from(pid.as_raw_nonzero().get()) == i64::from(child.id()) => {
                let code = status.exit_status().or(status.terminating_signal().map(|signal| 128 + signal)).unwrap_or(1);
                return u8::try_from(code).unwrap_or(1);
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return 1,
        }
    }
}
