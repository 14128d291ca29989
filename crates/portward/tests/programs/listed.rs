//! The programs of `listed.toml`: two copies of each on one port, as a user without any right and as root.
//!
//! The core of them runs in every run of the tests; the others by `cargo xtask programs`, which installs them.

use portward_testkit::{Engine, WorldKind, skip};
use toml::Table;

use crate::{
    containers,
    session::{BOTH, Served, Twins, User, V4, words},
};

macro_rules! programs {
    (core: $($core:ident)*; others: $($other:ident)*;) => {
        programs!(as_user User::Stranger: $($core)*; $($other)*;);
        programs!(as_root User::Root: $($core)*; $($other)*;);

        const CORE: &[&str] = &[$(stringify!($core)),*];
        const OTHERS: &[&str] = &[$(stringify!($other)),*];
    };
    ($module:ident $user:path: $($core:ident)*; $($other:ident)*;) => {
        mod $module {
            use super::{User, lives};
            $(#[test] fn $core() { lives(stringify!($core), $user); })*
            mod by_name {
                use super::{User, lives};
                $(#[test] #[ignore = "cargo xtask programs"] fn $other() { lives(stringify!($other), $user); })*
            }
        }
    };
}

programs! {
    core: haproxy vsftpd sshd dnsmasq nats puma nodemon concurrently tmux gdb docker docker_sys_ptrace;
    others:
        astro bun chromium create_react_app deno dnsmasq_bind_interfaces dnsmasq_tcp erlang erlang_address etcd go hyper jupyterlab nuxt
        pm2_cluster pm2_fork qemu rabbitmq squid storybook streamlit tomcat unbound unbound_outside vue_cli webpack_dev_server;
}

/// An entry of the list.
struct Entry {
    name: String,
    table: Table,
}

impl Entry {
    /// Every entry, and the clients that all of them have.
    fn all() -> (Vec<Self>, Table) {
        let list = std::fs::read_to_string(LIST).expect("listed.toml can be read");
        let list: Table = list.parse().expect("listed.toml");
        let clients = list["clients"].as_table().expect("a table").clone();
        let own = |entry: &toml::Value| {
            let table = entry.as_table().expect("a table").clone();
            Self { name: table["name"].as_str().expect("a name").to_owned(), table }
        };
        (list["program"].as_array().expect("a list").iter().map(own).collect(), clients)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.table.get(key).map(|value| value.as_str().expect("a text"))
    }

    fn words(&self, key: &str) -> Vec<String> {
        let list = self.table.get(key).and_then(toml::Value::as_array).into_iter().flatten();
        list.map(|word| word.as_str().expect("a word").to_owned()).collect()
    }

    /// Texts of one of its tables, by their names.
    fn texts(table: Option<&toml::Value>) -> impl Iterator<Item = (&str, &str)> {
        let texts = table.and_then(toml::Value::as_table).into_iter().flatten();
        texts.map(|(name, text)| (name.as_str(), text.as_str().expect("a text")))
    }

    /// Where its own installation is seen in a world.
    fn place(&self) -> String {
        format!("/run/programs/listed/{}", self.text("shares").unwrap_or(&self.name))
    }

    /// The program that the machine must have, and what was installed for the entry.
    fn is_there(&self, twins: &Twins) -> bool {
        let place = self.place();
        let wants = ["npm", "pypi", "build"].iter().any(|key| self.table.contains_key(*key));
        let is_there = |path: &str| twins.world.run(&["test", "-e", path]).code == Some(0);
        let query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}"];
        let is_missing = |package: &String| twins.world.run(&[&query[..], &[package]].concat()).stdout != "installed";
        let missing = self.words("debian").into_iter().find(is_missing);
        if let Some(missing) = missing {
            skip(&format!("the package {missing}"));
        } else if wants && !is_there(&place) {
            skip(&format!("{} (cargo xtask programs {})", self.name, self.name));
        } else {
            return true;
        }
        false
    }
}

/// Two copies of a program live on one port, each answers for itself, nothing is seen from outside, and both end.
#[track_caller]
fn lives(name: &str, user: User) {
    let (entries, clients) = Entry::all();
    let entry = entries.into_iter().find(|entry| entry.name.replace('-', "_") == name).expect("it is listed");
    let Some(twins) = Twins::as_user(&["curl", "python3"], user) else { return };
    // The root of a world of nobody's has no other user to become, as many servers of root's do.
    if user == User::Root && twins.world.kind() != WorldKind::Root {
        return skip("root, to run programs as root does");
    }
    if !entry.is_there(&twins) {
        return;
    }
    let place = entry.place();
    let fill = |text: &str| text.replace("@HERE@", &place);
    let clients = clients.iter().map(|(name, text)| (name.as_str(), text.as_str().expect("a text")));
    for (file, text) in clients.chain(Entry::texts(entry.table.get("files"))) {
        twins.file(file, &fill(text));
    }
    if entry.table.contains_key("npm") {
        twins.each(|project| {
            let link = format!("mkdir -p node_modules/.bin && ln -s {place}/node_modules/* node_modules/ && ln -s {place}/node_modules/.bin/* node_modules/.bin/");
            let _ = twins.enter(project).run(&["sh", "-c", &link]).expect(0);
        });
    }
    if let Some(before) = entry.text("before") {
        twins.each(|project| drop(twins.enter(project).run(&["sh", "-c", &project.fill(&fill(before))]).expect(0)));
    }
    let engine = if entry.table.contains_key("container") {
        let Some(engine) = Engine::in_world(&twins.world) else { return };
        containers::start(&engine, &twins, user, &entry.words("container"));
        Some(engine)
    } else {
        None
    };
    let _beside = entry.text("beside").map(|line| twins.world.enter().netns("cafe").start(&["sh", "-c", line]));
    let start: Vec<String> = entry.words("start").iter().map(|word| fill(word)).collect();
    let refused = entry.text("refused");
    if let Some(reason) = refused {
        containers::refused(&twins, &start, reason);
    }
    twins.start_with(&entry.words("options"), &start);
    let root = twins.projects[0].root.display().to_string();
    let mut first = None;
    for serves in entry.table["serves"].as_array().expect("a list") {
        let text = |key: &str| serves.get(key).and_then(toml::Value::as_str);
        let client = |key: &str| {
            let line = text(key).or_else(|| text("ask")).expect("a client").replace("@ROOT@", &root);
            move |address: &str, port: u16| {
                let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
                let line = line.replace("@ADDRESS@", address).replace("@HOST@", &host).replace("@PORT@", &port.to_string());
                words(&["sh", "-c", &line])
            }
        };
        let (inside, outside) = (client("ask"), client("outside"));
        let at = match text("at") {
            Some("both") => BOTH,
            Some("v4") => V4,
            Some("localhost") => &["localhost"],
            other => panic!("no place: {other:?}"),
        };
        let port = u16::try_from(serves["port"].as_integer().expect("a port")).expect("a port");
        let served = Served { port, at, client: &outside };
        if refused.is_some() {
            containers::prove_told(&twins, served);
        } else {
            twins.prove_with(served, &inside);
        }
        first.get_or_insert_with(|| (port, at, Box::new(outside.clone())));
    }
    let (port, at, client) = first.expect("it serves something");
    let served = Served { port, at, client: &*client };
    let sweep = || match entry.text("sweep") {
        Some("clients") => twins.servers_unseen_from_outside(),
        Some(other) => panic!("no sweep: {other}"),
        None => twins.unseen_from_outside(),
    };
    sweep();
    if let Some(line) = entry.text("inside") {
        for project in &twins.projects {
            let line = words(&["sh", "-c", &project.fill(&fill(line))]);
            twins.answers(project, "inside", || twins.inside(project, &line));
        }
    }
    if let Some(edit) = entry.table.get("edit") {
        let text = |key: &str| edit[key].as_str().expect("a text");
        let before = entry.table["files"][text("file")].as_str().expect("a file");
        twins.file(text("file"), &fill(before).replace(text("from"), text("to")));
        twins.come_to_say(served, text("to"));
    }
    sweep();
    if refused.is_some() {
        containers::end_told(&twins);
    } else {
        twins.end(served);
    }
    drop(engine);
}

#[test]
fn every_entry_has_its_tests() {
    let (entries, _) = Entry::all();
    let mut listed: Vec<(String, bool)> = entries
        .iter()
        .map(|entry| (entry.name.replace('-', "_"), entry.table.get("core").and_then(toml::Value::as_bool).unwrap_or(false)))
        .collect();
    let of = |names: &[&str], core| names.iter().map(|name| ((*name).to_owned(), core)).collect::<Vec<_>>();
    let mut tested = [of(CORE, true), of(OTHERS, false)].concat();
    listed.sort();
    tested.sort();
    assert_eq!(listed, tested);
    assert!(entries.iter().all(|entry| entry.text("version").is_some() && !entry.table["serves"].as_array().unwrap().is_empty()));
}

/// It is read anew for each test, so that an entry can be tried without building the tests again.
const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/listed.toml");
