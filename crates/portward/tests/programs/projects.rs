//! The projects of `projects.toml`: two copies of each up at once, by a file that `portward init` wrote and without one, as a user
//! without any right and as root. Nothing is edited by hand.
//!
//! The core of them runs in every run of the tests; the others by `cargo xtask programs`, which installs them.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _, path::PathBuf};

use portward_testkit::{Entry as Way, Outcome, Running, World, WorldKind, program, skip};
use serde_json::Value;
use toml::Table;

use crate::{session::User, world};

macro_rules! projects {
    (core: $($core:ident)*; others: $($other:ident)*;) => {
        projects!(as_user User::Stranger: $($core)*; $($other)*;);
        projects!(as_root User::Root: $($core)*; $($other)*;);

        const CORE: &[&str] = &[$(stringify!($core)),*];
        const OTHERS: &[&str] = &[$(stringify!($other)),*];
    };
    ($module:ident $user:path: $($core:ident)*; $($other:ident)*;) => {
        mod $module {
            use super::{User, comes_up};
            $(#[test] fn $core() { comes_up(stringify!($core), $user); })*
            mod by_name {
                use super::{User, comes_up};
                $(#[test] #[ignore = "cargo xtask programs"] fn $other() { comes_up(stringify!($other), $user); })*
            }
        }
    };
}

projects! {
    core: flask launch_compound makefile procfile devcontainer;
    others:
        django_cors_front django_redis express_vite_postgres fastapi laravel_mariadb next rails_procfile_dev spring_java turbo_workspaces
        vite;
}

/// A project with two copies of it, and who works on them.
struct Stage {
    world: World,
    entry: Table,
    copies: [Copy; 2],
    user: User,
    /// A process in the user's own namespace, where the world's user is root in its own.
    inner: Option<(Running, String)>,
}

struct Copy {
    name: &'static str,
    root: PathBuf,
}

impl Stage {
    fn new(name: &str, user: User) -> Option<Self> {
        let entry = entries().into_iter().find(|entry| text(entry, "name").replace('-', "_") == name).expect("it is listed");
        let world = world()?;
        if user == User::Root && world.kind() != WorldKind::Root {
            skip("root, to run programs as root does");
            return None;
        }
        let _ = program("curl")?;
        let copies = ["north", "south"].map(|name| Copy { name, root: world.git_repository(&format!("home/{name}"), "main") });
        let inner = (user == User::Stranger && world.kind() != WorldKind::Root).then(|| {
            let inner = world.enter().stranger().start(&["sh", "-c", "echo $$; exec sleep 3600"]);
            let pid = inner.line();
            (inner, pid)
        });
        let stage = Self { world, entry, copies, user, inner };
        (stage.is_installed()).then_some(stage)
    }

    /// What the machine must have, and what was installed for it.
    fn is_installed(&self) -> bool {
        let query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}"];
        let is_missing = |package: &String| self.world.run(&[&query[..], &[package]].concat()).stdout != "installed";
        if let Some(missing) = list(&self.entry, "debian").into_iter().find(is_missing) {
            skip(&format!("the package {missing}"));
            return false;
        }
        let name = text(&self.entry, "name");
        let wants = ["npm", "pypi"].iter().any(|key| self.entry.contains_key(*key));
        if wants && self.world.run(&["test", "-e", &self.place()]).code != Some(0) {
            skip(&format!("{name} (cargo xtask programs {name})"));
            return false;
        }
        true
    }

    fn place(&self) -> String {
        format!("/run/programs/listed/{}", text(&self.entry, "name"))
    }

    /// Writes both copies, and lends them what was installed.
    fn write(&self) {
        for copy in &self.copies {
            let home = format!("home/{}", copy.name);
            for (file, text) in pairs(&self.entry, "files") {
                let path = self.world.file(&format!("{home}/{file}"), text.trim_start_matches('\n').replace("@NAME@", copy.name));
                if text.trim_start().starts_with("#!") {
                    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("its mode can be set");
                }
            }
            for path in ["home", &home, &format!("{home}/.git")] {
                self.world.give(&self.world.path().join(path));
            }
            if self.entry.contains_key("npm") {
                let place = self.place();
                let link = format!(
                    "mkdir -p node_modules/.bin .git/info && ln -s {place}/node_modules/* node_modules/ && \
                     ln -s {place}/node_modules/.bin/* node_modules/.bin/ && echo node_modules >> .git/info/exclude"
                );
                let _ = self.enter(copy).run(&["sh", "-c", &link]).expect(0);
            }
        }
    }

    fn enter(&self, copy: &Copy) -> Way<'_> {
        let mut enter = self.world.enter().directory(&copy.root);
        for (name, value) in pairs(&self.entry, "env") {
            enter = enter.env(&name, value.replace("@HERE@", &self.place()).replace("@ROOT@", &copy.root.display().to_string()));
        }
        match (&self.inner, self.user) {
            (Some((_, pid)), _) => enter.through(&["nsenter", "--target", pid, "--user", "--preserve-credentials", "--"]),
            (None, User::Stranger) => enter.stranger(),
            (None, User::Root) => enter,
        }
    }

    fn portward(&self, copy: &Copy, words: &[&str]) -> Outcome {
        self.enter(copy).portward(words)
    }

    /// What `up` tells of a copy: each service by its name, with the port that it asks for; all of them are ready.
    #[track_caller]
    fn up(&self, copy: &Copy, words: &[&str]) -> BTreeMap<String, Value> {
        let up = self.portward(copy, &[&["up", "--detach", "--json"], words].concat());
        assert_eq!(up.code, Some(0), "{up}\n{}", self.portward(copy, &["logs"]).stdout);
        // What it answers is a document of its own, `up.apart`.
        let document: Value = serde_json::from_str(&up.stdout).expect("a document");
        let services = document["services"].as_array().cloned().unwrap_or_default();
        services.into_iter().map(|service| (service["name"].as_str().unwrap_or_default().to_owned(), service)).collect()
    }

    /// Asks what the project answers, where `up` said that it serves.
    #[track_caller]
    fn answers(&self, copy: &Copy, declared: bool) {
        for ask in self.entry["asks"].as_array().expect("a list") {
            let of = |key: &str| ask.get(key).and_then(toml::Value::as_str);
            let service = of("service").expect("a service");
            let name = of("port").map_or_else(|| service.to_owned(), |port| format!("{service}.{port}"));
            // Without a file a service has no name that lasts, and its port is what is asked for.
            let asked = ask.get("asked").or_else(|| self.entry["services"].get(service)).and_then(toml::Value::as_integer);
            let name = if declared { name } else { asked.expect("its port").to_string() };
            let port = self.portward(copy, &["port", &name]).expect(0).stdout.trim().to_owned();
            let url = format!("http://localhost:{port}{}", of("path").unwrap_or("/").replace("@NAME@", copy.name));
            let said = self.world.run(&["curl", "--silent", "--show-error", "--max-time", "60", &url]);
            let wanted = of("says").expect("words").replace("@NAME@", copy.name);
            let logs = || self.portward(copy, &["logs"]).stdout;
            assert!(said.stdout.contains(&wanted), "{name} at {url}, {wanted:?}: {said}\n{}", logs());
        }
    }

    /// Ends both, and sees that no process and no port of them is left.
    #[track_caller]
    fn down(&self) {
        for copy in &self.copies {
            let down = self.portward(copy, &["down", "--json"]).expect(0).json();
            assert_eq!((&down["down"], &down["held"]), (&Value::Bool(true), &Value::Null), "{down:#}");
        }
        let ps = self.portward(&self.copies[0], &["ps", "--json"]).expect(0).json();
        assert_eq!(ps["sessions"], Value::Array(Vec::new()), "{ps:#}");
    }
}

/// Two copies of a project come up by what `portward init` wrote, and without a file, and go down whole.
#[track_caller]
fn comes_up(name: &str, user: User) {
    let Some(stage) = Stage::new(name, user) else { return };
    stage.write();
    let declared: BTreeMap<String, i64> = numbers(&stage.entry, "services");
    if let Some(sentence) = stage.entry.get("as_root").and_then(toml::Value::as_str).filter(|_| user == User::Root) {
        let copy = &stage.copies[0];
        let refused = stage.portward(copy, &["up", "--detach", "--yes"]).expect(2);
        assert!(refused.stderr.contains(sentence), "without a file: {refused}");
        let _ = stage.portward(copy, &["init", "--yes"]).expect(0);
        let refused = stage.portward(copy, &["up", "--detach"]).expect(2);
        assert!(refused.stderr.contains(sentence), "{refused}");
        return;
    }
    for copy in &stage.copies {
        let up = stage.up(copy, &["--yes"]);
        assert_eq!(up.keys().collect::<Vec<_>>(), declared.keys().collect::<Vec<_>>(), "without a file");
    }
    stage.copies.iter().for_each(|copy| stage.answers(copy, false));
    stage.down();
    for copy in &stage.copies {
        let init = stage.portward(copy, &["init", "--yes", "--json"]).expect(0).json();
        assert_eq!(init["decide"], Value::Array(Vec::new()), "{init:#}");
        // What was agreed to is allowed as it stands.
        assert_eq!(init["allowed"], true, "{init:#}");
        let up = stage.up(copy, &[]);
        let asked: BTreeMap<String, i64> =
            up.iter().map(|(name, service)| (name.clone(), service["asked"].as_i64().unwrap_or(0))).collect();
        assert_eq!(asked, declared, "{}", init["text"]);
        assert!(up.values().all(|service| service["state"] == "ready"), "{up:#?}");
    }
    for copy in &stage.copies {
        stage.answers(copy, true);
        let check = stage.portward(copy, &["check"]).expect(0);
        assert_eq!(check.stdout, "", "{check}");
    }
    stage.down();
}

fn entries() -> Vec<Table> {
    let list: Table = std::fs::read_to_string(LIST).expect("projects.toml can be read").parse().expect("projects.toml");
    list["project"].as_array().expect("a list").iter().map(|entry| entry.as_table().expect("a table").clone()).collect()
}

fn text<'e>(entry: &'e Table, key: &str) -> &'e str {
    entry[key].as_str().expect("a text")
}

fn list(entry: &Table, key: &str) -> Vec<String> {
    let words = entry.get(key).and_then(toml::Value::as_array).into_iter().flatten();
    words.map(|word| word.as_str().expect("a word").to_owned()).collect()
}

fn pairs(entry: &Table, key: &str) -> Vec<(String, String)> {
    let table = entry.get(key).and_then(toml::Value::as_table).into_iter().flatten();
    table.map(|(name, text)| (name.clone(), text.as_str().expect("a text").to_owned())).collect()
}

fn numbers(entry: &Table, key: &str) -> BTreeMap<String, i64> {
    let table = entry[key].as_table().expect("a table");
    table.iter().map(|(name, number)| (name.clone(), number.as_integer().expect("a number"))).collect()
}

#[test]
fn every_project_has_its_tests() {
    let mut listed: Vec<(String, bool)> = entries()
        .iter()
        .map(|entry| {
            let core = entry.get("core").and_then(toml::Value::as_bool).unwrap_or(false);
            (text(entry, "name").replace('-', "_"), core)
        })
        .collect();
    let tests = CORE.iter().map(|name| (*name, true)).chain(OTHERS.iter().map(|name| (*name, false)));
    let mut tests: Vec<(String, bool)> = tests.map(|(name, core)| (name.to_owned(), core)).collect();
    listed.sort();
    tests.sort();
    assert_eq!(listed, tests);
}

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/projects.toml");
