//! Complete sets of holders, and how each came by the socket.

use crate::{list, list_all, via, world};

#[test]
fn a_parent_and_three_forked_holders() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["inherit", "tcp/127.0.0.1:3000"]);
    let reading = list(&world);
    let socket = reading.only(3000);
    let mut all = actor.numbers("children");
    all.push(actor.pid());
    all.sort_unstable();
    assert_eq!(reading.owners_of(socket), all);
    assert_eq!(via(&reading, socket, actor.pid()), "opened");
    for child in actor.numbers("children") {
        assert_eq!(via(&reading, socket, child), "inherited");
    }
}

#[test]
fn a_child_that_kept_what_its_parent_opened_and_closed() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["handed-down", "tcp/127.0.0.1:3000"]);
    let reading = list(&world);
    assert_eq!(reading.owners_of(reading.only(3000)), [actor.number("child")]);
}

#[test]
fn a_reuseport_group_is_three_sockets_of_three_processes() {
    let Some(world) = world() else { return };
    for spec in ["tcp/[::]:3000", "tcp/127.0.0.1:3001", "udp/127.0.0.1:3002"] {
        let actor = world.actor(&["reuseport", "3", spec]);
        let reading = list(&world);
        assert_eq!(reading.on_port(actor.port()).len(), 3, "{spec}");
        for (pid, inode) in actor.numbers("pids").into_iter().zip(actor.numbers("inodes")) {
            let socket = reading.inode(inode);
            // Children keep the first one's socket only until they close it; each holds its own.
            assert_eq!(reading.owners_of(socket), [pid], "{spec}");
        }
    }
}

#[test]
fn reuse_port_is_told_by_explain_and_never_guessed() {
    let Some(world) = world() else { return };
    let _alone = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let _group = world.actor(&["reuseport", "2", "tcp/127.0.0.1:3001"]);
    for (endpoint, expected) in [("3000", false), ("3001", true)] {
        let told = world.portward(&["explain", endpoint, "--json"]).expect(0).reading();
        for socket in told.sockets() {
            assert_eq!(socket["reuse_port"], expected, "{socket:#}");
        }
    }
    for socket in list(&world).sockets() {
        assert!(socket["reuse_port"].is_boolean() || socket["reuse_port_gap"].is_object(), "{socket:#}");
    }
}

#[test]
fn an_activator_and_the_worker_it_was_passed_to() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["pass", "tcp/127.0.0.1:3000"]);
    let (activator, worker) = (actor.number("activator"), actor.number("worker"));
    let reading = list(&world);
    let socket = reading.only(3000);
    assert_eq!(reading.owners_of(socket), [activator, worker]);
    assert_eq!(via(&reading, socket, activator), "opened");
    assert_eq!(via(&reading, socket, worker), "passed");
}

#[test]
fn a_program_that_its_supervisor_activated() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["activated", "tcp/127.0.0.1:3000"]);
    let child = actor.number("child");
    let reading = list(&world);
    let socket = reading.only(3000);
    assert_eq!(reading.owners_of(socket), [actor.pid(), child]);
    assert_eq!(via(&reading, socket, actor.pid()), "opened");
    // A parent that is no known activator merely let its child inherit; what counts is that it did not open it.
    assert!(["activated", "inherited"].contains(&via(&reading, socket, child)), "{socket:#}");
}

#[test]
fn a_listener_in_flight_has_no_owner_and_a_reason() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["in-flight", "tcp/127.0.0.1:3000"]);
    let reading = list(&world);
    let socket = reading.only(3000);
    assert_eq!(socket["inode"], actor.inode());
    assert_eq!(reading.owners_of(socket), Vec::<u64>::new());
    let gap = &socket["owners_gap"];
    assert_eq!(gap["reason"], "none", "{socket:#}");
    assert!(gap["text"].as_str().is_some_and(|text| !text.contains("sudo")), "{socket:#}");
}

#[test]
fn two_descriptors_are_one_owner() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000,dup"]);
    let reading = list(&world);
    assert_eq!(reading.owners_of(reading.only(3000)), [actor.pid()]);
    let text = world.portward(&["list", "3000"]).expect(0);
    assert_eq!(text.stdout.matches(&actor.pid().to_string()).count(), 1, "{text}");
}

#[test]
fn the_descriptors_number_is_told() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000", "udp/127.0.0.1:3001"]);
    let reading = list_all(&world);
    for at in 0..2 {
        let told = &actor.facts["sockets"][at];
        let socket = reading.inode(told["inode"].as_u64().unwrap());
        assert_eq!(reading.owner(socket, actor.pid())["fd"], told["fd"]);
    }
}

#[test]
fn the_chain_of_parents_is_told_nearest_first() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["tree", "tcp/127.0.0.1:3000"]);
    let reading = list(&world);
    let owner = reading.owner(reading.only(3000), actor.number("leaf"));
    let chain: Vec<u64> = owner["ancestry"].as_array().unwrap().iter().map(|step| step["pid"].as_u64().unwrap()).collect();
    assert_eq!(chain[..3], [actor.number("npm"), actor.number("shell"), actor.pid()], "{owner:#}");
}

/// Registers its listener with a ring, and closes the descriptor.
const RING: &str = "
import ctypes, os, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
ring = libc.syscall(425, 8, (ctypes.c_char * 120)())
if ring < 0:
    print('no ring: ' + os.strerror(ctypes.get_errno()), flush=True)
    sys.exit(0)
s = socket.socket()
s.bind(('127.0.0.1', 3000))
s.listen()
if libc.syscall(427, ring, 2, (ctypes.c_int * 1)(s.fileno()), 1) < 0:
    print('no ring: ' + os.strerror(ctypes.get_errno()), flush=True)
    sys.exit(0)
s.close()
print(ring, flush=True)
time.sleep(600)
";

#[test]
fn a_listener_that_only_a_ring_holds_has_its_holder() {
    let Some(world) = world() else { return };
    if portward_testkit::program("python3").is_none() {
        return;
    }
    let server = world.enter().start(&["python3", "-c", RING]);
    let said = server.line();
    if said.starts_with("no ring") {
        portward_testkit::skip(&format!("io_uring ({said})"));
        return;
    }
    let reading = list(&world);
    let owners = reading.only(3000)["owners"].clone();
    assert_eq!(owners.as_array().map(Vec::len), Some(1), "{owners:#}");
    assert_eq!(
        (&owners[0]["name"], &owners[0]["ring"], owners[0]["fd"].to_string()),
        (&"python3".into(), &true.into(), said),
        "{owners:#}"
    );
    let told = world.portward(&["explain", "3000"]).expect(0);
    assert!(told.stdout.contains("among the registered files of its io_uring") && !told.stdout.contains("NFS"), "{told}");
    let freed = world.portward(&["free", "3000", "--yes"]).expect(0);
    assert!(freed.stdout.contains("python3"), "{freed}");
}
