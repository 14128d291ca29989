//! `portward next`: ports that can really be bound, and why the others cannot.

use portward_testkit::World;

use crate::world;

/// True when plain listeners can be had on the port, on both families.
fn can_bind(world: &World, port: &str) -> bool {
    let code = format!(
        "import socket; [s.bind(('', {port})) or s.listen() for s in (socket.socket(2, 1), )]; s=socket.socket(10, 1); s.setsockopt(41, 26, 1); s.bind(('::', {port})); s.listen()"
    );
    world.run(&["python3", "-c", &code]).code == Some(0)
}

#[test]
fn the_bare_number_for_scripts() {
    let Some(world) = world() else { return };
    let outcome = world.portward(&["next"]).expect(0);
    let port = outcome.stdout.trim_end();
    assert!(port.parse::<u16>().is_ok_and(|port| port >= 1024), "{outcome}");
    assert!(can_bind(&world, port), "{outcome}");
}

#[test]
fn the_first_free_one_from_here() {
    let Some(world) = world() else { return };
    let _ = world.portward(&["next", "3000"]).expect(0).stdout.starts_with("3000");
    let _actor =
        world.actor(&["listen", "tcp/127.0.0.1:3000", "tcp/[::]:3001,v6only", "tcp/0.0.0.0:3002", "tcp/127.0.0.1:3003,silent"]);
    let outcome = world.portward(&["next", "3000"]).expect(0);
    assert_eq!(outcome.stdout, "3004\n", "{outcome}");
    assert!(can_bind(&world, "3004"));
}

#[test]
fn several_in_a_range() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3001"]);
    let outcome = world.portward(&["next", "3000-3999", "-n", "3"]).expect(0);
    assert_eq!(outcome.stdout, "3000\n3002\n3003\n", "{outcome}");
}

#[test]
fn a_range_that_is_full() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000", "tcp/127.0.0.1:3001"]);
    let outcome = world.portward(&["next", "3000-3001"]).expect(1);
    assert_eq!(outcome.stdout, "", "{outcome}");
    assert!(outcome.stderr.contains("3000-3001") || outcome.stderr.contains("3000"), "{outcome}");
}

#[test]
fn the_reason_for_each_skipped_one() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["next", "3000", "--json"]).expect(0);
    let document = outcome.json();
    let text = document.to_string();
    assert!(text.contains("3001"), "{document:#}");
    assert!(text.contains(&actor.pid().to_string()) || text.contains("held"), "why 3000 was skipped: {document:#}");
}

#[test]
fn ports_that_only_look_free() {
    let Some(world) = world() else { return };
    let _ = world.run(&["sh", "-c", "echo 3002-3003 >/proc/sys/net/ipv4/ip_local_reserved_ports"]).expect(0);
    let _time_wait = world.actor(&["time-wait", "tcp/127.0.0.1:3000"]);
    let _server = world.actor(&["listen", "tcp/127.0.0.1:5432"]);
    let _client = world.actor(&["connect", "tcp/127.0.0.1:5432,from=127.0.0.1:3001"]);
    let outcome = world.portward(&["next", "3000", "--json"]).expect(0);
    let port = world.portward(&["next", "3000"]).expect(0);
    assert!(can_bind(&world, port.stdout.trim_end()), "{outcome}");
    assert!(!["3000\n", "3001\n"].contains(&port.stdout.as_str()), "{outcome}");
}

#[test]
fn an_unprivileged_reader_is_not_offered_privileged_ports() {
    let Some(world) = world() else { return };
    let outcome = world.enter().stranger().portward(&["next", "80"]);
    let offered = outcome.stdout.trim_end().parse::<u16>();
    assert!(outcome.code == Some(1) || offered.is_ok_and(|port| port >= 1024), "{outcome}");
    assert_eq!(world.portward(&["next", "80"]).expect(0).stdout, "80\n");
}

#[test]
fn bad_ranges() {
    let Some(world) = world() else { return };
    for bad in ["3999-3000", "70000", "a-b", "3000-", "-n"] {
        let outcome = world.portward(&["next", bad]).expect(2);
        assert!(outcome.stdout.is_empty() && !outcome.stderr.is_empty(), "{outcome}");
    }
}
