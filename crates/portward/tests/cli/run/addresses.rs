//! Addresses keep their identity: each one that a program serves is reached at itself, and at no other.

use super::Stage;

const MANY: &[&str] = &["tcp", "127.0.0.2", "3000", "tcp", "127.0.1.1", "3001"];

#[test]
fn a_server_on_another_address_of_the_loopback_is_reached_there_and_nowhere_else() {
    let Some(stage) = Stage::new() else { return };
    let _plain = stage.plain("plain", &["tcp", "127.0.0.1", "3000", "tcp", "127.0.0.53", "3001"]);
    let server = stage.server(&stage.one, &[], "own", MANY);
    let port = stage.port(&stage.one, "3000");
    let line = Stage::told(&server, "asked 127.0.0.2:3000");
    assert!(line.ends_with(&format!("serves http://127.0.0.2:{port}")), "{line}");
    for (place, name) in [
        ("127.0.0.2 3000", "own"),
        ("127.0.1.1 3001", "own"),
        // What no program of the session serves is the real one.
        ("127.0.0.1 3000", "plain"),
        ("127.0.0.53 3001", "plain"),
        ("127.0.0.1 3001", "ConnectionRefusedError"),
        ("127.0.1.1 3000", "ConnectionRefusedError"),
        ("::1 3000", "ConnectionRefusedError"),
    ] {
        assert_eq!(stage.heard_in(&stage.one, place), name, "{place}");
    }
    // Outside the line is to be dialled as it stands, and so is what is printed for scripts.
    assert_eq!(stage.heard(&format!("127.0.0.2 {port}")), "own");
    let url = stage.portward(&stage.one, &["url", "3000"]).expect(0).stdout;
    assert_eq!(url.trim_end(), format!("http://127.0.0.2:{port}"));
}

#[test]
fn names_are_resolved_whoever_serves_at_their_port() {
    let Some(stage) = Stage::new() else { return };
    let _resolver = stage.plain("resolver", &["udp", "127.0.0.53", "53", "tcp", "127.0.0.53", "53"]);
    for at in ["127.0.0.1", "0.0.0.0", "::"] {
        let server = stage.server(&stage.one, &[], "own", &["udp", at, "53", "tcp", at, "53"]);
        for kind in ["", " udp"] {
            assert_eq!(stage.heard_in(&stage.one, &format!("127.0.0.53 53{kind}")), "resolver", "beside {at}");
            assert_eq!(stage.heard_in(&stage.one, &format!("127.0.0.1 53{kind}")), "own");
        }
        drop(server);
    }
}

#[test]
fn the_machines_own_addresses_are_reached_inside_and_stay_distinct() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_lan("eth0", "192.168.77.1/24");
    let _ = stage.world.run(&["ip", "address", "add", "10.77.0.5/24", "dev", "eth0"]).expect(0);
    let _ = stage.world.run(&["ip", "address", "add", "fd77::5/64", "dev", "eth0", "nodad"]).expect(0);
    let _ = stage.world.run(&["ip", "address", "add", "fd77::6/64", "dev", "eth0", "nodad"]).expect(0);
    let places = ["192.168.77.1", "10.77.0.5", "127.0.0.1", "::1", "fd77::5", "fd77::6"];
    let servers: Vec<_> = places
        .iter()
        .map(|at| stage.server(&stage.one, &[], &format!("at-{at}"), &["tcp", at, "3000", "udp", at, "3000"]))
        .collect();
    for at in places {
        for kind in ["", " udp"] {
            assert_eq!(stage.heard_in(&stage.one, &format!("{at} 3000{kind}")), format!("at-{at}"), "{kind}");
            if kind.is_empty() {
                let seen = stage.heard(&format!("{at} 3000"));
                assert_eq!(seen, "ConnectionRefusedError", "outside the real one is dialled, which nobody serves");
            }
        }
    }
    assert_eq!(stage.heard_in(&stage.one, "::ffff:10.77.0.5 3000"), "at-10.77.0.5");
    // Each line is to be dialled from outside, and each is another place.
    let document = stage.portward(&stage.one, &["ps", "--json"]).expect(0).json();
    let mut places_outside = Vec::new();
    for service in document["sessions"].as_array().unwrap().iter().flat_map(|session| session["services"].as_array().unwrap()) {
        for listener in service["listeners"].as_array().unwrap() {
            let at = listener["serves"].as_str().unwrap().replace(['[', ']'], "");
            let (host, port) = at.rsplit_once(':').unwrap();
            let asked = listener["asked"].as_str().unwrap().rsplit_once(':').unwrap().0.replace(['[', ']'], "");
            if listener["transport"] == "tcp" {
                assert_eq!(stage.heard(&format!("{host} {port}")), format!("at-{asked}"), "{listener}");
            }
            places_outside.push(format!("{}/{at}", listener["transport"]));
        }
    }
    places_outside.sort();
    places_outside.dedup();
    assert_eq!(places_outside.len(), 12, "{places_outside:?}");
    drop(servers);
}

#[test]
fn whoever_serves_every_address_is_reached_at_the_machines_own() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_lan("eth0", "192.168.77.1/24");
    let _ = stage.world.run(&["ip", "address", "add", "fd77::5/64", "dev", "eth0", "nodad"]).expect(0);
    let _server = stage.server(&stage.one, &[], "own", &["tcp", "0.0.0.0", "3000", "tcp", "::", "3001", "udp", "::", "3002"]);
    for place in ["192.168.77.1 3000", "192.168.77.1 3001", "fd77::5 3001", "192.168.77.1 3002 udp", "fd77::5 3002 udp"] {
        assert_eq!(stage.heard_in(&stage.one, place), "own", "{place}");
    }
    // Of a server that other programs are told the port of (epmd, RMI), the kernel gave the port.
    let (stdout, _) = stage.said(
        "s = socket.socket(); s.bind(('0.0.0.0', 0)); s.listen(); port = s.getsockname()[1]\n\
         print(number(lambda: socket.create_connection(('192.168.77.1', port))))",
    );
    assert_eq!(stdout, "0");
    // At an address of its own as well: what stands for it takes its place, with its options and its place among descriptors.
    for own in ["192.168.77.1", "fd77::5"] {
        let (stdout, stderr) = stage.said(&format!(
            "s = socket.socket(socket.AF_INET6 if ':' in '{own}' else socket.AF_INET); s.setblocking(False)\n\
             s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('{own}', 0)); number_of, port = s.fileno(), s.getsockname()[1]\n\
             s.listen(); print(s.fileno() == number_of, s.getsockname()[1] == port, device(s), s.getsockopt(1, 2), os.get_blocking(number_of), os.get_inheritable(number_of))\n\
             c = socket.create_connection(('{own}', port)); b, _ = s.accept(); b.sendall(b'it'); print(c.recv(9))"
        ));
        assert_eq!(stdout, "True True lo 1 False False\nb'it'", "{stderr}");
        assert!(
            stderr.contains(&format!("asked {}", if own.contains(':') { "[fd77::5]:" } else { "192.168.77.1:" })),
            "{stderr}"
        );
    }
    // With its ports as they are, and exposed.
    for flag in ["--loopback-only", "--expose"] {
        let server = stage.server(&stage.two, &[flag], "two", &["tcp", "192.168.77.1", "3000"]);
        let heard = stage.portward(&stage.two, &["run", "python3", &stage.client, "192.168.77.1 3000"]).stdout;
        let inside = stage.portward(&stage.two, &["run", flag, "python3", &stage.client, "192.168.77.1 3000"]).stdout;
        assert_eq!(inside.trim_end(), "two", "{flag} {heard}");
        drop(server);
    }
}

#[test]
fn nothing_of_it_is_reached_from_another_machine() {
    let Some(stage) = Stage::new() else { return };
    let neighbour = stage.world.add_neighbour();
    // Those of the road to the neighbour.
    let own = ["192.168.77.1", "fd77::1"];
    let mut places = vec!["tcp", "0.0.0.0", "4000", "tcp", "127.0.0.2", "4001"];
    for at in own {
        places.extend(["tcp", at, "3000", "udp", at, "3000"]);
    }
    let server = stage.server(&stage.one, &[], "own", &places);
    let _ = Stage::told(&server, "asked 0.0.0.0:4000");
    for at in own {
        assert_eq!(stage.heard_in(&stage.one, &format!("{at} 3000")), "own", "{at}");
    }
    assert!(neighbour.reaches(&stage.world).is_empty());
}
