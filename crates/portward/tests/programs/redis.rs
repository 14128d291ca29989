//! Redis, on both families.

use crate::{Server, world};

#[test]
fn server() {
    let Some(world) = world() else { return };
    if portward_testkit::program("redis-server").is_none() {
        return;
    }
    let running =
        world.enter().start(&["redis-server", "--port", "6379", "--bind", "127.0.0.1", "::1", "--save", "", "--dir", "/tmp"]);
    let _ = world.portward(&["wait", "127.0.0.1:6379", "[::1]:6379"]).expect(0);
    let outcome = world.portward(&["list"]).expect(0);
    let rows: Vec<&str> = outcome.stdout.lines().filter(|line| line.contains("redis-server")).collect();
    assert_eq!(rows.len(), 1, "both addresses are one endpoint: {outcome}");
    assert!(rows[0].contains("127.0.0.1") && rows[0].contains("::1"), "{outcome}");
    Server { world: &world, running, port: 6379, protocol: "redis", named: "redis-server" }.lives_and_ends();
}
