//! Loads for the benchmarks: sockets and descriptors held in namespaces of their own.
//!
//! The load runs below the first process of a PID namespace, which dies with whoever started it; the kernel then
//! ends everything in the namespace. So no load outlives its benchmark, whatever happens.

use std::{
    env,
    ffi::OsString,
    fs::File,
    io::{BufRead as _, BufReader, PipeReader, PipeWriter, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Command, ExitCode, Stdio},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{command, failure::Failure};

/// Arguments of `cargo xtask load`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which load, or which part of one
    which: Which,
    /// We are already in the namespaces
    #[arg(long, hide = true)]
    inside: bool,
    /// Runs beside the load; the load ends with it
    #[arg(last = true)]
    beside: Vec<OsString>,
}

/// A load, or the work of one of its processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Which {
    /// Quiet: one listener
    A,
    /// 200 processes, each with 50 open files and 10 listeners
    B,
    /// 20,000 established connections: 40,000 sockets in 8 processes
    C,
    #[value(hide = true)]
    Holder,
    #[value(hide = true)]
    Server0,
    #[value(hide = true)]
    Server1,
    #[value(hide = true)]
    Server2,
    #[value(hide = true)]
    Server3,
    #[value(hide = true)]
    Client0,
    #[value(hide = true)]
    Client1,
    #[value(hide = true)]
    Client2,
    #[value(hide = true)]
    Client3,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    match arguments.which {
        Which::A | Which::B | Which::C if !arguments.inside => enter(arguments),
        Which::A => held(&[], arguments),
        Which::B => held(&[Which::Holder; 200], arguments),
        Which::C => connected(arguments),
        Which::Holder => hold(),
        Which::Server0 | Which::Server1 | Which::Server2 | Which::Server3 => serve(arguments.which),
        Which::Client0 | Which::Client1 | Which::Client2 | Which::Client3 => dial(arguments.which),
    }
}

/// A program that begins in namespaces of its own and dies with us.
pub(crate) fn namespaces() -> Command {
    let mut unshare = command::program("unshare", ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    if !command::is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    unshare
}

fn enter(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut unshare = namespaces();
    unshare.arg(myself()?).args(["load", "--inside", name(arguments.which)]).arg("--").args(&arguments.beside);
    let status = unshare.status().map_err(|error| Failure::new(format!("`unshare` could not be started: {error}.")))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts the parts, waits until each is ready, and keeps them until what runs beside them has ended.
fn held(parts: &[Which], arguments: &Arguments) -> Result<ExitCode, Failure> {
    command::run(command::program("ip", ["link", "set", "lo", "up"]))?;
    raise_limit();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).map_err(|error| no_socket(PORT, &error))?;
    let (reader, writer) = std::io::pipe().map_err(|error| Failure::new(format!("A pipe could not be made: {error}.")))?;
    start(parts, &writer)?;
    drop(writer);
    await_ready(reader, parts.len())?;
    beside(arguments, listener)
}

/// Servers first: a client that dials too early would wait for a second try.
fn connected(arguments: &Arguments) -> Result<ExitCode, Failure> {
    command::run(command::program("ip", ["link", "set", "lo", "up"]))?;
    raise_limit();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).map_err(|error| no_socket(PORT, &error))?;
    let (reader, writer) = std::io::pipe().map_err(|error| Failure::new(format!("A pipe could not be made: {error}.")))?;
    start(&[Which::Server0, Which::Server1, Which::Server2, Which::Server3], &writer)?;
    let mut lines = BufReader::new(reader).lines();
    // Each server speaks twice: when it listens and when it has everybody.
    let listening = lines.by_ref().take(4).flatten().count();
    start(&[Which::Client0, Which::Client1, Which::Client2, Which::Client3], &writer)?;
    drop(writer);
    let ready = lines.by_ref().take(8).flatten().count();
    if listening + ready < 12 {
        return Err(Failure::new(format!("{} of 8 processes of the load were ready.", (listening + ready).saturating_sub(4))));
    }
    drop(lines);
    beside(arguments, listener)
}

fn start(parts: &[Which], writer: &PipeWriter) -> Result<(), Failure> {
    let program = myself()?;
    for part in parts {
        let pipe = writer.try_clone().map_err(|error| Failure::new(format!("A pipe could not be copied: {error}.")))?;
        let mut command = Command::new(&program);
        command.args(["load", name(*part)]).stdin(Stdio::null()).stdout(pipe);
        command.spawn().map_err(|error| Failure::new(format!("A process of the load could not be started: {error}.")))?;
    }
    Ok(())
}

fn await_ready(reader: PipeReader, wanted: usize) -> Result<(), Failure> {
    let ready = BufReader::new(reader).lines().take(wanted).flatten().count();
    if ready == wanted { Ok(()) } else { Err(Failure::new(format!("{ready} of {wanted} processes of the load were ready."))) }
}

fn beside(arguments: &Arguments, listener: TcpListener) -> Result<ExitCode, Failure> {
    let Some((program, words)) = arguments.beside.split_first() else {
        println!("The load stands; end it with Ctrl-C.");
        park()
    };
    let status = Command::new(program).args(words).status();
    drop(listener);
    let status = status.map_err(|error| Failure::new(format!("{} could not be started: {error}.", program.display())))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// 50 open files and 10 listeners.
fn hold() -> Result<ExitCode, Failure> {
    let program = myself()?;
    let files: Result<Vec<File>, _> = (0..50).map(|_| File::open(&program)).collect();
    let files = files.map_err(|error| Failure::new(format!("50 files could not be opened: {error}.")))?;
    let listeners: Result<Vec<TcpListener>, _> = (0..10).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    let listeners = listeners.map_err(|error| no_socket(0, &error))?;
    ready();
    let _held = (files, listeners);
    park()
}

fn serve(which: Which) -> Result<ExitCode, Failure> {
    raise_limit();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port(which))).map_err(|error| no_socket(port(which), &error))?;
    ready();
    let connections: Vec<TcpStream> = listener.incoming().take(EACH).filter_map(Result::ok).collect();
    if connections.len() == EACH {
        ready();
    }
    let _held = (connections, listener);
    park()
}

fn dial(which: Which) -> Result<ExitCode, Failure> {
    raise_limit();
    let connections: Result<Vec<TcpStream>, _> =
        (0..EACH).map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port(which)))).collect();
    let _held = connections
        .map_err(|error| Failure::new(format!("{EACH} connections to {} could not be made: {error}.", port(which))))?;
    ready();
    park()
}

fn port(which: Which) -> u16 {
    match which {
        Which::Server0 | Which::Client0 => 21_000,
        Which::Server1 | Which::Client1 => 21_001,
        Which::Server2 | Which::Client2 => 21_002,
        Which::Server3 | Which::Client3 => 21_003,
        Which::A | Which::B | Which::C | Which::Holder => PORT,
    }
}

fn name(which: Which) -> &'static str {
    match which {
        Which::A => "a",
        Which::B => "b",
        Which::C => "c",
        Which::Holder => "holder",
        Which::Server0 => "server0",
        Which::Server1 => "server1",
        Which::Server2 => "server2",
        Which::Server3 => "server3",
        Which::Client0 => "client0",
        Which::Client1 => "client1",
        Which::Client2 => "client2",
        Which::Client3 => "client3",
    }
}

fn ready() {
    // A parent that is gone takes us with it; there is nobody to tell.
    let _ = std::io::stdout().write_all(b"ready\n");
}

fn park() -> ! {
    loop {
        std::thread::park();
    }
}

/// 5,000 connections and a few more need more descriptors than the usual 1,024.
fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

pub(crate) fn myself() -> Result<std::path::PathBuf, Failure> {
    env::current_exe().map_err(|error| Failure::new(format!("Our own binary could not be found: {error}.")))
}

fn no_socket(port: u16, error: &std::io::Error) -> Failure {
    Failure::new(format!("A listener on 127.0.0.1:{port} could not be made: {error}."))
}

/// The port that the benchmarks ask about.
const PORT: u16 = 49_342;

/// Connections of each pair of processes.
const EACH: usize = 5_000;
