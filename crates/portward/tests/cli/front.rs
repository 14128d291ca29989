//! `portward front`: the real ports, lent to one project at a time.

mod data;

use portward_testkit::until;
use serde_json::Value;

use crate::{run::Stage, world};

const PLACES: [&str; 2] = ["127.0.0.1 3000", "::1 3000"];

/// What the front is like now.
#[track_caller]
fn front(stage: &Stage) -> Value {
    stage.world.portward(&["front", "--json"]).json()
}

/// One port of an answer.
fn port(answer: &Value, number: u16) -> Value {
    let ports = answer["ports"].as_array().unwrap();
    ports.iter().find(|port| port["port"] == number).cloned().unwrap_or(Value::Null)
}

#[track_caller]
fn awaits(stage: &Stage, place: &str, answer: &str) {
    until(&format!("{answer} at {place}"), || (stage.heard(place) == answer).then_some(()));
}

#[test]
fn nobody_has_it() {
    let Some(world) = world() else { return };
    for words in [&["front"][..], &["front", "--off"]] {
        let said = world.portward(words).expect(0);
        assert!(said.stdout.contains("Nobody has the front.") && said.stderr.is_empty(), "{said}");
    }
    let document = world.portward(&["front", "--json"]).expect(0).json();
    assert_eq!((&document["front"], &document["forwarder"]), (&Value::Null, &Value::Null));
}

#[test]
fn lent_switched_and_given_back() {
    let Some(stage) = Stage::new() else { return };
    let _one = stage.server(&stage.one, &["--name", "web"], "one", &["tcp", "::", "3000"]);
    let _two = stage.server(&stage.two, &[], "two", &["tcp", "0.0.0.0", "3000", "tcp", "127.0.0.1", "5432", "udp", "::", "5353"]);
    let given = stage.world.portward(&["front", "one"]).expect(0);
    let target = stage.port(&stage.one, "3000");
    assert!(given.stdout.contains("one has the front"), "{given}");
    assert!(given.stdout.contains(&format!("3000      is lent to web at 127.0.0.1:{target}")), "{given}");
    for place in PLACES {
        assert_eq!(stage.heard(place), "one", "{place}");
    }
    let sessions = stage.world.portward(&["ps", "--json"]).expect(0).json();
    for session in sessions["sessions"].as_array().unwrap() {
        assert_eq!(session["front"], session["project"] == "one", "{session:#}");
    }
    // From the moment that the command ends.
    let document = stage.portward(&stage.two, &["front", ".", "--json"]).expect(0).json();
    assert_eq!((&document["before"]["project"], &document["overtaken"]), (&"one".into(), &false.into()), "{document:#}");
    for place in PLACES {
        assert_eq!(stage.heard(place), "two", "{place}: a service of one family is lent on both");
    }
    assert_eq!(stage.heard("::1 5432"), "two");
    let udp = port(&document, 5353);
    assert_eq!((&udp["transport"], &udp["state"], &udp["lent"]), (&"udp".into(), &"udp".into(), &false.into()));
    assert!(udp["because"].as_str().unwrap().contains("UDP is not forwarded"), "{udp}");
    // Inside a session nothing has changed.
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 3000"), "one");
    let sockets = stage.world.portward(&["list", "3000", "--json"]).expect(0).reading();
    assert_eq!(sockets.on_port(3000).len(), 2);
    for socket in sockets.on_port(3000) {
        assert_eq!((&socket["scope"], &socket["device"]), (&"loopback".into(), &"lo".into()), "{socket:#}");
        assert_eq!(sockets.owners_of(socket), [document["forwarder"].as_u64().unwrap()]);
    }
    let off = stage.world.portward(&["front", "--off"]).expect(0);
    assert!(off.stdout.contains("Nobody has the front; two had it until now."), "{off}");
    assert!(off.stdout.contains("3000      is free") && off.stdout.contains("5432      is free"), "{off}");
    // Free means free.
    let _plain = stage.plain("plain", &["tcp", "::", "3000", "tcp", "::", "5432"]);
    assert_eq!(stage.heard(PLACES[1]), "plain");
}

#[test]
fn a_service_of_one_address_is_lent_at_both_where_that_is_one_of_localhost() {
    let Some(stage) = Stage::new() else { return };
    let _six = stage.server(&stage.one, &[], "six", &["tcp", "::1", "3000"]);
    let _other = stage.server(&stage.one, &[], "other", &["tcp", "127.0.0.2", "3001"]);
    let given = stage.portward(&stage.one, &["front", ".", "--json"]).expect(0).json();
    for address in ["127.0.0.1", "::1"] {
        assert_eq!(stage.heard(&format!("{address} 3000")), "six", "{address}: {given:#}");
        assert_eq!(stage.heard(&format!("{address} 3001")), "ConnectionRefusedError", "{address}: {given:#}");
    }
    let apart = port(&given, 3001);
    assert_eq!((&apart["state"], &apart["lent"]), (&"apart".into(), &false.into()), "{given:#}");
    let said = stage.portward(&stage.one, &["front"]).expect(0).stdout;
    let leased = stage.port(&stage.one, "3001");
    assert!(said.contains("is not lent: its service has 127.0.0.2 to itself"), "{said}");
    assert!(said.contains(&format!("127.0.0.2:{leased}")), "{said}");
    // Two addresses of one port: what localhost means is lent.
    let _both = stage.server(&stage.two, &[], "local", &["tcp", "127.0.0.1", "3000"]);
    let _beside = stage.server(&stage.two, &[], "beside", &["tcp", "127.0.0.2", "3000"]);
    let _ = stage.portward(&stage.two, &["front", "."]).expect(0);
    for address in ["127.0.0.1", "::1"] {
        assert_eq!(stage.heard(&format!("{address} 3000")), "local", "{address}");
    }
    assert_eq!(stage.heard_in(&stage.two, "127.0.0.2 3000"), "beside");
}

#[test]
fn a_port_that_a_program_holds_stays_with_it_until_it_lets_go() {
    let Some(stage) = Stage::new() else { return };
    let _one = stage.server(&stage.one, &[], "one", &["tcp", "127.0.0.1", "3000", "tcp", "::", "3001", "tcp", "::", "3002"]);
    let plain = stage.plain("plain", &["tcp", "::1", "3000"]);
    // Bound, and about to listen.
    let mut early = stage.world.actor(&["listen", "tcp/0.0.0.0:3001,silent"]);
    let own = stage.server(&stage.two, &["--loopback-only"], "own", &["tcp", "::", "3002"]);
    let said = stage.world.portward(&["front", "one"]).expect(1);
    assert!(said.stdout.contains("3000      is waited for: ") && said.stdout.contains("which is no session"), "{said}");
    assert!(said.stderr.contains("hint: portward free 3000"), "{said}");
    let document = front(&stage);
    for number in [3000, 3001, 3002] {
        let held = port(&document, number);
        assert_eq!((&held["lent"], &held["state"]), (&false.into(), &"held".into()), "{held:#}");
        assert!(held["holder"]["pid"].is_u64(), "{held:#}");
    }
    assert_eq!(port(&document, 3001)["holder"]["pid"], early.pid());
    assert_eq!(port(&document, 3002)["holder"]["session"], "two");
    assert_eq!((stage.heard("::1 3000"), stage.heard("127.0.0.1 3000")), ("plain".into(), "ConnectionRefusedError".into()));
    let narrow = stage.world.enter().env("COLUMNS", "60").portward(&["front"]).expect(1);
    assert!(
        narrow.stdout.lines().all(|line| line.chars().count() <= 60 || line.contains(stage.one.to_str().unwrap())),
        "{narrow}"
    );
    drop(plain);
    awaits(&stage, "127.0.0.1 3000", "one");
    assert_eq!(stage.heard("::1 3000"), "one");
    let _ = early.ask("listen 0", "LISTENING");
    drop(early);
    awaits(&stage, "::1 3001", "one");
    drop(own);
    awaits(&stage, "::1 3002", "one");
    assert_eq!(stage.world.portward(&["front"]).expect(0).stderr, "");
}

#[test]
fn lent_ports_follow_the_services() {
    let Some(stage) = Stage::new() else { return };
    let early = stage.portward(&stage.one, &["front", "."]).expect(0);
    assert!(early.stdout.contains("Nothing of it listens, so no real port is held"), "{early}");
    let web = stage.server(&stage.one, &[], "web", &["tcp", "::", "3000"]);
    awaits(&stage, PLACES[0], "web");
    let _db = stage.server(&stage.one, &[], "db", &["tcp", "127.0.0.1", "5432"]);
    awaits(&stage, "127.0.0.1 5432", "db");
    drop(web);
    // Who wants the port has it meanwhile, and keeps it.
    awaits(&stage, PLACES[0], "ConnectionRefusedError");
    let plain = stage.plain("plain", &["tcp", "127.0.0.1", "3000"]);
    let _again = stage.server(&stage.one, &[], "again", &["tcp", "::", "3000"]);
    until("it is waited for", || (port(&front(&stage), 3000)["state"] == "held").then_some(()));
    assert_eq!((stage.heard(PLACES[0]), stage.heard("127.0.0.1 5432")), ("plain".into(), "db".into()));
    drop(plain);
    awaits(&stage, PLACES[1], "again");
}

#[test]
fn what_was_stopped_has_no_real_port_any_more() {
    let Some(stage) = Stage::new() else { return };
    let _ = stage.portward(&stage.one, &["front", "."]).expect(0);
    for _ in 0..5 {
        let mut web = stage.server(&stage.one, &["--name", "web"], "web", &["tcp", "::", "3000"]);
        awaits(&stage, PLACES[0], "web");
        let _ = stage.portward(&stage.one, &["stop", "web"]).expect(0);
        // At once: `plain` ends where it may not bind.
        let _plain = stage.plain("plain", &["tcp", "::", "3000"]);
        assert_eq!(stage.heard(PLACES[0]), "plain");
        let _ = web.end();
    }
}

#[test]
fn a_program_that_was_told_its_port() {
    let Some(stage) = Stage::new() else { return };
    let target = stage.portward(&stage.one, &["port", "3000"]).expect(0).stdout.trim_end().to_owned();
    let _web = stage.server(&stage.one, &[], "web", &["tcp", "::", &target]);
    let _ = stage.world.portward(&["front", "one"]).expect(0);
    assert_eq!(stage.heard(PLACES[0]), "web");
}

#[test]
fn a_forwarder_that_was_killed_is_named_and_replaced() {
    let Some(stage) = Stage::new() else { return };
    let _one = stage.server(&stage.one, &[], "one", &["tcp", "::", "3000"]);
    let first = stage.world.portward(&["front", "one", "--json"]).expect(0).json()["forwarder"].as_u64().unwrap();
    let kill = |pid: u64| {
        stage.world.signal(pid, "KILL");
        until("its port is free", || (stage.heard(PLACES[0]) == "ConnectionRefusedError").then_some(()));
    };
    kill(first);
    let sessions = stage.world.portward(&["ps", "--json"]).expect(0).json();
    assert_eq!(sessions["sessions"][0]["front"], false, "nobody lends");
    let said = stage.world.portward(&["front"]).expect(0);
    assert!(said.stderr.contains(&format!("The forwarder (pid {first}) had ended without a word")), "{said}");
    assert_eq!(stage.heard(PLACES[1]), "one");
    let second = front(&stage)["forwarder"].as_u64().unwrap();
    kill(second);
    let again = stage.world.portward(&["front", "one", "--json"]).expect(0).json();
    assert_eq!((&again["lost"], stage.heard(PLACES[0]).as_str()), (&second.into(), "one"));
    kill(again["forwarder"].as_u64().unwrap());
    let off = stage.world.portward(&["front", "--off", "--json"]).expect(0).json();
    assert_eq!((&off["lost"], &off["front"], &off["ports"][0]["state"]), (&again["forwarder"], &Value::Null, &"free".into()));
    assert_eq!(front(&stage)["lost"], Value::Null);
}

#[test]
fn one_of_the_release_before_is_told_and_makes_way() {
    let Some(stage) = Stage::new() else { return };
    let _one = stage.server(&stage.one, &[], "one", &["tcp", "::", "3000"]);
    let _two = stage.server(&stage.two, &[], "two", &["tcp", "::", "3000"]);
    let script = stage.world.file("older.py", OLDER);
    let older = stage.world.enter().start(&["python3", script.to_str().unwrap(), "one"]);
    let pid = older.line_where(|line| line.starts_with("READY"))[6..].parse::<u64>().unwrap();
    let told = front(&stage);
    assert_eq!((&told["front"]["project"], &told["forwarder"]), (&"one".into(), &pid.into()), "{told:#}");
    let sessions = stage.world.portward(&["ps", "--json"]).expect(0).json();
    for session in sessions["sessions"].as_array().unwrap() {
        assert_eq!(session["front"], session["project"] == "one", "{session:#}");
    }
    // It ends, and from then on nothing is written where it has its record.
    let given = stage.world.portward(&["front", "two", "--json"]).expect(0).json();
    assert_eq!((&given["before"]["project"], &given["lost"]), (&"one".into(), &Value::Null), "{given:#}");
    assert_eq!((older.line().as_str(), stage.heard(PLACES[0]).as_str()), ("LEFT", "two"));
    let _ = stage.world.portward(&["front", "one"]).expect(0);
    assert_eq!(stage.heard(PLACES[0]), "one");
    let row = stage.world.run(&["python3", script.to_str().unwrap()]).expect(0).stdout;
    assert_eq!(row, "[(None, 2, None)] 0\n");
    // What such a one was ordered stands where it was killed: the next command carries it on.
    let _ = stage.world.portward(&["front", "--off"]).expect(0);
    let _ = stage.world.run(&["sh", "-c", "rm ~/.local/state/portward/front.*"]).expect(0);
    let mut killed = stage.world.enter().start(&["python3", script.to_str().unwrap(), "two"]);
    let pid = killed.line_where(|line| line.starts_with("READY"))[6..].parse::<u64>().unwrap();
    stage.world.signal(pid, "KILL");
    let _ = killed.end();
    let said = stage.world.portward(&["front"]).expect(0);
    assert!(said.stderr.contains(&format!("The forwarder (pid {pid}) had ended without a word")), "{said}");
    assert_eq!(stage.heard(PLACES[0]), "two");
}

/// What a forwarder of the release before this one does with the lease store, word for word; without a project, it tells what stands there.
const OLDER: &str = r"
import os, sqlite3, sys, time
db = sqlite3.connect(os.path.expanduser('~/.local/state/portward/leases.db'), isolation_level=None, timeout=60)
if len(sys.argv) < 2:
    print(db.execute('SELECT project, generation, forwarder FROM front').fetchall(), db.execute('SELECT count(*) FROM front_ports').fetchone()[0])
    sys.exit()
project, = db.execute('SELECT id FROM projects WHERE name = ?', (sys.argv[1].encode(),)).fetchone()
own = os.getpid(), int(open('/proc/self/stat').read().rsplit(')', 1)[1].split()[19])
db.execute('INSERT INTO front (one, project, generation) VALUES (1, ?1, 1) ON CONFLICT (one) DO UPDATE SET project = ?1, generation = 1', (project,))
db.execute('UPDATE front SET forwarder = ?, forwarder_ticks = ?, connections = 0, done = 1', own)
db.execute('INSERT INTO front_ports (port, target, standing, errno) VALUES (3000, 1, ?, 0)', ('unserved',))
print('READY', own[0], flush=True)
while db.execute('SELECT project FROM front').fetchone()[0] is not None: time.sleep(0.05)
db.execute('UPDATE front SET forwarder = NULL, forwarder_ticks = NULL, connections = 0, done = generation'); db.execute('DELETE FROM front_ports')
print('LEFT', flush=True)
";

#[test]
fn which_project_a_word_means() {
    let Some(stage) = Stage::new() else { return };
    for name in ["a/shop", "b/shop", "other"] {
        stage.world.git_repository(name, "main");
    }
    stage.world.git_worktree("a/shop", "fix-42", "fix/42");
    let path = |name: &str| stage.world.path().join(name);
    for name in ["one", "two", "a/shop", "b/shop", "fix-42", "other"] {
        let _ = stage.portward(&path(name), &["port", "3000"]).expect(0);
    }
    let root = |words: &[&str], place: &str| {
        let given = stage.inside(&path(place)).portward(&[&["front"], words, &["--json"]].concat()).expect(0).json();
        given["front"]["root"].as_str().unwrap().to_owned()
    };
    let is = |name: &str| path(name).to_str().unwrap().to_owned();
    assert_eq!(root(&["fix-42"], "home"), is("fix-42"));
    assert_eq!(root(&["shop@fix-42"], "home"), is("fix-42"));
    assert_eq!(root(&["tw"], "home"), is("two"));
    assert_eq!(root(&["."], "b/shop"), is("b/shop"));
    assert_eq!(root(&["shop"], "a/shop"), is("a/shop"), "the one in which it was said");
    assert_eq!(root(&[&is("b/shop")], "home"), is("b/shop"));
    assert_eq!(root(&["../a/shop"], "home"), is("a/shop"));
    let said = stage.world.portward(&["front", "shop"]).expect(2);
    assert!(said.stderr.contains(&is("a/shop")) && said.stderr.contains(&is("b/shop")), "{said}");
    assert!(said.stderr.contains("2 projects go by `shop`") && said.stderr.contains("hint: portward front /"), "{said}");
    let said = stage.world.portward(&["front", "o"]).expect(2);
    assert!(said.stderr.contains("one in ") && said.stderr.contains("other in "), "{said}");
    for wrong in ["nosuch", "", "/nosuch", "\u{1b}[2J", "one two"] {
        let said = stage.world.portward(&["front", wrong]).expect(2);
        assert!(said.stderr.contains("hint: ") && !said.stderr.contains('\u{1b}'), "{said}");
    }
    let _ = stage.world.portward(&["front", "one", "--off"]).expect(2);
    assert_eq!(front(&stage)["front"]["root"], is("a/shop"), "what makes no sense changes nothing");
}

#[test]
fn a_machine_without_ipv6() {
    let Some(stage) = Stage::new() else { return };
    let _ = stage.world.run(&["sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6"]).expect(0);
    let _one = stage.server(&stage.one, &[], "one", &["tcp", "0.0.0.0", "3000"]);
    let _ = stage.world.portward(&["front", "one"]).expect(0);
    assert_eq!(stage.heard(PLACES[0]), "one");
    let off = stage.world.portward(&["front", "--off"]).expect(0);
    assert!(off.stdout.contains("3000      is free"), "{off}");
}

#[test]
fn a_project_that_gave_everything_back_has_nothing_to_lend() {
    let Some(stage) = Stage::new() else { return };
    let web = stage.server(&stage.one, &[], "one", &["tcp", "::", "3000"]);
    let forwarder = stage.world.portward(&["front", "one", "--json"]).expect(0).json()["forwarder"].to_string();
    drop(web);
    let released = || {
        let words = ["lease", "release", "--all", "--yes"];
        (stage.portward(&stage.one, &words).code == Some(0)).then_some(())
    };
    until("its ports are free", released);
    until("the forwarder has ended", || {
        (stage.world.run(&["test", "-e", &format!("/proc/{forwarder}")]).code != Some(0)).then_some(())
    });
    assert_eq!(front(&stage)["front"], Value::Null);
}

#[test]
fn projects_are_offered_to_complete() {
    let Some(stage) = Stage::new() else { return };
    for project in [&stage.one, &stage.two] {
        let _ = stage.portward(project, &["port", "3000"]).expect(0);
    }
    let offered = stage.world.portward(&["complete", "--", "front", "o"]).expect(0);
    assert_eq!(offered.stdout, format!("one\t{}\n", stage.one.display()), "{offered}");
}

#[test]
fn a_privileged_port_is_said_with_the_next_step() {
    let Some(stage) = Stage::new() else { return };
    let _one = stage.server(&stage.one, &[], "one", &["tcp", "::", "80"]);
    let unprivileged = ["setpriv", "--bounding-set=-net_bind_service", "--"];
    let said = stage.world.enter().through(&unprivileged).portward(&["front", "one"]).expect(1);
    assert!(said.stdout.contains("80        is not lent: this user may have ports from 1024 on"), "{said}");
    assert!(said.stderr.contains("hint: sudo portward front one --low 80"), "{said}");
    let _ = stage.world.run(&["sh", "-c", "echo 80 >/proc/sys/net/ipv4/ip_unprivileged_port_start"]).expect(0);
    awaits(&stage, "127.0.0.1 80", "one");
}

#[test]
fn no_forwarder_starts_in_a_session() {
    let Some(stage) = Stage::new() else { return };
    let portward = stage.world.portward_path().to_str().unwrap();
    let _one = stage.server(&stage.one, &[], "one", &["tcp", "::", "3000"]);
    let refused = stage.portward(&stage.two, &["run", portward, "front", "one"]).expect(2);
    assert!(refused.stderr.contains("runs in a session") && refused.stderr.contains("hint: "), "{refused}");
    assert_eq!(front(&stage)["front"], Value::Null, "nothing was given");
    let _ = stage.world.portward(&["front", "two"]).expect(0);
    // One that runs already does what it is told, from wherever.
    let given = stage.portward(&stage.two, &["run", portward, "front", "one"]).expect(0);
    assert!(given.stdout.contains("one has the front"), "{given}");
    assert_eq!(stage.heard(PLACES[0]), "one");
}

#[test]
fn of_two_commands_at_once_one_comes_last_and_both_say_the_truth() {
    let Some(stage) = Stage::new() else { return };
    let _one = stage.server(&stage.one, &[], "one", &["tcp", "::", "3000"]);
    let _two = stage.server(&stage.two, &[], "two", &["tcp", "::", "3000"]);
    for _ in 0..5 {
        let _ = stage.world.portward(&["front", "--off"]).expect(0);
        let words = |name| ["front", name, "--json"];
        let mut both = ["one", "two"].map(|name| (name, stage.world.enter().start_portward(&words(name))));
        for (name, running) in &mut both {
            let answer = running.json();
            let _ = running.end();
            assert_eq!(answer["overtaken"], answer["front"]["project"] != *name, "{answer:#}");
        }
        let now = front(&stage);
        let has = now["front"]["project"].as_str().unwrap();
        assert_eq!(stage.heard(PLACES[0]), has);
        until("one forwarder is left", || {
            let count = stage.world.run(&["sh", "-c", "grep -lsz front-forwarde[r] /proc/[0-9]*/cmdline | wc -l"]);
            (count.stdout.trim() == "1").then_some(())
        });
    }
}

#[test]
fn what_is_leased_to_another_project_is_not_lent() {
    let Some(stage) = Stage::new() else { return };
    let theirs = stage.port(&stage.two, "3000");
    let _one = stage.server(&stage.one, &[], "one", &["tcp", "::", &theirs]);
    let said = stage.world.portward(&["front", "one"]).expect(1);
    assert!(said.stdout.contains(&format!("{theirs}     is not lent: it is leased to two")), "{said}");
    let _two = stage.server(&stage.two, &[], "two", &["tcp", "::", "3000"]);
    assert_eq!(stage.heard(&format!("127.0.0.1 {theirs}")), "two");
}

#[test]
fn nothing_is_lent_to_programs_whose_supervisor_was_killed() {
    let Some(stage) = Stage::new() else { return };
    let _one = stage.server(&stage.one, &[], "one", &["tcp", "::", "3000"]);
    let _ = stage.world.portward(&["front", "one"]).expect(0);
    let target = stage.port(&stage.one, "3000");
    let server = stage.portward(&stage.one, &["ps", "--json"]).expect(0).json()["sessions"][0]["services"][0]["pid"].to_string();
    let parent = stage.world.run(&["sh", "-c", &format!("cut -d' ' -f4 /proc/{server}/stat")]).expect(0);
    stage.world.signal(parent.stdout.trim().parse().unwrap(), "KILL");
    awaits(&stage, PLACES[0], "ConnectionRefusedError");
    assert_eq!(stage.heard(&format!("127.0.0.1 {target}")), "one", "what listened goes on");
}
