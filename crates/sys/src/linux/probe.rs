//! Sockets of our own: a bind that is tried, a connection that is made.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr as UnixAddr, UnixStream},
        },
    },
    path::Path,
    time::{Duration, Instant},
};

use portward_model::Transport;
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt},
};

use crate::{Hold, Probe, ProbeAnswer, SysError};

/// Binds a throw-away socket and closes it; it never listens, so nobody can connect to it.
pub(super) fn try_bind(transport: Transport, address: SocketAddr, reuse: bool) -> Result<Option<(i32, String)>, SysError> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let kind = if transport == Transport::Udp { SocketType::DGRAM } else { SocketType::STREAM };
    let opened = socket_with(family, kind, SocketFlags::CLOEXEC, None);
    let socket = opened.map_err(|error| SysError::Probe { operation: "opened", source: error.into() })?;
    if reuse {
        sockopt::set_socket_reuseaddr(&socket, true)
            .map_err(|error| SysError::Probe { operation: "set up", source: error.into() })?;
    }
    match bind(&socket, &address) {
        Ok(()) => Ok(None),
        Err(error) => {
            let words = io::Error::from(error).to_string();
            // The number is told apart from the words.
            let words = words.split(" (os error").next().unwrap_or(&words).to_owned();
            Ok(Some((error.raw_os_error(), words)))
        }
    }
}

/// Binds the wildcards of both families without `SO_REUSEADDR`: as long as the sockets live, every other bind of the
/// port is refused (`inet_csk_get_port`), and no outgoing connection is given it.
pub(super) fn hold(port: u16) -> Result<Result<Hold, String>, SysError> {
    let mut sockets = Vec::new();
    for address in [SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))] {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = match socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None) {
            Ok(socket) => socket,
            // A machine without IPv6 has one family to hold.
            Err(Errno::AFNOSUPPORT) if address.is_ipv6() => continue,
            Err(error) => return Err(SysError::Probe { operation: "opened", source: error.into() }),
        };
        if address.is_ipv6() {
            sockopt::set_ipv6_v6only(&socket, true)
                .map_err(|error| SysError::Probe { operation: "set up", source: error.into() })?;
        }
        match bind(&socket, &address) {
            Ok(()) => sockets.push(socket),
            Err(error) => return Ok(Err(io::Error::from(error).to_string())),
        }
    }
    Ok(Ok(Hold { _sockets: Box::new(sockets) }))
}

/// Connects, greets, and reads until the judge has heard enough.
pub(super) fn probe(target: &Probe, greeting: &[u8], judge: &mut dyn FnMut(&[u8]) -> bool, timeout: Duration) -> ProbeAnswer {
    let end = Instant::now() + timeout;
    let connected: io::Result<Box<dyn Stream>> = match target {
        Probe::Inet(address) => TcpStream::connect_timeout(address, timeout.max(SHORTEST)).map(|stream| Box::new(stream) as _),
        Probe::Unix(path) => unix(path.raw()).map(|stream| Box::new(stream) as _),
    };
    let mut stream = match connected {
        Ok(stream) => stream,
        Err(error) => return failure(&error),
    };
    let mut heard = Vec::new();
    if judge(&heard) {
        return ProbeAnswer::Answered(heard);
    }
    if let Err(error) = stream.write_all(greeting) {
        return failure(&error);
    }
    let mut chunk = [0u8; 4096];
    while heard.len() < ENOUGH {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.patience(left).is_err() {
            break;
        }
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                heard.extend(chunk.get(..read).unwrap_or_default());
                if judge(&heard) {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if heard.is_empty() => return failure(&error),
            Err(_) => break,
        }
    }
    ProbeAnswer::Answered(heard)
}

fn failure(error: &io::Error) -> ProbeAnswer {
    match error.kind() {
        // A Unix path that does not exist yet is as refused as a port without a listener.
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => ProbeAnswer::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ProbeAnswer::Silent,
        _ => ProbeAnswer::Failed(error.to_string()),
    }
}

fn unix(path: &[u8]) -> io::Result<UnixStream> {
    match path.strip_prefix(b"@") {
        Some(name) => UnixStream::connect_addr(&UnixAddr::from_abstract_name(name)?),
        None => UnixStream::connect(Path::new(std::ffi::OsStr::from_bytes(path))),
    }
}

trait Stream: Read + Write {
    fn patience(&self, left: Duration) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn patience(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left))
    }
}

impl Stream for UnixStream {
    fn patience(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left))
    }
}

/// `connect_timeout` refuses a time of zero.
const SHORTEST: Duration = Duration::from_millis(1);
/// No greeting that can be judged is longer.
const ENOUGH: usize = 64 * 1024;
