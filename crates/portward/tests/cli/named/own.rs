//! Portward's own processes and ports are themselves in every list.

use serde_json::Value;

use super::{asked, only};
use crate::run::Stage;

#[test]
fn a_servers_session_starts_nothing_again_and_is_no_orphan() {
    let Some(stage) = Stage::new() else { return };
    let _web = stage.server(&stage.one, &["--name", "web"], "one", &["tcp", "::", "3000"]);
    let would = asked(&stage, &["free", "3000", "--dry-run"], 0);
    let supervisor = &would["supervisor"];
    assert_eq!((&supervisor["kind"], &supervisor["restarts"]), (&"session".into(), &false.into()), "{would:#}");
    assert_eq!(supervisor["stop"], "portward stop one");
    let shown = stage.portward(&stage.one, &["free", "3000", "--dry-run"]).expect(0);
    assert!(shown.stderr.contains("hint: portward stop one") && !shown.to_string().contains("starts it again"), "{shown}");
    let listed = stage.portward(&stage.one, &["list"]).expect(0);
    assert!(!listed.stdout.contains("orphan"), "{listed}");
}

#[test]
fn held_ports_say_whose_they_are_and_stand_in_no_list_by_default() {
    let Some(stage) = Stage::new() else { return };
    let _ = stage.portward(&stage.one, &["lease", "take", "5432"]).expect(0);
    let _web = stage.server(&stage.one, &[], "one", &["tcp", "::", "3000"]);
    let port = stage.port(&stage.one, "5432");
    let sockets = || asked(&stage, &["list", &port], 0);
    if sockets()["groups"].as_array().unwrap().is_empty() {
        return portward_testkit::skip("this kernel does not list what is bound, so no port is held");
    }
    let held = sockets();
    assert_eq!(held["sockets"][0]["held_for"], "held for one's 5432", "{held:#}");
    let listed = asked(&stage, &["list"], 0);
    assert!(listed["held"].as_u64().unwrap() >= 1);
    assert!(listed["groups"].as_array().unwrap().iter().all(|group| group["port"].as_u64() != port.parse().ok()), "{listed:#}");
    let all = asked(&stage, &["list", "--all"], 0);
    assert!(all["groups"].as_array().unwrap().iter().any(|group| group["port"].as_u64() == port.parse().ok()));
    let refused = asked(&stage, &["free", &port, "--yes"], 1);
    assert_eq!(only(&refused["refused"])["why"]["kind"], "supervises", "{refused:#}");
    assert!(refused["notes"].to_string().contains(&format!("{port} is held for one's 5432.")), "{refused:#}");
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 3000"), "one");
}

#[test]
fn the_front_is_itself_and_freeing_its_port_is_giving_it_back() {
    let Some(stage) = Stage::new() else { return };
    let _web = stage.server(&stage.one, &[], "one", &["tcp", "::", "3000"]);
    let _ = stage.world.portward(&["front", "one"]).expect(0);
    let listed = stage.world.portward(&["list", "3000", "--json"]).expect(0).json();
    for socket in listed["sockets"].as_array().unwrap() {
        let owner = only(&socket["owners"]);
        assert_eq!((&owner["title"], &owner["why"]), (&"front".into(), &"lent to one".into()), "{owner:#}");
    }
    let refused = stage.world.portward(&["free", "3000", "--yes", "--json"]).expect(1).json();
    let front = only(&refused["refused"]);
    assert_eq!((&front["why"]["kind"], &front["why"]["project"]), (&"lends".into(), &"one".into()), "{front:#}");
    assert!(front["because"].as_str().unwrap().contains("portward front --off"), "{front:#}");
    assert_eq!(stage.heard("127.0.0.1 3000"), "one");
    // In the project it is no stranger at the real port.
    let meant = asked(&stage, &["explain", "3000"], 0)["meant"].clone();
    assert_eq!(meant["stranger"], Value::Null, "{meant:#}");
    let _ = stage.world.portward(&["front", "--off"]).expect(0);
}

#[test]
fn the_doctor_suspects_nothing_of_portwards_own() {
    let Some(stage) = Stage::new() else { return };
    let port = stage.port(&stage.one, "3000");
    let _db = stage.server(&stage.one, &[], "db", &["tcp", "::", "5432"]);
    // The session keeps the port, and has not to listen on it.
    let examined = asked(&stage, &["doctor", "3000"], 1);
    let causes = examined["causes"].as_array().unwrap();
    let codes: Vec<&str> = causes.iter().map(|cause| cause["code"].as_str().unwrap()).collect();
    assert_eq!(examined["target"], port, "{examined:#}");
    assert!(!codes.contains(&"bound-not-listening") && !codes.is_empty(), "{examined:#}");
    assert!(!examined["causes"].to_string().contains("session (pid "), "{examined:#}");
}
