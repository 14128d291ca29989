//! `connects`: a client that holds its connections. It takes:
//!
//! - `to`: where to
//! - `from`: its own end, bound first; with the same place as `to` it connects to itself
//! - `count`: how many connections, one by default
//! - `waits`: false to count as ready without waiting for them, as when the server's queue is full
//! - `says`: what it sends on each
//! - `leaves`: true to close its end of all of them once it has them, and to stay

use std::{fs::File, io::Write};

use rustix::{
    fs::OFlags,
    io::Errno,
    net::{SocketType, sockopt},
};

use super::{Role, ready, sleep_for_good, socket, stage::Stage};
use crate::{LabError, error::While};

pub(super) const ROLE: Role =
    Role { name: "connects", listens: false, keys: &["to", "from", "count", "waits", "says", "leaves", "reuseaddr"], play };

fn play(stage: &Stage) -> Result<(), LabError> {
    let text = stage.needed("to")?;
    let to = socket::place(text)?;
    let doing = || format!("connect to {text}");
    let waits = stage.flag("waits", true)?;
    let says = stage.bytes("says")?;
    let mut held = Vec::new();
    for _ in 0..stage.number("count")?.unwrap_or(1) {
        let socket = to.socket(SocketType::STREAM).or_say(doing)?;
        if let Some(from) = stage.text("from")? {
            sockopt::set_socket_reuseaddr(&socket, stage.flag("reuseaddr", false)?).or_say(doing)?;
            socket::place(from)?.bind(&socket).or_say(doing)?;
        }
        if !waits {
            let flags = rustix::fs::fcntl_getfl(&socket).or_say(doing)?;
            rustix::fs::fcntl_setfl(&socket, flags | OFlags::NONBLOCK).or_say(doing)?;
        }
        match to.connect(&socket) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error).or_say(doing),
        }
        let mut stream = File::from(socket);
        if let Some(says) = says.as_ref().filter(|_| waits) {
            stream.write_all(says).or_say(doing)?;
        }
        held.push(stream);
    }
    if stage.flag("leaves", false)? {
        held.clear();
    }
    ready();
    sleep_for_good()
}
