//! How full a listener's door is, and what a datagram socket lost.

use crate::{list, world};

#[test]
fn a_listener_that_nobody_accepts_from() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["crowded", "3", "tcp/127.0.0.1:3000,backlog=7"]);
    let reading = list(&world);
    let socket = reading.inode(actor.inode());
    assert_eq!((&socket["queue"]["used"], &socket["queue"]["limit"]), (&3.into(), &7.into()), "{socket:#}");
}

#[test]
fn a_full_door_is_told_in_words() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["crowded", "6", "tcp/127.0.0.1:3000,backlog=2"]);
    let told = world.portward(&["explain", "3000"]);
    assert!(told.stdout.contains("queue") || told.stdout.contains("backlog") || told.stdout.contains("waiting"), "{told}");
}

#[test]
fn a_datagram_that_waits() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["unread", "udp/127.0.0.1:3000", "100"]);
    let reading = list(&world);
    let socket = reading.inode(actor.inode());
    assert!(socket["queue"]["used"].as_u64().unwrap() > 0, "{socket:#}");
    assert_eq!(socket["queue"]["drops"], 0, "{socket:#}");
}

#[test]
fn datagrams_that_were_dropped() {
    let Some(world) = world() else { return };
    let code = r"
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
s.bind(('127.0.0.1', 3000))
c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(50): c.sendto(b'x' * 1000, ('127.0.0.1', 3000))
print('READY', flush=True)
sys.stdin.read()
";
    let flooded = world.enter().start(&["python3", "-c", code]);
    flooded.line_where(|line| line == "READY");
    let reading = list(&world);
    assert!(reading.only(3000)["queue"]["drops"].as_u64().unwrap() > 0, "{:#}", reading.document());
}
