//! A project's Compose services with a real engine and a real Docker Compose: started, mapped, followed and taken away.

use std::path::{Path, PathBuf};

use portward_testkit::{Engine, Outcome, World};
use serde_json::Value;

use super::PORTWARD;

/// A worktree of a project with Compose files.
struct Shop<'w> {
    world: &'w World,
    engine: Engine<'w>,
    folder: PathBuf,
}

const FILE: &str = r#"
services:
  db:
    image: portward-test
    stop_grace_period: 1s
    container_name: the-one-db
    command: ["/busybox", "httpd", "-f", "-p", "5432"]
    ports: ["5432:5432"]
    healthcheck: {test: ["CMD", "/busybox", "true"], interval: 1s}
    volumes: ["data:/data"]
  web:
    image: portward-test
    stop_grace_period: 1s
    command: ["/busybox", "httpd", "-f", "-vv", "-p", "80"]
    environment: {SECRET: "${SECRET:-none}"}
    ports:
      - "${WEB:-3000}:80"
      - {target: 80, published: "3001", host_ip: 0.0.0.0}
      - "3010-3011:80-81"
      - "5353:53/udp"
    depends_on: {db: {condition: service_healthy}}
  tool:
    image: portward-test
    stop_grace_period: 1s
    command: ["/busybox", "sleep", "1000"]
    profiles: [tools]
volumes: {data: {}}
"#;

impl<'w> Shop<'w> {
    fn new(world: &'w World, files: &[(&str, &str)]) -> Option<Self> {
        let engine = Engine::in_world(world)?;
        if !engine.with_compose() {
            return None;
        }
        let folder = world.git_repository("shop", "main");
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Some(Self { world, engine, folder })
    }

    fn portward_in(&self, folder: &Path, words: &[&str]) -> Outcome {
        self.world.enter().directory(folder).portward(words)
    }

    fn portward(&self, words: &[&str]) -> Outcome {
        self.portward_in(&self.folder, words)
    }

    /// Names and published ports of all containers.
    fn containers(&self) -> Vec<String> {
        let listed = self.engine.docker(&["ps", "--all", "--format", "{{.Names}} {{.Ports}}"]).expect(0).stdout;
        let mut lines: Vec<String> = listed.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// Containers, networks and processes of what was up: there are none.
    fn nothing_is_left(&self) {
        assert_eq!(self.containers(), Vec::<String>::new());
        let networks =
            self.engine.docker(&["network", "ls", "--filter", "label=com.docker.compose.project", "--quiet"]).expect(0);
        assert_eq!(networks.stdout, "");
    }

    fn leased(&self, folder: &Path, asked: &str) -> String {
        self.portward_in(folder, &["port", asked]).expect(0).stdout.trim_end().to_owned()
    }

    /// What a program in a session of the project meets at a port that it asks for.
    fn status(&self, folder: &Path, asked: &str) -> String {
        let code = format!(
            "import urllib.request, urllib.error\ntry:\n    urllib.request.urlopen('http://localhost:{asked}/x')\n\
             except urllib.error.HTTPError as error:\n    print(error.code)"
        );
        self.portward_in(folder, &["run", "python3", "-c", &code]).stdout.trim_end().to_owned()
    }
}

/// What `up --detach --json` answered.
fn answer(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn states(document: &Value) -> Vec<(String, String)> {
    let services = document["services"].as_array().unwrap().iter();
    services.map(|one| (one["name"].as_str().unwrap().to_owned(), one["state"].as_str().unwrap().to_owned())).collect()
}

fn both(state: &str) -> Vec<(String, String)> {
    ["db", "web"].map(|name| (name.to_owned(), state.to_owned())).to_vec()
}

#[test]
fn compose_services_are_shown_started_mapped_and_taken_away() {
    let Some(world) = World::new(PORTWARD) else { return };
    let Some(shop) = Shop::new(&world, &[("compose.yaml", FILE), (".env", "SECRET=hunter2\n")]) else { return };
    let shown = shop.portward(&["up", "--detach"]).expect(2);
    let (db, web) = (shop.leased(&shop.folder, "5432"), shop.leased(&shop.folder, "3000"));
    assert!(shown.stderr.contains(&format!("db: portward-test, by docker compose  5432 -> localhost:{db}")), "{shown}");
    assert!(!shown.stderr.contains("tool:"), "{shown}");

    let up = shop.portward(&["up", "--detach", "--yes", "--json"]).expect(0);
    assert_eq!(states(&answer(&up)), both("ready"), "{up}");
    let containers = shop.containers().join("\n");
    for port in ["5432", "3000", "3001", "3010", "3011"] {
        let place = format!("127.0.0.1:{}->", shop.leased(&shop.folder, port));
        assert!(containers.contains(&place), "{place}: {containers}");
    }
    assert!(containers.contains("->53/udp") && !containers.contains("0.0.0.0:") && !containers.contains("[::]:"), "{containers}");
    assert!(!containers.contains("the-one-db"), "{containers}");
    assert_eq!(shop.status(&shop.folder, "3000"), "404", "a session's programs meet it where they ask for it");
    assert_eq!(shop.portward(&["url", "web"]).expect(0).stdout, format!("http://localhost:{web}\n"));
    let listed = shop.portward(&["ps"]).expect(0);
    assert!(listed.stdout.contains("web (pid ") && listed.stdout.contains(&web), "{listed}");
    let logs = shop.portward(&["logs", "web"]).expect(0);
    assert!(logs.stdout.contains("url:/x"), "{logs}");
    assert!(!logs.stdout.contains("outside this session"), "{logs}");

    // The user's file is as it was; what is laid over it is its user's alone, and holds no secret.
    assert_eq!(std::fs::read_to_string(shop.folder.join("compose.yaml")).unwrap(), FILE);
    let found = world.run(&["sh", "-c", "cd ~ && find . -name override.yaml -perm 600 | xargs cat"]).expect(0);
    assert!(found.stdout.contains("ports: !override [\"127.0.0.1:") && !found.stdout.contains("hunter2"), "{found}");
    let words = world.run(&["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]).expect(0);
    assert!(!words.stdout.contains("hunter2"), "{words}");

    // One that ends is started again, and `restart` makes no other container of it.
    let again = shop.portward(&["restart", "web", "--yes", "--json"]).expect(0);
    assert_eq!(states(&again.json())[0].1, "ready", "{again}");
    let named = shop.portward(&["up", "tool", "--detach", "--yes", "--json"]).expect(0);
    assert_eq!(states(&answer(&named)), [("tool".to_owned(), "ready".to_owned())], "{named}");

    let down = shop.portward(&["down", "--json"]).expect(0);
    assert_eq!(down.json()["down"], true, "{down}");
    shop.nothing_is_left();
    let volumes = shop.engine.docker(&["volume", "ls", "--quiet"]).expect(0).stdout;
    assert!(volumes.contains("_data"), "volumes stay: {volumes}");
}

#[test]
fn two_worktrees_are_two_stacks_and_a_kill_loses_none() {
    let Some(world) = World::new(PORTWARD) else { return };
    let toml = "[env]\nDB = \"http://{db}/\"\nDB_PORT = \"{db.port}\"\n[services.db]\ncompose = \"db\"\n\
                [services.front]\ncommand = \"python3 -m http.server 8000\"\nport = 8000\nafter = [\"db\"]\n";
    let Some(shop) = Shop::new(&world, &[("docker-compose.yml", FILE), ("portward.toml", toml)]) else { return };
    let other = world.git_worktree("shop", "fix", "fix");
    for (name, text) in [("docker-compose.yml", FILE), ("portward.toml", toml)] {
        std::fs::write(other.join(name), text).unwrap();
    }
    let _ = shop.portward(&["allow", "--yes"]).expect(0);
    for folder in [&shop.folder, &other] {
        let up = shop.portward_in(folder, &["up", "--detach", "--json"]).expect(0);
        assert_eq!(states(&answer(&up)).len(), 2, "{up}");
    }
    let (one, two) = (shop.leased(&shop.folder, "5432"), shop.leased(&other, "5432"));
    assert_ne!(one, two);
    let containers = shop.containers();
    assert_eq!(containers.len(), 2, "{containers:?}");
    let told = answer(&shop.portward_in(&other, &["env", "--format", "json"]).expect(0));
    assert_eq!((&told["DB"], &told["DB_PORT"]), (&Value::from(format!("http://localhost:{two}/")), &Value::from(two.as_str())));
    let status = shop.portward(&["service", "db"]);
    assert!(format!("{status}").contains("db"), "{status}");

    // The keeper is killed, then everything of it: the containers go on, and the next commands find them.
    let keeper = |folder: &Path| {
        let document = shop.portward(&["ps", "--json"]).expect(0).json();
        let sessions = document["sessions"].as_array().unwrap().clone();
        sessions.into_iter().find(|session| session["root"] == folder.to_str().unwrap()).unwrap()
    };
    let session = keeper(&shop.folder);
    let ids = shop.engine.docker(&["ps", "--quiet"]).expect(0).stdout;
    world.signal(session["keeper"]["pid"].as_u64().unwrap(), "KILL");
    assert_eq!(shop.engine.docker(&["ps", "--quiet"]).expect(0).stdout, ids, "nothing ended");
    let _ = shop.portward(&["up", "--detach", "--json"]).expect(0);
    assert_eq!(shop.engine.docker(&["ps", "--quiet"]).expect(0).stdout, ids, "they were taken up, and not started again");
    let session = keeper(&shop.folder);
    let mut pids = vec![session["keeper"]["pid"].as_u64().unwrap()];
    pids.extend(session["supervisors"].as_array().unwrap().iter().map(|pid| pid.as_u64().unwrap()));
    pids.extend(session["services"].as_array().unwrap().iter().map(|service| service["pid"].as_u64().unwrap()));
    for pid in pids {
        world.signal(pid, "KILL");
    }
    assert_eq!(shop.engine.docker(&["ps", "--quiet"]).expect(0).stdout, ids, "nothing ended");
    let rests = |document: &Value| {
        let sessions = document["sessions"].as_array().unwrap().iter();
        let own = sessions.filter(|session| session["root"] == shop.folder.to_str().unwrap());
        own.flat_map(|session| session["resting"].as_array().cloned().unwrap_or_default()).find(|one| one["name"] == "db")
    };
    let told = shop.portward(&["ps", "--json"]).expect(0).json();
    let db = rests(&told).unwrap_or_else(|| panic!("{told:#}"));
    assert_eq!((&db["container"], &db["state"]), (&Value::from("runs"), &Value::from("ready")), "{told:#}");
    assert_eq!(db["listeners"][0]["serves"], format!("127.0.0.1:{one}"), "{told:#}");
    let shown = shop.portward(&["ps"]).expect(0);
    assert!(shown.stdout.contains("db  runs on in its container, which nobody follows"), "{shown}");
    assert!(shown.stderr.contains("they go on, and none is started again"), "{shown}");
    let down = shop.portward(&["down", "--json"]).expect(0);
    assert_eq!(down.json()["down"], true, "{down}");
    assert_eq!(shop.containers().len(), 1, "the other worktree's goes on");
    assert!(rests(&shop.portward(&["ps", "--json"]).expect(0).json()).is_none());
    let _ = shop.portward_in(&other, &["down"]).expect(0);
    shop.nothing_is_left();
}

#[test]
fn the_end_of_a_container_is_told_and_ctrl_c_takes_all_away() {
    let Some(world) = World::new(PORTWARD) else { return };
    let file = "services:\n  job:\n    image: portward-test\n    command: [\"/busybox\", \"sh\", \"-c\", \"echo it fails; exit 3\"]\n  \
                web:\n    image: portward-test\n    stop_grace_period: 1s\n    command: [\"/busybox\", \"httpd\", \"-f\", \"-p\", \"80\"]\n    ports: ['80']\n";
    let toml = "[services.job]\ncompose = \"job\"\nrestart = \"never\"\nready = { log = \"it is ready\" }\n[services.web]\ncompose = \"web\"\n";
    let Some(shop) = Shop::new(&world, &[("compose.yml", file), ("portward.toml", toml)]) else { return };
    let _ = shop.portward(&["allow", "--yes"]).expect(0);
    let up = shop.portward(&["up", "--detach"]).expect(1);
    assert!(up.stdout.contains("job  failed: It ended with code 3") && up.stdout.contains("it fails"), "{up}");
    assert!(up.stdout.contains("web  ready at "), "{up}");
    let _ = shop.portward(&["down"]).expect(0);
    shop.nothing_is_left();

    let running = world.enter().directory(&shop.folder).start_portward(&["up", "web"]);
    running.line_where(|line| line.contains("ready at"));
    let interrupt = "import os, signal\nfor pid in filter(str.isdigit, os.listdir('/proc')):\n    try:\n        \
                     words = open(f'/proc/{pid}/cmdline').read().split('\\0')\n    except OSError:\n        continue\n    \
                     if words[1:3] == ['up', 'web']:\n        os.kill(int(pid), signal.SIGINT)";
    let _ = world.run(&["python3", "-c", interrupt]).expect(0);
    running.line_where(|line| line.contains("All are down"));
    shop.nothing_is_left();
}

#[test]
fn without_an_engine_one_sentence_says_so_and_the_rest_starts() {
    let Some(world) = World::new(PORTWARD) else { return };
    let folder = world.git_repository("shop", "main");
    std::fs::write(folder.join("compose.yaml"), "services: {db: {image: postgres, ports: ['5432:5432']}}\n").unwrap();
    let toml = "[services.db]\ncompose = \"db\"\n[services.web]\ncommand = \"python3 -m http.server 8000\"\nport = 8000\n\
                [services.api]\ncommand = \"true\"\nafter = [\"db\"]\n";
    std::fs::write(folder.join("portward.toml"), toml).unwrap();
    let portward = |words: &[&str]| world.enter().directory(&folder).portward(words);
    let _ = portward(&["allow", "--yes"]).expect(0);
    let up = portward(&["up", "--detach"]).expect(1);
    let line = |name: &str| up.stdout.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(line("web").contains("ready at"), "{up}");
    assert!(line("db").contains("failed: ") && (line("db").contains("Compose") || line("db").contains("engine")), "{up}");
    assert!(line("api").contains("waits for db"), "{up}");
    let _ = portward(&["down"]).expect(0);
}
