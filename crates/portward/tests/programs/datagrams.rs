//! A refusal that a datagram met (`ECONNREFUSED` of a later `send`, udp(7)): asked by UDP, whatever TCP has at the same number; and a server
//! of datagrams is accused of nothing.

use portward_testkit::program;

use crate::{
    unharmed::{doctor, says},
    world,
};

/// What clients print whose datagram was refused, at this port.
fn texts(port: u16) -> Vec<String> {
    vec![
        format!(";; communications error to 127.0.0.1#{port}: connection refused"),
        format!(
            "dial tcp: lookup shop.test on 127.0.0.1:{port}: read udp 127.0.0.1:39871->127.0.0.1:{port}: read: connection refused"
        ),
        format!("write udp 127.0.0.1:43210->127.0.0.1:{port}: write: connection refused"),
        format!("Error: send ECONNREFUSED 127.0.0.1:{port}"),
        format!("statsd: error sending metric over UDP to localhost:{port}: Connection refused"),
        format!("quic: handshake with 127.0.0.1:{port} failed: Connection refused"),
    ]
}

#[test]
fn nobody_receives() {
    let Some(world) = world() else { return };
    for port in [53, 8125, 4433] {
        for text in texts(port) {
            let answer = doctor(&world, &[&text]);
            assert_eq!(says(&answer), "no-listener", "{text}: {answer:#}");
            assert_eq!(answer["read"]["transport"], "udp", "{text}");
        }
    }
}

#[test]
fn a_server_of_tcp_is_no_receiver() {
    let Some(world) = world() else { return };
    let _server = world.actor(&["listen", "tcp/127.0.0.1:5353"]);
    for text in texts(5353) {
        assert_eq!(says(&doctor(&world, &[&text])), "tcp-not-udp", "{text}");
    }
}

#[test]
fn a_receiver_is_not_accused() {
    let Some(world) = world() else { return };
    if program("python3").is_none() {
        return;
    }
    let script = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('127.0.0.1', 8125))\nprint('up', flush=True)\n\
                  while True: s.recv(100)";
    let server = world.enter().start(&["python3", "-c", script]);
    assert_eq!(server.line(), "up");
    for text in texts(8125) {
        let answer = doctor(&world, &[&text]);
        assert_ne!(answer["verdict"], "fault", "{text}: {answer:#}");
        assert_ne!(answer["verdict"], "healthy", "{text}: nobody can know that it is over: {answer:#}");
    }
}
