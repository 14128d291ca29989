//! The services of a scene, started and stopped by its first process or by the learner.

use portward_model::hint;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, test_kill_process},
};
use serde::{Deserialize, Serialize};

use super::{ACTOR, LAB, LOGS, PIDS, SELF, WORKPLACE, inside, role::Stage};
use crate::{LabError, Service, State, error::While};

/// What this program is told when it is started to be a service.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) service: Service,
    /// The process to trace, for the one that plays the debugger.
    pub(super) traces: Option<i32>,
    /// The address where another process of the part will listen, for the one that waits for it.
    pub(super) awaits: Option<String>,
    /// True for one that ends with its parent, which starts it again and again.
    pub(super) follows: bool,
}

/// Starts a service and returns when it is ready and in its state.
pub(super) fn start(service: &Service) -> Result<(), LabError> {
    let pid = spawn(&Part { service: service.clone(), traces: None, awaits: None, follows: false })?;
    match service.state {
        State::Running => {}
        State::Stopped => {
            let stop = Pid::from_raw(pid).map_or(Ok(()), |pid| kill_process(pid, Signal::STOP));
            stop.or_say(|| format!("stop {}", service.name))?;
        }
        State::Traced => {
            let mut debugger = service.clone();
            debugger.name = format!("{}-debugger", service.name);
            debugger.argv = vec!["gdb".to_owned(), "-p".to_owned(), pid.to_string()];
            spawn(&Part { service: debugger, traces: Some(pid), awaits: None, follows: false })?;
        }
    }
    Ok(())
}

/// `web start`, `web stop`, `web restart`, `web pid`; what follows is settings.
pub(super) fn command(name: &str, words: &[String]) -> Result<(), LabError> {
    let lab = inside::current()?;
    let mut service = lab
        .services
        .into_iter()
        .find(|service| service.name == name)
        .ok_or_else(|| LabError::new(format!("this lab has no service {name}")))?;
    let (word, settings) = words.split_first().map_or(("", &[][..]), |(word, rest)| (word.as_str(), rest));
    for setting in settings {
        let Some((key, value)) = setting.split_once('=') else {
            return Err(LabError::new(format!("`{setting}` is no setting")).hint(hint!(
                "{} {} listen=127.0.0.1:3000",
                name,
                word
            )));
        };
        service.set(key, value_of(value));
    }
    // Whoever starts it again does not want its old state.
    service.state = State::Running;
    service.start = true;
    match word {
        "start" => match pid(name).filter(|pid| is_alive(*pid)) {
            Some(pid) => Err(LabError::new(format!("{name} runs already, as pid {pid}")).hint(hint!("{} restart", name))),
            None => start(&service),
        },
        "restart" => stop(name).and_then(|()| start(&service)),
        "stop" => stop(name),
        "pid" => {
            let pid = pid(name).ok_or_else(|| LabError::new(format!("{name} has not run yet")))?;
            inside::print(&pid.to_string())
        }
        _ => Err(LabError::new(format!("{name} takes start, stop, restart or pid")).hint(hint!("{} restart", name))),
    }
}

fn value_of(text: &str) -> toml::Value {
    match (text.parse::<bool>(), text.parse::<i64>()) {
        (Ok(flag), _) => toml::Value::Boolean(flag),
        (_, Ok(number)) => toml::Value::Integer(number),
        _ => toml::Value::String(text.to_owned()),
    }
}

fn stop(name: &str) -> Result<(), LabError> {
    for name in [name.to_owned(), format!("{name}-debugger")] {
        let Some(pid) = pid(&name).filter(|pid| is_alive(*pid)) else { continue };
        let Some(known) = Pid::from_raw(pid) else { continue };
        // Its first thread may have ended while another one still has its sockets; the descriptor tells of the last one.
        let process = pidfd_open(known, PidfdFlags::empty()).or_say(|| format!("stop {name}"))?;
        kill_process(known, Signal::KILL).or_say(|| format!("stop {name}"))?;
        let patience = Timespec { tv_sec: i64::try_from(PATIENCE.as_secs()).unwrap_or(i64::MAX), tv_nsec: 0 };
        let _ = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&patience));
    }
    Ok(())
}

/// The pid of a service, inside; it may have ended.
pub(super) fn pid(name: &str) -> Option<i32> {
    fs::read_to_string(format!("{PIDS}/{name}")).ok()?.trim().parse().ok()
}

/// The letter of a process's state; `None` when it is gone or only waits to be buried.
pub(super) fn state(pid: i32) -> Option<char> {
    let known = Pid::from_raw(pid)?;
    test_kill_process(known).ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it is in parentheses and may hold anything.
    stat.rsplit_once(')')?.1.trim_start().chars().next().filter(|state| !matches!(state, 'Z' | 'X'))
}

fn is_alive(pid: i32) -> bool {
    state(pid).is_some()
}

/// Starts the process of a part and reads its line.
fn spawn(part: &Part) -> Result<i32, LabError> {
    let name = &part.service.name;
    let log = || File::options().create(true).append(true).open(format!("{LOGS}/{name}"));
    let told = serde_json::to_string(part).or_say(|| format!("write down {name}"))?;
    let stage = Stage::new(&part.service.settings);
    let keeper: Vec<String> = stage.text("keeper")?.iter().flat_map(|line| line.split(' ')).map(str::to_owned).collect();
    let alone = vec![name.clone()];
    let mut words = [&keeper, &part.service.argv, &alone].into_iter().find(|words| !words.is_empty()).into_iter().flatten();
    let build = stage.text("build")?.map(|build| format!("{WORKPLACE}/{build}"));
    if let Some(build) = &build {
        // One that runs cannot be written over, and is the same.
        if !Path::new(build).exists() {
            fs::copy(SELF, build).or_say(|| format!("build {build}"))?;
        }
    }
    let orphan = stage.flag("orphan", false)?;
    let mut command = Command::new(build.as_deref().unwrap_or(SELF));
    if !orphan {
        // Ctrl-C in the learner's shell is not meant for it. Who begins a session may lead no group.
        command.process_group(0);
    }
    let mut child = command
        .arg0(words.next().unwrap_or(name))
        .args(words)
        .env(ACTOR, told)
        .env_remove(LAB)
        .current_dir(WORKPLACE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log().or_say(|| format!("write the log of {name}"))?)
        .spawn()
        .or_say(|| format!("start {name}"))?;
    let mut pid = i32::try_from(child.id()).or_say(|| format!("know {name} by its pid"))?;
    let note = |pid: i32| fs::write(format!("{PIDS}/{name}"), format!("{pid}\n")).or_say(|| format!("note the pid of {name}"));
    note(pid)?;
    let (mut ready, mut left) = (false, !orphan);
    for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
        ready |= line.trim_end() == READY;
        if let Some(own) = line.strip_prefix(PID).and_then(|own| own.trim().parse().ok()) {
            (pid, left) = (own, true);
            note(pid)?;
        }
        if ready && left {
            if orphan {
                child.wait().or_say(|| format!("leave {name} behind"))?;
            }
            if let Some(build) = build.filter(|_| stage.flag("deleted", false) == Ok(true)) {
                fs::remove_file(&build).or_say(|| format!("take {build} away"))?;
            }
            return Ok(pid);
        }
    }
    let _ = child.wait();
    let said = fs::read_to_string(format!("{LOGS}/{name}")).unwrap_or_default();
    Err(LabError::new(format!("{name} could not start: {}", said.trim().lines().last().unwrap_or("it said nothing"))))
}

/// What a service says when it is ready.
pub(super) const READY: &str = "READY";
/// What the starter of one that is left behind says before its pid.
pub(super) const PID: &str = "PID ";
/// How long a killed process may take to leave.
const PATIENCE: Duration = Duration::from_secs(20);

/// Settings by name.
pub(super) type Settings = BTreeMap<String, toml::Value>;
