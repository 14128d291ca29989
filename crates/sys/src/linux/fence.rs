//! The fence of a UDP socket: a filter on the socket itself that takes what comes by the loopback device, and what single peers
//! send (`SO_ATTACH_FILTER`, socket(7)).
//!
//! A pin to a device is undone by `connect(2)` with no family, and by a bind to a multicast address with a zone; and it stands in the
//! way of what the socket sends. A filter on the socket does neither, and needs no privilege (on TCP it does). What a fence
//! lets through is read back from the kernel: nobody has to remember it. A filter of the program's own goes on behind the fence.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use portward_model::unmap;
use rustix::fd::{AsFd, AsRawFd};

pub use super::bpf::Step;
use super::bpf::{JUMP, JUMP_IF_EQUAL, LOAD_HALF, LOAD_WORD, RETURN, jump, step};
use crate::LO;

/// What a socket takes in.
#[derive(Clone, Debug, Default)]
pub struct Fence {
    /// Places outside whose datagrams are let in, the newest last.
    pub peers: Vec<SocketAddr>,
    /// The program's own filter, which decides on what is let in; empty for none.
    pub own: Vec<Step>,
}

/// What filter a socket has.
#[derive(Clone, Debug)]
pub enum Filtered {
    /// None.
    Not,
    /// A fence.
    Fenced(Fence),
    /// One of the program's own.
    Own(Vec<Step>),
}

impl Fence {
    /// Lets a peer in; the oldest one goes where there are [`MOST_PEERS`]. False where it is in already.
    pub fn admit(&mut self, peer: SocketAddr) -> bool {
        let peer = SocketAddr::new(unmap(peer.ip()), peer.port());
        if self.peers.contains(&peer) {
            return false;
        }
        if self.peers.len() >= MOST_PEERS {
            self.peers.remove(0);
        }
        self.peers.push(peer);
        true
    }

    /// The filter. It sees a datagram from the head of UDP on; what lies before that is reached by the offsets of the network's head.
    fn program(&self) -> Option<Vec<Step>> {
        let mut body = Vec::new();
        if !self.peers.is_empty() {
            let of = |four: bool| self.peers.iter().filter(move |peer| peer.is_ipv4() == four).flat_map(one_peer);
            let (four, six): (Vec<Step>, Vec<Step>) = (of(true).collect(), of(false).collect());
            let length = |steps: &[Step]| u32::try_from(steps.len()).ok();
            body.extend([step(LOAD_HALF, PROTOCOL), jump(JUMP_IF_EQUAL, ETH_P_IP, 1, 0), step(JUMP, length(&four)? + 1)]);
            body.extend(four);
            body.push(step(JUMP, length(&six)?));
            body.extend(six);
            let end = length(&body)?;
            for (at, step) in (0..).zip(&mut body).filter(|(_, step)| step.code == JUMP && step.k == INSIDE) {
                // Past the refusal, which stands at the end.
                step.k = end - at;
            }
        }
        let past = u32::try_from(body.len()).ok()?.checked_add(1)?;
        let mut program = vec![step(LOAD_WORD, INTERFACE), jump(JUMP_IF_EQUAL, LO, 0, 1), step(JUMP, past)];
        program.extend(body);
        program.push(step(RETURN, 0));
        if self.own.is_empty() {
            program.push(step(RETURN, u32::MAX));
        }
        program.extend(&self.own);
        (program.len() <= LONGEST).then_some(program)
    }

    /// The fence that a filter is; `None` for every other filter.
    fn of(program: &[Step]) -> Option<Self> {
        let past = usize::try_from(program.get(2)?.k).ok()?;
        let head = program.get(..past.checked_add(3)?)?;
        let mut fence = Self { peers: peers_in(head.get(3..)?)?, own: program.get(head.len()..)?.to_vec() };
        if same(&fence.own, &[step(RETURN, u32::MAX)]) {
            fence.own.clear();
        }
        // Whatever was read out of it, only what is made of that is a fence.
        same(&fence.program()?, program).then_some(fence)
    }
}

/// The steps that let in a datagram of this peer, and go on below themselves for any other.
fn one_peer(peer: &SocketAddr) -> Vec<Step> {
    let words: Vec<(u32, u32)> = match peer.ip() {
        IpAddr::V4(v4) => vec![(12, u32::from(v4))],
        IpAddr::V6(v6) => {
            let octets = v6.octets();
            let words = octets.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
            (0..).step_by(4).map(|at| 8 + at).zip(words).collect()
        }
    };
    let mut left = u8::try_from(2 * words.len() + 2).unwrap_or(u8::MAX);
    let mut steps = Vec::new();
    for (at, word) in words {
        left = left.saturating_sub(2);
        steps.extend([step(LOAD_WORD, NETWORK + at), jump(JUMP_IF_EQUAL, word, 0, left + 1)]);
    }
    steps.extend([step(LOAD_HALF, 0), jump(JUMP_IF_EQUAL, peer.port().into(), 0, 1), step(JUMP, INSIDE)]);
    steps
}

/// The peers that a fence's middle names, if it is one.
fn peers_in(steps: &[Step]) -> Option<Vec<SocketAddr>> {
    let mut peers = Vec::new();
    let mut words: Vec<u32> = Vec::new();
    for pair in steps.windows(2) {
        let [load, compare] = pair else { return None };
        if compare.code != JUMP_IF_EQUAL {
            continue;
        }
        match (load.code, load.k) {
            (LOAD_WORD, _) => words.push(compare.k),
            (LOAD_HALF, 0) => {
                let port = u16::try_from(compare.k).ok()?;
                let ip = match *words.as_slice() {
                    [word] => IpAddr::from(word.to_be_bytes()),
                    [a, b, c, d] => {
                        let number = [a, b, c, d].iter().fold(0_u128, |number, word| (number << 32) | u128::from(*word));
                        IpAddr::from(number.to_be_bytes())
                    }
                    _ => return None,
                };
                words.clear();
                peers.push(SocketAddr::new(ip, port));
            }
            _ => {}
        }
    }
    Some(peers)
}

/// Puts a fence on a socket in place of the filter that it has; gives the error number that the kernel gave.
pub fn raise(socket: &impl AsFd, fence: &Fence) -> Result<(), i32> {
    attach(socket, &fence.program().ok_or(libc::ENOMEM)?)
}

/// Puts a filter on a socket in place of the one that it has.
pub fn attach(socket: &impl AsFd, program: &[Step]) -> Result<(), i32> {
    let len = u16::try_from(program.len()).map_err(|_| libc::EINVAL)?;
    let filter = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel reads the structure and the steps that it points to, which live until the call returns, and writes nothing.
    #[allow(unsafe_code)]
    let done = unsafe {
        let length = libc::socklen_t::try_from(size_of_val(&filter)).unwrap_or(0);
        let value = std::ptr::from_ref(&filter).cast();
        libc::setsockopt(socket.as_fd().as_raw_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, value, length)
    };
    if done == 0 { Ok(()) } else { Err(last_error()) }
}

/// Takes the filter off a socket.
pub fn detach(socket: &impl AsFd) -> Result<(), i32> {
    set_number(socket, libc::SO_DETACH_FILTER, 0)
}

/// Makes a socket keep its filter as long as it lives, whoever asks for another.
pub fn lock(socket: &impl AsFd) -> Result<(), i32> {
    set_number(socket, SO_LOCK_FILTER, 1)
}

/// The filter of a socket. The kernel gives back none that is of another machine (`EACCES` for eBPF).
pub fn filtered(socket: &impl AsFd) -> Result<Filtered, i32> {
    let count = written(socket, &mut [])?;
    if count == 0 {
        return Ok(Filtered::Not);
    }
    let mut program = vec![step(0, 0); count];
    let count = written(socket, &mut program)?;
    program.truncate(count);
    Ok(Fence::of(&program).map_or(Filtered::Own(program), Filtered::Fenced))
}

/// Has the kernel write a socket's filter; gives the number of its steps, which is all that it does for no room.
fn written(socket: &impl AsFd, room: &mut [Step]) -> Result<usize, i32> {
    let mut length = libc::socklen_t::try_from(room.len()).map_err(|_| libc::EINVAL)?;
    // SAFETY: of this option the length counts steps; the kernel writes at most so many into our room, and their number into it.
    #[allow(unsafe_code)]
    let done = unsafe {
        let value = room.as_mut_ptr().cast();
        let length = std::ptr::from_mut(&mut length);
        libc::getsockopt(socket.as_fd().as_raw_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, value, length)
    };
    if done == 0 { usize::try_from(length).map_err(|_| libc::EINVAL) } else { Err(last_error()) }
}

fn set_number(socket: &impl AsFd, option: i32, number: i32) -> Result<(), i32> {
    // SAFETY: the kernel reads one number of ours.
    #[allow(unsafe_code)]
    let done = unsafe {
        let length = libc::socklen_t::try_from(size_of::<i32>()).unwrap_or(0);
        libc::setsockopt(socket.as_fd().as_raw_fd(), libc::SOL_SOCKET, option, std::ptr::from_ref(&number).cast(), length)
    };
    if done == 0 { Ok(()) } else { Err(last_error()) }
}

fn same(one: &[Step], other: &[Step]) -> bool {
    let parts = |step: &Step| (step.code, step.jt, step.jf, step.k);
    one.len() == other.len() && one.iter().map(parts).eq(other.iter().map(parts))
}

fn last_error() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

/// Peers that one fence lets in. A filter has 4096 steps at the most, and a peer of IPv6 takes eleven.
pub const MOST_PEERS: usize = 64;
/// Stands for the way past the refusal, until the length is known.
const INSIDE: u32 = u32::MAX;
/// `BPF_MAXINSNS` of `linux/bpf_common.h`.
const LONGEST: usize = 4096;
/// `SO_LOCK_FILTER` of `asm-generic/socket.h`.
const SO_LOCK_FILTER: i32 = 44;
/// `ETH_P_IP` of `linux/if_ether.h`.
const ETH_P_IP: u32 = 0x0800;
/// Offsets of `linux/filter.h`: the packet's protocol, the device that it came by, and the head of the network.
const PROTOCOL: u32 = 0xffff_f000;
const INTERFACE: u32 = 0xffff_f008;
const NETWORK: u32 = 0xfff0_0000;

#[cfg(test)]
mod tests {
    use std::{
        net::{SocketAddr, UdpSocket},
        time::Duration,
    };

    use super::{Fence, Filtered, MOST_PEERS, RETURN, attach, detach, filtered, lock, raise, step};

    fn fence(peers: &[&str]) -> Fence {
        Fence { peers: peers.iter().map(|peer| peer.parse().unwrap()).collect(), own: Vec::new() }
    }

    fn read_back(socket: &UdpSocket) -> Option<Vec<SocketAddr>> {
        match filtered(socket).unwrap() {
            Filtered::Fenced(fence) => Some(fence.peers),
            Filtered::Not | Filtered::Own(_) => None,
        }
    }

    #[test]
    fn a_fence_is_read_back_from_the_kernel() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(matches!(filtered(&socket), Ok(Filtered::Not)));
        for peers in [&[][..], &["10.0.0.1:53"], &["[fd77::2]:123"], &["10.0.0.1:53", "10.0.0.2:0", "[fd77::2]:53", "[::]:1"]] {
            raise(&socket, &fence(peers)).unwrap();
            assert_eq!(read_back(&socket), Some(fence(peers).peers), "{peers:?}");
        }
        let mut many = Fence::default();
        for number in 0..=u8::try_from(MOST_PEERS).unwrap() {
            assert!(many.admit(SocketAddr::from(([0xfd, 0, 0, 0, 0, 0, 0, number.into()], 9))));
        }
        assert!(!many.admit(*many.peers.last().unwrap()) && many.admit("[fd::]:9".parse().unwrap()));
        raise(&socket, &many).unwrap();
        assert_eq!(read_back(&socket).map(|peers| peers.len()), Some(MOST_PEERS));
        detach(&socket).unwrap();
        assert!(detach(&socket).is_err());
    }

    #[test]
    fn another_filter_is_none() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let all = [step(RETURN, u32::MAX)];
        attach(&socket, &all).unwrap();
        assert!(matches!(filtered(&socket), Ok(Filtered::Own(own)) if own.len() == 1));
        // One that looks like a fence and lets everything in.
        let mut program = fence(&["10.0.0.1:53"]).program().unwrap();
        let refusal = program.iter().position(|step| step.code == RETURN).unwrap();
        program[refusal].k = 1;
        attach(&socket, &program).unwrap();
        assert!(matches!(filtered(&socket), Ok(Filtered::Own(_))));
    }

    #[test]
    fn a_fence_takes_the_loopback_and_asks_the_programs_own_filter() {
        let socket = UdpSocket::bind("[::]:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let hears = |word: &[u8]| {
            UdpSocket::bind("127.0.0.1:0").unwrap().send_to(word, ("127.0.0.1", port)).unwrap();
            let mut room = [0; 9];
            socket.recv(&mut room).ok().map(|length| room[..length].to_vec())
        };
        raise(&socket, &fence(&["10.0.0.1:53", "[fd77::2]:53"])).unwrap();
        assert_eq!(hears(b"here").as_deref(), Some(&b"here"[..]));
        // Ten bytes of a datagram are two of what it carries.
        raise(&socket, &Fence { own: vec![step(RETURN, 10)], ..fence(&["10.0.0.1:53"]) }).unwrap();
        assert_eq!(hears(b"here").as_deref(), Some(&b"he"[..]));
        let Filtered::Fenced(both) = filtered(&socket).unwrap() else { panic!("no fence") };
        assert_eq!((both.peers.len(), both.own.len()), (1, 1));
        raise(&socket, &Fence { own: vec![step(RETURN, 0)], ..Fence::default() }).unwrap();
        assert_eq!(hears(b"here"), None);
        lock(&socket).unwrap();
        assert_eq!([detach(&socket), raise(&socket, &Fence::default())], [Err(libc::EPERM); 2]);
    }
}
