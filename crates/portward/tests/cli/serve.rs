//! `portward serve`: a folder at a port of its own, for this machine alone.

mod browser;
mod files;
mod guarded;
mod odd;
mod uploads;

use portward_testkit::{Entry, Outcome, Running, World, until};
use serde_json::Value;

use crate::world;

/// In the folder in which a test puts its files.
fn at(world: &World) -> Entry<'_> {
    world.enter().directory(world.path())
}

/// A folder in a world, and its server.
struct Stage {
    world: World,
    server: Running,
    url: String,
    port: u64,
}

impl Stage {
    /// Serves a folder that `fill` makes, with these flags.
    fn new(flags: &[&str], fill: impl FnOnce(&World)) -> Option<Self> {
        let world = world()?;
        world.file("site/plain.txt", "plain\n");
        fill(&world);
        let words = [&["serve", "site", "--json"], flags].concat();
        let server = at(&world).start_portward(&words);
        let serving = server.json();
        assert_eq!((&serving["kind"], &serving["schema_version"]), (&"serving".into(), &1.into()), "{serving:#}");
        let (url, port) = (serving["url"].as_str()?.trim_end_matches('/').to_owned(), serving["port"].as_u64()?);
        Some(Self { world, server, url, port })
    }

    /// What curl says, with the head of the answer.
    fn curl(&self, flags: &[&str], path: &str) -> Outcome {
        let url = format!("{}{path}", self.url);
        let words = [&["curl", "-sS", "-i", "--path-as-is", "--max-time", "20"], flags, &[&url]].concat();
        at(&self.world).run(&words)
    }

    /// The status of an answer.
    fn status(&self, flags: &[&str], path: &str) -> u16 {
        let outcome = self.curl(flags, path);
        status_of(&outcome.stdout).unwrap_or_else(|| panic!("{outcome}"))
    }

    /// The next request that is told.
    fn told(&self, path: &str) -> Value {
        self.server.json_where(|told| told["kind"] == "request" && told["path"] == path)
    }

    /// What comes back for bytes that no client would send, each on a connection of its own.
    fn raw(&self, requests: &[&str]) -> Vec<String> {
        let port = self.port.to_string();
        let words = [&["python3", "-c", RAW, &port], requests].concat();
        let outcome = at(&self.world).run(&words).expect(0);
        let answers: Vec<String> = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"));
        answers
    }
}

/// The last status: that of the answer, after any `100 Continue`.
fn status_of(text: &str) -> Option<u16> {
    text.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()).next_back()
}

fn field<'a>(outcome: &'a Outcome, name: &str) -> Option<&'a str> {
    let lines = outcome.stdout.lines().take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.split_once(": "))
        .find(|(own, _)| own.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim_end())
}

/// Sends each argument, in which `\r`, `\n` and such are escapes, and prints all that comes back.
const RAW: &str = r#"
import json, socket, sys
answers = []
for request in sys.argv[2:]:
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    s.settimeout(20)
    got = b""
    try:
        s.sendall(request.encode().decode("unicode_escape").encode("latin-1"))
        while True:
            piece = s.recv(65536)
            if not piece: break
            got += piece
    except OSError as error:
        got += ("!" + type(error).__name__).encode()
    answers.append(got.decode("latin-1"))
print(json.dumps(answers))
"#;

#[test]
fn at_a_port_that_stays_and_has_a_name() {
    let Some(world) = world() else { return };
    world.git_repository("shop", "main");
    world.file("shop/dist/a.txt", "a");
    let shop = || world.enter().directory(world.path().join("shop"));
    let mut first = shop().start_portward(&["serve", "dist"]);
    let line = first.line();
    assert!(line.starts_with("dist   http://localhost:") && line.contains("serves"), "{line}");
    let url = line.split_whitespace().nth(1).unwrap_or_default().trim_end_matches('/').to_owned();
    assert_eq!(shop().portward(&["url", "dist"]).expect(0).stdout.trim_end(), url);
    assert_eq!(shop().portward(&["open", "dist", "--print"]).expect(0).stdout.trim_end().trim_end_matches('/'), url);
    let ps = shop().portward(&["ps", "--json"]).expect(0).json();
    let service = &ps["sessions"][0]["services"][0];
    assert_eq!((&service["name"], &service["listeners"][0]["url"]), (&"dist".into(), &url.as_str().into()), "{ps:#}");
    assert_eq!(ps["sessions"][0]["project"], "shop", "{ps:#}");
    let lease = shop().portward(&["lease", "--json"]).expect(0).json();
    assert_eq!(lease["leases"][0]["name"], "dist", "{lease:#}");
    // A second one on the same folder says who has the port, and takes the next.
    let second = shop().start_portward(&["serve", "dist", "--json"]);
    let serving = second.json();
    assert_ne!(format!("{url}/"), serving["url"].as_str().unwrap_or_default());
    let held = serving["held"][0].as_str().unwrap_or_default();
    assert!(held.contains("portward") && held.contains("pid"), "{serving:#}");
    drop(second);
    let stopped = shop().portward(&["stop", "dist"]).expect(0);
    assert!(first.end().success(), "{stopped}\n{}", first.stderr());
    // The port is the same the next time.
    let again = shop().start_portward(&["serve", "dist", "--json"]);
    assert_eq!(again.json()["url"].as_str().unwrap_or_default(), format!("{url}/"));
    // Outside any project the folder has a port all the same.
    world.file("loose/b.txt", "b");
    let loose = at(&world).start_portward(&["serve", "loose", "--json"]);
    let serving = loose.json();
    assert_eq!(serving["name"], "loose", "{serving:#}");
    let url = serving["url"].as_str().unwrap_or_default().trim_end_matches('/').to_owned();
    assert_eq!(world.portward(&["url", "loose"]).expect(0).stdout.trim_end(), url);
}

#[test]
fn a_port_that_somebody_else_has() {
    let Some(world) = world() else { return };
    world.file("site/a", "a");
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let refused = at(&world).portward(&["serve", "site", "--port", "3000"]).expect(2);
    assert!(refused.stderr.contains("Port 3000 is held by") && refused.stderr.contains(&actor.pid().to_string()), "{refused}");
    let server = at(&world).start_portward(&["serve", "site", "--port", "3001", "--json"]);
    assert_eq!(server.json()["port"], 3001);
    assert!(actor.is_alive());
}

#[test]
fn what_makes_no_sense_is_said() {
    let Some(world) = world() else { return };
    world.file("site/a", "a");
    for (words, told) in [
        (&["serve", "nowhere"][..], "cannot be served"),
        (&["serve", "site/a", "--upload"], "needs a folder"),
        (&["serve", "site", "--spa"], "index.html"),
        (&["serve", "site", "--404", "gone.html"], "gone.html"),
        (&["serve", "site", "--auth", "swordfish"], "colon"),
        (&["serve", "site", "--header", "Content-Length: 5"], "framed"),
        (&["serve", "site", "--index", "a/b"], "index"),
        (&["serve", "site", "--allow-host", "a b"], "host"),
        (&["serve", "site", "--name", "a/b"], "name"),
        (&["serve", "site", "--qr"], "--expose"),
        (&["serve", "site", "--overwrite"], "--upload"),
        (&["serve", "site", "--cert", "site/a"], "--key"),
        (&["serve", "site", "--cert", "site/a", "--key", "site/a"], "certificate"),
        (&["serve", "site", "--list-only", "--no-list"], "--no-list"),
        (&["serve", "site", "--port", "0"], "0"),
    ] {
        let outcome = at(&world).portward(words).expect(2);
        assert!(outcome.stderr.contains(told) && !outcome.stderr.contains("swordfish"), "{outcome}");
    }
}

#[test]
fn it_ends_after_the_requests_in_flight() {
    let Some(mut stage) = Stage::new(&[], |world| {
        world.file("site/big", vec![b'x'; 30_000_000]);
    }) else {
        return;
    };
    let slow = format!("{}/big", stage.url);
    let client =
        at(&stage.world).start(&["curl", "-sS", "--limit-rate", "20M", "-o", "/dev/null", "-w", "%{size_download}\n", &slow]);
    let pid = until("the server's pid", || {
        let ps = stage.world.portward(&["ps", "--json"]).expect(0).json();
        ps["sessions"][0]["services"][0]["pid"].as_u64()
    });
    until("a connection", || {
        let ss = at(&stage.world).run(&["ss", "-Htn", "state", "established", "sport", "=", &stage.port.to_string()]).expect(0);
        (!ss.stdout.is_empty()).then_some(())
    });
    stage.world.signal(pid, "INT");
    assert_eq!(client.line(), "30000000");
    assert!(stage.server.end().success(), "{}", stage.server.stderr());
    assert_ne!(at(&stage.world).run(&["curl", "-sS", &stage.url]).code, Some(0));
}

#[test]
fn nothing_of_it_reaches_the_network_unless_it_is_said() {
    let Some(world) = world() else { return };
    let neighbour = world.add_neighbour();
    world.file("site/a.txt", "a");
    let server = at(&world).start_portward(&["serve", "site", "--json"]);
    server.json();
    assert!(neighbour.reaches(&world).is_empty());
    drop(server);
    let exposed = at(&world).start_portward(&["serve", "site", "--expose", "--json"]);
    let serving = exposed.json();
    let port = serving["port"].as_u64().unwrap_or_default();
    let urls = serving["reached"].to_string();
    assert!(urls.contains("192.168.77.1") && urls.contains("[fd77::1]"), "{serving:#}");
    let reached = neighbour.reaches_port(&world, u16::try_from(port).unwrap_or_default());
    assert_eq!(reached.len(), 2, "{reached:?}");
    drop(exposed);
    let shown = at(&world).start_portward(&["serve", "site", "--expose", "--qr"]);
    let line = shown.line_where(|line| line.contains("the network reaches it"));
    assert!(line.contains("road0") || line.contains("192.168.77.1"), "{line}");
    shown.line_where(|line| line.contains('\u{2588}'));
}

#[test]
fn in_a_session_the_port_is_the_sessions_to_give() {
    let Some(world) = world() else { return };
    world.git_repository("shop", "main");
    world.file("shop/docs/a.txt", "hello");
    let shop = || world.enter().directory(world.path().join("shop"));
    let portward = world.portward_path().display().to_string();
    let session = shop().start_portward(&["run", "--name", "docs", "--", &portward, "serve", "docs", "--port", "8000", "--json"]);
    let serving = session.json();
    let (url, port) = (serving["url"].as_str().unwrap_or_default().to_owned(), serving["port"].as_u64().unwrap_or_default());
    assert!(port != 8000 && port % 100 == 0, "{serving:#}\n{}", session.stderr());
    assert!(at(&world).run(&["curl", "-sS", &format!("{url}a.txt")]).expect(0).stdout.contains("hello"));
    let inside = shop().portward(&["run", "--quiet", "--", "curl", "-sS", "http://localhost:8000/a.txt"]).expect(0);
    assert_eq!(inside.stdout, "hello");
    let ps = shop().portward(&["ps", "--json"]).expect(0).json();
    assert_eq!(ps["sessions"][0]["services"].as_array().map(Vec::len), Some(1), "{ps:#}");
}
