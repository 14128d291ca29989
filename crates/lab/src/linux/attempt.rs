//! The try: what the client of a scene does, and what it meets.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt},
};

use crate::{Ask, Lab, Question, Sight, Tried};

/// Does what the lab's learner would do, once, or as often as it takes to see a difference.
pub(super) fn attempt(lab: &Lab) -> Tried {
    if let Some(path) = lab.target.strip_prefix("unix:") {
        return connect_path(lab, path);
    }
    let addresses: Vec<SocketAddr> = match lab.target.to_socket_addrs() {
        Ok(addresses) => addresses.collect(),
        Err(error) => return Tried { sight: Sight::Unresolved, saw: format!("{}: {error}", lab.target) },
    };
    match lab.question {
        Question::Listen => addresses.first().map_or_else(|| unresolved(lab), |address| try_bind(lab, *address)),
        Question::Connect => connect_all(lab, &addresses),
    }
}

fn unresolved(lab: &Lab) -> Tried {
    Tried { sight: Sight::Unresolved, saw: format!("{} means no address", lab.target) }
}

/// Every address that the name means, as clients do: one that refuses is passed over where another connects. Where the
/// answer's text counts, each is asked several times, since the kernel spreads connections over listeners.
fn connect_all(lab: &Lab, addresses: &[SocketAddr]) -> Tried {
    let mut seen: Vec<Tried> = Vec::new();
    for address in addresses {
        let once = connect_to(lab, *address);
        let again = lab.wants.is_some() && matches!(once.sight, Sight::Answers | Sight::Wrong);
        seen.push(once);
        if again {
            seen.extend((1..TIMES).map(|_| connect_to(lab, *address)));
        }
    }
    let unconnected = |tried: &&Tried| {
        matches!(
            tried.sight,
            Sight::Refused | Sight::Timeout | Sight::Unreachable | Sight::NotAvailable | Sight::Denied | Sight::NotPermitted
        )
    };
    let connected: Vec<&Tried> = seen.iter().filter(|tried| !unconnected(tried)).collect();
    let Some(first) = connected.first().copied().or(seen.first()) else { return unresolved(lab) };
    let Some(other) = connected.iter().find(|tried| tried.sight != first.sight) else { return first.clone() };
    Tried { sight: Sight::Mixed, saw: format!("{}; then {}", first.saw, other.saw) }
}

/// The proxy to which HTTP clients give a request for this host, by `http_proxy` and `no_proxy` in the words that clients agree on.
fn proxy_for(lab: &Lab) -> Option<SocketAddr> {
    let own = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let proxy = own("http_proxy").filter(|_| lab.ask == Ask::Http)?;
    let host = lab.target.rsplit_once(':').map_or(lab.target.as_str(), |(host, _)| host).trim_matches(['[', ']']);
    let spared = own("no_proxy").or_else(|| own("NO_PROXY")).unwrap_or_default();
    if spared.split(',').any(|name| matches!(name.trim(), "*") || name.trim() == host) {
        return None;
    }
    proxy.split_once("://").map_or(proxy.as_str(), |(_, rest)| rest).trim_end_matches('/').to_socket_addrs().ok()?.next()
}

fn connect_to(lab: &Lab, address: SocketAddr) -> Tried {
    let address = proxy_for(lab).unwrap_or(address);
    let began = |error: &io::Error| Tried { sight: sight_of(error), saw: format!("connect {address}: {error}") };
    match TcpStream::connect_timeout(&address, PATIENCE) {
        Ok(stream) => {
            let limits = stream.set_read_timeout(Some(PATIENCE)).and(stream.set_write_timeout(Some(PATIENCE)));
            if lab.ask == Ask::Nothing {
                settle(&stream);
            }
            limits.map_or_else(|error| began(&error), |()| converse(lab, stream, &address.to_string()))
        }
        Err(error) => began(&error),
    }
}

/// Leaves, and gives the server a moment to notice, so that who looks next does not meet this client in its queue.
fn settle(mut stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Write).and(stream.set_read_timeout(Some(MOMENT)));
    let _ = stream.read(&mut [0; 16]);
}

fn connect_path(lab: &Lab, path: &str) -> Tried {
    let began = |error: &io::Error| Tried { sight: sight_of(error), saw: format!("connect unix:{path}: {error}") };
    match UnixStream::connect(path) {
        Ok(stream) => {
            let limits = stream.set_read_timeout(Some(PATIENCE)).and(stream.set_write_timeout(Some(PATIENCE)));
            limits.map_or_else(|error| began(&error), |()| converse(lab, stream, &format!("unix:{path}")))
        }
        Err(error) => began(&error),
    }
}

/// A bind to a socket that never listens and is closed at once.
fn try_bind(lab: &Lab, address: SocketAddr) -> Tried {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let bound = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None).and_then(|socket| {
        sockopt::set_socket_reuseaddr(&socket, !lab.repair.plain_bind)?;
        bind(&socket, &address)
    });
    match bound {
        Ok(()) => Tried { sight: Sight::Bound, saw: format!("bind {address}: done") },
        Err(error) => {
            let error = io::Error::from(error);
            Tried { sight: sight_of(&error), saw: format!("bind {address}: {error}") }
        }
    }
}

fn converse(lab: &Lab, mut stream: impl Read + Write, place: &str) -> Tried {
    let greeting = match lab.ask {
        Ask::Nothing => return Tried { sight: Sight::Answers, saw: format!("connect {place}: done") },
        Ask::Http => {
            let host = lab.target.strip_prefix("unix:").map_or(lab.target.as_str(), |_| "localhost");
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").into_bytes()
        }
        Ask::Tls => CLIENT_HELLO.to_vec(),
        Ask::Banner => Vec::new(),
    };
    // A server that has closed already may have sent an answer first; what is read decides.
    let _ = stream.write_all(&greeting);
    let (heard, end) = read(&mut stream, lab.ask);
    let shown: String = String::from_utf8_lossy(&heard).chars().take(60).flat_map(char::escape_default).collect();
    if heard.is_empty() {
        let (sight, how) = match end {
            None => (Sight::Closed, "the connection is closed without an answer".to_owned()),
            Some(error) if is_timeout(&error) => (Sight::Silent, "connected, and no answer".to_owned()),
            Some(error) => (sight_of(&error), error.to_string()),
        };
        return Tried { sight, saw: format!("{place}: {how}") };
    }
    let spoken = match lab.ask {
        Ask::Http => is_good_http(&heard),
        // A handshake record, RFC 8446 section 5.1; an alert is 0x15.
        Ask::Tls => heard.first() == Some(&0x16),
        Ask::Nothing | Ask::Banner => true,
    };
    let wanted = lab.wants.as_ref().is_none_or(|wanted| String::from_utf8_lossy(&heard).contains(wanted.as_str()));
    let sight = if spoken && wanted { Sight::Answers } else { Sight::Wrong };
    Tried { sight, saw: format!("{place}: answers {shown}") }
}

/// Reads to the end, or as far as is needed to judge. The error that ended it, if one did.
fn read(stream: &mut impl Read, ask: Ask) -> (Vec<u8>, Option<io::Error>) {
    let mut heard = Vec::new();
    let mut piece = [0; 4096];
    let deadline = Instant::now() + PATIENCE;
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return (heard, None),
            Ok(length) => heard.extend(piece.iter().take(length)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (heard, Some(error)),
        }
        let enough = ask != Ask::Http || heard.len() > MOST || !heard.starts_with(b"HTTP/");
        if enough || Instant::now() > deadline {
            return (heard, None);
        }
    }
}

/// True for a whole answer that is neither an error nor a redirection.
fn is_good_http(heard: &[u8]) -> bool {
    let text = String::from_utf8_lossy(heard);
    let status = text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|code| code.parse::<u16>().ok());
    status.is_some_and(|status| (200..300).contains(&status))
}

fn sight_of(error: &io::Error) -> Sight {
    match Errno::from_io_error(error) {
        Some(Errno::CONNREFUSED) => Sight::Refused,
        Some(Errno::TIMEDOUT) => Sight::Timeout,
        Some(Errno::NETUNREACH | Errno::HOSTUNREACH) => Sight::Unreachable,
        Some(Errno::ADDRNOTAVAIL) => Sight::NotAvailable,
        Some(Errno::ADDRINUSE) => Sight::InUse,
        Some(Errno::ACCESS) => Sight::Denied,
        Some(Errno::PERM) => Sight::NotPermitted,
        Some(Errno::NOENT) => Sight::Missing,
        Some(Errno::CONNRESET | Errno::PIPE) => Sight::Reset,
        _ if error.kind() == io::ErrorKind::TimedOut => Sight::Timeout,
        _ => Sight::Failed,
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// How long a connection or an answer may take. Faults that hang cost this much; loopback answers within a millisecond.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long a client that says nothing waits for the server's end of it.
const MOMENT: Duration = Duration::from_millis(250);
/// More of an answer than this changes no judgement.
const MOST: usize = 64 * 1024;
/// Listeners that share a port are told apart by this many connections, but for one chance in thousands.
const TIMES: usize = 12;

/// The least that servers take for a TLS 1.2 greeting, RFC 5246 section 7.4.1.2: no session, three suites, no compression.
const CLIENT_HELLO: &[u8] = &[
    0x16, 0x03, 0x01, 0x00, 0x31, 0x01, 0x00, 0x00, 0x2d, 0x03, 0x03, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
    18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 0x00, 0x00, 0x06, 0xc0, 0x2f, 0xc0, 0x30, 0x00, 0x9c, 0x01, 0x00,
];
