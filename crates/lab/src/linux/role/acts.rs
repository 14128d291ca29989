//! `acts`: a process of the tour. It does what it is told at the Unix path `door`, a call each time, and says what came of it:
//! `socket`, `bind ADDRESS`, `listen BACKLOG`, `connect ADDRESS`, `accept`, `send TEXT`, `receive`, `close`.
//! The last three concern the connection that it accepted, and its first socket where it has none.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net::UnixListener,
    },
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, accept, listen, socket_with};

use super::{Role, ready, socket, stage::Stage};
use crate::{LabError, error::While};

pub(super) const ROLE: Role = Role { name: "acts", listens: false, keys: &["door"], play };

fn play(stage: &Stage) -> Result<(), LabError> {
    let door = stage.needed("door")?;
    let path = door.strip_prefix("unix:").ok_or_else(|| LabError::new(format!("`{door}` is no Unix path")))?;
    let door = UnixListener::bind(path).or_say(|| format!("listen on {path}"))?;
    ready();
    let mut held = Held::default();
    for caller in door.incoming() {
        let Ok(caller) = caller else { continue };
        let mut line = String::new();
        let heard = BufReader::new(&caller).read_line(&mut line);
        heard.or_say(|| "hear its call".to_owned())?;
        let (call, argument) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
        let said = act(&mut held, call, argument).unwrap_or_else(|error| format!("{call}: {error}"));
        writeln!(&caller, "{said}").or_say(|| "answer".to_owned())?;
    }
    Ok(())
}

/// What the process holds.
#[derive(Default)]
struct Held {
    first: Option<OwnedFd>,
    accepted: Option<File>,
}

impl Held {
    fn first(&self) -> Result<&OwnedFd, LabError> {
        self.first.as_ref().ok_or_else(|| LabError::new("it has no socket"))
    }

    /// The connection: what was accepted, or the first socket.
    fn connection(&self) -> Result<File, LabError> {
        match &self.accepted {
            Some(accepted) => accepted.try_clone(),
            None => self.first()?.try_clone().map(File::from),
        }
        .or_say(|| "use its connection".to_owned())
    }
}

/// Makes a call; its words are those of strace(1).
fn act(held: &mut Held, call: &str, argument: &str) -> Result<String, LabError> {
    let doing = || format!("call {call}");
    match call {
        "socket" => {
            let made = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).or_say(doing)?;
            let number = made.as_raw_fd();
            held.first = Some(made);
            Ok(format!("socket(AF_INET, SOCK_STREAM) = {number}"))
        }
        "bind" | "connect" => {
            let place = socket::place(argument)?;
            let first = held.first()?;
            if call == "bind" { place.bind(first) } else { place.connect(first) }.or_say(doing)?;
            Ok(format!("{call}({}, {argument}) = 0", first.as_raw_fd()))
        }
        "listen" => {
            let backlog = argument.parse().map_err(|_| LabError::new(format!("`{argument}` is no backlog")))?;
            listen(held.first()?, backlog).or_say(doing)?;
            Ok(format!("listen({}, {backlog}) = 0", held.first()?.as_raw_fd()))
        }
        "accept" => {
            let taken = File::from(accept(held.first()?).or_say(doing)?);
            let number = taken.as_raw_fd();
            held.accepted = Some(taken);
            Ok(format!("accept({}) = {number}", held.first()?.as_raw_fd()))
        }
        "send" => {
            held.connection()?.write_all(argument.as_bytes()).or_say(doing)?;
            Ok(format!("send({}, \"{argument}\") = {}", number(held)?, argument.len()))
        }
        "receive" => {
            let mut heard = [0; 64];
            let length = held.connection()?.read(&mut heard).or_say(doing)?;
            let text = String::from_utf8_lossy(heard.get(..length).unwrap_or_default()).into_owned();
            Ok(format!("recv({}) = {length}  \"{text}\"", number(held)?))
        }
        "close" => {
            let number = number(held)?;
            if held.accepted.take().is_none() {
                held.first = None;
            }
            Ok(format!("close({number}) = 0"))
        }
        other => Err(LabError::new(format!("nobody can `{other}`"))),
    }
}

/// The descriptor of the connection.
fn number(held: &Held) -> Result<i32, LabError> {
    match &held.accepted {
        Some(accepted) => Ok(accepted.as_raw_fd()),
        None => Ok(held.first()?.as_raw_fd()),
    }
}
