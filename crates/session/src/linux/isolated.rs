//! A session with a network of its own: a namespace with nothing in it but `lo`, and doors on both sides.
//!
//! Ports stay as they are asked for. What listens inside gets a door outside, at the project's port for it, on the loopback.
//! What dials a port of the loopback that nothing serves inside gets a door inside, where the real localhost serves it. A door
//! is a listener; two processes, one on each side, hand each other what they accept and pass it on.

mod doors;
mod space;

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use rustc_hash::FxHashSet;
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair, sockopt},
    process::Pid,
};

pub(super) use space::{enter_new, is_possible};

/// What the supervisor has of it.
pub(super) struct Isolated {
    outside: Side,
    inside: Side,
    /// Ports that have a door inside.
    lent: FxHashSet<u16>,
    /// Ports outside with the port inside that their door leads to.
    let_in: Vec<(u16, u16)>,
}

impl Isolated {
    /// Starts the two processes for the namespace that a process is in.
    pub(super) fn start(program: Pid) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let outside = Side::start(one, None)?;
        let inside = Side::start(other, Some(program))?;
        Ok(Self { outside, inside, lent: FxHashSet::default(), let_in: Vec::new() })
    }

    /// Opens a door outside at `port` that leads to `target` inside. False where the port cannot be had.
    pub(super) fn let_in(&mut self, port: u16, target: u16) -> bool {
        self.let_in.retain(|(known, _)| *known != port);
        let open = self.outside.ask(Order::Open, port, target) == Some(true);
        if open {
            self.let_in.push((port, target));
        }
        open
    }

    /// Makes sure that a port which is dialled inside leads to where it is served: inside, or else at the real localhost.
    pub(super) fn reach(&mut self, port: u16, is_served_outside: impl FnOnce() -> bool) {
        let is_there = self.lent.contains(&port) || self.inside.ask(Order::Serves, port, port) == Some(true);
        if !is_there && is_served_outside() && self.inside.ask(Order::Open, port, port) == Some(true) {
            self.lent.insert(port);
        }
    }

    /// Lets a program inside have a port that has a door there.
    pub(super) fn make_way(&mut self, port: u16) {
        if self.lent.remove(&port) {
            self.inside.ask(Order::Close, port, port);
        }
    }

    /// Closes doors that lead nowhere any more.
    pub(super) fn tidy(&mut self, mut is_served_outside: impl FnMut(u16) -> bool) {
        let (inside, outside) = (&mut self.inside, &mut self.outside);
        // Where no answer comes, a door stays.
        self.let_in.retain(|(port, target)| {
            inside.ask(Order::Serves, *target, *target) != Some(false) || outside.ask(Order::Close, *port, *port) != Some(true)
        });
        self.lent.retain(|port| is_served_outside(*port) || inside.ask(Order::Close, *port, *port) != Some(true));
    }
}

/// The process that has the doors of one side.
struct Side {
    channel: OwnedFd,
    /// The number of the last order. An answer bears the number of its order, so that a late one is not taken for the next.
    last: u8,
    /// False while an answer is overdue: others are then not waited for as long.
    is_prompt: bool,
}

/// What it is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Listen on a port of the loopback; what is accepted is for the other side's target.
    Open,
    /// Let a port go.
    Close,
    /// Say whether a program serves a port here.
    Serves,
}

impl Side {
    /// Starts the process: here, or in the network namespace of another process.
    fn start(peer: OwnedFd, of: Option<Pid>) -> io::Result<Self> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        // SAFETY: a supervisor has one thread, so that its copy is whole.
        #[allow(unsafe_code)]
        let forked = unsafe { libc::fork() };
        match forked {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                drop(ours);
                let done = of.map_or(Ok(()), space::enter).and_then(|()| doors::keep(&theirs, peer));
                // SAFETY: ends the copy without running what its original will run at its end.
                #[allow(unsafe_code)]
                unsafe {
                    libc::_exit(i32::from(done.is_err()))
                }
            }
            _ => Self::over(ours),
        }
    }

    fn over(channel: OwnedFd) -> io::Result<Self> {
        sockopt::set_socket_timeout(&channel, sockopt::Timeout::Send, Some(IMPATIENCE))?;
        Ok(Self { channel, last: 0, is_prompt: true })
    }

    /// Gives an order; true when it was carried out. `None` where no answer comes in time, or the process has ended: a process
    /// that is late must not hold up every call of the session.
    fn ask(&mut self, order: Order, port: u16, target: u16) -> Option<bool> {
        let kind = match order {
            Order::Open => 0,
            Order::Close => 1,
            Order::Serves => 2,
        };
        self.last = self.last.wrapping_add(1);
        let [a, b] = port.to_ne_bytes();
        let [c, d] = target.to_ne_bytes();
        send(&self.channel, &[kind, self.last, a, b, c, d], SendFlags::NOSIGNAL).ok()?;
        let end = Instant::now() + if self.is_prompt { PATIENCE } else { IMPATIENCE };
        self.is_prompt = false;
        let mut answer = [0; 2];
        loop {
            // A time of zero would be none at all.
            let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            sockopt::set_socket_timeout(&self.channel, sockopt::Timeout::Recv, Some(left)).ok()?;
            match recv(&self.channel, &mut answer[..], RecvFlags::empty()) {
                Ok((2, _)) if answer[0] == self.last => {
                    self.is_prompt = true;
                    return Some(answer[1] == 1);
                }
                Err(Errno::INTR) | Ok((2, _)) => {}
                Err(_) | Ok(_) => return None,
            }
        }
    }
}

/// An order with its port and its target, as they come over the channel; the second byte is its number.
fn order(message: &[u8]) -> Option<(Order, u16, u16)> {
    let order = match message.first()? {
        0 => Order::Open,
        1 => Order::Close,
        2 => Order::Serves,
        _ => return None,
    };
    let number = |at: usize| message.get(at..).and_then(<[u8]>::first_chunk).map(|bytes| u16::from_ne_bytes(*bytes));
    Some((order, number(2)?, number(4)?))
}

/// A port on the loopback of both families.
fn both(port: u16) -> [SocketAddr; 2] {
    [SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port))]
}

/// How long an answer is waited for; one takes microseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long while an earlier one is overdue.
const IMPATIENCE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};

    use super::{Order, Side};

    #[test]
    fn an_answer_that_comes_late_is_not_the_next_one() {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let mut side = Side::over(ours).unwrap();
        assert_eq!(side.ask(Order::Serves, 3000, 3000), None, "nobody answers");
        let mut message = [0; 8];
        let mut next = || {
            let _ = recv(&theirs, &mut message[..], RecvFlags::empty()).unwrap();
            message[1]
        };
        let first = next();
        let _ = send(&theirs, &[first, 1], SendFlags::NOSIGNAL).unwrap();
        let _ = send(&theirs, &[first.wrapping_add(1), 0], SendFlags::NOSIGNAL).unwrap();
        assert_eq!(side.ask(Order::Serves, 3000, 3000), Some(false), "its own");
        drop(theirs);
        assert_eq!(side.ask(Order::Serves, 3000, 3000), None, "nobody is there");
    }
}
