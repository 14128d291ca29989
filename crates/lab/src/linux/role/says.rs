//! `says`: a server of another protocol, by what it says. Texts may hold `\r`, `\n` and `\xNN`. Beside where it listens it takes:
//!
//! - `greets`: what it says first, such as `SSH-2.0-OpenSSH_9.2\r\n`
//! - `replies`: what it says to anything it hears, such as `-ERR unknown command\r\n`
//! - `tls`: what it says to a TLS greeting (a first byte 0x16), such as its own greeting
//! - `leaves`: false to stay connected after its reply

use std::{
    fs::File,
    io::{Read, Write},
    thread,
    time::Duration,
};

use rustix::net::{Shutdown, shutdown};

use super::{Role, ready, socket, stage::Stage};
use crate::LabError;

pub(super) const ROLE: Role = Role { name: "says", listens: true, keys: &["greets", "replies", "tls", "leaves"], play };

#[derive(Clone)]
struct Lines {
    greets: Option<Vec<u8>>,
    replies: Option<Vec<u8>>,
    tls: Option<Vec<u8>>,
    leaves: bool,
}

fn play(stage: &Stage) -> Result<(), LabError> {
    let lines = Lines {
        greets: stage.bytes("greets")?,
        replies: stage.bytes("replies")?,
        tls: stage.bytes("tls")?,
        leaves: stage.flag("leaves", true)?,
    };
    let listener = socket::listening(stage)?;
    ready();
    loop {
        let Some(stream) = socket::next(&listener) else {
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        let lines = lines.clone();
        thread::spawn(move || talk(stream, &lines));
    }
}

fn talk(mut stream: File, lines: &Lines) -> Option<()> {
    if let Some(greeting) = &lines.greets {
        stream.write_all(greeting).ok()?;
    }
    let mut heard = [0; 4096];
    loop {
        let length = stream.read(&mut heard).ok().filter(|length| *length > 0)?;
        let is_tls = heard.get(..length)?.first() == Some(&0x16);
        let reply = if is_tls { lines.tls.as_ref().or(lines.replies.as_ref()) } else { lines.replies.as_ref() };
        stream.write_all(reply?).ok()?;
        if lines.leaves {
            shutdown(&stream, Shutdown::Write).ok()?;
        }
    }
}
