//! `portward lab tour`: the steps of a first connection, each with what the kernel says of it.

use std::collections::BTreeMap;

use portward_lab::{Tour, TourSight, TourStep, tour::steps};
use portward_model::{Socket, SocketState};
use portward_wire::packet::{Segment, segment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OnBench;
use crate::{Acts, Context, Failure, Sink};

/// A step of the tour.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct StepDocument {
    /// Which it is, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// Its name.
    pub name: String,
    /// What happens.
    pub title: String,
    /// What it means.
    pub text: String,
    /// The system calls that were made.
    pub calls: Vec<CallDocument>,
    /// The TCP sockets that there are now; `null` where the step is about something else.
    pub sockets: Option<Vec<EndDocument>>,
    /// The packets that the step is about.
    pub packets: Vec<PacketDocument>,
    /// The interface that leads to the server, where the step is about the way.
    pub interface: Option<String>,
}

/// A system call.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CallDocument {
    /// `server` or `client`.
    pub who: String,
    /// The call and its result.
    pub call: String,
}

/// A socket of the tour.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct EndDocument {
    /// Whose end it is.
    pub who: Side,
    /// The process that holds it; `null` where none does.
    pub pid: Option<u32>,
    /// Its state.
    pub state: SocketState,
    /// Its own address and port.
    pub local: String,
    /// The other end's; `null` where there is none.
    pub remote: Option<String>,
    /// Of a listener, connections that wait to be accepted; of others, bytes that wait to be read.
    pub waiting: u32,
    /// Of a listener, how many may wait.
    pub backlog: Option<u32>,
}

/// One of the two ends of the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Who listens.
    Server,
    /// Who dials.
    Client,
}

impl Side {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }

    /// The other end.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Server => Self::Client,
            Self::Client => Self::Server,
        }
    }
}

/// A packet of the tour.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PacketDocument {
    /// Who sent it.
    pub from: Side,
    /// The sender's address and port.
    pub source: String,
    /// The receiver's address and port.
    pub destination: String,
    /// Its control bits, such as `SYN` and `ACK`.
    pub flags: Vec<String>,
    /// Number of its first byte, counted from the sender's SYN, which is 0.
    pub sequence: u32,
    /// The next byte that the sender expects, counted from the other side's SYN.
    pub acknowledgement: Option<u32>,
    /// Bytes that it carries.
    pub length: u16,
}

/// Goes through the tour; before each step but the first it asks whether to go on.
pub(super) fn walk(cx: &Context<'_, Acts>, all: bool, out: &mut Sink<'_, OnBench>) -> Result<OnBench, Failure> {
    let mut tour = Tour::begin()?;
    let steps = steps();
    let mut counts = Counts::default();
    let mut last = OnBench::default();
    for (at, step) in steps.iter().enumerate() {
        if at > 0 && !all && !cx.prompt.turn() {
            break;
        }
        cx.still_wanted()?;
        let sight = tour.next(step)?;
        last.step = Some(counts.document(step, sight, at + 1, steps.len()));
        if !out.emit(last.clone()) {
            break;
        }
    }
    Ok(last)
}

/// Where each end began to count its bytes, by its port.
#[derive(Default)]
struct Counts(BTreeMap<u16, u32>);

impl Counts {
    fn document(&mut self, step: &TourStep, sight: TourSight, number: usize, of: usize) -> StepDocument {
        let call = |line: String| {
            let (who, call) = line.split_once(": ").unwrap_or(("", &line));
            CallDocument { who: who.to_owned(), call: call.to_owned() }
        };
        StepDocument {
            number,
            of,
            name: step.name.clone(),
            title: step.title.clone(),
            text: step.text.clone(),
            calls: sight.calls.into_iter().map(call).collect(),
            sockets: step.sockets.then(|| sight.sockets.iter().map(|(socket, pid)| end(socket, *pid)).collect()),
            packets: sight.packets.iter().filter_map(|packet| segment(packet)).map(|packet| self.packet(&packet)).collect(),
            interface: sight.interface.filter(|_| sight.local),
        }
    }

    fn packet(&mut self, packet: &Segment) -> PacketDocument {
        if packet.begins() {
            self.0.insert(packet.from.1, packet.sequence);
        }
        let since = |port: u16, number: u32| number.wrapping_sub(self.0.get(&port).copied().unwrap_or(0));
        PacketDocument {
            from: side(packet.from.1),
            source: format!("{}:{}", packet.from.0, packet.from.1),
            destination: format!("{}:{}", packet.to.0, packet.to.1),
            flags: packet.flags().map(str::to_owned).collect(),
            sequence: since(packet.from.1, packet.sequence),
            acknowledgement: packet.acknowledges().then(|| since(packet.to.1, packet.acknowledgement)),
            length: packet.length,
        }
    }
}

fn end(socket: &Socket, pid: Option<u32>) -> EndDocument {
    let listens = socket.state == SocketState::Listen;
    let place = |address: std::net::IpAddr, port: u16| std::net::SocketAddr::new(address, port).to_string();
    EndDocument {
        who: side(socket.port().unwrap_or(0)),
        pid,
        state: socket.state,
        local: socket.address().zip(socket.port()).map(|(address, port)| place(address, port)).unwrap_or_default(),
        remote: socket.remote().map(|(address, port)| place(address, port)),
        waiting: socket.queue.used,
        backlog: listens.then_some(socket.queue.limit),
    }
}

/// Whose end has this port.
fn side(port: u16) -> Side {
    if port == SERVER { Side::Server } else { Side::Client }
}

/// The server's port in the tour.
const SERVER: u16 = 3000;
