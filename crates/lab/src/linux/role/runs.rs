//! `runs`: a real program. It takes:
//!
//! - `command`: a shell command line; it ends with this process
//! - `listen`: the address and port at which it will listen; it is ready when the kernel's tables have that listener

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    os::{fd::AsFd, unix::process::CommandExt},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{
    super::{ACTOR, furnish},
    Role, ready,
    stage::Stage,
};
use crate::{LabError, error::While};

pub(super) const ROLE: Role = Role { name: "runs", listens: false, keys: &["command", "listen"], play };

fn play(stage: &Stage) -> Result<(), LabError> {
    let line = stage.needed("command")?;
    let listen = stage.needed("listen")?;
    // The program takes this process's place, so that its pid is the service's; who waits for its listener is a child.
    super::let_wait(listen)?;
    let log = io::stderr().as_fd().try_clone_to_owned().or_say(|| "open its log again".to_owned())?;
    let error = Command::new("/bin/sh")
        .args(["-c", &format!("exec {line}")])
        .env("PATH", furnish::path())
        .env_remove(ACTOR)
        .stdout(Stdio::from(log))
        .exec();
    Err(error).or_say(|| format!("run `{line}`"))
}

/// Says that a part is ready once this network namespace has the listener.
pub(super) fn wait(listen: &str) -> Result<(), LabError> {
    let at: SocketAddr = listen.parse().map_err(|_| LabError::new(format!("`{listen}` is no address with a port")))?;
    let deadline = Instant::now() + PATIENCE;
    while !listens(at) {
        if Instant::now() > deadline {
            return Err(LabError::new(format!("nothing listens on {listen} after {} s", PATIENCE.as_secs())));
        }
        thread::sleep(Duration::from_millis(10));
    }
    ready();
    Ok(())
}

/// True when this network namespace has such a listener (`/proc/net/tcp`, state 0A).
fn listens(at: SocketAddr) -> bool {
    let (file, address) = match at.ip() {
        IpAddr::V4(own) => ("/proc/net/tcp", format!("{:08X}", u32::from_ne_bytes(own.octets()))),
        IpAddr::V6(own) => {
            let octets = own.octets();
            let words = octets.as_chunks::<4>().0.iter().map(|four| format!("{:08X}", u32::from_ne_bytes(*four)));
            ("/proc/net/tcp6", words.collect::<Vec<_>>().concat())
        }
    };
    let own = format!("{address}:{:04X}", at.port());
    let table = fs::read_to_string(file).unwrap_or_default();
    table.lines().any(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        words.next() == Some(own.as_str()) && words.nth(1) == Some("0A")
    })
}

/// How long a program may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);
