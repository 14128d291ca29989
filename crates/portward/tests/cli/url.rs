//! `portward url`: one line, what it is for.

use crate::world;

#[test]
fn it_answers() {
    let Some(world) = world() else { return };
    let _server = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["url"]).expect(0);
    assert!(outcome.stdout.contains("serve"), "{outcome}");
}
