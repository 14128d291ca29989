//! What a socket is bound to: families, zones, devices, and who that serves.

use serde_json::{Value, json};

use crate::{list, world};

/// The facts of a bind, in the order of the columns below.
fn bind(socket: &Value) -> Value {
    json!([
        socket["family"],
        socket["local"]["address"],
        socket["v6_only"],
        socket["serves_ipv4"],
        socket["scope"],
        socket["device"]
    ])
}

#[test]
fn families_and_scopes() {
    let Some(world) = world() else { return };
    for (spec, family, address, v6_only, serves_ipv4, scope, device) in [
        ("tcp/127.0.0.1:3000", "ipv4", "127.0.0.1", Value::Null, true, "loopback", Value::Null),
        ("tcp/127.5.5.5:3000", "ipv4", "127.5.5.5", Value::Null, true, "loopback", Value::Null),
        ("tcp/0.0.0.0:3000", "ipv4", "0.0.0.0", Value::Null, true, "every", Value::Null),
        ("tcp/[::1]:3000", "ipv6", "::1", json!(true), false, "loopback", Value::Null),
        ("tcp/[::]:3000,v6only", "ipv6", "::", json!(true), false, "every", Value::Null),
        ("tcp/[::]:3000,dual", "ipv6", "::", json!(false), true, "every", Value::Null),
        ("tcp/[::ffff:127.0.0.1]:3000,dual", "ipv6", "::ffff:127.0.0.1", json!(false), true, "loopback", Value::Null),
        ("tcp/[::ffff:0.0.0.0]:3000,dual", "ipv6", "::ffff:0.0.0.0", json!(false), true, "every", Value::Null),
        ("tcp/0.0.0.0:3000,device=lo", "ipv4", "0.0.0.0", Value::Null, true, "loopback", json!("lo")),
        ("tcp/[::]:3000,dual,device=lo", "ipv6", "::", json!(false), true, "loopback", json!("lo")),
        ("udp/127.0.0.1:3000", "ipv4", "127.0.0.1", Value::Null, true, "loopback", Value::Null),
        ("udp/[::]:3000,v6only", "ipv6", "::", json!(true), false, "every", Value::Null),
        ("udp/[::]:3000,dual", "ipv6", "::", json!(false), true, "every", Value::Null),
    ] {
        let actor = world.actor(&["listen", spec]);
        let reading = list(&world);
        let socket = reading.only(3000);
        let found = bind(socket);
        // Of a bind to one IPv6 address it is all the same whether the kernel marks it.
        let v6_only = if address == "::1" { socket["v6_only"].clone() } else { v6_only };
        assert_eq!(found, json!([family, address, v6_only, serves_ipv4, scope, device]), "{spec}: {socket:#}");
        assert_eq!(socket["transport"], spec[..3], "{spec}");
        assert_eq!(socket["state"], if spec.starts_with("udp") { "bound" } else { "listen" }, "{spec}");
        assert_eq!(socket["inode"], actor.inode(), "{spec}");
        assert_eq!(reading.owners_of(socket), [actor.pid()], "{spec}");
    }
}

#[test]
fn a_v6_only_and_a_v4_listener_share_a_port() {
    let Some(world) = world() else { return };
    let six = world.actor(&["listen", "tcp/[::]:3000,v6only"]);
    let four = world.actor(&["listen", "tcp/0.0.0.0:3000"]);
    let reading = list(&world);
    assert_eq!(reading.on_port(3000).len(), 2);
    for (actor, family, serves_ipv4) in [(&six, "ipv6", false), (&four, "ipv4", true)] {
        let socket = reading.inode(actor.inode());
        assert_eq!((&socket["family"], &socket["serves_ipv4"]), (&json!(family), &json!(serves_ipv4)));
        assert_eq!(reading.owners_of(socket), [actor.pid()]);
    }
}

#[test]
fn a_link_local_bind_has_its_zone_apart() {
    let Some(world) = world() else { return };
    world.add_veth("v0", "v1");
    let actor = world.actor(&["listen", "tcp/[fe80::1%v0]:3000", "udp/[fe80::2%v1]:3000"]);
    let reading = list(&world);
    for (transport, address, zone) in [("tcp", "fe80::1", "v0"), ("udp", "fe80::2", "v1")] {
        let found = reading.matching(|socket| socket["transport"] == transport);
        assert_eq!(found.len(), 1, "{transport}");
        assert_eq!(found[0]["local"], json!({ "address": address, "port": 3000, "zone": zone }));
        assert_eq!(found[0]["scope"], "interface");
        assert_eq!(reading.owners_of(found[0]), [actor.pid()]);
    }
}

#[test]
fn a_pin_to_a_device_is_not_a_zone() {
    let Some(world) = world() else { return };
    world.add_veth("v0", "v1");
    let _actor = world.actor(&["listen", "tcp/0.0.0.0:3000,device=v0"]);
    let reading = list(&world);
    let socket = reading.only(3000);
    assert_eq!((&socket["device"], &socket["scope"]), (&json!("v0"), &json!("interface")), "{socket:#}");
    assert_eq!(socket["local"]["zone"], Value::Null, "{socket:#}");
}

#[test]
fn one_address_of_an_interface_is_interface_scope() {
    let Some(world) = world() else { return };
    world.add_veth("v0", "v1");
    let _ = world.run(&["ip", "addr", "add", "192.168.77.1/24", "dev", "v0"]).expect(0);
    let _actor = world.actor(&["listen", "tcp/192.168.77.1:3000"]);
    let reading = list(&world);
    assert_eq!(reading.only(3000)["scope"], "interface");
}

#[test]
fn mptcp_is_listed_as_the_tcp_it_serves() {
    let Some(world) = world() else { return };
    let can = world.run(&["python3", "-c", "import socket; socket.socket(2, 1, 262)"]);
    if can.code != Some(0) {
        portward_testkit::skip("MPTCP in this kernel");
        return;
    }
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000,mptcp"]);
    let reading = list(&world);
    let found = reading.on_port(3000);
    assert!(found.iter().any(|socket| reading.owners_of(socket) == [actor.pid()]), "{:#}", reading.document());
}

#[test]
fn every_port_is_found() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:1", "tcp/127.0.0.1:65535", "udp/127.0.0.1:65535", "tcp/127.0.0.1:49342"]);
    let reading = list(&world);
    assert_eq!(reading.sockets().len(), 4);
    for socket in reading.sockets() {
        assert_eq!(reading.owners_of(socket), [actor.pid()]);
    }
}
