//! Forwards between sockets of this process's own.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::unix::net::{UnixDatagram, UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use portward_model::Text;
use rustix::{
    fd::OwnedFd,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, listen, recv, send, socket_with,
    },
};
use tempfile::TempDir;

use super::{Admission, Pass, PassEnd, PassEvent, Stop, Tally, pass, stand};
use crate::{HowEnded, Kind, Place};

/// A forward that runs.
struct Running {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
    events: mpsc::Receiver<PassEvent>,
    tally: Arc<Tally>,
}

impl Running {
    fn start(at: &[Place], kind: Kind, targets: &[Place], change: impl FnOnce(&mut Pass)) -> Self {
        let listeners = stand(at, kind, 0o600, &mut |_| false).unwrap();
        let (second, minute) = (Duration::from_secs(10), Duration::from_millis(400));
        let mut order = Pass {
            listeners,
            kind,
            targets: targets.to_vec(),
            maker: None,
            admission: None,
            once: false,
            idle: minute,
            patience: second,
        };
        change(&mut order);
        let (stop, tally) = (Stop::new().unwrap(), Arc::new(Tally::default()));
        let (tell, events) = mpsc::channel();
        let (own, count) = (stop.clone(), Arc::clone(&tally));
        let thread = thread::spawn(move || pass(order, &own, &count, &mut |event| drop(tell.send(event))).unwrap());
        Self { stop, thread: Some(thread), events, tally }
    }

    fn next(&self) -> PassEvent {
        self.events.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    fn end(&self) -> (u64, u64, PassEnd) {
        loop {
            if let PassEvent::Ended { sent, received, how, .. } = self.next() {
                return (sent, received, how);
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.stop();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// A free port of both loopbacks.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn unix(path: &Path) -> Place {
    Place::Unix(Text::new(path.as_os_str().as_encoded_bytes()))
}

/// A server that says everything back in capitals once its client has ended, and closes then.
fn shouts(mut stream: impl Read + Write) {
    let mut heard = String::new();
    let _ = stream.read_to_string(&mut heard);
    let _ = stream.write_all(heard.to_uppercase().as_bytes());
}

fn tcp_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || shouts(stream.unwrap()));
        }
    });
    at
}

fn unix_server(folder: &Path) -> PathBuf {
    let path = folder.join("server.sock");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || shouts(stream.unwrap()));
        }
    });
    path
}

#[test]
fn each_kind_of_stream_is_passed_on_to_each_and_half_closed() {
    let folder = TempDir::new().unwrap();
    let targets = [Place::Inet(tcp_server()), unix(&unix_server(folder.path()))];
    for target in targets {
        let tcp = free();
        let path = folder.path().join("front.sock");
        let by_tcp = Running::start(&[tcp.into()], Kind::Stream, std::slice::from_ref(&target), |_| ());
        let by_unix = Running::start(&[unix(&path)], Kind::Stream, std::slice::from_ref(&target), |_| ());
        let mut client = TcpStream::connect(tcp).unwrap();
        let mut other = UnixStream::connect(&path).unwrap();
        client.write_all(b"over tcp").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        other.write_all(b"over unix").unwrap();
        other.shutdown(Shutdown::Write).unwrap();
        let mut said = [String::new(), String::new()];
        client.read_to_string(&mut said[0]).unwrap();
        other.read_to_string(&mut said[1]).unwrap();
        assert_eq!(said, ["OVER TCP", "OVER UNIX"], "{target}");
        let whole = PassEnd::Connection(HowEnded::Whole);
        assert_eq!(by_tcp.end(), (8, 8, whole), "{target}");
        let opened = by_unix.next();
        assert_eq!(opened, PassEvent::Opened { number: 0, client: None, pid: Some(std::process::id()) });
        assert_eq!(by_unix.end(), (9, 9, whole), "{target}");
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_target_that_nobody_serves_resets_its_client_and_one_that_comes_is_reached() {
    let (at, target) = (free(), free());
    let running = Running::start(&[at.into()], Kind::Stream, &[target.into()], |_| ());
    let mut client = TcpStream::connect(at).unwrap();
    assert!(client.read(&mut [0; 1]).is_err());
    assert_eq!(running.end().2, PassEnd::Connection(HowEnded::Refused(111)));
    let listener = TcpListener::bind(target).unwrap();
    let _client = TcpStream::connect(at).unwrap();
    listener.accept().unwrap();
}

#[test]
fn a_reset_of_either_side_is_told_of_the_side_that_has_gone() {
    let (at, target) = (free(), TcpListener::bind("127.0.0.1:0").unwrap());
    let running = Running::start(&[at.into()], Kind::Stream, &[target.local_addr().unwrap().into()], |_| ());
    for client_leaves in [true, false] {
        let client = TcpStream::connect(at).unwrap();
        let (server, _) = target.accept().unwrap();
        let (leaves, mut stays) = if client_leaves { (client, server) } else { (server, client) };
        rustix::net::sockopt::set_socket_linger(&leaves, Some(Duration::ZERO)).unwrap();
        drop(leaves);
        assert!(stays.read(&mut [0; 1]).is_err());
        let gone = if client_leaves { HowEnded::ClientGone } else { HowEnded::ServerGone };
        assert_eq!(running.end().2, PassEnd::Connection(gone));
    }
}

#[test]
fn a_silent_target_is_given_up() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("full.sock");
    // A queue of one, which nobody is taken from.
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    rustix::net::bind(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    listen(&socket, 0).unwrap();
    let _first = UnixStream::connect(&path).unwrap();
    let at = free();
    let running = Running::start(&[at.into()], Kind::Stream, &[unix(&path)], |order| order.patience = Duration::from_millis(50));
    let mut client = TcpStream::connect(at).unwrap();
    assert!(client.read(&mut [0; 1]).is_err());
    assert_eq!(running.end().2, PassEnd::Connection(HowEnded::Silent));
    // Once there is room, it is reached, though it was full at first.
    let patient = Running::start(&[free().into()], Kind::Stream, &[unix(&path)], |_| ());
    drop(patient);
}

#[test]
fn once_is_one_connection() {
    let (at, target) = (free(), tcp_server());
    let running = Running::start(&[at.into()], Kind::Stream, &[target.into()], |order| order.once = true);
    let client = TcpStream::connect(at).unwrap();
    let PassEvent::Opened { .. } = running.next() else { panic!("it was taken in") };
    assert!(TcpStream::connect(at).is_err(), "nobody listens any more");
    drop(client);
    running.end();
    assert!(running.events.recv_timeout(Duration::from_secs(20)).is_err());
}

#[test]
fn messages_stay_messages() {
    let folder = TempDir::new().unwrap();
    let [server, front] = ["server", "front"].map(|name| folder.path().join(name));
    let made = |path: &Path| {
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        (socket, SocketAddrUnix::new(path).unwrap())
    };
    let (listener, address) = made(&server);
    rustix::net::bind(&listener, &address).unwrap();
    listen(&listener, 8).unwrap();
    let _running = Running::start(&[unix(&front)], Kind::Packets, &[unix(&server)], |_| ());
    let (client, address) = made(&front);
    connect(&client, &address).unwrap();
    let accepted: OwnedFd = rustix::net::accept(&listener).unwrap();
    let long = vec![7; 100_000];
    for message in [&b"one"[..], b"two", &long] {
        send(&client, message, SendFlags::empty()).unwrap();
    }
    let mut buffer = vec![0; 200_000];
    for length in [3, 3, 100_000] {
        assert_eq!(recv(&accepted, &mut buffer[..], RecvFlags::empty()).unwrap().0, length);
    }
    drop(client);
    assert_eq!(recv(&accepted, &mut buffer[..], RecvFlags::empty()).unwrap().0, 0);
}

/// Answers each datagram with itself, behind a word.
fn udp_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 100];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&[b"re:", &buffer[..length]].concat(), from);
        }
    });
    at
}

#[test]
fn datagrams_find_their_way_back_and_are_forgotten() {
    let folder = TempDir::new().unwrap();
    let at = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let path = folder.path().join("udp.sock");
    // The first place of the server refuses.
    let refuses = UdpSocket::bind("[::1]:0").map_or(at, |socket| socket.local_addr().unwrap());
    let targets = [Place::Inet(udp_server()), Place::Inet(refuses)];
    let by_udp = Running::start(&[at.into()], Kind::Datagrams, &targets, |_| ());
    let by_unix = Running::start(&[unix(&path)], Kind::Datagrams, &[targets[1].clone(), targets[0].clone()], |_| ());
    let clients = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    let mut buffer = [0; 100];
    for (client, word) in clients.iter().zip(["a", "b"]) {
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        client.send_to(word.as_bytes(), at).unwrap();
        assert_eq!(client.recv_from(&mut buffer).unwrap(), (4, at));
        assert_eq!(&buffer[..4], format!("re:{word}").as_bytes());
    }
    assert_eq!(by_udp.tally.total.load(std::sync::atomic::Ordering::Relaxed), 2);
    assert_eq!(by_udp.end(), (1, 4, PassEnd::Idle));
    let client = UnixDatagram::bind(folder.path().join("client.sock")).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client.send_to(b"c", &path).unwrap();
    assert_eq!(client.recv(&mut buffer).unwrap(), 4, "{:?}", by_unix.next());
}

#[test]
fn only_one_users_processes_are_admitted() {
    let own = rustix::process::geteuid().as_raw();
    let refusals: Arc<Mutex<Vec<PassEvent>>> = Arc::default();
    for (uid, admitted) in [(own, true), (own + 1, false)] {
        let folder = TempDir::new().unwrap();
        let (at, path, target) = (free(), folder.path().join("s"), tcp_server());
        let only = |order: &mut Pass| order.admission = Some(Admission::of(uid).unwrap());
        let tcp = Running::start(&[at.into()], Kind::Stream, &[target.into()], only);
        let local = Running::start(&[unix(&path)], Kind::Stream, &[target.into()], only);
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let datagrams = Running::start(&[udp.into()], Kind::Datagrams, &[udp_server().into()], only);
        let _client = TcpStream::connect(at).unwrap();
        let _other = UnixStream::connect(&path).unwrap();
        let third = UdpSocket::bind("127.0.0.1:0").unwrap();
        third.send_to(b"x", udp).unwrap();
        for running in [&tcp, &local, &datagrams] {
            let event = running.next();
            match event {
                PassEvent::Opened { .. } => assert!(admitted),
                PassEvent::NotAdmitted { .. } => assert!(!admitted),
                other => refusals.lock().unwrap().push(other),
            }
        }
    }
    assert!(refusals.lock().unwrap().is_empty());
}

#[test]
fn a_place_that_is_taken_is_named_and_no_half_of_it_is_held() {
    let six = TcpListener::bind("[::1]:0");
    let Ok(six) = six else { return };
    let port = six.local_addr().unwrap().port();
    let both = [Place::Inet(([127, 0, 0, 1], port).into()), Place::Inet(six.local_addr().unwrap())];
    let failed = stand(&both, Kind::Stream, 0o600, &mut |_| false).unwrap_err();
    assert_eq!((failed.place, failed.errno), (both[1].clone(), 98));
    assert!(TcpListener::bind(("127.0.0.1", port)).is_ok());
}
