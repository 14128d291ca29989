//! Who holds a socket: forks, passed descriptors, threads, queues, odd names.

use portward_testkit::hex;

use super::{holds, row, world};

#[test]
fn inherited_by_three_children() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["inherit", "tcp/127.0.0.1:3000"]);
    let children = actor.numbers("children");
    assert_eq!(children.len(), 3);
    for pid in children.into_iter().chain([actor.pid()]) {
        assert!(holds(&world, &pid.to_string(), actor.inode()), "pid {pid}");
    }
}

#[test]
fn handed_down_and_closed_above() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["handed-down", "tcp/127.0.0.1:3000"]);
    assert!(!holds(&world, &actor.pid().to_string(), actor.inode()));
    assert!(holds(&world, &actor.number("child").to_string(), actor.inode()));
}

#[test]
fn reuseport_is_a_socket_per_process() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["reuseport", "3", "tcp/[::]:3000"]);
    for (pid, inode) in actor.numbers("pids").into_iter().zip(actor.numbers("inodes")) {
        assert_eq!(row(&world, inode).local_port, 3000);
        assert!(holds(&world, &pid.to_string(), inode), "pid {pid}");
    }
}

#[test]
fn passed_to_an_unrelated_worker() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["pass", "tcp/127.0.0.1:3000"]);
    for role in ["activator", "worker"] {
        assert!(holds(&world, &actor.number(role).to_string(), actor.inode()), "{role}");
    }
    assert!(!holds(&world, &actor.pid().to_string(), actor.inode()));
}

#[test]
fn in_flight_is_held_by_nobody() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["in-flight", "tcp/127.0.0.1:3000"]);
    assert_eq!(row(&world, actor.inode()).state, "LISTEN");
    let all = world.run(&["sh", "-c", "ls -l /proc/[0-9]*/fd; true"]).expect(0);
    assert!(!all.stdout.contains(&format!("[{}]", actor.inode())), "{all}");
}

#[test]
fn a_threads_private_table() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["private-table", "tcp/127.0.0.1:3000"]);
    assert!(!holds(&world, &actor.pid().to_string(), actor.inode()));
    assert!(holds(&world, &format!("{}/task/{}", actor.pid(), actor.number("tid")), actor.inode()));
}

#[test]
fn a_leader_that_has_ended() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["dead-leader", "tcp/127.0.0.1:3000"]);
    let state = world.run(&["grep", "State", &format!("/proc/{}/status", actor.pid())]).expect(0);
    assert!(state.stdout.contains("zombie"), "{state}");
    assert!(holds(&world, &format!("{}/task/{}", actor.pid(), actor.number("tid")), actor.inode()));
    assert!(actor.is_alive());
}

#[test]
fn activated_by_a_supervisor() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["activated", "tcp/127.0.0.1:3000"]);
    let child = actor.number("child");
    let environment =
        world.run(&["sh", "-c", "tr '\\0' '\\n' </proc/$0/environ; readlink /proc/$0/fd/3", &child.to_string()]).expect(0);
    assert!(environment.stdout.contains(&format!("LISTEN_PID={child}\n")), "{environment}");
    assert!(environment.stdout.contains("LISTEN_FDS=1\n"), "{environment}");
    assert!(environment.stdout.ends_with(&format!("socket:[{}]\n", actor.inode())), "{environment}");
}

#[test]
fn a_deleted_program() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["deleted", "tcp/127.0.0.1:3000"]);
    let child = actor.number("child").to_string();
    let exe = world.run(&["readlink", &format!("/proc/{child}/exe")]).expect(0);
    assert!(exe.stdout.ends_with("gone-server (deleted)\n"), "{exe}");
    assert!(holds(&world, &child, actor.inode()));
}

#[test]
fn names_of_any_bytes() {
    let Some(world) = world() else { return };
    for name in [&b"a) S (b c"[..], b"new\nline", b"\x1b[31mred", b"caf\xe9\xff"] {
        let hex = hex(name);
        let actor = world.actor(&["named", &hex, "tcp/127.0.0.1:0"]);
        let read = world.run(&["sh", "-c", "od -An -tx1 -v /proc/$0/comm | tr -d ' \\n'", &actor.pid().to_string()]).expect(0);
        assert_eq!(read.stdout, format!("{hex}0a"));
    }
}

#[test]
fn a_stubborn_listener_survives_term() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["stubborn", "tcp/127.0.0.1:3000"]);
    world.signal(actor.pid(), "TERM");
    // It still answers after the signal was delivered to it.
    actor.ask("open tcp/127.0.0.1:3001", "OPENED");
    assert!(actor.is_alive());
}

#[test]
fn a_stopped_actor_ends_all_the_same() {
    let Some(world) = world() else { return };
    let mut killed = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    world.signal(killed.pid(), "STOP");
    world.signal(killed.pid(), "KILL");
    assert_eq!(killed.ended_by(), Some(9));
    let dropped = world.actor(&["listen", "tcp/127.0.0.1:3001"]);
    world.signal(dropped.pid(), "STOP");
}
