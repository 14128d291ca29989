//! `sudo portward`: what a user's files say leads root nowhere, and what belongs to that user is done as that user.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use portward_testkit::{Entry, World, WorldKind, program, skip, until};

use crate::world;

/// Ana, who calls sudo, in a world of root's.
struct Called {
    world: World,
    home: PathBuf,
    own: String,
    /// What only root may look into.
    secrets: PathBuf,
}

impl Called {
    fn new() -> Option<Self> {
        let world = world()?;
        if world.kind() != WorldKind::Root {
            skip("root, to be somebody who calls sudo");
            return None;
        }
        let home = world.path().join("home/ana");
        let line = format!("root:x:0:0::/root:/bin/sh\nana:x:65534:65534::{}:/bin/sh\n", home.display());
        let passwd = world.file("etc/passwd", line);
        let _ = world.run(&["mount", "--bind", passwd.to_str().unwrap(), "/etc/passwd"]).expect(0);
        // Root's own home, which nothing of this may touch.
        let root = world.path().join("root");
        fs::create_dir(&root).unwrap();
        let _ = world.run(&["mount", "--bind", root.to_str().unwrap(), "/root"]).expect(0);
        let own = format!("HOME={}", home.display());
        let secrets = world.path().join("secrets");
        let called = Self { world, home, own, secrets };
        called.as_root(
            r#"mkdir "$HOME_OF" && chown 65534:65534 "$HOME_OF"
            mkdir -m 700 "$SECRETS" && echo 'ref: refs/heads/hunter2' >"$SECRETS/secret""#,
        );
        Some(called)
    }

    /// A shell of root's.
    fn as_root(&self, script: &str) -> String {
        let entry = self.world.enter().env("HOME_OF", &self.home).env("SECRETS", &self.secrets);
        entry.run(&["sh", "-c", script]).expect(0).stdout
    }

    /// A shell of Ana's, in her home.
    fn as_ana(&self, script: &str) -> String {
        self.ana().run(&["sh", "-c", script]).expect(0).stdout
    }

    fn ana(&self) -> Entry<'_> {
        let portward = self.world.portward_path();
        self.world.enter().stranger().directory(&self.home).env("PORTWARD", portward).env("SECRETS", &self.secrets).through(&[
            "env",
            "-u",
            "XDG_STATE_HOME",
            &self.own,
        ])
    }

    fn sudo(&self) -> Entry<'_> {
        let sudo = ["env", "-u", "XDG_STATE_HOME", "HOME=/root", "SUDO_UID=65534", "SUDO_GID=65534", "timeout", "60"];
        self.world.enter().directory(&self.home).through(&sudo)
    }

    /// Everything below Ana's home is hers, and root's home is empty.
    #[track_caller]
    fn is_untouched(&self) {
        let theirs = self.as_root(r#"find "$HOME_OF" ! -uid 65534; find /root -mindepth 1"#);
        assert_eq!(theirs, "");
    }
}

const STATE: &str = ".local/state/portward";

#[test]
fn what_stands_in_the_stores_place_gives_nothing_of_roots_away() {
    for place in [
        "ln -s $SECRETS/secret leases.db",
        "ln -s $SECRETS/secret leases.db-wal; cp $SECRETS/none leases.db 2>/dev/null; printf x >leases.db",
        "cd ..; rm -r portward; ln -s $SECRETS portward",
        "cd ../..; rm -r state; ln -s $SECRETS state",
        "mkfifo leases.db",
        "mkfifo leases.lock",
        "mkdir leases.db",
        "ln -s /dev/zero leases.db",
        "ln -s $SECRETS/new leases.lock",
    ] {
        let Some(called) = Called::new() else { return };
        called.as_ana(&format!("mkdir -p {STATE}; cd {STATE}; {place}"));
        for words in
            [&["lease"][..], &["port", "web"], &["lease", "repair", "--yes"], &["ps"], &["stop"], &["front", "--off"], &["list"]]
        {
            let began = Instant::now();
            let said = called.sudo().portward(words);
            assert!(began.elapsed() < Duration::from_secs(40) && said.code != Some(124), "{place}: {words:?} hung: {said}");
            assert!(!said.stdout.contains("hunter2") && !said.stderr.contains("hunter2"), "{place}: {said}");
        }
        let found = called.as_root(r#"grep -rls hunter2 "$HOME_OF" --devices=skip; ls $SECRETS"#);
        assert_eq!(found, "secret\n", "{place}");
        called.is_untouched();
    }
}

#[test]
fn rows_of_a_users_store_end_no_process_of_roots() {
    let Some(called) = Called::new() else { return };
    let victim = called.world.enter().start(&["sh", "-c", "echo $$; exec sleep 600"]);
    let pid: u32 = victim.line().trim().parse().unwrap();
    called.as_ana(r#""$PORTWARD" port web >/dev/null"#);
    let rows = format!(
        r#"
import sqlite3, os
db = sqlite3.connect(os.path.expanduser("~/{STATE}/leases.db"))
ticks = int(open("/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[19])
for project in [row[0] for row in db.execute("SELECT id FROM projects")]:
    run = db.execute("INSERT INTO runs (project, supervisor, supervisor_ticks, started_at) VALUES (?, ?, ?, 1)", (project, {pid}, ticks)).lastrowid
    db.execute("INSERT INTO services (run, pid, ticks, name) VALUES (?, ?, ?, 'web')", (run, {pid}, ticks))
db.execute("INSERT OR REPLACE INTO front (one, project, generation, forwarder, forwarder_ticks) VALUES (1, 1, 1, {pid}, ?)", (ticks,))
db.commit()
"#
    );
    let script = called.world.file("rows.py", rows);
    let _ = called.ana().run(&["python3", script.to_str().unwrap()]).expect(0);
    for words in [&["stop", "--all"][..], &["stop"], &["stop", "web"]] {
        let said = called.sudo().portward(words);
        assert!(!said.stdout.contains(&pid.to_string()), "{said}");
    }
    called.as_root(&format!("kill -0 {pid}"));
}

#[test]
fn a_run_of_roots_follows_no_lease_of_a_users() {
    let Some(called) = Called::new() else { return };
    // What Ana has leased for 5432 is served by her; root's program asks for the real one.
    called.as_ana(r#"mkdir -p shop/.git; cd shop; "$PORTWARD" port 5432 >../port"#);
    let port = called.as_ana("cat port").trim().to_owned();
    let server =
        format!("import socket;s=socket.create_server(('127.0.0.1',{port}));print('up',flush=True);s.accept()[0].send(b'ana')");
    let theirs = called.ana().start(&["python3", "-c", &server]);
    assert_eq!(theirs.line().trim(), "up");
    let client = "import socket\ntry: print(socket.create_connection(('127.0.0.1', 5432), 5).recv(9))\nexcept OSError as e: print(e.errno)";
    let said = called.sudo().directory(called.home.join("shop")).portward(&["run", "python3", "-c", client]);
    assert_eq!(said.stdout.trim(), "111", "{said}");
    called.as_root(r#"test -z "$(find "$HOME_OF" ! -uid 65534)""#);
}

#[test]
fn a_hostile_folder_holds_up_no_listing_of_roots_and_tells_it_nothing() {
    let Some(called) = Called::new() else { return };
    for (number, hostile) in [
        "mkfifo .git/HEAD",
        "ln -s $SECRETS/secret .git/HEAD",
        "ln -s /dev/zero .git/HEAD",
        "rmdir .git; mkfifo .git",
        "rmdir .git; echo 'gitdir: $SECRETS' >.git",
        "mkfifo package.json; rmdir .git",
    ]
    .into_iter()
    .enumerate()
    {
        let port = 3000 + number;
        called.as_ana(&format!("mkdir -p p{number}/.git; cd p{number}; {hostile}"));
        let server = format!("import socket;s=socket.create_server(('127.0.0.1',{port}));print('up',flush=True);s.accept()");
        let theirs = called.ana().directory(called.home.join(format!("p{number}"))).start(&["python3", "-c", &server]);
        assert_eq!(theirs.line().trim(), "up");
        let port = port.to_string();
        for words in [&["list", &port, "--wide"][..], &["explain", &port], &["doctor", &port, "--json"]] {
            let began = Instant::now();
            let said = called.sudo().portward(words);
            assert!(began.elapsed() < Duration::from_secs(20), "{hostile}: {said}");
            assert!(!said.stdout.contains("hunter2"), "{hostile}: {said}");
        }
    }
}

#[test]
fn low_ports_are_those_that_were_named_and_the_forwarder_is_the_users() {
    let Some(called) = Called::new() else { return };
    called.as_root("echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start");
    called.as_ana("mkdir -p shop/.git");
    let serve = "import socket,sys,time\nfor p in map(int, sys.argv[1:]):\n s=socket.create_server(('127.0.0.1',p)); globals()[f's{p}']=s\nprint('up',flush=True)\nwhile True:\n c=s80.accept()[0]; c.send(b'ana'); c.close()";
    let served = || {
        let running = called.ana().directory(called.home.join("shop")).start(&[
            called.world.portward_path().to_str().unwrap(),
            "run",
            "python3",
            "-c",
            serve,
            "80",
            "81",
        ]);
        assert_eq!(running.line_where(|line| line.trim() == "up").trim(), "up");
        running
    };
    let _first = served();
    let client = "import socket\ntry: print(socket.create_connection(('127.0.0.1', 80), 5).recv(9).decode())\nexcept OSError as e: print(e.errno)";
    let heard = || called.world.run(&["python3", "-c", client]).stdout.trim().to_owned();
    let denied = called.ana().portward(&["front", "shop"]);
    assert!(denied.stderr.contains("sudo portward front shop --low 80"), "{denied}");
    let given = called.sudo().portward(&["front", "shop", "--low", "80", "--json"]).expect(1).json();
    let states: Vec<(u64, &str)> = given["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| (port["port"].as_u64().unwrap(), port["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [(80, "lent"), (81, "denied")], "{given:#}");
    assert_eq!(given["reserved"], serde_json::json!([80]));
    assert_eq!(heard(), "ana");
    let forwarder = given["forwarder"].as_u64().unwrap();
    let rights = called.as_root(&format!("grep -E '^(Uid|Groups|CapEff|CapPrm)' /proc/{forwarder}/status"));
    assert!(rights.starts_with("Uid:\t65534\t65534\t65534\t65534\n") && rights.contains("CapEff:\t0000000000000000"), "{rights}");
    // Where nothing of it listens the port is let go of, and taken again without root.
    let _ = called.ana().directory(called.home.join("shop")).portward(&["stop"]).expect(0);
    until("nobody at 80", || (heard() == "111").then_some(()));
    let _second = served();
    until("ana at 80", || (heard() == "ana").then_some(()));
    // What belongs to somebody else is refused in words, and so is a port that is held.
    let refused = called.ana().portward(&["front", "shop", "--low", "443"]).expect(2);
    assert!(refused.stderr.contains("Port 443 could not be bound") && refused.stderr.contains("sudo"), "{refused}");
}

#[test]
fn a_snapshot_goes_where_its_name_says_and_is_its_callers() {
    let Some(called) = Called::new() else { return };
    called.as_ana("ln -s $SECRETS/secret out.json; ln -s $SECRETS folder");
    let _ = called.sudo().portward(&["snapshot", "--out", "out.json"]).expect(0);
    let made = fs::symlink_metadata(called.home.join("out.json")).unwrap();
    assert!(made.is_file() && made.uid() == 65534 && made.mode() & 0o777 == 0o600, "{made:?}");
    let refused = called.sudo().portward(&["snapshot", "--out", "folder/out.json"]).expect(2);
    assert!(refused.stderr.contains("cannot be written"), "{refused}");
    for from in ["folder/secret", "/dev/zero"] {
        let refused = called.sudo().portward(&["list", "--from", from]).expect(2);
        assert!(!refused.stderr.contains("hunter2"), "{refused}");
    }
    assert_eq!(called.as_root("cat $SECRETS/secret; ls $SECRETS"), "ref: refs/heads/hunter2\nsecret\n");
}

#[test]
fn a_users_process_that_is_held_holds_up_nothing_for_long() {
    let Some(called) = Called::new() else { return };
    let _ = called.as_ana(r#""$PORTWARD" port web"#);
    // The store is kept busy, so that the process waits, and is then stopped while it does.
    let script = called.world.file("holder.py", HOLDER);
    let theirs = called.ana().start(&["python3", script.to_str().unwrap()]);
    assert_eq!(theirs.line().trim(), "up");
    let said = called.sudo().portward(&["port", "api"]).expect(2);
    assert!(
        said.stderr.contains("it has said nothing of use for 30 s") && said.stderr.contains("as ana, without sudo"),
        "{said}"
    );
}

#[test]
fn a_path_of_a_private_mount_is_no_path_of_this_machine() {
    let Some(world) = world() else { return };
    let folder = world.path().join("sockets");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("s.sock");
    let listen = format!(
        "import os,socket,time;s=socket.socket(socket.AF_UNIX);s.bind('{}');s.listen();print(os.getpid(),flush=True);time.sleep(600)",
        path.display()
    );
    let mut ours = world.enter().start(&["python3", "-c", &listen]);
    let own: u64 = ours.line().trim().parse().unwrap();
    let hidden = format!("mount -t tmpfs none '{}' && exec python3 -c \"$1\"", folder.display());
    let mut theirs = world.enter().start(&["unshare", "--mount", "sh", "-c", &hidden, "sh", &listen]);
    let other: u64 = theirs.line().trim().parse().unwrap();
    let endpoint = format!("unix:{}", path.display());
    let explained = world.portward(&["explain", &endpoint, "--json"]).expect(0).stdout;
    assert!(!explained.contains(&format!("\"pid\":{other},")), "{explained}");
    let freed = world.portward(&["free", &endpoint, "--yes", "--json"]).expect(1).json();
    assert_eq!(freed["freed"][0]["pid"], own, "{freed:#}");
    until("the end of ours", || (!ours.is_alive()).then_some(()));
    assert!(theirs.is_alive());
}

#[test]
fn a_file_system_whose_server_was_stopped_holds_up_nothing() {
    let Some(called) = Called::new() else { return };
    if fs::metadata("/dev/fuse").is_err() {
        skip("/dev/fuse, for a file system whose server can be stopped");
        return;
    }
    let script = called.world.file("folder.py", FOLDER);
    let place = called.world.path().join("far");
    fs::create_dir(&place).unwrap();
    let server = called.world.enter().start(&["python3", script.to_str().unwrap(), place.to_str().unwrap()]);
    let mounted = server.line();
    if mounted.trim().parse::<u64>().is_err() {
        skip(&format!("a file system of a process's own: {mounted}"));
        return;
    }
    // What stands in it is found as long as it answers.
    let listen = "import socket,time;s=socket.create_server(('127.0.0.1',3000));print('up',flush=True);time.sleep(600)";
    let theirs = called.world.enter().directory(&place).start(&["python3", "-c", listen]);
    assert_eq!(theirs.line().trim(), "up");
    let answering = called.world.portward(&["list", "3000", "--json"]).expect(0).json();
    assert_eq!(answering["gaps"].as_array().map(Vec::len), Some(0), "{answering:#}");
    // Those who are in it when it stops answering, and look for what has a relative name.
    let portward = called.world.portward_path().to_str().unwrap();
    let relative = ["doctor", "explain", "free --dry-run", "wait --timeout 1s"].map(|verb| {
        let line = format!("echo there; read go; timeout -s KILL 60 '{portward}' {verb} unix:x.sock; echo ended $?");
        let asked = called.world.enter().directory(&place).start(&["sh", "-c", &line]);
        assert_eq!(asked.line(), "there");
        asked
    });
    called.world.signal(mounted.trim().parse().unwrap(), "STOP");
    let socket = format!("unix:{}/x.sock", place.display());
    for words in [
        &["list", "3000"][..],
        &["list", "--json"],
        &["explain", "3000"],
        &["doctor", "3000"],
        &["doctor", &socket],
        &["ps"],
        &["next"],
        &["free", "3000", "--dry-run"],
        &["explain", &socket],
        &["free", &socket, "--dry-run"],
        &["list", &socket],
    ] {
        let began = Instant::now();
        let said = called.world.enter().through(&["timeout", "60"]).portward(words);
        assert!(said.code != Some(124) && began.elapsed() < Duration::from_secs(40), "{words:?}: {said}");
    }
    for mut asked in relative {
        asked.tell("go");
        let ended = asked.line_where(|line| line.starts_with("ended "));
        assert!(!ended.ends_with("137") && !ended.ends_with("124"), "{ended}: {}", asked.stderr());
    }
    let said = called.world.portward(&["list", "3000"]);
    assert!(said.stderr.contains("Not seen: projects"), "{said}");
    // The one that waits is alone, however often it is looked.
    let readers = called.as_root("grep -lz file-reader /proc/[0-9]*/cmdline 2>/dev/null | wc -l");
    assert!(readers.trim().parse::<u32>().unwrap() <= 12, "{readers}");
    called.world.signal(mounted.trim().parse().unwrap(), "KILL");
}

/// Keeps the store to itself, and stops whoever waits for it.
const HOLDER: &str = r#"
import os, signal, sqlite3, time
store = sqlite3.connect(os.path.expanduser("~/.local/state/portward/leases.db"), isolation_level=None)
store.execute("BEGIN EXCLUSIVE")
print("up", flush=True)
while True:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if b"user-hands" in open(f"/proc/{pid}/cmdline", "rb").read():
                os.kill(int(pid), signal.SIGSTOP)
        except OSError:
            pass
    time.sleep(0.05)
"#;

/// An empty folder whose every answer comes from this process (`/dev/fuse`, `linux/fuse.h`).
const FOLDER: &str = include_str!("hands/folder.py");

#[test]
fn sudo_itself_changes_nothing_of_whose_things_are_whose() {
    let Some(called) = Called::new() else { return };
    let Some(sudo) = program("sudo") else { return };
    let rules = "Defaults !pam_acct_mgmt, !pam_session, !use_pty, !syslog, !lecture\nroot ALL=(ALL) NOPASSWD: ALL\nana ALL=(ALL) NOPASSWD: SETENV: ALL\n";
    let sudoers = called.world.file("etc/sudoers", rules);
    called.as_root(&format!("chmod 440 {0} && chown 0:0 {0} && mount --bind {0} /etc/sudoers", sudoers.display()));
    let portward = called.world.portward_path().to_str().unwrap();
    // A user who may gain rights, unlike a stranger of the test's own.
    let ana = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "-u", "XDG_STATE_HOME", &called.own];
    let as_root = |more: &[&str], words: &[&str]| {
        let entry = called.world.enter().directory(&called.home).through(&ana);
        entry.run(&[&[sudo.to_str().unwrap(), "-n"], more, &[portward], words].concat())
    };
    let tried = called.world.enter().directory(&called.home).through(&ana).run(&[sudo.to_str().unwrap(), "-n", "true"]);
    if tried.code != Some(0) {
        skip(&format!("a sudo that gives rights here: {}", tried.stderr.trim()));
        return;
    }
    let web = as_root(&[], &["port", "web"]).expect(0).stdout;
    assert_eq!(called.as_ana(r#""$PORTWARD" port web"#), web);
    // With the whole of her environment, too.
    assert_eq!(as_root(&["-E"], &["port", "web"]).expect(0).stdout, web);
    called.is_untouched();
    let mine = as_root(&["-E", "XDG_STATE_HOME=/root"], &["lease", "--json"]).expect(0).json();
    assert_eq!(mine["leases"].as_array().unwrap().len(), 1, "{mine:#}");
    // A question reaches the person, or says that nobody is there.
    called.as_ana(&format!("rm {STATE}/leases.db-wal; head -c 9000 /dev/urandom >{STATE}/leases.db"));
    let asked = as_root(&[], &["lease", "repair"]).expect(2);
    assert!(asked.stderr.contains("Nobody is there to answer"), "{asked}");
    let _ = as_root(&[], &["lease", "repair", "--yes"]).expect(0);
    called.is_untouched();
}
