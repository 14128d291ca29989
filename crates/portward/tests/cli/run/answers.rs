//! Sessions answer for themselves: what is seen of them when a supervisor is stopped, killed, or cannot be found where it was.

use std::fs;

use portward_testkit::{Running, WorldKind, skip, until};
use serde_json::Value;

use super::Stage;

/// Says its supervisor's pid, serves 3000, and waits.
const SERVER: &str = "import os, socket, sys\n\
    s = socket.socket(); s.bind(('127.0.0.1', 3000)); s.listen()\n\
    print(os.getppid(), flush=True); sys.stdin.readline()";

impl Stage {
    /// A session, and its supervisor's pid.
    fn supervised(&self, project: &std::path::Path) -> (Running, u64) {
        let running = self.inside(project).start_portward(&["run", "--name", "web", "python3", "-c", SERVER]);
        let supervisor = running.line().parse().unwrap();
        let _ = Self::told(&running, "asked 127.0.0.1:3000");
        (running, supervisor)
    }

    fn ps(&self) -> Value {
        self.portward(&self.one, &["ps", "--json"]).expect(0).json()
    }
}

/// What sessions serve, by the names of their projects.
fn served(document: &Value) -> Vec<(String, usize)> {
    let each = document["sessions"].as_array().unwrap().iter().map(|session| {
        let services = session["services"].as_array().unwrap();
        let listeners = services.iter().map(|service| service["listeners"].as_array().unwrap().len()).sum();
        (session["project"].as_str().unwrap().to_owned(), listeners)
    });
    each.collect()
}

fn one(number: usize) -> Vec<(String, usize)> {
    vec![("one".to_owned(), number)]
}

#[test]
fn a_supervisor_that_is_stopped_is_a_gap_with_its_programs_and_can_be_ended() {
    let Some(stage) = Stage::new() else { return };
    let (mut running, supervisor) = stage.supervised(&stage.one);
    assert_eq!((served(&stage.ps()), stage.ps()["gaps"].as_array().unwrap().len()), (one(1), 0));
    stage.world.signal(supervisor, "STOP");
    let stopped = stage.ps();
    assert_eq!(served(&stopped), one(0), "{stopped}");
    assert_eq!(stopped["gaps"][0]["lack"], serde_json::json!({ "kind": "session", "pid": supervisor }), "{stopped}");
    assert_eq!(stopped["sessions"][0]["services"].as_array().unwrap().len(), 1, "the kernel knows what it started");
    let said = stage.portward(&stage.one, &["ps"]).expect(0);
    assert!(said.stderr.contains(&format!("kill -CONT {supervisor}")), "{said}");
    stage.world.signal(supervisor, "CONT");
    until("it answers again", || (served(&stage.ps()) == one(1)).then_some(()));
    stage.world.signal(supervisor, "STOP");
    let _ = stage.portward(&stage.one, &["stop"]).expect(0);
    assert!(!running.end().success());
    assert!(stage.ps()["sessions"].as_array().unwrap().is_empty());
}

#[test]
fn a_session_is_found_again_after_its_folder_was_removed() {
    let Some(stage) = Stage::new() else { return };
    let (_running, supervisor) = stage.supervised(&stage.one);
    let world = stage.world.path().to_str().unwrap();
    let find = ["find", world, "-type", "s", "-name", &format!("{supervisor}.*")];
    let socket = stage.world.run(&find).stdout.lines().next().unwrap().to_owned();
    let folder = std::path::Path::new(&socket).parent().unwrap().to_str().unwrap().to_owned();
    assert_eq!(stage.world.run(&["stat", "-c", "%a", &folder]).stdout, "700\n");
    assert_eq!(stage.world.run(&["stat", "-c", "%a", &socket]).stdout, "600\n");
    let _ = stage.world.run(&["rm", "-r", &folder]).expect(0);
    until("it answers at a new socket", || (served(&stage.ps()) == one(1)).then_some(()));
    until("and nothing is missing", || stage.ps()["gaps"].as_array().unwrap().is_empty().then_some(()));
}

#[test]
fn a_session_is_known_where_its_users_home_has_moved() {
    let Some(stage) = Stage::new() else { return };
    let (_running, _) = stage.supervised(&stage.one);
    let other = stage.world.path().join("other");
    fs::create_dir(&other).unwrap();
    stage.world.give(&other);
    let moved = stage.inside(&stage.two).env("HOME", &other).env("XDG_STATE_HOME", other.join("state"));
    let document = moved.portward(&["ps", "--json"]).expect(0).json();
    assert_eq!(served(&document), one(1), "{document}");
    assert_eq!(document["sessions"][0]["root"], stage.one.to_str().unwrap());
    // Without the variable the folder of logins is still the same, or the supervisor is named.
    let moved = stage.inside(&stage.two).through(&["env", "-u", "XDG_RUNTIME_DIR"]);
    assert_eq!(moved.portward(&["ps"]).expect(0).code, Some(0));
}

#[test]
fn many_sessions_are_told_at_once_and_one_that_was_killed_is_lost() {
    let Some(stage) = Stage::new() else { return };
    let code = "import os, socket, sys\n\
        s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print(os.getppid(), flush=True); sys.stdin.readline()";
    let start = || stage.inside(&stage.one).start_portward(&["run", "python3", "-c", code]);
    let all: Vec<Running> = (0..12).map(|_| start()).collect();
    let supervisors: Vec<u64> = all.iter().map(|running| running.line().parse().unwrap()).collect();
    until("all of them are listed", || (served(&stage.ps()) == one(12)).then_some(()));
    stage.world.signal(supervisors[0], "KILL");
    stage.world.signal(supervisors[1], "STOP");
    let document = until("one is lost", || Some(stage.ps()).filter(|document| document["lost"] == 1));
    assert_eq!((served(&document), document["gaps"].as_array().unwrap().len()), (one(10), 1), "{document}");
    let lines = || stage.portward(&stage.one, &["ps"]).expect(0).stderr;
    assert!(lines().contains(&format!("the session of supervisor {}", supervisors[1])), "{}", lines());
    // Of many the number is told; in JSON each is a gap.
    supervisors[2..6].iter().for_each(|supervisor| stage.world.signal(*supervisor, "STOP"));
    let said = lines();
    assert_eq!((said.matches("Not seen").count(), said.matches("5 sessions").count()), (1, 1), "{said}");
    let flowing = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let pids = supervisors[1..6].iter().map(ToString::to_string).collect::<Vec<_>>();
    let named = flowing.split_once("kill -CONT ").unwrap().1.split(' ').take(5).map(str::to_owned);
    assert!(named.clone().all(|pid| pids.contains(&pid)) && named.count() == 5, "{said}");
    assert_eq!(stage.ps()["gaps"].as_array().unwrap().len(), 5);
    supervisors[1..6].iter().for_each(|supervisor| stage.world.signal(*supervisor, "CONT"));
    let _ = stage.portward(&stage.one, &["run", "true"]).expect(0);
    assert_eq!(stage.ps()["lost"], 0, "the next run has swept");
}

#[test]
fn what_another_user_left_in_the_way_is_passed_over() {
    let Some(stage) = Stage::new() else { return };
    if stage.world.kind() != WorldKind::Root {
        skip("root, to be two users");
        return;
    }
    // They were first in a folder where everybody may make one, with sockets that never answer, or name somebody's process.
    let hostile = "import os, socket, sys\n\
        folder = os.environ['XDG_RUNTIME_DIR'] + '/portward'\n\
        os.mkdir(folder, 0o700); kept = []; space = '.' + str(os.stat('/proc/self/ns/pid').st_ino)\n\
        for name in ['1.0', '1.0' + space, str(os.getppid()) + '.1' + space, '4242.4242' + space]:\n\
        \x20   s = socket.socket(socket.AF_UNIX); s.bind(folder + '/' + name); s.listen(); kept.append(s)\n\
        os.symlink('/etc/passwd', folder + '/7.7')\n\
        print('READY', flush=True); sys.stdin.readline()";
    let theirs = stage.inside(&stage.two).stranger().start(&["python3", "-c", hostile]);
    assert_eq!(theirs.line(), "READY", "{}", theirs.stderr());
    let folder = stage.world.path().join("run/portward");
    let own_and = format!("XDG_RUNTIME_DIR={}", folder.display());
    for wrapper in [&["env"][..], &["env", &own_and]] {
        let document = stage.inside(&stage.one).through(wrapper).portward(&["ps", "--json"]).expect(0).json();
        assert!(document["sessions"].as_array().unwrap().is_empty() && document["lost"] == 0, "{document}");
    }
    let own = stage.supervised(&stage.one);
    assert_eq!(served(&stage.ps()), one(1));
    drop(own);
    let left = stage.world.run(&["ls", folder.to_str().unwrap()]).stdout;
    assert_eq!(left.lines().count(), 5, "{left}");
}

#[test]
fn a_supervisor_answers_its_own_user_and_root_and_nobody_is_believed_who_is_another() {
    let Some(stage) = Stage::new() else { return };
    if stage.world.kind() != WorldKind::Root {
        skip("root, to be two users");
        return;
    }
    let home = stage.one.join("state");
    let ours =
        || stage.inside(&stage.one).stranger().env("XDG_STATE_HOME", home.to_str().unwrap()).env("XDG_RUNTIME_DIR", "/none");
    let running = ours().start_portward(&["run", "--name", "web", "python3", "-c", SERVER]);
    let supervisor: u64 = running.line().parse().unwrap();
    let find = ["find", home.to_str().unwrap(), "-type", "s", "-name", &format!("{supervisor}.*")];
    let socket = until("its socket", || stage.world.run(&find).stdout.lines().next().map(str::to_owned));
    let ps = || served(&ours().portward(&["ps", "--json"]).expect(0).json());
    until("it is listed", || (ps() == one(1)).then_some(()));
    // The way is opened to everybody, so that the kernel's word for who asks is all that is left.
    let open = "dir=$(dirname $0); while [ $dir != / ]; do chmod a+rx $dir; dir=$(dirname $dir); done; chmod 666 $0";
    let ask = "import os, socket, sys\n\
        os.setuid(int(sys.argv[1])); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[2])\n\
        try: s.sendall(b'{\"portward\":1,\"ask\":\"run\"}\\n'); print(len(s.recv(65536)) > 100)\n\
        except ConnectionError: print(False)";
    let folder = std::path::Path::new(&socket).parent().unwrap().to_str().unwrap().to_owned();
    let _ = stage.world.run(&["sh", "-c", open, &socket]).expect(0);
    for (user, answered) in [("65534", "True\n"), ("0", "True\n"), ("1000", "False\n")] {
        assert_eq!(stage.world.run(&["python3", "-c", ask, user, &socket]).expect(0).stdout, answered, "{user}");
    }
    let _ = stage.world.run(&["chmod", "700", &folder]).expect(0);
    // One of another user says word for word what a supervisor says, at a name of its own.
    let fake = "import json, os, socket, sys\n\
        s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b'{\"portward\":1,\"ask\":\"run\"}\\n')\n\
        said = json.loads(s.makefile().readline()); own = os.getpid()\n\
        ticks = int(open('/proc/self/stat').read().rsplit(')', 1)[1].split()[19])\n\
        said['answer']['supervisor'] = {'pid': own, 'started_ticks': ticks}\n\
        space = os.stat('/proc/self/ns/pid').st_ino; path = os.path.dirname(sys.argv[1]) + f'/{own}.{ticks}.{space}'\n\
        s = socket.socket(socket.AF_UNIX); s.bind(path); os.chmod(path, 0o666); os.setuid(int(sys.argv[2])); s.listen()\n\
        print('READY', flush=True)\n\
        while True:\n\
        \x20   c, _ = s.accept(); c.recv(65536); c.sendall(json.dumps(said).encode() + b'\\n'); c.close()";
    for (user, expected) in [("1000", 1), ("65534", 2)] {
        let fake = stage.world.enter().start(&["python3", "-c", fake, &socket, user]);
        assert_eq!(fake.line(), "READY", "{}", fake.stderr());
        until("its word is weighed", || (ps() == one(expected)).then_some(()));
        drop(fake);
    }
}

#[test]
fn a_session_of_the_release_before_this_one_is_listed_beside_new_ones() {
    let Some(stage) = Stage::new() else { return };
    let _ = stage.portward(&stage.one, &["port", "3000"]).expect(0);
    let sleeper = stage.inside(&stage.one).start(&["sh", "-c", "echo $$; exec sleep 600"]);
    let pid = sleeper.line();
    let rows = "import sqlite3, sys, glob, os\n\
        store = os.environ['XDG_STATE_HOME'] + '/portward/leases.db'\n\
        db = sqlite3.connect(store); pid = int(sys.argv[1])\n\
        ticks = int(open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[19])\n\
        project, port = db.execute('SELECT project, port FROM leases').fetchone()\n\
        run = db.execute('INSERT INTO runs (project, supervisor, supervisor_ticks, started_at, exposes, keeps_ports, isolates) '\n\
        \x20   'VALUES (?, ?, ?, 1, 0, 0, 0)', (project, pid, ticks)).lastrowid\n\
        db.execute('INSERT INTO services (run, pid, ticks, name) VALUES (?, ?, ?, ?)', (run, pid, ticks, 'older'))\n\
        db.commit()";
    let _ = stage.world.run(&["python3", "-c", rows, pid.trim()]).expect(0);
    let (_running, _) = stage.supervised(&stage.one);
    let document = stage.ps();
    let services = document["sessions"][0]["services"].as_array().unwrap();
    let names: Vec<&str> = services.iter().map(|service| service["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["older", "web"], "{document}");
    assert_eq!(document["sessions"].as_array().unwrap().len(), 1);
}

#[test]
fn sessions_are_listed_where_the_store_cannot_be_read() {
    let Some(stage) = Stage::new() else { return };
    let (_running, _) = stage.supervised(&stage.one);
    let (_other, _) = stage.supervised(&stage.two);
    let store =
        "for file in $XDG_STATE_HOME/portward/leases.db*; do rm $file; done; echo no store > $XDG_STATE_HOME/portward/leases.db";
    let _ = stage.world.run(&["sh", "-c", store]).expect(0);
    let document = stage.ps();
    let mut served = served(&document);
    served.sort();
    assert_eq!(served, [("one".to_owned(), 1), ("two".to_owned(), 1)], "{document}");
    assert_eq!(document["gaps"][0]["lack"]["kind"], "leases", "{document}");
}

#[test]
fn a_session_whose_folder_cannot_be_seen_from_here_is_a_gap() {
    let Some(stage) = Stage::new() else { return };
    // As in a container that shares nothing but the processes.
    let script =
        "for folder in $XDG_RUNTIME_DIR $XDG_STATE_HOME; do mkdir -p $folder; mount -t tmpfs none $folder; done; exec \"$@\"";
    let portward = stage.world.portward_path().to_str().unwrap();
    let apart = ["unshare", "--mount", "sh", "-c", script, "sh", portward, "run", "python3", "-c", SERVER];
    let running = stage.inside(&stage.one).start(&apart);
    let supervisor: u64 = running.line().parse().unwrap();
    let gap = until("it is a gap", || stage.ps()["gaps"].as_array().unwrap().first().cloned());
    assert_eq!(gap["lack"], serde_json::json!({ "kind": "session", "pid": supervisor }), "{gap}");
}
