//! Any bytes as a chunk of netlink replies: sockets, links, addresses, routes and rules; and as a captured packet.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_model::Transport;
use portward_wire::netlink::{read_address, read_link, read_messages, read_route, read_rule, read_sockets};

fuzz_target!(|chunk: &[u8]| {
    if let Some(segment) = portward_wire::packet::segment(chunk) {
        assert!(chunk.len() >= 34 && segment.flags().count() <= 6);
    }
    let mut sockets = 0_usize;
    for transport in [Transport::Tcp, Transport::Udp, Transport::Unix] {
        // A refusal is an answer; a panic or an endless loop is not.
        let _ = read_sockets(chunk, transport, 0, &mut |_| sockets += 1);
    }
    // A socket takes more than a header, so no chunk holds more sockets than this.
    assert!(sockets <= 3 * chunk.len() / 16);
    let _ = read_messages(chunk, &mut |kind, body| {
        let _ = read_link(kind, body);
        let _ = read_address(kind, body);
        let _ = read_route(kind, body);
        let _ = read_rule(kind, body);
        Ok(())
    });
});
