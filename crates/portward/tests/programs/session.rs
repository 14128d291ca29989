//! Two copies of one unmodified program, each in the private localhost of its own project, on the port that both have written
//! down: how they are started, asked from inside and outside, and seen from another machine.
//!
//! Everything runs as a user without any right, or as root where that is asked for. Each copy answers with the name of its project, so that an answer tells whose
//! it is.

use std::{
    cell::{Cell, RefCell},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use portward_testkit::{Entry, Neighbour, Outcome, Running, World, ss_rows};
use serde_json::Value;

use crate::{all_owners, containers, world};

/// Two projects in a world, and what runs in them.
pub(crate) struct Twins {
    pub(crate) world: World,
    pub(crate) projects: [Project; 2],
    neighbour: Neighbour,
    user: User,
    /// True when each project stands in a container of its own.
    contained: Cell<bool>,
}

/// Who runs the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// Somebody without any right.
    Stranger,
    /// The world's root.
    Root,
}

/// A git repository, and what `portward run` was started with there.
pub(crate) struct Project {
    /// What its programs answer.
    pub(crate) name: &'static str,
    pub(crate) root: PathBuf,
    running: RefCell<Vec<Running>>,
}

/// What is expected of the program on one port.
#[derive(Clone, Copy)]
pub(crate) struct Served<'a> {
    /// The port that both copies ask for.
    pub(crate) port: u16,
    /// The addresses of the loopback that it serves.
    pub(crate) at: &'a [&'a str],
    /// The client for an address and a port; it prints the name of the project among its words.
    pub(crate) client: &'a dyn Fn(&str, u16) -> Vec<String>,
}

/// Both families.
pub(crate) const BOTH: &[&str] = &["127.0.0.1", "::1"];
/// IPv4 alone.
pub(crate) const V4: &[&str] = &["127.0.0.1"];

/// curl, for a page.
pub(crate) fn http(address: &str, port: u16) -> Vec<String> {
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    words(&["curl", "--silent", "--show-error", "--max-time", "60", &format!("http://{host}:{port}/")])
}

/// Words of a command line.
pub(crate) fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

impl Twins {
    /// Two projects, where all of these programs are installed; otherwise a loud skip.
    #[track_caller]
    pub(crate) fn of(programs: &[&str]) -> Option<Self> {
        Self::as_user(programs, User::Stranger)
    }

    /// The same, whose programs run as this user.
    #[track_caller]
    pub(crate) fn as_user(programs: &[&str], user: User) -> Option<Self> {
        let world = world()?;
        if programs.iter().any(|name| portward_testkit::program(name).is_none()) {
            return None;
        }
        let project = |name| {
            let root = world.git_repository(name, "main");
            Project { name, root, running: RefCell::default() }
        };
        let projects = ["north", "south"].map(project);
        let neighbour = world.add_neighbour();
        Some(Self { world, projects, neighbour, user, contained: Cell::new(false) })
    }

    /// The same, where Debian's Python has these modules.
    #[track_caller]
    pub(crate) fn with_modules(modules: &[&str], programs: &[&str]) -> Option<Self> {
        let twins = Self::of(&[&["python3"], programs].concat())?;
        for module in modules {
            let import = format!("import {module}");
            if twins.world.run(&["python3", "-c", &import]).code != Some(0) {
                portward_testkit::skip(&format!("the Python module {module}"));
                return None;
            }
        }
        Some(twins)
    }

    /// The same, with packages of npm in each project's `node_modules`.
    #[track_caller]
    pub(crate) fn with_packages(packages: &[&str], programs: &[&str]) -> Option<Self> {
        let twins = Self::of(&[&["node"], programs].concat())?;
        for package in packages {
            let installed = twins.world.npm_package(package)?;
            twins.file("node_modules/.keep", "");
            twins.each(|project| {
                std::os::unix::fs::symlink(&installed, project.path("node_modules").join(package)).expect("a link can be made");
            });
        }
        Some(twins)
    }

    /// Does the same in both projects.
    pub(crate) fn each(&self, mut act: impl FnMut(&Project)) {
        for project in &self.projects {
            act(project);
        }
    }

    /// Writes a file into both projects; `@NAME@` in it becomes the project's name, `@ROOT@` its folder.
    pub(crate) fn file(&self, name: &str, text: &str) {
        self.each(|project| {
            let text = text.replace("@NAME@", project.name).replace("@ROOT@", &project.root.display().to_string());
            self.world.file(&format!("{}/{name}", project.name), text);
        });
    }

    /// Starts the same program under `portward run` in both projects, with `@NAME@` and `@ROOT@` replaced as in a file.
    pub(crate) fn start(&self, argv: &[&str]) {
        self.each(|project| self.start_in(project, argv));
    }

    /// The same with these options of `portward run`.
    pub(crate) fn start_with(&self, options: &[String], argv: &[String]) {
        self.each(|project| self.start_with_in(project, options, argv));
    }

    /// Starts a program under `portward run` in one of them.
    pub(crate) fn start_in(&self, project: &Project, argv: &[&str]) {
        self.start_with_in(project, &[], &words(argv));
    }

    fn start_with_in(&self, project: &Project, options: &[String], argv: &[String]) {
        let words = argv.iter().map(|word| project.fill(word));
        let run = ["run".to_owned()].into_iter().chain(options.iter().cloned());
        let command: Vec<String> = run.chain(["--".to_owned()]).chain(words).collect();
        let running = self.enter(project).start_portward(&command);
        project.running.borrow_mut().push(running);
    }

    /// From here on each project's programs are in the container that has its name.
    pub(crate) fn contain(&self) {
        self.contained.set(true);
    }

    /// A way into a project's folder, for the user of its programs.
    pub(crate) fn enter(&self, project: &Project) -> Entry<'_> {
        if self.contained.get() {
            return containers::enter(&self.world, project, self.user);
        }
        self.enter_world().directory(&project.root)
    }

    /// A way into the world, for the same.
    pub(crate) fn enter_world(&self) -> Entry<'_> {
        let enter = self.world.enter();
        if self.user == User::Root { enter } else { enter.stranger() }
    }

    /// Runs a program under `portward run` in a project until it ends.
    pub(crate) fn inside(&self, project: &Project, argv: &[String]) -> Outcome {
        let command: Vec<&str> = ["run", "--"].into_iter().chain(argv.iter().map(String::as_str)).collect();
        self.enter(project).portward(&command)
    }

    /// The port that a project's program got for the one that it asked for. Its line tells; where what was started has ended
    /// before its daemon listened, nobody reads lines any more, and `portward ps` tells.
    #[track_caller]
    pub(crate) fn leased(&self, project: &Project, port: u16) -> u16 {
        project.until(&format!("a listener at port {port}"), || {
            let told = project.told().into_iter().find(|(asked, _)| *asked == port).map(|(_, leased)| leased);
            let daemon = || if project.has_ended() { port_of(&self.listed(project, port)?["serves"]) } else { None };
            told.or_else(daemon)
        })
    }

    /// What `portward ps` says of the listener that a project has for a port.
    #[track_caller]
    fn listed(&self, project: &Project, port: u16) -> Option<Value> {
        let ps = self.enter(project).portward(&["ps", "--json"]).expect(0).json();
        let session = ps["sessions"].as_array()?.iter().find(|session| session["project"] == project.name)?;
        let services = session["services"].as_array()?.iter();
        let mut listeners = services.flat_map(|service| service["listeners"].as_array().into_iter().flatten());
        listeners.find(|listener| port_of(&listener["asked"]) == Some(port)).cloned()
    }

    /// Proves the promise: both copies answer inside at the port that they asked for, outside at the one that they got, and
    /// from another machine at none.
    #[track_caller]
    pub(crate) fn prove(&self, served: Served<'_>) {
        self.prove_with(served, served.client);
    }

    /// The same, where a client inside says other words than the one outside.
    #[track_caller]
    pub(crate) fn prove_with(&self, served: Served<'_>, within: &dyn Fn(&str, u16) -> Vec<String>) {
        let Served { port, at, client } = served;
        let leased: Vec<u16> = self.projects.iter().map(|project| self.leased(project, port)).collect();
        assert_ne!(leased[0], leased[1]);
        for (project, leased) in self.projects.iter().zip(&leased) {
            for address in at {
                let inside = within(address, port);
                self.answers(project, &format!("inside at {address} port {port}"), || self.inside(project, &inside));
                let outside = client(address, *leased);
                let ask = || self.enter_world().run(&outside);
                self.answers(project, &format!("outside at {address} port {leased}"), ask);
            }
            // One that looks for a free port first asks for the one that it found.
            let listed = || self.listed(project, port).or_else(|| self.listed(project, *leased));
            let listener = project.until(&format!("a line of portward ps for {port}"), listed);
            assert_eq!(port_of(&listener["serves"]), Some(*leased), "{listener:#}");
            assert_eq!(listener["pinned"], true, "{listener:#}");
        }
        let held = ss_rows(&self.world.run(&["ss", "-Htuln"]).expect(0));
        assert!(held.iter().all(|row| row.local_port != u64::from(port)), "the real port {port} stays free: {held:?}");
    }

    /// Sees from another machine that nothing of this one answers, at any port that anything serves.
    #[track_caller]
    pub(crate) fn unseen_from_outside(&self) {
        let reached = self.neighbour.reaches(&self.world);
        assert!(reached.is_empty(), "the network reaches {reached:?}");
    }

    /// The same for a program whose clients of UDP have sockets of their own: those that the kernel found a port for are left out.
    #[track_caller]
    pub(crate) fn servers_unseen_from_outside(&self) {
        let (first, last) = self.ephemeral();
        let mut reached = self.neighbour.reaches(&self.world);
        reached.retain(|reached| reached.transport != "udp" || !(first..=last).contains(&reached.port));
        assert!(reached.is_empty(), "the network reaches {reached:?}");
    }

    /// The ports that the kernel finds for who asks for none.
    fn ephemeral(&self) -> (u16, u16) {
        let range = self.world.run(&["cat", "/proc/sys/net/ipv4/ip_local_port_range"]).expect(0).stdout;
        let mut ports = range.split_whitespace().map(|port| port.parse().expect("a port"));
        (ports.next().expect("the first"), ports.next().expect("the last"))
    }

    /// How many processes hold the listeners that a project has for a port.
    #[track_caller]
    pub(crate) fn holders(&self, project: &Project, port: u16) -> usize {
        let leased = self.leased(project, port).to_string();
        all_owners(&self.world.portward(&["list", "--json", &leased]).expect(0).reading()).len()
    }

    /// Asks both copies from outside until each says these words, as after an edit of its source.
    #[track_caller]
    pub(crate) fn come_to_say(&self, served: Served<'_>, wanted: &str) {
        for project in &self.projects {
            let outside = (served.client)(served.at[0], self.leased(project, served.port));
            self.says(project, wanted, "after the change", || self.enter_world().run(&outside));
        }
    }

    /// Asks until the right copy answers; the other's name is never among its words.
    #[track_caller]
    pub(crate) fn answers(&self, project: &Project, what: &str, ask: impl Fn() -> Outcome) {
        self.says(project, project.name, what, ask);
    }

    #[track_caller]
    fn says(&self, project: &Project, wanted: &str, what: &str, ask: impl Fn() -> Outcome) {
        let other = self.projects.iter().find(|other| other.name != project.name).expect("there are two");
        let last = RefCell::new(String::new());
        project.until_told(
            || format!("`{wanted}` {what}: {}", last.borrow()),
            || {
                let outcome = ask();
                assert!(!outcome.stdout.contains(other.name), "{} was answered by {}: {outcome}", project.name, other.name);
                let right = outcome.stdout.contains(wanted) && outcome.stdout.contains(project.name);
                *last.borrow_mut() = outcome.to_string();
                right.then_some(())
            },
        );
    }

    /// Stops the first copy, sees that the other goes on, and stops that one, too: ports are free, and nothing is left.
    #[track_caller]
    pub(crate) fn end(&self, served: Served<'_>) {
        let leased: Vec<u16> = self.projects.iter().map(|project| self.leased(project, served.port)).collect();
        for (number, project) in self.projects.iter().enumerate() {
            let stopped = self.enter(project).portward(&["stop", "--json"]).expect(0).json();
            assert!(!stopped["stopped"].as_array().expect("a list").is_empty(), "{stopped:#}");
            let held = ss_rows(&self.world.run(&["ss", "-Htuln"]).expect(0));
            let port = u64::from(leased[number]);
            assert!(held.iter().all(|row| row.local_port != port), "{} holds {port} after its stop: {held:?}", project.name);
            for mut running in project.running.borrow_mut().drain(..) {
                let _ = running.end();
            }
            if let (0, Some(other), Some(leased)) = (number, self.projects.get(1), leased.get(1)) {
                let outside = (served.client)(served.at[0], *leased);
                self.answers(other, "after the other was stopped", || self.enter_world().run(&outside));
            }
        }
        let ps = self.enter_world().portward(&["ps", "--json"]).expect(0).json();
        assert_eq!(ps["sessions"].as_array().map(Vec::len), Some(0), "{ps:#}");
    }

    /// The whole of it, for a program with one port.
    #[track_caller]
    pub(crate) fn live_and_end(&self, served: Served<'_>) {
        self.prove(served);
        self.unseen_from_outside();
        self.end(served);
    }
}

impl Project {
    /// A text with the project's name and folder in their places.
    pub(crate) fn fill(&self, text: &str) -> String {
        text.replace("@NAME@", self.name).replace("@ROOT@", &self.root.display().to_string())
    }

    /// What `portward run` and its programs have said besides.
    pub(crate) fn stderr(&self) -> String {
        self.running.borrow().iter().map(Running::stderr).collect()
    }

    /// True when everything that was started here has ended; what it started may go on.
    fn has_ended(&self) -> bool {
        !self.running.borrow_mut().iter_mut().any(Running::is_alive)
    }

    /// Asked and leased port of each line that a session told.
    fn told(&self) -> Vec<(u16, u16)> {
        let read = |line: &str| {
            let (asked, rest) = line.split_once("   asked ")?.1.split_once("   serves ")?;
            let port = |text: &str| text.split_whitespace().next()?.rsplit_once(':')?.1.parse().ok();
            Some((port(asked)?, port(rest)?))
        };
        self.stderr().lines().filter_map(read).collect()
    }

    /// Asks until there is an answer; fails with what the programs said.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, question: impl FnMut() -> Option<T>) -> T {
        self.until_told(|| what.to_owned(), question)
    }

    #[track_caller]
    fn until_told<T>(&self, what: impl Fn() -> String, mut question: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + LONGEST;
        loop {
            if let Some(answer) = question() {
                return answer;
            }
            assert!(Instant::now() < deadline, "{} never had {}\n--- its programs\n{}", self.name, what(), self.stderr());
            thread::sleep(PAUSE);
        }
    }

    /// A path in the project.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

/// The port at the end of an address.
fn port_of(address: &Value) -> Option<u16> {
    address.as_str()?.rsplit_once(':')?.1.parse().ok()
}

/// How long a server may take before it answers: far beyond what any needs.
const LONGEST: Duration = Duration::from_mins(3);
/// How long a test sleeps between two questions.
const PAUSE: Duration = Duration::from_millis(10);
