//! `http`: a web server. Beside where it listens it takes:
//!
//! - `does`: `answers` (the default); `binds` (never listens), `stalls` (listens, never accepts), `spins` (the same, busy), `hangs`
//!   (accepts, never answers), `closes` (at once), `resets` (after the request), `calls-itself` (before it answers, on its only thread),
//!   `leaks` (reads, and never closes), `looks-up` (asks `resolver` before it answers), `one-client` (while it has one, it does
//!   not listen; afterwards it listens again)
//! - `status` (200), `body` (`hello`), `location` (a redirection), `slow` (milliseconds before it answers)
//! - `hosts`: the only `Host` that it answers, without the port; others get 403
//! - `fill`: true to use up all its descriptors, so that it can accept no more
//! - `once`: true to serve one connection and leave

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    thread,
    time::Duration,
};

use rustix::net::{Shutdown, SocketType, shutdown, sockopt};

use super::{Role, ready, sleep_for_good, socket, stage::Stage};
use crate::{LabError, error::While};

pub(super) const ROLE: Role = Role {
    name: "http",
    listens: true,
    keys: &["does", "status", "body", "location", "slow", "hosts", "fill", "once", "resolver"],
    play,
};

fn play(stage: &Stage) -> Result<(), LabError> {
    let does = stage.text("does")?.unwrap_or("answers");
    if does == "binds" {
        let _held = socket::bound(stage, SocketType::STREAM)?;
        ready();
        sleep_for_good();
    }
    let listener = socket::listening(stage)?;
    let answer = Answer::read(stage)?;
    let filling = if stage.flag("fill", false)? { fill() } else { Vec::new() };
    ready();
    match does {
        "stalls" => sleep_for_good(),
        "spins" => loop {
            std::hint::spin_loop();
        },
        "answers" => serve(&listener, stage.flag("once", false)?, move |stream| {
            let answer = answer.clone();
            thread::spawn(move || answer.give(stream));
        }),
        "leaks" => {
            let mut held = Vec::new();
            serve(&listener, false, |mut stream| {
                let _ = stream.read(&mut [0; 2048]);
                held.push(stream);
            })
        }
        "looks-up" => {
            let resolver = socket::place(stage.needed("resolver")?)?;
            serve(&listener, false, |mut stream| {
                let asked = request(&mut stream);
                let question = resolver.socket(SocketType::DGRAM).and_then(|end| resolver.connect(&end).map(|()| end));
                if let Ok(mut question) = question.map(File::from) {
                    let _ = question.write_all(QUESTION);
                    let _ = question.read(&mut [0; 512]);
                }
                answer.reply(stream, &asked);
            })
        }
        "one-client" => one_client(stage, listener),
        "hangs" => {
            let mut held = Vec::new();
            serve(&listener, false, |stream| held.push(stream))
        }
        "closes" => serve(&listener, false, close),
        "resets" => serve(&listener, false, reset),
        "calls-itself" => {
            let own = socket::place(stage.needed("listen")?)?;
            serve(&listener, false, |mut stream| {
                let asked = request(&mut stream);
                // It waits for an answer that only this thread could give.
                let call = own.socket(SocketType::STREAM).and_then(|call| own.connect(&call).map(|()| call));
                if let Ok(mut call) = call.map(File::from) {
                    let _ = call.write_all(b"GET /own HTTP/1.1\r\nHost: localhost\r\n\r\n");
                    let _ = call.read(&mut [0; 512]);
                }
                answer.reply(stream, &asked);
            })
        }
        other => Err(LabError::new(format!("http does no `{other}`"))),
    }?;
    drop(filling);
    Ok(())
}

/// Takes one client at a time, as the debug port of a JVM does.
fn one_client(stage: &Stage, mut listener: OwnedFd) -> Result<(), LabError> {
    loop {
        let Some(mut client) = socket::next(&listener) else { continue };
        drop(listener);
        while client.read(&mut [0; 2048]).is_ok_and(|length| length > 0) {}
        drop(client);
        listener = socket::listening(stage)?;
    }
}

/// Hands each connection on. At the limit of descriptors it tries again, as servers do.
fn serve(listener: &OwnedFd, once: bool, mut each: impl FnMut(File)) -> Result<(), LabError> {
    loop {
        let Some(stream) = socket::next(listener) else {
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        each(stream);
        if once {
            return Ok(());
        }
    }
}

#[derive(Clone)]
struct Answer {
    status: u64,
    body: String,
    location: Option<String>,
    slow: Duration,
    hosts: Option<String>,
}

impl Answer {
    fn read(stage: &Stage) -> Result<Self, LabError> {
        Ok(Self {
            status: stage.number("status")?.unwrap_or(200),
            body: stage.text("body")?.unwrap_or("hello").to_owned(),
            location: stage.text("location")?.map(str::to_owned),
            slow: Duration::from_millis(stage.number("slow")?.unwrap_or(0)),
            hosts: stage.text("hosts")?.map(str::to_owned),
        })
    }

    fn give(&self, mut stream: File) {
        let asked = request(&mut stream);
        self.reply(stream, &asked);
    }

    fn reply(&self, mut stream: File, asked: &str) {
        if asked.is_empty() {
            return;
        }
        thread::sleep(self.slow);
        let host = asked.lines().find_map(|line| line.strip_prefix("Host: ")).unwrap_or_default().to_owned();
        let stranger =
            self.hosts.as_ref().is_some_and(|own| host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name) != own);
        let (status, body) = if stranger {
            (403, format!("Blocked request. This host (\"{host}\") is not allowed."))
        } else {
            (self.status, self.body.clone())
        };
        let reason = REASONS.iter().find(|(code, _)| *code == status).map_or("Other", |(_, reason)| reason);
        let location = self.location.as_ref().map(|to| format!("Location: {to}\r\n")).unwrap_or_default();
        let length = body.len();
        let _ = write!(
            stream,
            "HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n{location}Connection: close\r\n\r\n{body}"
        );
        close(stream);
    }
}

/// Reads to the empty line after a request's head, or to the end. What is no HTTP gets no answer.
fn request(stream: &mut File) -> String {
    let mut heard = Vec::new();
    let mut piece = [0; 2048];
    while !heard.windows(4).any(|four| four == b"\r\n\r\n") && heard.len() < 65536 {
        match stream.read(&mut piece) {
            Ok(length) if length > 0 => heard.extend(piece.iter().take(length)),
            _ => break,
        }
        if !heard.first().is_some_and(u8::is_ascii_uppercase) {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            return String::new();
        }
    }
    String::from_utf8_lossy(&heard).into_owned()
}

/// Ends a connection with a FIN, and takes what the other side still says: unread bytes would make it a reset.
fn close(mut stream: File) {
    let _ = shutdown(&stream, Shutdown::Write);
    thread::spawn(move || while stream.read(&mut [0; 2048]).is_ok_and(|length| length > 0) {});
}

/// Ends a connection with a reset once something was asked, or it has ended.
fn reset(mut stream: File) {
    let _ = stream.read(&mut [0; 2048]);
    let _ = sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
}

/// Opens files until the limit is reached.
fn fill() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").or_say(|| "open a file".to_owned()).ok()).collect()
}

/// A query for the address of `db.internal`, RFC 1035 section 4.1.
const QUESTION: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02db\x08internal\x00\x00\x01\x00\x01";

const REASONS: &[(u64, &str)] = &[
    (200, "OK"),
    (301, "Moved Permanently"),
    (302, "Found"),
    (401, "Unauthorized"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (500, "Internal Server Error"),
    (502, "Bad Gateway"),
    (503, "Service Unavailable"),
];
