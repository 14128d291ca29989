//! Chains of parents, supervisors, and servers that answer.

use super::{holds, world};

fn parent(world: &portward_testkit::World, pid: u64) -> u64 {
    let status = world.run(&["sh", "-c", "sed -n 's/^PPid:\t//p' /proc/$0/status", &pid.to_string()]).expect(0);
    status.stdout.trim().parse().unwrap()
}

#[test]
fn a_tree_whose_leaf_listens() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["tree", "tcp/127.0.0.1:3000"]);
    let (shell, npm, leaf) = (actor.number("shell"), actor.number("npm"), actor.number("leaf"));
    assert_eq!((parent(&world, leaf), parent(&world, npm), parent(&world, shell)), (npm, shell, actor.pid()));
    assert!(holds(&world, &leaf.to_string(), actor.inode()));
    assert!(!holds(&world, &npm.to_string(), actor.inode()));
    let title = world.run(&["sh", "-c", "cat /proc/$0/comm /proc/$0/cmdline", &npm.to_string()]).expect(0);
    assert_eq!(title.stdout, "npm run dev\nnpm run dev\0");
    let server = world.run(&["sh", "-c", "cat /proc/$0/comm /proc/$0/cmdline", &leaf.to_string()]).expect(0);
    assert_eq!(server.stdout, "node\nnode\0server.js\0");
}

#[test]
fn a_supervisor_starts_its_program_again() {
    let Some(world) = world() else { return };
    let path = world.path().join("home/bin/supervisord");
    let actor = world.actor(&["as-script", path.to_str().unwrap(), "supervised", "tcp/127.0.0.1:3000"]);
    let first = actor.number("child");
    world.signal(first, "TERM");
    let second = actor.hear("AGAIN")["child"].as_u64().unwrap();
    assert_ne!(first, second);
    let argv = world.run(&["sh", "-c", "tr '\\0' ' ' </proc/$0/cmdline", &actor.pid().to_string()]).expect(0);
    assert!(argv.stdout.contains("/home/bin/supervisord supervised"), "{argv}");
}

#[test]
fn servers_answer() {
    let Some(world) = world() else { return };
    let web = world.actor(&["web", "tcp/127.0.0.1:3000"]);
    let fetch = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).status)";
    let answer = world.run(&["python3", "-c", fetch, &format!("http://127.0.0.1:{}/", web.port())]).expect(0);
    assert_eq!(answer.stdout, "200\n");
}

#[test]
fn a_slow_server_serves_after_the_word() {
    let Some(world) = world() else { return };
    let mut web = world.actor(&["slow-web", "tcp/127.0.0.1:3000"]);
    let fetch = "import urllib.request as r; r.urlopen('http://127.0.0.1:3000/')";
    assert_ne!(world.run(&["python3", "-c", fetch]).code, Some(0));
    web.ask("go", "SERVING");
    let _ = world.run(&["python3", "-c", fetch]).expect(0);
}

#[test]
fn a_graceful_server_says_that_it_ends() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["graceful", "tcp/127.0.0.1:3000"]);
    world.signal(actor.pid(), "TERM");
    actor.hear("TERM");
    assert!(actor.is_alive());
    actor.tell("done");
    assert_eq!(actor.ended_by(), None);
}
