//! The programs that a session is measured with: loops of single calls, and small servers.
//!
//! The same program runs inside a session and outside. It knows of neither: it asks for port 3000, as programs do.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, accept, bind, connect, listen, socket_with, sockopt},
};
use serde_json::{Map, Value, json};

use crate::{bench::measure::median, failure::Failure};

/// Arguments of the hidden task `actor`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to be
    which: Which,
    /// What `answer` says to whoever connects
    #[arg(long, default_value_t = 0)]
    number: usize,
    /// The first port that a server asks for
    #[arg(long, default_value_t = ASKED)]
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Which {
    /// Makes every kind of call again and again, and prints the median of each in microseconds
    Calls,
    /// Listens on [`HELD`] ports
    Hold,
    /// Listens on one port and says its number to whoever connects
    Answer,
}

/// Runs the task. The servers end with their standard input.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    match arguments.which {
        Which::Calls => {
            let told = every_call().map_err(|errno| Failure::new(format!("A call of the loops failed: {errno}.")))?;
            println!("{told}");
        }
        Which::Hold => {
            let listeners: Result<Vec<_>, _> = (arguments.port..).take(HELD).map(listener).collect();
            let _held = listeners?;
            wait_for_the_end();
        }
        Which::Answer => {
            let listener = listener(arguments.port)?;
            println!("ready");
            let number = arguments.number;
            thread::spawn(move || {
                for mut connection in listener.incoming().filter_map(Result::ok) {
                    // A client that has left needs no answer.
                    let _ = connection.write_all(format!("{number}\n").as_bytes());
                }
            });
            wait_for_the_end();
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn listener(port: u16) -> Result<TcpListener, Failure> {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))
        .map_err(|error| Failure::new(format!("A listener on port {port} could not be made: {error}.")))
}

fn wait_for_the_end() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// The medians, by the names of the calls.
fn every_call() -> Result<Value, Errno> {
    // Inside, this port belongs to the project from now on, and nothing of it serves it. Outside, a real server has it.
    let once = socket()?;
    let _ = bind(&once, &at(LEASED)).and_then(|()| listen(&once, BACKLOG));
    drop(once);
    let mut medians = Map::new();
    let mut note = |name: &str, took: Vec<Duration>| {
        let took = took.iter().map(|took| took.as_secs_f64() * 1e6).collect();
        medians.insert(name.to_owned(), json!(median(took)));
    };
    note(
        "bind",
        loops(|| {
            let socket = socket()?;
            timed(|| bind(&socket, &at(ASKED)))
        })?,
    );
    let mut whole = Vec::with_capacity(CALLS);
    note(
        "listen",
        loops(|| {
            let begun = Instant::now();
            let socket = socket()?;
            bind(&socket, &at(ASKED))?;
            let took = timed(|| listen(&socket, BACKLOG));
            drop(socket);
            whole.push(begun.elapsed());
            took
        })?,
    );
    note("server", whole);
    note(
        "chain",
        loops(|| {
            let (server, client) = (socket()?, client()?);
            let took = timed(|| {
                bind(&server, &at(ASKED))?;
                listen(&server, BACKLOG)?;
                connect(&client, &at(ASKED))
            });
            drop(accept(&server)?);
            took
        })?,
    );
    let server = socket()?;
    bind(&server, &at(ASKED))?;
    listen(&server, BACKLOG)?;
    note(
        "mapped",
        loops(|| {
            let client = client()?;
            let took = timed(|| connect(&client, &at(ASKED)));
            drop(accept(&server)?);
            took
        })?,
    );
    for (name, port) in [("unmapped", UNMAPPED), ("leased", LEASED)] {
        note(
            name,
            loops(|| {
                let client = client()?;
                timed(|| connect(&client, &at(port)))
            })?,
        );
    }
    let elsewhere = SocketAddr::from((ELSEWHERE, 9));
    note(
        "elsewhere",
        loops(|| {
            let client = client()?;
            timed(|| match connect(&client, &elsewhere) {
                Err(Errno::CONNREFUSED) => Ok(()),
                other => other,
            })
        })?,
    );
    Ok(Value::Object(medians))
}

fn loops(mut call: impl FnMut() -> Result<Duration, Errno>) -> Result<Vec<Duration>, Errno> {
    (0..CALLS).map(|_| call()).collect()
}

fn timed(call: impl FnOnce() -> Result<(), Errno>) -> Result<Duration, Errno> {
    let begun = Instant::now();
    call()?;
    Ok(begun.elapsed())
}

fn socket() -> Result<OwnedFd, Errno> {
    socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)
}

/// A socket that leaves nothing behind when it is closed, so that the loops do not run out of ports.
fn client() -> Result<OwnedFd, Errno> {
    let socket = socket()?;
    sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
    Ok(socket)
}

fn at(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
}

/// The port that programs ask for.
pub(crate) const ASKED: u16 = 3000;
/// A port that the project has and does not serve; outside, a real server has it.
pub(crate) const LEASED: u16 = 3001;
/// A port that the project does not have; outside, a real server has it.
pub(crate) const UNMAPPED: u16 = 4000;
/// An address of documentation (RFC 5737) that the benchmark gives to its own loopback device: it refuses at once.
pub(crate) const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// Calls of each kind in a row.
pub(crate) const CALLS: usize = 2000;
/// Listeners of one that holds.
pub(crate) const HELD: usize = 20;
const BACKLOG: i32 = 128;
