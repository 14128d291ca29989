//! `portward restart`: another process, by what the file says now.

use crate::{run::Stage, up::THREE};

#[test]
fn one_is_started_again_and_the_others_go_on() {
    let Some(stage) = Stage::new() else { return };
    let refused = stage.portward(&stage.one, &["restart", "web"]).expect(2);
    assert!(refused.stderr.contains("portward.toml"), "{refused}");
    stage.declare(&stage.one, THREE);
    let _ = stage.up(&stage.one, &[]);
    let pid = |name: &str| stage.service_of(&stage.one, name)["pid"].as_u64().unwrap();
    let (db, web) = (pid("db"), pid("web"));
    stage.declare(&stage.one, &THREE.replace("\"8001\"]", "\"8001\", \"--bind\", \"127.0.0.1\"]"));
    let said = stage.typed(&stage.one, "y", &["restart", "db", "--color", "never"]).stdout;
    assert!(said.contains("db  ready at http://localhost:"), "{said}");
    assert_ne!(pid("db"), db);
    assert_eq!(pid("web"), web, "what needs it goes on");
    let session = stage.session_of(&stage.one);
    assert!(session.to_string().contains("127.0.0.1:8001"), "by what the file says now: {session:#}");
    let _ = stage.down(&stage.one);
}
