//! Descriptor tables that are not the process's own: private ones of threads, and what a dead leader leaves.

use serde_json::Value;

use crate::{list, world};

#[test]
fn a_thread_with_a_table_of_its_own() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["private-table", "tcp/127.0.0.1:3000"]);
    let reading = list(&world);
    let socket = reading.only(3000);
    assert_eq!(reading.owners_of(socket), [actor.pid()]);
    assert_eq!(reading.owner(socket, actor.pid())["tid"], actor.number("tid"));
}

#[test]
fn a_thread_group_whose_leader_has_ended() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["dead-leader", "tcp/127.0.0.1:3000"]);
    let reading = list(&world);
    let socket = reading.only(3000);
    assert_eq!(reading.owners_of(socket), [actor.pid()]);
    let owner = reading.owner(socket, actor.pid());
    assert_eq!(owner["tid"], actor.number("tid"), "{owner:#}");
}

#[test]
fn an_ordinary_process_has_no_thread_told() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["web", "tcp/127.0.0.1:3000"]);
    let reading = list(&world);
    assert_eq!(reading.owner(reading.only(3000), actor.pid())["tid"], Value::Null);
}

#[test]
fn a_private_table_is_found_beside_an_ordinary_holder() {
    let Some(world) = world() else { return };
    // The search may not stop at the first holder it meets, nor at processes whose tables are ordinary.
    let ordinary = world.actor(&["inherit", "tcp/127.0.0.1:3001"]);
    let odd = world.actor(&["private-table", "tcp/127.0.0.1:3000"]);
    let dead = world.actor(&["dead-leader", "tcp/127.0.0.1:3002"]);
    let reading = list(&world);
    assert_eq!(reading.owners_of(reading.only(3001)).len(), 4);
    assert_eq!(reading.owners_of(reading.only(3000)), [odd.pid()]);
    assert_eq!(reading.owners_of(reading.only(3002)), [dead.pid()]);
    assert!(!reading.owners_of(reading.only(3001)).contains(&odd.pid()));
    drop(ordinary);
}

/// Root without the right to look into processes with more rights, as in a sandbox.
const LESS: &[&str] = &["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", "--"];

#[test]
fn one_process_that_nobody_may_look_into_does_not_end_the_search() {
    let Some(world) = world() else { return };
    if !portward_testkit::require_root("take a right from itself") {
        return;
    }
    let _hidden = world.actor(&["web", "tcp/127.0.0.1:2999"]);
    let private = world.enter().through(LESS).actor(&["private-table", "tcp/127.0.0.1:3000"]);
    let dead = world.enter().through(LESS).actor(&["dead-leader", "tcp/127.0.0.1:3001"]);
    let outcome = world.enter().through(LESS).portward(&["list", "--json"]).expect(0);
    let reading = outcome.reading();
    assert!(reading.owners_of(reading.only(2999)).is_empty(), "it is hidden: {:#}", reading.document());
    assert_eq!(reading.owners_of(reading.only(3000)), [private.pid()]);
    assert_eq!(reading.owners_of(reading.only(3001)), [dead.pid()]);
    let one = world.enter().through(LESS).portward(&["list", "3000"]).expect(0);
    assert!(!one.stderr.contains("container") && !one.stderr.contains("Not seen"), "{one}");
}
