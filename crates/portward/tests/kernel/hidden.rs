//! What a user sees of others' sockets: everything the kernel tells, and the rest named as hidden.

use portward_testkit::{World, is_root};
use serde_json::Value;

use crate::{PORTWARD, world};

#[test]
fn a_strangers_list_has_every_socket() {
    for world in [world(), World::as_nobody(PORTWARD)] {
        let Some(world) = world else { return };
        let actor = world.actor(&["listen", "tcp/127.0.0.1:3000", "udp/127.0.0.1:3001", "tcp/[::]:3002,dual"]);
        let reading = world.enter().stranger().portward(&["list", "--json"]).expect(0).reading();
        for (port, at) in [(3000, 0), (3001, 1), (3002, 2)] {
            let socket = reading.only(port);
            assert_eq!(socket["inode"], actor.facts["sockets"][at]["inode"]);
            assert_eq!(socket["owners"], Value::Null, "{socket:#}");
            assert_eq!(socket["owners_gap"]["reason"], "hidden", "{socket:#}");
            assert!(socket["owners_gap"]["need"].is_string(), "{socket:#}");
            assert!(socket["uid"].is_u64(), "{socket:#}");
        }
        assert!(!reading.document()["gaps"].as_array().unwrap().is_empty());
    }
}

#[test]
fn a_hidden_owners_row_still_has_its_user() {
    let Some(world) = world() else { return };
    if !is_root() {
        portward_testkit::skip("root, for a second user");
        return;
    }
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let reading = world.enter().stranger().portward(&["list", "--json"]).expect(0).reading();
    let socket = reading.only(3000);
    assert_eq!((&socket["uid"], &socket["user"]), (&Value::from(0), &Value::from("root")));
    let own = world.enter().stranger().actor(&["listen", "tcp/127.0.0.1:3001"]);
    let reading = world.enter().stranger().portward(&["list", "--json"]).expect(0).reading();
    assert_eq!(reading.owners_of(reading.only(3001)), [own.pid()], "one's own are not hidden");
    assert_eq!(reading.only(3001)["user"], "nobody");
}

#[test]
fn hidden_owners_are_counted_in_words_with_what_reveals_them() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000", "tcp/127.0.0.1:3001"]);
    let outcome = world.enter().stranger().portward(&["list"]).expect(0);
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(said.contains("hidden") && said.contains("sudo portward"), "{outcome}");
}

#[test]
fn an_unprivileged_world_sees_its_own_completely() {
    let Some(world) = World::as_nobody(PORTWARD) else { return };
    let actor = world.actor(&["inherit", "tcp/127.0.0.1:3000"]);
    let reading = world.portward(&["list", "--json"]).expect(0).reading();
    assert_eq!(reading.owners_of(reading.only(3000)).len(), 4);
    drop(actor);
}

#[test]
fn proc_that_hides_other_peoples_processes() {
    let Some(world) = world() else { return };
    let _ = world.run(&["mount", "-o", "remount,hidepid=2", "/proc"]).expect(0);
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let reading = world.enter().stranger().portward(&["list", "--json"]).expect(0).reading();
    assert_eq!(reading.only(3000)["owners_gap"]["reason"], "hidden");
}

#[test]
fn no_proc_at_all() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let outcome = world.enter().without_proc().portward(&["list", "--json"]);
    if outcome.code == Some(2) {
        assert!(outcome.stderr.contains("/proc") && outcome.stdout.is_empty(), "{outcome}");
        return;
    }
    let reading = outcome.expect(0).reading();
    let socket = reading.only(3000);
    assert_eq!(socket["inode"], actor.inode());
    assert_eq!(socket["owners"], Value::Null, "{socket:#}");
    assert!(!reading.document()["gaps"].as_array().unwrap().is_empty());
}

#[test]
fn few_descriptors_suffice() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let _more: Vec<_> = (0..4).map(|_| world.actor(&["inherit", "tcp/127.0.0.1:0"])).collect();
    let reading = world.enter().through(&["prlimit", "--nofile=16:16"]).portward(&["list", "--json"]).expect(0).reading();
    assert_eq!(reading.owners_of(reading.only(3000)), [actor.pid()]);
}
