//! What one connection meets.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    thread,
    time::Duration,
};

use portward_model::{DialTarget, Ended, Met, Said, Text};
use portward_sys::{Dialled, Dialling, Talk, this_machine};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};

fn dial(at: &DialTarget, bytes: Option<&[u8]>, enough: usize) -> Dialled {
    listen_and_dial(at, bytes, enough, Duration::ZERO, Duration::from_secs(20))
}

fn listen_and_dial(at: &DialTarget, bytes: Option<&[u8]>, enough: usize, listen_first: Duration, patience: Duration) -> Dialled {
    let mut judge = |heard: &[u8]| heard.len() >= enough;
    let talk = bytes.map(|bytes| Talk {
        said: Said::Http,
        listen_first: Some(listen_first),
        bytes,
        enough: &mut judge,
        patience,
        most: Talk::FEW,
        farewell: Talk::SHORT,
        tls: None,
    });
    let (mut pending, mut connected) = (|| (), || ());
    let dial = Dialling {
        at,
        patience: Duration::from_millis(200),
        talk,
        pending: &mut pending,
        connected: &mut connected,
        wanted: &|| true,
    };
    this_machine().unwrap().dial(dial).unwrap()
}

#[test]
fn nobody_refuses_with_the_kernels_number() {
    // Bound and not listening: nobody else can take the port meanwhile.
    let held = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&held, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
    let address = SocketAddr::try_from(getsockname(&held).unwrap()).unwrap();
    assert_eq!(dial(&DialTarget::Inet(address), None, 0).met, Met::Failed(111));
    let counters = this_machine().unwrap();
    let before = counters.counters().unwrap();
    assert_eq!(dial(&DialTarget::Inet(address), Some(b"x"), 1).exchange, None);
    let after = counters.counters().unwrap();
    assert!(after["Tcp.OutRsts"] > before["Tcp.OutRsts"] && after["Tcp.AttemptFails"] > before["Tcp.AttemptFails"]);
}

#[test]
fn an_answer_is_heard_to_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = DialTarget::Inet(listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut heard = [0; 5];
        client.read_exact(&mut heard).unwrap();
        client.write_all(b"answer").unwrap();
        drop(client);
        heard
    });
    let dialled = dial(&at, Some(b"hello"), 100);
    let exchange = dialled.exchange.unwrap();
    assert_eq!((dialled.met, exchange.ended, exchange.heard.raw()), (Met::Connected, Ended::Closed, &b"answer"[..]));
    assert_eq!(&server.join().unwrap(), b"hello");
}

#[test]
fn enough_ends_the_conversation_and_the_server_reads_an_end_and_no_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = DialTarget::Inet(listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(&vec![b'x'; 30_000]).unwrap();
        client.read(&mut [0; 8])
    });
    let exchange =
        listen_and_dial(&at, Some(b"never said"), 4, Duration::from_secs(20), Duration::from_secs(20)).exchange.unwrap();
    assert_eq!((exchange.ended, exchange.said), (Ended::Enough, Said::Nothing));
    assert!(exchange.heard.raw().len() <= 4096);
    assert_eq!(server.join().unwrap().unwrap(), 0);
}

#[test]
fn who_speaks_first_is_spoken_to_where_nobody_listened_for_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = DialTarget::Inet(listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(b"I begin. ").unwrap();
        let mut heard = [0; 5];
        client.read_exact(&mut heard).unwrap();
        client.write_all(b"I answer.").unwrap();
        heard
    });
    let mut judge = |heard: &[u8]| heard.ends_with(b"I answer.");
    let patience = Duration::from_secs(20);
    let talk = Talk {
        said: Said::Greeting,
        listen_first: None,
        bytes: b"hello",
        enough: &mut judge,
        patience,
        most: Talk::FEW,
        farewell: Talk::SHORT,
        tls: None,
    };
    // Its first words are there before ours are said.
    let mut connected = || thread::sleep(Duration::from_millis(100));
    let dial = Dialling { at: &at, patience, talk: Some(talk), pending: &mut || (), connected: &mut connected, wanted: &|| true };
    let exchange = this_machine().unwrap().dial(dial).unwrap().exchange.unwrap();
    assert_eq!((exchange.ended, exchange.heard.raw()), (Ended::Enough, &b"I begin. I answer."[..]));
    assert_eq!(&server.join().unwrap(), b"hello");
}

#[test]
fn nobody_waits_for_what_is_not_wanted_any_more() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = DialTarget::Inet(listener.local_addr().unwrap());
    let mut judge = |_: &[u8]| false;
    let patience = Duration::from_hours(1);
    let talk = Talk {
        said: Said::Greeting,
        listen_first: None,
        bytes: b"hello",
        enough: &mut judge,
        patience,
        most: Talk::FEW,
        farewell: Talk::SHORT,
        tls: None,
    };
    let dial = Dialling { at: &at, patience, talk: Some(talk), pending: &mut || (), connected: &mut || (), wanted: &|| false };
    assert_eq!(this_machine().unwrap().dial(dial).unwrap().exchange.unwrap().ended, Ended::Silence);
}

#[test]
fn silence_and_resets_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = DialTarget::Inet(listener.local_addr().unwrap());
    // Never accepted: the kernel completes the handshake, and nobody speaks.
    let patience = Duration::from_millis(50);
    assert_eq!(listen_and_dial(&at, Some(b"hello"), 1, patience, patience).exchange.unwrap().ended, Ended::Silence);
    let server = thread::spawn(move || {
        let _abandoned = listener.accept().unwrap();
        let (client, _) = listener.accept().unwrap();
        // A close with unread bytes is a reset.
        client.peek(&mut [0; 1]).unwrap();
    });
    assert_eq!(dial(&at, Some(b"hello"), 1).exchange.unwrap().ended, Ended::Reset);
    server.join().unwrap();
}

#[test]
fn a_full_queue_is_silent_and_is_looked_at_while_the_connect_is_pending() {
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&listener, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
    listen(&listener, 0).unwrap();
    let address = SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
    let _queued = std::net::TcpStream::connect(address).unwrap();
    let at = DialTarget::Inet(address);
    let (mut looks, mut made) = (0, 0);
    let (mut pending, mut connected) = (|| looks += 1, || made += 1);
    let dial = Dialling {
        at: &at,
        patience: Duration::from_millis(50),
        talk: None,
        pending: &mut pending,
        connected: &mut connected,
        wanted: &|| true,
    };
    let dialled = this_machine().unwrap().dial(dial).unwrap();
    assert_eq!((dialled.met, looks, made), (Met::Silence, 1, 0));
}

#[test]
fn unix_sockets_by_path_and_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    let at = DialTarget::Unix(Text::new(path.as_os_str().as_encoded_bytes()));
    assert_eq!(dial(&at, None, 0).met, Met::Failed(2));
    let listener = UnixListener::bind(&path).unwrap();
    assert_eq!(dial(&at, None, 0).met, Met::Connected);
    drop(listener);
    assert_eq!(dial(&at, None, 0).met, Met::Failed(111));
    assert_eq!(dial(&DialTarget::Unix("@portward-nobody-listens-here".into()), None, 0).met, Met::Failed(111));
}
