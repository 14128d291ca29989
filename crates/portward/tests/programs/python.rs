//! `python3 -m http.server`.

use crate::{Server, first_owner, world};

#[test]
fn http_server() {
    let Some(world) = world() else { return };
    if portward_testkit::program("python3").is_none() {
        return;
    }
    let running = world.enter().start(&["python3", "-m", "http.server", "8000", "--bind", "127.0.0.1"]);
    let _ = world.portward(&["wait", "8000"]).expect(0);
    let reading = world.portward(&["list", "--json"]).expect(0).reading();
    let owner = first_owner(&reading, 8000);
    assert_eq!(owner["argv"][2], "http.server", "{owner:#}");
    Server { world: &world, running, port: 8000, protocol: "http", named: "http.server" }.lives_and_ends();
}
