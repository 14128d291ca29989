//! A lease store that another process keeps to itself stops no program of any session.

use std::path::Path;

use portward_testkit::{Entry, Running, until};

use super::Stage;

/// Locks a store until it is told to let go.
const HOLDER: &str = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60); \
                      c.execute('BEGIN EXCLUSIVE'); print('LOCKED', flush=True); sys.stdin.readline(); c.execute('COMMIT')";

/// Serves 3000; then, for each line that it reads, one more port, and says where; or it runs a command.
const SERVER: &str = "import socket, subprocess, sys\n\
    def serve(port):\n    s = socket.socket(); s.bind(('127.0.0.1', port)); s.listen(); return s\n\
    def dial(port): return socket.create_connection(('127.0.0.1', port)).getpeername()[1]\n\
    kept = [serve(3000)]; print('READY', flush=True)\n\
    for line in sys.stdin:\n\
    \x20   if ' ' in line: subprocess.run(line.split()); continue\n\
    \x20   try: kept.append(serve(int(line))); print(kept[-1].getsockname()[1], dial(int(line)), flush=True)\n\
    \x20   except OSError as error: print(error, flush=True)";

impl Stage {
    fn with_home<'s>(&'s self, project: &Path, home: &Path) -> Entry<'s> {
        self.inside(project).env("XDG_STATE_HOME", home.to_str().unwrap())
    }

    fn holder(&self, home: &Path) -> Running {
        let store = home.join("portward/leases.db");
        let holder = self.world.enter().start(&["python3", "-c", HOLDER, store.to_str().unwrap()]);
        assert_eq!(holder.line(), "LOCKED", "{}", holder.stderr());
        holder
    }
}

/// The asked ports that a project has, with their ports.
fn leases(stage: &Stage, home: &Path, project: &str) -> Vec<(u64, u64)> {
    let document = stage.with_home(&stage.one, home).portward(&["lease", "--json"]).expect(0).json();
    let rows = document["leases"].as_array().unwrap();
    let own = rows.iter().filter(|row| row["project"] == project);
    own.map(|row| (row["asked"].as_u64().unwrap(), row["port"].as_u64().unwrap())).collect()
}

#[test]
fn a_store_in_other_hands_stalls_no_bind_and_hears_of_it_later() {
    let Some(stage) = Stage::new() else { return };
    let home = stage.world.path().join("home");
    let mut one = stage.with_home(&stage.one, &home).start_portward(&["run", "--name", "web", "python3", "-c", SERVER]);
    assert_eq!(one.line(), "READY", "{}", one.stderr());
    let _ = Stage::told(&one, "asked 127.0.0.1:3000");
    let mut holder = stage.holder(&home);
    // Ports that the session has had, others, and their clients.
    let mut got = Vec::new();
    for asked in [4001_u64, 4002, 5001] {
        one.tell(&asked.to_string());
        let line = one.line();
        let ports: Vec<u64> = line.split(' ').filter_map(|port| port.parse().ok()).collect();
        assert!(ports.len() == 2 && ports[0] == ports[1], "{line}");
        got.push((asked, ports[0]));
    }
    assert_eq!([got[0].1 % 100, got[1].1 % 100], [1, 2], "the digits that the store would have given");
    // A project that the store has never heard of.
    let mut two = stage.with_home(&stage.two, &home).start_portward(&["run", "--name", "new", "python3", "-c", SERVER]);
    assert_eq!(two.line(), "READY", "{}", two.stderr());
    two.tell("4001");
    assert!(two.line().contains(' '), "{}", two.stderr());
    let _ = Stage::told(&two, "asked 127.0.0.1:4001");
    for running in [&one, &two] {
        let _ = Stage::told(running, "keeps");
        let lines = running.stderr();
        assert_eq!(lines.matches("leases.db to itself").count(), 1, "{lines}");
        assert!(lines.contains("fuser -v"), "{lines}");
    }
    assert_eq!(leases(&stage, &home, "one").len(), 1, "nothing could be written");
    holder.tell("let go");
    until("what was given stands in the store", || {
        let own = leases(&stage, &home, "one");
        got.iter().all(|lease| own.contains(lease)).then_some(())
    });
    until("and the other project with its ports", || (leases(&stage, &home, "two").len() == 2).then_some(()));
    until("both sessions are recorded with what they serve", || {
        let document = stage.with_home(&stage.one, &home).portward(&["ps", "--json"]).expect(0).json();
        let sessions = document["sessions"].as_array().unwrap();
        let count = |name: &str| {
            let services = sessions.iter().flat_map(|session| session["services"].as_array().unwrap());
            services
                .filter(|service| service["name"] == name)
                .map(|service| service["listeners"].as_array().unwrap().len())
                .sum::<usize>()
        };
        (count("web") == 4 && count("new") == 2).then_some(())
    });
}

/// Writes to a store again and again, and has it to itself nearly all the time.
const WRITER: &str = "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)\n\
    for turn in range(60):\n\
    \x20   c.execute('BEGIN EXCLUSIVE'); c.execute('UPDATE projects SET created_at = created_at + 1')\n\
    \x20   if turn == 0: print('LOCKED', flush=True)\n\
    \x20   time.sleep(0.05); c.execute('COMMIT')";

#[test]
fn a_store_to_which_others_write_is_waited_for_by_a_project_that_is_not_in_it() {
    let Some(stage) = Stage::new() else { return };
    let home = stage.world.path().join("home");
    let mut one = stage.with_home(&stage.one, &home).start_portward(&["run", "python3", "-c", SERVER]);
    assert_eq!(one.line(), "READY", "{}", one.stderr());
    let store = home.join("portward/leases.db");
    let writer = stage.world.enter().start(&["python3", "-c", WRITER, store.to_str().unwrap()]);
    assert_eq!(writer.line(), "LOCKED", "{}", writer.stderr());
    let two = stage.with_home(&stage.two, &home).start_portward(&["run", "python3", "-c", SERVER]);
    assert_eq!(two.line(), "READY", "{}", two.stderr());
    // Its block is written down, so that no other that begins now gets the same; its lease may come later.
    let rows = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=60)\n\
        print(*[root for root, in c.execute('SELECT CAST(root AS TEXT) FROM projects')])";
    let known = stage.world.run(&["python3", "-c", rows, store.to_str().unwrap()]).expect(0).stdout;
    assert!(known.split_whitespace().any(|root| root.ends_with("/two")), "{known}");
    one.tell("4001");
    assert!(one.line().contains(' '), "{}", one.stderr());
}

#[test]
fn a_process_that_is_stopped_with_the_lock_stalls_nobody_either() {
    let Some(stage) = Stage::new() else { return };
    let home = stage.world.path().join("home");
    let mut both =
        [&stage.one, &stage.two].map(|project| stage.with_home(project, &home).start_portward(&["run", "python3", "-c", SERVER]));
    for running in &both {
        assert_eq!(running.line(), "READY", "{}", running.stderr());
        let _ = Stage::told(running, "asked 127.0.0.1:3000");
    }
    let mut holder = stage.holder(&home);
    let pid = stage.world.run(&["pgrep", "-f", "BEGIN EXCLUSIVE"]).stdout.lines().next().unwrap().parse().unwrap();
    stage.world.signal(pid, "STOP");
    for (at, asked) in [(0, "4001"), (1, "4001"), (0, "4002")] {
        both[at].tell(asked);
        let line = both[at].line();
        assert!(line.split(' ').all(|port| port.parse::<u16>().is_ok()), "{line}");
    }
    // Whoever joins in is not kept waiting for a row.
    both[0].tell(&format!("{} run --name inner echo joined", stage.world.portward_path().display()));
    assert_eq!(both[0].line(), "joined", "{}", both[0].stderr());
    stage.world.signal(pid, "CONT");
    holder.tell("let go");
    until("what was given stands in the store", || (leases(&stage, &home, "one").len() == 3).then_some(()));
}
