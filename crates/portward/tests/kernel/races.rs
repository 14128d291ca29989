//! Processes, sockets and namespaces that vanish while they are read.

use crate::{list, world};

#[test]
fn processes_that_come_and_go() {
    let Some(world) = world() else { return };
    let steady = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let _churn = world.actor(&["churn", "4000", "4"]);
    for _ in 0..20 {
        let reading = list(&world);
        assert_eq!(reading.owners_of(reading.only(3000)), [steady.pid()]);
        for socket in reading.sockets() {
            // Whatever was read is whole, or says what is missing.
            assert!(!socket["owners"].is_null() || !socket["owners_gap"].is_null(), "{socket:#}");
        }
        let _ = world.portward(&["list", "--all"]).expect(0);
    }
}

#[test]
fn namespaces_that_come_and_go() {
    let Some(world) = world() else { return };
    let steady = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let loop_of_names = "while :; do ip netns add flicker && ip netns del flicker; done";
    let _flicker = world.enter().start(&["sh", "-c", loop_of_names]);
    for _ in 0..20 {
        let reading = world.portward(&["list", "--json", "--netns", "all"]).expect(0).reading();
        assert_eq!(reading.owners_of(reading.only(3000)), [steady.pid()]);
    }
}
