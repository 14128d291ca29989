//! Engines as services of a project's own: two worktrees at once, killed and started again, saved and brought back.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use portward_testkit::{Entry, Outcome, Running, World, WorldKind, program, until};
use serde_json::Value;

use crate::world;

/// A world with a project in it and a worktree of that, and an ordinary user in both.
struct Two {
    world: World,
    roots: [PathBuf; 2],
    /// A process in the user's own namespace, where the world's user is root in its own, and its pid.
    user: Option<(Running, String)>,
}

impl Two {
    fn with(file: &str) -> Option<Self> {
        let world = world()?;
        let shop = world.git_repository("home/shop", "main");
        let fix = world.git_worktree("home/shop", "home/fix-42", "fix-42");
        for root in ["home/shop", "home/fix-42"] {
            world.file(&format!("{root}/portward.toml"), file);
        }
        let is_root = world.kind() == WorldKind::Root;
        let user = (!is_root).then(|| {
            let user = world.enter().stranger().start(&["sh", "-c", "echo $$; exec sleep 3600"]);
            let pid = user.line();
            (user, pid)
        });
        for path in ["home", "home/shop", "home/fix-42"] {
            world.give(&world.path().join(path));
        }
        Some(Self { world, roots: [shop, fix], user })
    }

    fn enter(&self, root: &Path) -> Entry<'_> {
        let enter = self.world.enter().directory(root);
        match &self.user {
            None => enter.stranger(),
            Some((_, pid)) => enter.through(&["nsenter", "--target", pid, "--user", "--preserve-credentials", "--"]),
        }
    }

    #[track_caller]
    fn portward(&self, root: &Path, arguments: &[&str]) -> Outcome {
        self.enter(root).portward(arguments)
    }

    /// Allows the file of both, and brings both up.
    #[track_caller]
    fn up(&self) {
        for root in &self.roots {
            let _ = self.portward(root, &["allow", "--yes"]).expect(0);
            let _ = self.portward(root, &["up", "--detach"]).expect(0);
        }
    }

    /// A program with the project's variables.
    #[track_caller]
    fn exec(&self, root: &Path, argv: &[&str]) -> Outcome {
        self.portward(root, &[&["exec", "--quiet", "--"], argv].concat())
    }

    /// What a program with the project's variables says.
    #[track_caller]
    fn says(&self, root: &Path, argv: &[&str]) -> String {
        self.exec(root, argv).expect(0).stdout.trim().to_owned()
    }

    /// Kills what listens for a service of this worktree, as a power cut does.
    fn kill(&self, root: &Path, name: &str) {
        let ps = self.portward(root, &["ps", "--json"]).json();
        let title = root.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let mine = |session: &&Value| session["root"].as_str().is_some_and(|at| at.ends_with(title));
        // One process listens at both families.
        let pids: BTreeSet<u64> = ps["sessions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(mine)
            .flat_map(|session| session["services"].as_array().cloned().unwrap_or_default())
            .filter(|service| service["name"] == name)
            .flat_map(|service| service["listeners"].as_array().cloned().unwrap_or_default())
            .filter_map(|listener| listener["pid"].as_u64())
            .collect();
        assert!(!pids.is_empty(), "no {name}: {ps:#}");
        for pid in pids {
            self.world.signal(pid, "KILL");
        }
    }

    /// Kills the keeper of this worktree's services.
    fn kill_keeper(&self, root: &Path) {
        let title = root.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let keeper = || {
            let ps = self.portward(root, &["ps", "--json"]).json();
            let mine = |session: &&Value| session["root"].as_str().is_some_and(|at| at.ends_with(title));
            ps["sessions"]
                .as_array()
                .into_iter()
                .flatten()
                .find(mine)
                .map(|session| session["keeper"].clone())
                .unwrap_or_default()
        };
        self.world.signal(keeper()["pid"].as_u64().expect("a keeper"), "KILL");
        until("the keeper to be gone", || (keeper()["lives"] == false).then_some(()));
    }

    /// Where what was saved of the service `db` stands.
    fn saved(&self, root: &Path, name: &str) -> PathBuf {
        let status = self.portward(root, &["service", "db"]).expect(0).stdout;
        let data = status.trim_end().lines().find_map(|line| line.split("Its data is in ").nth(1)).expect("a folder of its data");
        Path::new(data.trim_end_matches('.')).with_file_name("saved").join(name)
    }

    /// Begins to restore, and kills that while the dump is read, which a program says.
    fn kill_a_restore(&self, root: &Path, reading: &[&str]) {
        let portward = self.world.portward_path().to_str().expect("a plain path");
        let line = "echo $$; exec \"$0\" service db restore one --yes";
        let restore = self.enter(root).start(&["sh", "-c", line, portward]);
        let pid = restore.line().parse().expect("a pid");
        until("a dump that is read", || (self.exec(root, reading).stdout.trim() == "1").then_some(()));
        self.world.signal(pid, "KILL");
    }

    /// Ends both, and sees that nothing is left.
    #[track_caller]
    fn down(&self) {
        for root in &self.roots {
            let _ = self.portward(root, &["down"]).expect(0);
        }
        let ps = self.portward(&self.roots[0], &["ps"]);
        assert!(!ps.stdout.contains("asked"), "{ps}");
    }
}

#[test]
fn postgres_of_two_worktrees() {
    let postgres = program("/usr/lib/postgresql/*/bin/postgres");
    if postgres.is_none() || program("psql").is_none() {
        return;
    }
    let file = "[services.db]\nuse = \"postgres\"\n[services.web]\ncommand = \"exec python3 -m http.server 3000\"\nport = 3000\nafter = [\"db\"]\n";
    let Some(two) = Two::with(file) else { return };
    two.up();
    let [shop, fix] = &two.roots;
    let sql = |root: &Path, line: &str| two.says(root, &["psql", "-qtAc", line]);
    sql(shop, "create table t (x int); insert into t values (1)");
    assert_eq!(sql(shop, "select x from t"), "1");
    assert!(two.exec(fix, &["psql", "-qtAc", "select x from t"]).stderr.contains("does not exist"), "a row is shared");
    assert_ne!(two.says(shop, &["printenv", "PGPORT"]), two.says(fix, &["printenv", "PGPORT"]));
    assert_ne!(two.says(shop, &["printenv", "PGPASSWORD"]), two.says(fix, &["printenv", "PGPASSWORD"]));
    // Over TCP the password is asked for.
    let wrong = two.exec(shop, &["env", "PGPASSWORD=wrong", "psql", "-qtAc", "select 1"]);
    assert!(wrong.stderr.contains("password authentication failed"), "{wrong}");
    let env = two.portward(shop, &["env", "--format", "json"]).expect(0);
    let url: Value = serde_json::from_str(&env.stdout).unwrap();
    assert!(url["DATABASE_URL"].as_str().unwrap().starts_with("postgres://app:"), "{url:#}");

    let saved = two.portward(shop, &["service", "db", "save", "one"]).expect(0);
    assert!(saved.stdout.contains("saved as one"), "{saved}");
    assert_eq!(two.portward(shop, &["service", "db", "save", "one"]).code, Some(2), "it is not replaced");
    sql(shop, "insert into t values (2); create table more (y int)");
    two.kill(shop, "db");
    until("a database that is up again", || (two.exec(shop, &["psql", "-qtAc", "select 1"]).code == Some(0)).then_some(()));
    assert_eq!(sql(shop, "select count(*) from t"), "2", "a kill lost a row");

    let restored = two.portward(shop, &["service", "db", "restore", "one", "--yes", "--json"]).expect(0).json();
    assert_eq!((&restored["saved"], &restored["started"]), (&"one".into(), &true.into()), "{restored:#}");
    assert_eq!(sql(shop, "select count(*) from t"), "1");
    // What needs it has come back with it.
    let _ = two.portward(shop, &["wait", "--timeout", "20s", "3000"]).expect(0);
    assert!(
        two.exec(shop, &["psql", "-qtAc", "select * from more"]).stderr.contains("does not exist"),
        "what was not saved is gone"
    );

    // Killed while the dump is read: the next start brings back what was there before, and says so.
    let dump = two.saved(shop, "one");
    let text = fs::read_to_string(&dump).unwrap();
    fs::write(&dump, format!("create table half (x int);\ncommit;\nselect pg_sleep(3600);\n{text}")).unwrap();
    two.kill_a_restore(
        shop,
        &["psql", "-qtAc", "select 1 from pg_stat_activity where query like '%pg_sleep(3600)%' and pid <> pg_backend_pid()"],
    );
    let status = two.portward(shop, &["service", "db"]).expect(1);
    assert!(status.stderr.contains("goes on now, or was cut off"), "{status}");
    let _ = two.portward(shop, &["up", "--detach"]).expect(0);
    assert_eq!(sql(shop, "select count(*) from t"), "1", "what it held before the restore");
    let logs = two.portward(shop, &["logs", "db"]).expect(0);
    assert!(logs.stdout.contains("A restore was cut off before its dump was read."), "{logs}");
    // And whoever restores again puts it right first.
    two.kill_a_restore(
        shop,
        &["psql", "-qtAc", "select 1 from pg_stat_activity where query like '%pg_sleep(3600)%' and pid <> pg_backend_pid()"],
    );
    fs::write(&dump, text).unwrap();
    let again = two.portward(shop, &["service", "db", "restore", "one", "--yes"]).expect(0);
    assert!(
        again.stdout.contains("A restore was cut off") && again.stdout.contains("db holds what was saved as one."),
        "{again}"
    );
    assert_eq!(sql(shop, "select count(*) from t"), "1");

    let unasked = two.portward(shop, &["service", "db", "reset"]);
    assert_eq!(unasked.code, Some(2), "nobody was there to ask: {unasked}");
    let password = two.says(shop, &["printenv", "PGPASSWORD"]);
    let _ = two.portward(shop, &["service", "db", "reset", "--yes"]).expect(0);
    assert!(two.exec(shop, &["psql", "-qtAc", "select x from t"]).stderr.contains("does not exist"), "it was reset");
    assert_eq!(two.says(shop, &["printenv", "PGPASSWORD"]), password);
    two.down();
}

#[test]
fn mariadb_of_two_worktrees() {
    if ["mariadbd", "mariadb", "mariadb-install-db"].iter().any(|name| program(name).is_none()) {
        return;
    }
    let Some(two) = Two::with("[services.db]\nuse = \"mariadb\"\n") else { return };
    two.up();
    let [shop, fix] = &two.roots;
    let client = r#"exec mariadb --no-defaults -h 127.0.0.1 -u "$MYSQL_USER" "$MYSQL_DATABASE" -BNe "$0""#;
    let sql = |root: &Path, line: &str| two.says(root, &["sh", "-c", client, line]);
    sql(shop, "create table t (x int); insert into t values (1)");
    assert_eq!(sql(shop, "select x from t"), "1");
    assert!(two.exec(fix, &["sh", "-c", client, "select x from t"]).stderr.contains("doesn't exist"), "a row is shared");
    let root = two.exec(shop, &["sh", "-c", "mariadb --no-defaults -h 127.0.0.1 -u root --password= -e 'select 1'"]);
    assert!(root.stderr.contains("Access denied"), "{root}");
    two.kill(shop, "db");
    until("a database that is up again", || (two.exec(shop, &["sh", "-c", client, "select 1"]).code == Some(0)).then_some(()));
    assert_eq!(sql(shop, "select count(*) from t"), "1");
    if program("mariadb-dump").is_some() {
        let _ = two.portward(shop, &["service", "db", "save", "one"]).expect(0);
        sql(shop, "drop table t");
        let _ = two.portward(shop, &["service", "db", "restore", "--yes"]).expect(0);
        assert_eq!(sql(shop, "select count(*) from t"), "1");
    }
    two.down();
}

#[test]
fn redis_of_two_worktrees() {
    cache_of_two_worktrees("redis", "redis-server", "redis-cli");
}

#[test]
fn valkey_of_two_worktrees() {
    cache_of_two_worktrees("valkey", "valkey-server", "valkey-cli");
}

fn cache_of_two_worktrees(uses: &str, server: &str, client: &str) {
    if program(server).is_none() || program(client).is_none() {
        return;
    }
    let Some(two) = Two::with(&format!("[services.cache]\nuse = \"{uses}\"\n")) else { return };
    two.up();
    let [shop, fix] = &two.roots;
    let cli = format!(r#"exec {client} -u "$REDIS_URL" --no-auth-warning "$@""#);
    let cli = cli.as_str();
    let redis = |root: &Path, words: &[&str]| two.says(root, &[&["sh", "-c", cli, "redis"], words].concat());
    assert_eq!(redis(shop, &["SET", "x", "1"]), "OK");
    assert_eq!((redis(shop, &["GET", "x"]), redis(fix, &["GET", "x"])), ("1".to_owned(), String::new()));
    let open = two.exec(shop, &["sh", "-c", &format!(r#"{client} -p "$REDIS_PORT" GET x"#)]);
    assert!(open.stdout.contains("NOAUTH"), "{open}");
    let _ = two.portward(shop, &["service", "cache", "save", "one"]).expect(0);
    assert_eq!(redis(shop, &["SET", "x", "2"]), "OK");
    two.kill(shop, "cache");
    until("a cache that is up again", || {
        (two.exec(shop, &["sh", "-c", cli, "redis", "PING"]).stdout.trim() == "PONG").then_some(())
    });
    let _ = two.portward(shop, &["service", "cache", "restore", "one", "--yes"]).expect(0);
    assert_eq!(redis(shop, &["GET", "x"]), "1");
    // Without its keeper it goes on, and is not taken for one whose files may be copied as they are.
    two.kill_keeper(shop);
    let kept = two.portward(shop, &["service", "cache", "save", "two", "--json"]).expect(0).json();
    assert_eq!(kept["started"], true, "it was ended for as long as its files were copied: {kept:#}");
    assert_eq!(redis(shop, &["GET", "x"]), "1");
    two.down();
    let _ = two.portward(shop, &["up", "--detach"]).expect(0);
    assert_eq!(redis(shop, &["GET", "x"]), "1", "it lasts");
    two.down();
}

#[test]
fn others_beside_each_other() {
    let [memcached, nats, etcd] = ["memcached", "nats-server", "etcd"].map(|name| program(name).is_some());
    if !(memcached && nats && etcd) {
        return;
    }
    let file = "[services.a]\nuse = \"memcached\"\n[services.b]\nuse = \"nats\"\n[services.c]\nuse = \"etcd\"\n";
    let Some(two) = Two::with(file) else { return };
    two.up();
    for root in &two.roots {
        let say = r#"exec 3<>/dev/tcp/127.0.0.1/"$MEMCACHED_PORT"; printf 'version\r\n' >&3; head -n 1 <&3"#;
        assert!(two.says(root, &["bash", "-c", say]).starts_with("VERSION"));
        let say = r#"port=${NATS_URL##*:}; exec 3<>/dev/tcp/127.0.0.1/"$port"; head -n 1 <&3"#;
        assert!(two.says(root, &["bash", "-c", say]).contains("\"auth_required\":true"));
        assert_eq!(two.says(root, &["env", "ETCDCTL_API=3", "etcdctl", "put", "a", "b"]), "OK");
    }
    let none = two.portward(&two.roots[0], &["service", "a", "save"]);
    assert!(none.code == Some(1) && none.stderr.contains("forgets what it holds"), "{none}");
    let client = two.portward(&two.roots[0], &["service", "b", "shell"]);
    assert!(client.code == Some(125) && client.stderr.contains("no client"), "{client}");
    two.down();
}

#[test]
fn rabbitmq_of_ones_own() {
    if program("rabbitmq-server").is_none() {
        return;
    }
    let Some(two) = Two::with("[services.queue]\nuse = \"rabbitmq\"\npatience = \"240s\"\n") else { return };
    let root = &two.roots[0];
    let _ = two.portward(root, &["allow", "--yes"]).expect(0);
    let _ = two.portward(root, &["up", "--detach"]).expect(0);
    let say =
        r#"exec 3<>/dev/tcp/127.0.0.1/"$RABBITMQ_PORT"; printf 'AMQP\x00\x00\x09\x01' >&3; head -c 60 <&3 | tr -cd 'a-zA-Z'"#;
    assert!(two.says(root, &["bash", "-c", say]).contains("capabilities"));
    two.down();
}

#[test]
fn what_is_not_installed_and_what_is_anothers() {
    let Some(two) = Two::with("[services.mail]\nuse = \"mailpit\"\n") else { return };
    let root = &two.roots[0];
    let _ = two.portward(root, &["allow", "--yes"]).expect(0);
    if two.world.run(&["sh", "-c", "command -v mailpit"]).code != Some(0) {
        let up = two.portward(root, &["up", "--detach"]);
        assert!(up.code == Some(2) && up.stderr.contains("mailpit, which Mailpit needs, is not installed"), "{up}");
    }
    two.world.file("home/shop/portward.toml", "[services.mail]\nuse = \"oracle\"\n");
    let unknown = two.portward(root, &["env"]);
    assert!(unknown.code == Some(2) && unknown.stderr.contains("there is no engine `oracle`"), "{unknown}");
    // Another engine does not get the data of the first one.
    two.world.file("home/shop/portward.toml", "[services.mail]\nuse = \"redis\"\n");
    let _ = two.portward(root, &["allow", "--yes"]).expect(0);
    let other = two.portward(root, &["env"]);
    assert!(other.code == Some(2) && other.stderr.contains("was made by mailpit"), "{other}");
}
