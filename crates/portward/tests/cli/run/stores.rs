//! `run` where leases cannot be kept: nothing is started unguarded.

use super::Stage;

#[test]
fn a_store_that_is_damaged_stops_it_before_anything_starts() {
    let Some(stage) = Stage::new() else { return };
    let home = stage.world.path().join("home");
    let _ = stage.inside(&stage.one).env("XDG_STATE_HOME", home.to_str().unwrap()).portward(&["run", "true"]).expect(0);
    let store = home.join("portward/leases.db");
    std::fs::write(&store, vec![b'?'; 8192]).unwrap();
    let mark = stage.one.join("started");
    let command = ["run", "touch", mark.to_str().unwrap()];
    let refused = stage.inside(&stage.one).env("XDG_STATE_HOME", home.to_str().unwrap()).portward(&command).expect(125);
    assert!(refused.stderr.contains("leases.db") && refused.stderr.contains("hint:"), "{refused}");
    assert!(!mark.exists());
    assert_eq!(std::fs::read(&store).unwrap(), vec![b'?'; 8192], "it is left as it is");
}

#[test]
fn outside_any_project_the_ports_are_the_users() {
    let Some(stage) = Stage::new() else { return };
    let folder = stage.world.path().join("nowhere");
    std::fs::create_dir_all(&folder).unwrap();
    let server = stage.server(&folder, &[], "loose", &["tcp", "::", "3000"]);
    let port = stage.port(&folder, "3000");
    assert!(Stage::told(&server, "serves").ends_with(&port));
    assert_eq!(stage.heard_in(&folder, "127.0.0.1 3000"), "loose");
    assert!(stage.portward(&folder, &["ps"]).expect(0).stdout.contains("outside any project"));
}
