//! The forwarder between real sockets of this machine's loopback, on ports that were free a moment ago.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use rustix::net::sockopt;

use super::forward;
use crate::{Lender, Wish};
use portward_model::{Loan, Standing};

/// What the test wishes, and what the forwarder last told.
#[derive(Default)]
struct Talk {
    wish: Wish,
    asked: u64,
    told: (u64, Vec<(Loan, Standing)>, usize),
}

#[derive(Clone, Default)]
struct Script(Arc<(Mutex<Talk>, Condvar)>);

impl Lender for Script {
    fn wish(&mut self) -> Wish {
        self.0.0.lock().unwrap().wish.clone()
    }

    fn is_bound(&mut self, _: u16) -> bool {
        true
    }

    fn done(&mut self, loans: &[(Loan, Standing)], connections: usize) {
        let mut talk = self.0.0.lock().unwrap();
        talk.told = (talk.asked, loans.to_vec(), connections);
        self.0.1.notify_all();
    }

    fn may_end(&mut self) -> bool {
        true
    }
}

/// A forwarder in a thread, with a folder whose changes wake it.
struct Forwarder {
    script: Script,
    folder: tempfile::TempDir,
    thread: Option<thread::JoinHandle<()>>,
}

impl Forwarder {
    fn start() -> Self {
        Self::with(Vec::new())
    }

    fn with(reserved: Vec<rustix::fd::OwnedFd>) -> Self {
        let (script, folder) = (Script::default(), tempfile::tempdir().unwrap());
        let (mut lender, path) = (script.clone(), folder.path().to_owned());
        let thread = thread::spawn(move || forward(&mut lender, &[path], reserved).unwrap());
        Self { script, folder, thread: Some(thread) }
    }

    /// Wishes, and waits until that was made true.
    fn lend(&self, loans: &[(u16, u16)]) -> Vec<Standing> {
        let loans: Vec<Loan> = loans.iter().map(|(port, target)| Loan { port: *port, target: *target }).collect();
        let mut talk = self.script.0.0.lock().unwrap();
        talk.asked += 1;
        let asked = talk.asked;
        talk.wish.loans.clone_from(&loans);
        drop(talk);
        std::fs::write(self.folder.path().join("wish"), asked.to_string()).unwrap();
        let talk = self.script.0.0.lock().unwrap();
        let talk = self.script.0.1.wait_while(talk, |talk| talk.told.0 < asked || talk.told.1.len() != loans.len()).unwrap();
        talk.told.1.iter().map(|(_, standing)| *standing).collect()
    }

    /// Waits until so many connections are open.
    fn await_connections(&self, number: usize) {
        let talk = self.script.0.0.lock().unwrap();
        drop(self.script.0.1.wait_while(talk, |talk| talk.told.2 != number).unwrap());
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.script.0.0.lock().unwrap().wish = Wish { loans: Vec::new(), over: true };
        std::fs::write(self.folder.path().join("wish"), "over").unwrap();
        let ended = self.thread.take().unwrap().join();
        assert!(thread::panicking() || ended.is_ok());
    }
}

/// A port that nothing has on either family.
fn free() -> u16 {
    TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap().local_addr().unwrap().port()
}

/// A server on both families that hands each connection to `serve`.
fn server(serve: fn(TcpStream)) -> u16 {
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    port
}

fn both(port: u16) -> [SocketAddr; 2] {
    [SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))]
}

fn all(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

fn say(mut stream: &TcpStream, word: &[u8]) {
    stream.write_all(word).unwrap();
}

#[test]
fn a_switch_moves_new_connections_and_leaves_old_ones() {
    let one = server(|mut stream| {
        say(&stream, b"one");
        let _ = std::io::copy(&mut stream.try_clone().unwrap(), &mut stream);
    });
    let two = server(|stream| say(&stream, b"two"));
    let (forwarder, port) = (Forwarder::start(), free());
    assert_eq!(forwarder.lend(&[(port, one)]), [Standing::Lent]);
    let mut old = TcpStream::connect(both(port)[1]).unwrap();
    let mut word = [0; 3];
    old.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"one");
    assert_eq!(forwarder.lend(&[(port, two)]), [Standing::Lent]);
    for at in both(port) {
        assert_eq!(all(&TcpStream::connect(at).unwrap()), b"two", "{at}");
    }
    say(&old, b"still");
    old.shutdown(Shutdown::Write).unwrap();
    assert_eq!(all(&old), b"still");
    assert_eq!(forwarder.lend(&[]), []);
    assert_eq!(TcpStream::connect(both(port)[0]).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn bytes_arrive_whole_and_in_order_both_ways_and_one_end_may_end_first() {
    const SIZE: usize = 24 * 1024 * 1024;
    let target = server(|mut stream| {
        // Nothing is said before all has been heard.
        let heard = all(&stream);
        stream.write_all(&heard).unwrap();
    });
    let (forwarder, port) = (Forwarder::start(), free());
    assert_eq!(forwarder.lend(&[(port, target)]), [Standing::Lent]);
    let bytes: Vec<u8> = (0..SIZE).map(|at| u8::try_from((at * at / 7 + at) % 251).unwrap()).collect();
    let stream = TcpStream::connect(both(port)[0]).unwrap();
    say(&stream, &bytes);
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(all(&stream) == bytes);
    drop(stream);
    forwarder.await_connections(0);
}

#[test]
fn resets_go_on_as_resets() {
    let target = server(|mut stream| {
        let mut word = [0; 4];
        stream.read_exact(&mut word).unwrap();
        if &word == b"cut " {
            return sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        }
        // The client's end, and then its reset.
        assert_eq!(stream.read(&mut word).unwrap(), 0);
        let met = loop {
            match stream.write_all(&word) {
                Ok(()) => thread::yield_now(),
                Err(error) => break error.kind(),
            }
        };
        assert!(matches!(met, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{met:?}");
    });
    let (forwarder, port) = (Forwarder::start(), free());
    assert_eq!(forwarder.lend(&[(port, target)]), [Standing::Lent]);
    let mut stream = TcpStream::connect(both(port)[0]).unwrap();
    say(&stream, b"cut ");
    assert_eq!(stream.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let stream = TcpStream::connect(both(port)[1]).unwrap();
    say(&stream, b"half");
    stream.shutdown(Shutdown::Write).unwrap();
    sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
    forwarder.await_connections(0);
}

#[test]
fn what_was_said_before_a_reset_arrives() {
    // Closed with something unread, a socket is reset, behind what was written to it (RFC 2525, section 2.17).
    let target = server(|mut stream| {
        stream.read_exact(&mut [0; 4]).unwrap();
        say(&stream, b"413 too large");
    });
    let (forwarder, port) = (Forwarder::start(), free());
    assert_eq!(forwarder.lend(&[(port, target)]), [Standing::Lent]);
    for at in 0..50 {
        let mut stream = TcpStream::connect(both(port)[at % 2]).unwrap();
        // It ends in a reset, sooner or later.
        let _ = stream.write_all(&vec![7; 2_000_000]);
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        assert_eq!(String::from_utf8_lossy(&heard), "413 too large");
    }
    forwarder.await_connections(0);
}

#[test]
fn who_does_not_read_makes_the_other_side_wait() {
    let target = server(|stream| {
        stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut written = 0_usize;
        let sevens = vec![7; 65536];
        // Without end, as long as anybody takes it.
        while let Ok(more) = (&stream).write(&sevens) {
            written += more;
        }
        assert!(written < 64 * 1024 * 1024, "the forwarder keeps what it cannot pass on");
        drop(stream);
    });
    let (forwarder, port) = (Forwarder::start(), free());
    assert_eq!(forwarder.lend(&[(port, target)]), [Standing::Lent]);
    let stalled = TcpStream::connect(both(port)[0]).unwrap();
    let mut lively = TcpStream::connect(both(port)[0]).unwrap();
    let mut bytes = vec![0; 1024 * 1024];
    lively.read_exact(&mut bytes).unwrap();
    assert!(bytes.iter().all(|byte| *byte == 7), "one that waits keeps nobody else waiting");
    drop((stalled, lively));
    forwarder.await_connections(0);
}

#[test]
fn where_nothing_serves_nothing_is_held() {
    let (forwarder, port, target) = (Forwarder::start(), free(), free());
    assert_eq!(forwarder.lend(&[(port, target)]), [Standing::Unserved]);
    assert_eq!(TcpStream::connect(both(port)[0]).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    // A service of one family is served to clients of both.
    let listener = TcpListener::bind(("127.0.0.1", target)).unwrap();
    assert_eq!(forwarder.lend(&[(port, target)]), [Standing::Lent]);
    let stream = TcpStream::connect(both(port)[1]).unwrap();
    say(&listener.accept().unwrap().0, b"here");
    assert_eq!(all(&stream), b"here");
    // It has gone, and the forwarder has not looked since: the client is turned away at once.
    drop(listener);
    if let Ok(mut late) = TcpStream::connect(both(port)[0]) {
        assert_eq!(late.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
}

#[test]
fn a_port_that_somebody_has_is_left_alone_on_both_families() {
    let target = server(|stream| say(&stream, b"lent"));
    let forwarder = Forwarder::start();
    for at in ["0.0.0.0:0", "127.0.0.1:0", "[::]:0", "[::1]:0"] {
        let holder = TcpListener::bind(at).unwrap();
        let port = holder.local_addr().unwrap().port();
        assert_eq!(forwarder.lend(&[(port, target)]), [Standing::Held], "{at}");
        let other: SocketAddr = if at.contains('[') { both(port)[0] } else { both(port)[1] };
        if at != "[::]:0" {
            assert!(TcpStream::connect(other).is_err(), "half a port is not taken: {at}");
        }
        drop(holder);
        assert_eq!(forwarder.lend(&[(port, target)]), [Standing::Lent], "{at}");
        assert_eq!(all(&TcpStream::connect(other).unwrap()), b"lent");
    }
}

#[test]
fn a_port_is_taken_again_beside_connections_that_go_on() {
    let target = server(|mut stream| drop(std::io::copy(&mut stream.try_clone().unwrap(), &mut stream)));
    let (forwarder, port) = (Forwarder::start(), free());
    assert_eq!(forwarder.lend(&[(port, target)]), [Standing::Lent]);
    let mut old = TcpStream::connect(both(port)[0]).unwrap();
    say(&old, b"a");
    old.read_exact(&mut [0; 1]).unwrap();
    assert_eq!(forwarder.lend(&[]), []);
    // The script says of every port that somebody is bound to it, so that only the connection's remnant is in question.
    assert_eq!(forwarder.lend(&[(port, target)]), [Standing::Held]);
    let plain = TcpListener::bind(both(port)[0]).expect("a server that sets SO_REUSEADDR has the port");
    drop(plain);
    say(&old, b"b");
    old.read_exact(&mut [0; 1]).unwrap();
}

#[test]
fn hundreds_of_connections_at_once() {
    let target = server(|mut stream| drop(std::io::copy(&mut stream.try_clone().unwrap(), &mut stream)));
    let (forwarder, port) = (Forwarder::start(), free());
    assert_eq!(forwarder.lend(&[(port, target)]), [Standing::Lent]);
    let mut streams: Vec<TcpStream> = (0..200).map(|at| TcpStream::connect(both(port)[at % 2]).unwrap()).collect();
    for (at, stream) in streams.iter().enumerate() {
        say(stream, &at.to_le_bytes());
    }
    for (at, stream) in streams.iter_mut().enumerate() {
        let mut heard = [0; 8];
        stream.read_exact(&mut heard).unwrap();
        assert_eq!(heard, at.to_le_bytes());
    }
    drop(streams);
    forwarder.await_connections(0);
}
