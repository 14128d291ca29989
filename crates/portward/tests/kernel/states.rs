//! Ports that are taken by something other than a listener.

use serde_json::Value;

use crate::{list, list_all, world};

#[test]
fn bound_and_not_listening() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000,silent"]);
    let reading = list_all(&world);
    let found = reading.on_port(3000);
    if found.is_empty() {
        // The kernel tells of such sockets from Linux 6.8 on; before, the gap must be named.
        assert!(!reading.document()["gaps"].as_array().unwrap().is_empty(), "{:#}", reading.document());
        portward_testkit::skip("a kernel that lists bound TCP sockets (Linux 6.8)");
        return;
    }
    let socket = reading.only(3000);
    assert_eq!(socket["state"], "bound");
    assert_eq!(socket["inode"], actor.inode());
    assert_eq!(reading.owners_of(socket), [actor.pid()]);
    actor.ask("listen 0", "LISTENING");
    assert_eq!(list(&world).only(3000)["state"], "listen");
}

#[test]
fn bound_and_silent_is_found_when_it_is_asked_for() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000,silent", "tcp/127.0.0.1:3001"]);
    let reading = world.portward(&["list", "--json", "state:bound"]).expect(0).reading();
    assert_eq!(reading.owners_of(reading.only(3000)), [actor.pid()]);
    assert!(reading.on_port(3001).is_empty());
}

#[test]
fn time_wait_has_no_owner_and_says_so() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["time-wait", "tcp/127.0.0.1:3000"]);
    let reading = list_all(&world);
    let socket = reading.only(3000);
    assert_eq!(socket["state"], "time_wait");
    assert_eq!(socket["remote"]["port"], actor.number("client_port"));
    assert_eq!(reading.owners_of(socket), Vec::<u64>::new());
    assert_eq!(socket["owners_gap"]["reason"], "none", "{socket:#}");
    assert!(list(&world).on_port(3000).is_empty(), "no listener");
}

#[test]
fn half_closed_ends_have_their_states() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["half-closed", "tcp/127.0.0.1:3000"]);
    let reading = list_all(&world);
    let client = u16::try_from(actor.number("client_port")).unwrap();
    assert_eq!(reading.only(client)["state"], "fin_wait2");
    let here = reading.matching(|socket| socket["remote"]["port"] == client);
    assert_eq!(here.len(), 1);
    assert_eq!(here[0]["state"], "close_wait");
    assert_eq!(reading.owners_of(here[0]), [actor.pid()]);
}

#[test]
fn a_client_whose_own_port_it_is() {
    let Some(world) = world() else { return };
    let server = world.actor(&["listen", "tcp/127.0.0.1:5432"]);
    let client = world.actor(&["connect", "tcp/127.0.0.1:5432,from=127.0.0.1:3000"]);
    assert!(list(&world).on_port(3000).is_empty(), "a client is no listener");
    let reading = list_all(&world);
    let socket = reading.only(3000);
    assert_eq!((&socket["state"], &socket["remote"]["port"]), (&Value::from("established"), &Value::from(5432)));
    assert_eq!(reading.owners_of(socket), [client.pid()]);
    let listener = reading.matching(|socket| socket["state"] == "listen");
    assert_eq!(reading.owners_of(listener[0]), [server.pid()]);
}

#[test]
fn a_connection_under_way() {
    let Some(world) = world() else { return };
    // The queue holds two; what comes after them keeps asking.
    let actor = world.actor(&["crowded", "4", "tcp/127.0.0.1:3000,backlog=1"]);
    let reading = list_all(&world);
    let asking = reading.matching(|socket| socket["state"] == "syn_sent");
    assert!(!asking.is_empty(), "{:#}", reading.document());
    for socket in asking {
        assert_eq!(reading.owners_of(socket), [actor.number("client")]);
        assert_eq!(socket["remote"]["port"], 3000);
    }
}
