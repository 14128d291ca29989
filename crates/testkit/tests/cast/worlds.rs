//! The walls of a world: what is inside, what stays outside, what is left behind.

use portward_testkit::{World, is_root};

use super::{row, ss, world};

#[test]
fn a_world_has_lo_and_nothing_else() {
    let Some(world) = world() else { return };
    let links = world.run(&["ip", "-o", "link"]).expect(0);
    assert_eq!(links.stdout.lines().count(), 1, "{links}");
    assert!(links.stdout.contains("LOOPBACK,UP"), "{links}");
    assert!(ss(&world).is_empty());
    let mine = world.run(&["sh", "-c", "echo $$; id -u; ls -A /run/netns"]).expect(0);
    let mut said = mine.stdout.lines();
    assert!(said.next().unwrap().parse::<u32>().unwrap() < 100, "{mine}");
    assert_eq!(said.next(), Some("0"));
    assert_eq!(said.next(), None);
}

#[test]
fn the_environment_is_the_worlds_own() {
    let Some(world) = world() else { return };
    let printed = world.run(&["env"]).expect(0);
    let mut names: Vec<&str> = printed.stdout.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort_unstable();
    let expected =
        "COLUMNS HOME LC_ALL PATH TERM TMPDIR USER XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR XDG_STATE_HOME";
    assert_eq!(names.join(" "), expected);
}

#[test]
fn two_worlds_do_not_meet() {
    let (Some(one), Some(other)) = (world(), world()) else { return };
    let first = one.actor(&["listen", "tcp/127.0.0.1:80"]);
    let second = other.actor(&["listen", "tcp/127.0.0.1:80"]);
    assert_eq!(row(&one, first.inode()).local_port, 80);
    assert_eq!(row(&other, second.inode()).local_port, 80);
    assert_eq!(ss(&one).len(), 1);
}

#[test]
fn a_world_of_nobody_is_not_roots() {
    let Some(world) = World::as_nobody("portward") else { return };
    let map = world.run(&["cat", "/proc/self/uid_map"]).expect(0);
    let outside: Vec<&str> = map.stdout.split_whitespace().collect();
    assert_eq!(outside[0], "0");
    if is_root() {
        assert_eq!(outside, ["0", "65534", "1"]);
    }
    let actor = world.actor(&["listen", "tcp/127.0.0.1:80"]);
    assert_eq!(row(&world, actor.inode()).local_port, 80);
}

#[test]
fn a_stranger_may_not_look_into_others() {
    for world in [world(), World::as_nobody("portward")] {
        let Some(world) = world else { return };
        let actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
        let looked = world.enter().stranger().run(&["ls", "-l", &format!("/proc/{}/fd", actor.pid())]);
        assert_ne!(looked.code, Some(0), "{looked}");
        let who = world.enter().stranger().run(&["sh", "-c", "id -u; grep CapEff /proc/self/status"]).expect(0);
        assert_eq!(who.stdout, "65534\nCapEff:\t0000000000000000\n");
        let seen = world.enter().stranger().run(&["ss", "-Htln"]).expect(0);
        assert!(seen.stdout.contains("127.0.0.1:3000"), "{seen}");
    }
}

#[test]
fn proc_can_be_taken_away() {
    let Some(world) = world() else { return };
    let listed = world.enter().without_proc().run(&["ls", "/proc"]).expect(0);
    assert_eq!(listed.stdout, "");
    let still = world.run(&["ls", "/proc/1/comm"]).expect(0);
    assert_eq!(still.stdout, "/proc/1/comm\n");
}

#[test]
fn an_actor_ends_when_it_is_dropped_and_all_end_with_the_world() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["inherit", "tcp/127.0.0.1:3000"]);
    let mut stays = world.actor(&["listen", "tcp/127.0.0.1:3001"]);
    drop(actor);
    portward_testkit::until("the dropped actor's socket to go", || (ss(&world).len() == 1).then_some(()));
    assert!(stays.is_alive());
    let path = world.path().to_owned();
    drop(world);
    // The kernel ends a pid namespace with SIGKILL.
    assert_eq!(stays.ended_by(), Some(9));
    assert!(!path.exists());
}

#[test]
fn named_namespaces_are_the_worlds_own() {
    let Some(world) = world() else { return };
    world.add_netns("blue");
    let actor = world.enter().netns("blue").actor(&["listen", "tcp/127.0.0.1:3000"]);
    assert!(ss(&world).is_empty());
    let there = world.enter().netns("blue").run(&["ss", "-Htlne"]).expect(0);
    assert!(there.stdout.contains(&format!("ino:{}", actor.inode())), "{there}");
    assert!(!std::path::Path::new("/run/netns/blue").exists());
}

#[test]
fn programs_end_orphans_too() {
    let Some(world) = world() else { return };
    let _ = world.run(&["sh", "-c", "(true &); (sh -c 'true' &)"]).expect(0);
    portward_testkit::until("orphans to be reaped", || {
        let states = world.run(&["sh", "-c", "grep -h '^State' /proc/[0-9]*/status; true"]).expect(0);
        (!states.stdout.contains("zombie")).then_some(())
    });
}
