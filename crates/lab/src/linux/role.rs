//! The roles that this program plays in a scene. One file each; a new one is its `mod` line and its line in [`ROLES`].
//!
//! Beside its own settings every role takes `after` (milliseconds until it begins, though it counts as ready at once), `life`
//! (milliseconds until it ends with exit code 1) and `again` (milliseconds until its parent, a process more, starts it anew); 0 is none.
//! That parent has the command line `keeper`. With `orphan` it is left behind by the session that started it; with `build` it runs a
//! copy of this program, `/tmp/lab/BUILD`, which `deleted` takes away once it runs.

mod acts;
mod binds;
mod connects;
mod forwards;
mod http;
mod runs;
mod says;
mod socket;
mod stage;
mod udp;

use std::{
    ffi::CString,
    io::Write,
    os::unix::process::CommandExt,
    process::{Command, exit},
    thread,
    time::Duration,
};

use rustix::{
    process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit, setsid},
    thread::{UnshareFlags, set_name},
};

pub(super) use self::stage::Stage;
use super::{
    ACTOR, SELF, furnish, kernel,
    service::{PID, Part, READY},
};
use crate::{LabError, Service, error::While};

/// A role, declared by its file.
pub(super) struct Role {
    /// As `role = "..."` names it.
    name: &'static str,
    /// True when it takes the settings of a listener, too.
    listens: bool,
    /// The settings that it takes.
    keys: &'static [&'static str],
    /// Plays it: says that it is ready, and goes on until the process is ended.
    play: fn(&Stage) -> Result<(), LabError>,
}

const ROLES: &[Role] = &[http::ROLE, says::ROLE, binds::ROLE, udp::ROLE, connects::ROLE, forwards::ROLE, runs::ROLE, acts::ROLE];

/// Settings of those that listen.
const LISTENING: &[&str] = &["listen", "backlog", "v6only", "reuseaddr", "reuseport", "mode"];

/// Settings that every role takes.
const COMMON: &[&str] = &["after", "life", "again", "keeper", "orphan", "build", "deleted"];

/// Plays the part that this process was started for, until it is ended.
pub(super) fn play(part: &str) -> Result<(), LabError> {
    let part: Part = serde_json::from_str(part).or_say(|| "read its part".to_owned())?;
    let service = &part.service;
    let stage = Stage::new(&service.settings);
    let keeper = stage.text("keeper")?.and_then(|words| words.split(' ').next()).filter(|_| !part.follows);
    named(keeper.unwrap_or_else(|| service.argv.first().unwrap_or(&service.name)));
    if part.follows {
        set_parent_process_death_signal(Some(Signal::KILL)).or_say(|| "follow its parent".to_owned())?;
    }
    if stage.flag("orphan", false)? {
        return leave_behind(&part);
    }
    if let Some(listen) = &part.awaits {
        return runs::wait(listen);
    }
    if let Some(pid) = part.traces {
        kernel::trace(pid).or_say(|| format!("trace process {pid}"))?;
        ready();
        sleep_for_good();
    }
    let role = ROLES
        .iter()
        .find(|role| role.name == service.role)
        .ok_or_else(|| LabError::new(format!("there is no role {}", service.role)))?;
    if let Some(key) = service.settings.keys().find(|key| !takes(role, key)) {
        let known: Vec<&str> = settings(role).collect();
        return Err(LabError::new(format!("{} takes no {key}, but {}", role.name, known.join(", "))));
    }
    if let Some(pause) = stage.number("again")?.filter(|pause| *pause > 0) {
        keep_starting(&part, pause)?;
    }
    if let Some(most) = service.descriptors {
        let own = getrlimit(Resource::Nofile);
        let limit = Rlimit { current: Some(u64::from(most)), maximum: own.maximum };
        setrlimit(Resource::Nofile, limit).or_say(|| "limit its descriptors".to_owned())?;
    }
    if service.apart {
        kernel::unshare(UnshareFlags::NEWNET).or_say(|| "make a network namespace".to_owned())?;
        furnish::loopback_up()?;
    }
    if let Some(pause) = stage.number("after")?.filter(|pause| *pause > 0) {
        ready();
        thread::sleep(Duration::from_millis(pause));
    }
    if let Some(life) = stage.number("life")?.filter(|pause| *pause > 0) {
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(life));
            exit(1)
        });
    }
    (role.play)(&stage)
}

fn takes(role: &Role, key: &str) -> bool {
    settings(role).any(|own| own == key)
}

fn settings(role: &Role) -> impl Iterator<Item = &'static str> {
    let listens = if role.listens { LISTENING } else { &[] };
    listens.iter().chain(role.keys).chain(COMMON).copied()
}

/// A parent that starts this part again whenever it ends, as supervisors do.
fn keep_starting(part: &Part, pause: u64) -> Result<(), LabError> {
    let mut child = part.clone();
    child.service.settings.remove("again");
    child.follows = true;
    let told = serde_json::to_string(&child).or_say(|| "write down its part".to_owned())?;
    loop {
        shown(&child.service).env(ACTOR, &told).status().or_say(|| "start its child".to_owned())?;
        thread::sleep(Duration::from_millis(pause));
    }
}

/// This program, with the command line that the service shows.
fn shown(service: &Service) -> Command {
    let mut words = service.argv.iter();
    let mut command = Command::new(SELF);
    command.arg0(words.next().unwrap_or(&service.name)).args(words);
    command
}

/// Starts a process that says that this part is ready once somebody listens there.
fn let_wait(listen: &str) -> Result<(), LabError> {
    let own = std::env::var(ACTOR).or_say(|| "read its part".to_owned())?;
    let mut part: Part = serde_json::from_str(&own).or_say(|| "read its part".to_owned())?;
    part.awaits = Some(listen.to_owned());
    let told = serde_json::to_string(&part).or_say(|| "write down its part".to_owned())?;
    Command::new(SELF).env(ACTOR, told).spawn().or_say(|| "start its child".to_owned())?;
    Ok(())
}

/// Starts this part in a session of its own and leaves it there, as a terminal does that was closed.
fn leave_behind(part: &Part) -> Result<(), LabError> {
    setsid().or_say(|| "begin a session".to_owned())?;
    let mut child = part.clone();
    child.service.settings.remove("orphan");
    let told = serde_json::to_string(&child).or_say(|| "write down its part".to_owned())?;
    let started = shown(&child.service).env(ACTOR, &told).process_group(0).spawn().or_say(|| "start its child".to_owned())?;
    let mut out = std::io::stdout();
    writeln!(out, "{PID}{}", started.id()).and_then(|()| out.flush()).or_say(|| "tell its pid".to_owned())
}

/// Tells whoever started this process. Nobody listens to a second time.
fn ready() {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{READY}").and_then(|()| out.flush());
}

fn sleep_for_good() -> ! {
    loop {
        thread::park();
    }
}

/// Gives this process its short name, as `comm` and `ps` show it.
fn named(program: &str) {
    let name = program.rsplit('/').next().unwrap_or(program);
    if let Ok(name) = CString::new(name) {
        let _ = set_name(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::{ROLES, takes};
    use crate::{Lab, labs};

    fn services(lab: Lab) -> Vec<crate::Service> {
        [lab.services.clone(), lab.into_twin().services].concat()
    }

    #[test]
    fn every_lab_uses_roles_and_settings_that_exist() {
        for lab in labs::all() {
            let name = lab.name.clone();
            for service in services(lab) {
                let role = ROLES.iter().find(|role| role.name == service.role);
                let role = role.unwrap_or_else(|| panic!("{name}: there is no role {}", service.role));
                for key in service.settings.keys() {
                    assert!(takes(role, key), "{name}: {} takes no {key}", role.name);
                }
            }
        }
    }
}
