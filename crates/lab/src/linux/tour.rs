//! The tour's two sides: the guide inside its scene, who lets things happen and looks, and who asks for it outside.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{IpAddr, Ipv4Addr},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{ChildStdin, ChildStdout},
    time::{Duration, Instant},
};

use portward_model::{Socket, Transport};
use portward_sys::{Ask, Depth, Look, StateSet, Transports, Which, this_machine};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socket_with},
};

use super::{COMMANDS, INSIDE, STATE, inside, kernel, scene::Scene};
use crate::{LabError, TourSight, TourStep, error::While, tour};

/// A tour that is under way. Its scene ends when this is dropped.
pub struct Tour {
    // Dropped in this order: at the end of its input the guide leaves.
    told: ChildStdin,
    heard: BufReader<ChildStdout>,
    _scene: Scene,
}

impl Tour {
    /// Builds the scene and sends the guide in.
    pub fn begin() -> Result<Self, LabError> {
        let mut scene = Scene::build_quiet(tour::NAME)?;
        let guide = [format!("{COMMANDS}/portward"), INSIDE.to_owned(), "tour".to_owned()];
        scene.start(&guide.map(Into::into))?;
        let (told, heard) = scene.streams().ok_or_else(|| LabError::new("the tour has no way to its guide"))?;
        Ok(Self { told, heard: BufReader::new(heard), _scene: scene })
    }

    /// Lets the next step happen, and tells what was seen.
    pub fn next(&mut self, step: &TourStep) -> Result<TourSight, LabError> {
        let line = serde_json::to_string(step).or_say(|| "write down a step".to_owned())?;
        writeln!(self.told, "{line}").and_then(|()| self.told.flush()).or_say(|| "ask its guide".to_owned())?;
        let mut line = String::new();
        if self.heard.read_line(&mut line).or_say(|| "hear its guide".to_owned())? == 0 {
            return Err(LabError::new("the tour's guide ended early"));
        }
        let answer: Result<TourSight, LabError> = serde_json::from_str(&line).or_say(|| "understand its guide".to_owned())?;
        answer
    }
}

/// Plays the guide: a step on each line of standard input, what was seen on each line of standard output.
pub(super) fn guide() -> Result<(), LabError> {
    let capture = capture()?;
    let host = this_machine().or_say(|| "look at its own network".to_owned())?;
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let step: TourStep = serde_json::from_str(&line).or_say(|| "read a step".to_owned())?;
        let sight = happen(&step, &capture, host.as_ref(), &mut seen);
        inside::print(&serde_json::to_string(&sight).or_say(|| "write down what it saw".to_owned())?)?;
    }
    Ok(())
}

fn happen(step: &TourStep, capture: &OwnedFd, host: &dyn Look, seen: &mut Vec<Vec<u8>>) -> Result<TourSight, LabError> {
    let mut sight = TourSight::default();
    for act in &step.acts {
        let (who, call) = act.split_once(' ').unwrap_or((act, ""));
        sight.calls.push(format!("{who}: {}", ask(who, call)?));
    }
    collect(capture, step.awaits, seen)?;
    let shown = step.packets.unwrap_or(seen.len()).min(seen.len());
    sight.packets = seen.drain(..shown).collect();
    if step.sockets {
        sight.sockets = sockets(host)?;
    }
    if step.route {
        let route = host.route(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).or_say(|| "ask for the route to 127.0.0.1".to_owned())?;
        sight.local = route.local;
        sight.interface = route.interface.map(|name| name.shown());
    }
    Ok(sight)
}

/// Lets a process of the tour make a call.
fn ask(who: &str, call: &str) -> Result<String, LabError> {
    let doing = || format!("let the {who} {call}");
    let mut door = UnixStream::connect(format!("{STATE}/{who}.door")).or_say(doing)?;
    writeln!(door, "{call}").or_say(doing)?;
    let mut said = String::new();
    BufReader::new(door).read_line(&mut said).or_say(doing)?;
    let said = said.trim_end();
    if said.contains(") = ") { Ok(said.to_owned()) } else { Err(LabError::new(format!("the {who} could not go on: {said}"))) }
}

/// Every packet that arrives in this network namespace, from now on, without its link-layer header: packet(7).
fn capture() -> Result<OwnedFd, LabError> {
    let doing = || "capture packets on lo".to_owned();
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::PACKET, SocketType::DGRAM, flags, None).or_say(doing)?;
    // On lo each packet leaves and arrives; once is enough.
    kernel::capture_arriving(&socket).or_say(doing)?;
    Ok(socket)
}

/// Takes what was captured, and waits until `awaited` packets more than before are there.
fn collect(capture: &OwnedFd, awaited: usize, seen: &mut Vec<Vec<u8>>) -> Result<(), LabError> {
    let wanted = seen.len() + awaited;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut packet = [0; 2048];
        match recv(capture, &mut packet, RecvFlags::empty()) {
            Ok((length, _)) => seen.push(packet.iter().take(length).copied().collect()),
            Err(Errno::AGAIN) if seen.len() >= wanted => return Ok(()),
            Err(Errno::AGAIN | Errno::INTR) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    let missing = wanted.saturating_sub(seen.len());
                    return Err(LabError::new(format!("{missing} of the packets of the tour did not come")));
                }
                let left = Timespec::try_from(left).or_say(|| "wait".to_owned())?;
                let _ = poll(&mut [PollFd::new(capture, PollFlags::IN)], Some(&left));
            }
            Err(error) => return Err(error).or_say(|| "read a packet".to_owned()),
        }
    }
}

/// The TCP sockets of this network namespace, in the order of their local ports, with their holders.
fn sockets(host: &dyn Look) -> Result<Vec<(Socket, Option<u32>)>, LabError> {
    let doing = || "list its sockets".to_owned();
    let own = host.namespaces(&Which::Own).or_say(doing)?.value;
    let transports = Transports { tcp: true, udp: false, unix: false };
    let ask = Ask { transports, states: StateSet::All, ports: None, traffic: false };
    let mut found: Vec<Socket> = Vec::new();
    host.sockets(&ask, &own, &mut |socket| found.push(socket)).or_say(doing)?;
    found.retain(|socket| socket.transport == Transport::Tcp);
    found.sort_by_key(|socket| (socket.port(), socket.remote().is_some()));
    let holders = host.holders(&found, Depth::Processes).or_say(doing)?;
    let holder = |at: usize| holders.holdings.iter().find(|held| usize::try_from(held.socket) == Ok(at)).map(|held| held.pid);
    Ok(found.into_iter().enumerate().map(|(at, socket)| (socket, holder(at))).collect())
}

/// How long a packet may take: delayed acknowledgements take 40 ms.
const PATIENCE: Duration = Duration::from_secs(5);
