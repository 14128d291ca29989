//! `portward free`: what is stopped, what never is, and what is said about it.

use portward_testkit::{Actor, World, until};
use serde_json::Value;

use crate::world;

/// The pids in a list of the answer.
fn pids(document: &Value, list: &str) -> Vec<u64> {
    let mut pids: Vec<u64> =
        document[list].as_array().unwrap_or(&Vec::new()).iter().map(|entry| entry["pid"].as_u64().unwrap()).collect();
    pids.sort_unstable();
    pids
}

/// True when a plain listener can be had on the port.
fn can_listen(world: &World, port: u16) -> bool {
    let code = format!("import socket; s=socket.socket(); s.setsockopt(1,2,1); s.bind(('127.0.0.1',{port})); s.listen()");
    world.run(&["python3", "-c", &code]).code == Some(0)
}

/// True when the process still runs; a zombie does not.
fn runs(world: &World, pid: u64) -> bool {
    let state = world.run(&["sh", "-c", "sed -n 's/^State:\t//p' /proc/$0/status 2>/dev/null; true", &pid.to_string()]).expect(0);
    !state.stdout.is_empty() && !state.stdout.starts_with('Z')
}

#[test]
fn a_listener_is_stopped_and_its_port_is_free() {
    let Some(world) = world() else { return };
    for endpoint in ["3000", "127.0.0.1:3000", "localhost:3000", "http://localhost:3000/"] {
        let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
        let document = world.portward(&["free", endpoint, "--yes", "--json"]).expect(0).json();
        assert_eq!(pids(&document, "freed"), [actor.pid()], "{document:#}");
        assert_eq!(document["freed"][0]["signal"], "SIGTERM", "{document:#}");
        assert_eq!(document["port_free"], true, "{document:#}");
        assert!(pids(&document, "refused").is_empty());
        assert!(can_listen(&world, 3000), "{endpoint}: free means that a bind succeeds");
        assert_eq!(actor.ended_by(), Some(15));
    }
}

#[test]
fn it_says_what_it_did() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["free", "3000", "--yes"]).expect(0);
    assert!(outcome.stdout.contains(&actor.pid().to_string()) && outcome.stdout.contains("3000"), "{outcome}");
}

#[test]
fn nothing_to_free() {
    let Some(world) = world() else { return };
    let outcome = world.portward(&["free", "3000", "--yes"]);
    assert!(outcome.code == Some(0) || outcome.code == Some(1), "{outcome}");
    assert!(format!("{}{}", outcome.stdout, outcome.stderr).contains("3000"), "{outcome}");
    let document = world.portward(&["free", "3000", "--yes", "--json"]).json();
    assert_eq!((&document["freed"], &document["port_free"]), (&Value::Array(Vec::new()), &Value::Bool(true)));
}

#[test]
fn a_client_is_never_stopped() {
    let Some(world) = world() else { return };
    let mut server = world.actor(&["listen", "tcp/127.0.0.1:5432"]);
    let mut browser = world.actor(&["connect", "tcp/127.0.0.1:5432"]);
    let mut odd = world.actor(&["connect", "tcp/127.0.0.1:5432,from=127.0.0.1:3000"]);
    // 3000 is merely the client's own end: there is no listener to stop.
    let document = world.portward(&["free", "3000", "--yes", "--force", "--json"]).json();
    assert!(pids(&document, "freed").is_empty(), "{document:#}");
    assert!(odd.is_alive() && server.is_alive());
    let document = world.portward(&["free", "5432", "--yes", "--json"]).json();
    assert_eq!(pids(&document, "freed"), [server.pid()], "{document:#}");
    assert_eq!(server.ended_by(), Some(15));
    assert!(browser.is_alive() && odd.is_alive(), "clients stay");
}

#[test]
fn without_a_person_and_without_yes_nothing_happens() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["free", "3000"]).expect(2);
    assert!(outcome.stderr.contains("--yes"), "{outcome}");
    let piped = world.enter().input("y\n").portward(&["free", "3000"]);
    assert_ne!(piped.code, Some(0), "an answer from a pipe is no person's: {piped}");
    assert!(actor.is_alive());
}

#[test]
fn a_dry_run_only_tells() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["free", "3000", "--dry-run", "--json"]);
    let document = outcome.json();
    assert_eq!(pids(&document, "would"), [actor.pid()], "{outcome}");
    assert!(pids(&document, "freed").is_empty());
    assert_eq!(document["port_free"], false);
    let text = world.portward(&["free", "3000", "--dry-run"]);
    assert!(text.stdout.contains(&actor.pid().to_string()), "{text}");
    assert!(actor.is_alive());
}

#[test]
fn one_that_ignores_term_is_left_alone_without_force() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["stubborn", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["free", "3000", "--yes", "--timeout", "300ms"]).expect(1);
    assert!(format!("{}{}", outcome.stdout, outcome.stderr).contains("--force"), "{outcome}");
    assert!(actor.is_alive());
    let document = world.portward(&["free", "3000", "--yes", "--timeout", "300ms", "--json"]).expect(1).json();
    assert_eq!(document["port_free"], false, "{document:#}");
    let document = world.portward(&["free", "3000", "--yes", "--force", "--timeout", "300ms", "--json"]).expect(0).json();
    assert_eq!(document["freed"][0]["signal"], "SIGKILL", "{document:#}");
    assert_eq!(document["port_free"], true);
    assert_eq!(actor.ended_by(), Some(9));
}

#[test]
fn force_is_gentle_first() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let document = world.portward(&["free", "3000", "--yes", "--force", "--json"]).expect(0).json();
    assert_eq!(document["freed"][0]["signal"], "SIGTERM", "{document:#}");
    assert_eq!(actor.ended_by(), Some(15));
}

#[test]
fn it_waits_for_one_that_ends_in_its_own_time() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["graceful", "tcp/127.0.0.1:3000"]);
    let mut freeing = world.enter().start_portward(&["free", "3000", "--yes", "--timeout", "60s", "--json"]);
    actor.hear("TERM");
    assert!(freeing.is_alive(), "it returns only when the port is free");
    actor.tell("done");
    let document = freeing.json();
    assert_eq!(document["port_free"], true, "{document:#}");
    assert_eq!(freeing.end().code(), Some(0));
    assert_eq!(actor.ended_by(), None, "it ended by itself");
}

#[test]
fn every_holder_of_a_shared_socket_is_stopped() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["inherit", "tcp/127.0.0.1:3000"]);
    let mut all = actor.numbers("children");
    all.push(actor.pid());
    all.sort_unstable();
    let document = world.portward(&["free", "3000", "--yes", "--json"]).expect(0).json();
    assert_eq!(document["port_free"], true);
    // The parent's end takes its children with it; each is stopped or gone, and none is left.
    assert!(all.iter().all(|pid| !runs(&world, *pid)), "{document:#}");
    assert!(can_listen(&world, 3000));
}

#[test]
fn every_member_of_a_reuseport_group_is_stopped() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["reuseport", "3", "tcp/127.0.0.1:3000"]);
    let document = world.portward(&["free", "3000", "--yes", "--json"]).expect(0).json();
    assert_eq!(document["port_free"], true, "{document:#}");
    assert!(can_listen(&world, 3000));
}

#[test]
fn udp_and_unix_sockets_are_freed_too() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/x.sock");
    let mut web = world.actor(&["listen", "tcp/127.0.0.1:53"]);
    let mut dns = world.actor(&["listen", "udp/127.0.0.1:53"]);
    let document = world.portward(&["free", "udp/53", "--yes", "--json"]).expect(0).json();
    assert_eq!(pids(&document, "freed"), [dns.pid()], "{document:#}");
    assert_eq!(dns.ended_by(), Some(15));
    assert!(web.is_alive());
    let mut local = world.actor(&["listen", &format!("unix/{}", path.display())]);
    // The file of a socket stays, and stands in the way of the next bind.
    let document = world.portward(&["free", &format!("unix:{}", path.display()), "--yes", "--json"]).expect(1).json();
    assert_eq!(pids(&document, "freed"), [local.pid()], "{document:#}");
    assert_eq!(document["because"][0]["code"], "stale-unix-socket", "{document:#}");
    assert_eq!(local.ended_by(), Some(15));
}

#[test]
fn only_the_address_that_was_named() {
    let Some(world) = world() else { return };
    let mut one = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let mut other = world.actor(&["listen", "tcp/127.0.0.2:3000"]);
    let document = world.portward(&["free", "127.0.0.2:3000", "--yes", "--json"]).expect(0).json();
    assert_eq!(pids(&document, "freed"), [other.pid()], "{document:#}");
    assert_eq!(other.ended_by(), Some(15));
    assert!(one.is_alive());
}

#[test]
fn several_at_once() {
    let Some(world) = world() else { return };
    let one = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let other = world.actor(&["listen", "tcp/127.0.0.1:4000"]);
    let document = world.portward(&["free", "3000", "4000", "--yes", "--json"]).expect(0).json();
    let mut both = vec![one.pid(), other.pid()];
    both.sort_unstable();
    assert_eq!(pids(&document, "freed"), both);
}

#[test]
fn one_bad_endpoint_stops_all_before_anything_is_signalled() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let _ = world.portward(&["free", "3000", "70000", "--yes"]).expect(2);
    assert!(actor.is_alive());
}

/// The tree of the cast: cast, shell, npm, leaf.
fn chain(actor: &Actor) -> (u64, u64, u64) {
    (actor.number("shell"), actor.number("npm"), actor.number("leaf"))
}

#[test]
fn a_leaf_is_told_as_one_and_its_tree_goes_with_tree() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["tree", "tcp/127.0.0.1:3000"]);
    let (_, npm, leaf) = chain(&actor);
    let plain = world.portward(&["free", "3000", "--dry-run"]);
    assert!(plain.stdout.contains("--tree") || plain.stderr.contains("--tree"), "{plain}");
    let document = world.portward(&["free", "3000", "--tree", "--yes", "--json"]).expect(0).json();
    let freed = pids(&document, "freed");
    // The leaf may be gone with its parent before its own turn comes.
    assert!(freed.contains(&npm), "{document:#}");
    assert!(!freed.contains(&actor.pid()), "what started the script is not part of it: {document:#}");
    until("the script to end", || (!runs(&world, npm) && !runs(&world, leaf)).then_some(()));
    assert!(actor.is_alive());
    assert!(can_listen(&world, 3000));
}

#[test]
fn without_tree_only_the_leaf() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["tree", "tcp/127.0.0.1:3000"]);
    let (_, _, leaf) = chain(&actor);
    let document = world.portward(&["free", "3000", "--yes", "--json"]).expect(0).json();
    assert_eq!(pids(&document, "freed"), [leaf], "{document:#}");
}

#[test]
fn a_supervisor_that_brings_it_back_is_named() {
    let Some(world) = world() else { return };
    let path = world.path().join("home/bin/supervisord");
    let actor = world.actor(&["as-script", path.to_str().unwrap(), "supervised", "tcp/127.0.0.1:3000"]);
    let child = actor.number("child");
    let outcome = world.portward(&["free", "3000", "--dry-run", "--json"]);
    let document = outcome.json();
    assert_eq!(document["supervisor"]["kind"], "manager", "{document:#}");
    assert!(document["supervisor"]["name"].as_str().unwrap().contains("supervisord"), "{document:#}");
    let outcome = world.portward(&["free", "3000", "--yes", "--timeout", "2s"]);
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(said.contains("supervisord") && said.contains("supervisorctl stop"), "who, and the command that stops it: {outcome}");
    assert!(!runs(&world, child));
    actor.hear("AGAIN");
}

#[test]
fn ones_own_ancestors_are_refused() {
    let Some(world) = world() else { return };
    // A listener that starts portward itself.
    let code = r"
import socket, subprocess, sys
s = socket.create_server(('127.0.0.1', 3000))
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
print(done.returncode); print(done.stdout); print(done.stderr)
";
    let portward = world.portward_path().to_str().unwrap().to_owned();
    let arguments = ["free", "3000", "--yes", "--force", "--json"];
    let mut argv = vec!["python3", "-c", code, &portward];
    argv.extend(arguments);
    let outcome = world.run(&argv).expect(0);
    let (exit, rest) = outcome.stdout.split_once('\n').unwrap();
    assert_ne!(exit, "0", "{outcome}");
    let document: Value = serde_json::from_str(rest.lines().next().unwrap()).unwrap_or_else(|error| panic!("{error}: {outcome}"));
    assert_eq!(pids(&document, "refused").len(), 1, "{document:#}");
    assert!(pids(&document, "freed").is_empty(), "{document:#}");
    assert!(document["refused"][0]["because"].as_str().unwrap().contains("this command"), "{document:#}");
}

#[test]
fn pid_1_is_refused() {
    let Some(world) = world() else { return };
    // In a pid namespace of its own, the server is pid 1 and portward another process beside it.
    let code = r"
import os, socket, subprocess, sys
s = socket.create_server(('127.0.0.1', 3000))
middle = os.fork()
if middle == 0:
    s.close()
    if os.fork() == 0:
        # An orphan: its parent is pid 1 only because nobody else is left.
        done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
        print(done.stdout, flush=True)
        os._exit(0)
    os._exit(0)
os.waitpid(middle, 0)
os.wait()
";
    let portward = world.portward_path().to_str().unwrap().to_owned();
    let own_pids = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child=KILL", "--"];
    let outcome =
        world.enter().through(&own_pids).run(&["python3", "-c", code, &portward, "free", "3000", "--yes", "--force", "--json"]);
    let outcome = outcome.expect(0);
    let document: Value = serde_json::from_str(outcome.stdout.trim()).unwrap_or_else(|error| panic!("{error}: {outcome}"));
    assert_eq!((pids(&document, "refused"), pids(&document, "freed")), (vec![1], vec![]), "{document:#}");
}

#[test]
fn another_users_listener_is_refused() {
    let Some(world) = world() else { return };
    if !portward_testkit::require_root("be two users") {
        return;
    }
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let outcome = world.enter().stranger().portward(&["free", "3000", "--yes", "--force"]);
    assert!(outcome.code == Some(1) || outcome.code == Some(2), "{outcome}");
    assert!(format!("{}{}", outcome.stdout, outcome.stderr).contains("sudo"), "what would help: {outcome}");
    assert!(actor.is_alive());
}

#[test]
fn a_stopped_process_is_ended_all_the_same() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    world.signal(actor.pid(), "STOP");
    let outcome = world.portward(&["free", "3000", "--yes", "--force", "--timeout", "500ms"]).expect(0);
    assert!(can_listen(&world, 3000), "{outcome}");
    assert!(actor.ended_by().is_some());
}

#[test]
fn a_socket_that_no_process_holds_cannot_be_freed() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["in-flight", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["free", "3000", "--yes", "--force", "--json"]).expect(1);
    assert_eq!(outcome.json()["port_free"], false, "{outcome}");
    assert!(actor.is_alive(), "nothing is signalled in doubt");
}

#[test]
fn a_thread_with_a_table_of_its_own_is_stopped_with_its_process() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["private-table", "tcp/127.0.0.1:3000"]);
    let document = world.portward(&["free", "3000", "--yes", "--json"]).expect(0).json();
    assert_eq!(pids(&document, "freed"), [actor.pid()]);
    assert_eq!(actor.ended_by(), Some(15));
    let mut dead = world.actor(&["dead-leader", "tcp/127.0.0.1:3000"]);
    let document = world.portward(&["free", "3000", "--yes", "--json"]).expect(0).json();
    assert_eq!((pids(&document, "freed"), &document["port_free"]), (vec![dead.pid()], &Value::Bool(true)));
    assert_eq!(dead.ended_by(), Some(15));
}

#[test]
fn a_socket_bound_and_silent_is_freed() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000,silent,noreuse"]);
    let document = world.portward(&["free", "3000", "--yes", "--json"]).expect(0).json();
    assert_eq!((pids(&document, "freed"), &document["port_free"]), (vec![actor.pid()], &Value::Bool(true)));
    assert_eq!(actor.ended_by(), Some(15));
}

#[test]
fn another_namespaces_listener_is_not_touched() {
    let Some(world) = world() else { return };
    world.add_netns("blue");
    let mut there = world.enter().netns("blue").actor(&["listen", "tcp/127.0.0.1:3000"]);
    let document = world.portward(&["free", "3000", "--yes", "--force", "--json"]).json();
    assert!(pids(&document, "freed").is_empty(), "{document:#}");
    assert!(there.is_alive());
}
