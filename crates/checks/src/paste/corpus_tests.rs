//! The corpus of wordings, held against what is read of them; and what must hold for all of them.
//!
//! What stands in `corpus/paste` was written from reports and from the programs' documentation. An entry is one or more lines, then
//! a line `== symptom=refused program=curl host=127.0.0.1 ...` with every field that is read and no other, or `== none`.
//!
//! What stands in `corpus/recorded` was printed by the programs themselves, run by `cargo xtask corpus`, a file for each with
//! its version. An entry is `$ ` and the command, what it printed, and `== ` with what happened: each field that is named must
//! be read so, and `program=` of a file without that field is not asked for.

use std::collections::BTreeSet;

use super::{
    Paste, Request, Symptom,
    lines::each_line,
    read_paste,
    rules::{TABLES, index},
};

const CORPUS: &[(&str, &str)] = &[
    ("brokers", include_str!("../../corpus/paste/brokers.txt")),
    ("browsers", include_str!("../../corpus/paste/browsers.txt")),
    ("common", include_str!("../../corpus/paste/common.txt")),
    ("curl", include_str!("../../corpus/paste/curl.txt")),
    ("daemons", include_str!("../../corpus/paste/daemons.txt")),
    ("databases", include_str!("../../corpus/paste/databases.txt")),
    ("deploy", include_str!("../../corpus/paste/deploy.txt")),
    ("docker", include_str!("../../corpus/paste/docker.txt")),
    ("dotnet", include_str!("../../corpus/paste/dotnet.txt")),
    ("frontends", include_str!("../../corpus/paste/frontends.txt")),
    ("go", include_str!("../../corpus/paste/go.txt")),
    ("healthy", include_str!("../../corpus/paste/healthy.txt")),
    ("java", include_str!("../../corpus/paste/java.txt")),
    ("languages", include_str!("../../corpus/paste/languages.txt")),
    ("node", include_str!("../../corpus/paste/node.txt")),
    ("python", include_str!("../../corpus/paste/python.txt")),
    ("scripts", include_str!("../../corpus/paste/scripts.txt")),
    ("servers", include_str!("../../corpus/paste/servers.txt")),
    ("shell", include_str!("../../corpus/paste/shell.txt")),
];

struct Entry {
    place: String,
    text: String,
    expected: String,
}

fn entries() -> Vec<Entry> {
    let mut all = Vec::new();
    for (name, file) in CORPUS {
        let mut text = String::new();
        for (number, line) in file.lines().enumerate() {
            if let Some(expected) = line.strip_prefix("== ") {
                let place = format!("{name}.txt:{}", number + 1);
                all.push(Entry { place, text: std::mem::take(&mut text), expected: expected.to_owned() });
            } else {
                text.push_str(line);
                text.push('\n');
            }
        }
        assert!(text.trim().is_empty(), "{name}.txt ends without an expectation");
    }
    all
}

/// What was read, in the form of an expectation. A symptom or call is shown as it is serialised.
fn shown(paste: Option<&Paste>) -> String {
    let Some(paste) = paste else { return "none".to_owned() };
    let snake = |name: String| {
        let words = name.chars().enumerate().flat_map(|(at, c)| {
            (c.is_uppercase() && at > 0).then_some('_').into_iter().chain(std::iter::once(c.to_ascii_lowercase()))
        });
        words.collect::<String>()
    };
    let fields = [
        ("symptom", Some(snake(format!("{:?}", paste.symptom)))),
        ("program", paste.program.map(str::to_owned)),
        ("host", paste.host.clone()),
        ("port", paste.port.map(|port| port.to_string())),
        ("addresses", addresses(paste)),
        ("path", paste.path.as_ref().map(ToString::to_string)),
        ("transport", paste.transport.map(|transport| transport.name().to_owned())),
        ("vantage", paste.vantage.as_ref().map(|place| snake(format!("{place:?}").replace([' ', '"'], "")))),
        ("pids", listed(&paste.pids)),
        ("files", listed(&paste.files)),
        ("request", paste.request.as_ref().map(request)),
        ("scheme", paste.url_scheme.clone()),
        ("call", paste.call.map(|call| snake(format!("{call:?}")))),
        ("errno", paste.errno.map(|errno| errno.to_string())),
        ("says", paste.says.map(str::to_owned)),
    ];
    let told = fields.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}")));
    told.collect::<Vec<_>>().join(" ")
}

/// The addresses, where they are more than the host.
fn addresses(paste: &Paste) -> Option<String> {
    let host = paste.host.as_deref().and_then(|host| host.parse::<std::net::IpAddr>().ok());
    listed(&paste.addresses).filter(|_| host.is_none_or(|host| paste.addresses != [host]))
}

fn listed<T: ToString>(all: &[T]) -> Option<String> {
    (!all.is_empty()).then(|| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

fn request(request: &Request) -> String {
    let named = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}:{value}"));
    let words = [
        request.method.clone(),
        request.resource.clone(),
        named("host", &request.host),
        named("origin", &request.origin),
        request.upgrade.then(|| "upgrade".to_owned()),
        named("speaking", &request.protocols),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join("|")
}

#[test]
fn every_wording_is_read_as_expected() {
    let wrong: Vec<String> = entries()
        .iter()
        .filter_map(|entry| {
            let read = shown(read_paste(entry.text.as_bytes()).as_ref());
            (read != entry.expected).then(|| format!("{}\n  want {}\n  read {read}\n{}", entry.place, entry.expected, entry.text))
        })
        .collect();
    assert!(wrong.is_empty(), "{} wordings differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The entries of `corpus/recorded`: where each stands, the text, and what happened.
fn recorded() -> Vec<Entry> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/recorded");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let file = std::fs::read_to_string(&path).unwrap();
        let (head, rest) = file.split_once('\n').unwrap();
        assert!(
            head.starts_with("# ") && head.contains(", recorded by `cargo xtask corpus`: "),
            "{name}: no program and version"
        );
        let mut text = String::new();
        for (number, line) in rest.lines().enumerate() {
            let place = format!("{name}:{}", number + 2);
            if let Some(expected) = line.strip_prefix("== ") {
                assert!(!text.trim().is_empty(), "{place}: no text");
                all.push(Entry { place, text: std::mem::take(&mut text), expected: expected.to_owned() });
            } else if !line.starts_with("$ ") {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    all
}

#[test]
fn what_programs_print_is_read_as_it_happened() {
    let all = recorded();
    let wrong: Vec<String> = all
        .iter()
        .filter_map(|entry| {
            let read = shown(read_paste(entry.text.as_bytes()).as_ref());
            let fields: BTreeSet<&str> = read.split(' ').collect();
            let missed: Vec<&str> = entry.expected.split(' ').filter(|field| !fields.contains(field)).collect();
            let line = entry.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            (!missed.is_empty()).then(|| format!("{} not read: {}\n  read {read}\n  {line}", entry.place, missed.join(" ")))
        })
        .collect();
    assert!(all.len() >= 200, "{}", all.len());
    assert!(wrong.is_empty(), "{} of {} texts are read otherwise:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn the_corpus_is_broad() {
    assert!(entries().len() >= 320, "{}", entries().len());
    let distinct: BTreeSet<String> = entries().into_iter().map(|entry| entry.text).collect();
    assert_eq!(distinct.len(), entries().len(), "a wording stands twice");
}

#[test]
fn each_rule_decides_a_line_of_the_corpus() {
    let index = index().unwrap();
    let mut seen = index.seen();
    let mut decided = BTreeSet::new();
    for entry in entries().into_iter().chain(recorded()) {
        each_line(entry.text.as_bytes(), |line| {
            decided.extend(index.search(line.text.trim(), &mut seen).rule.map(|(_, number, _)| number));
        });
    }
    let all = TABLES.iter().flat_map(|table| table.iter()).enumerate();
    let idle: Vec<_> = all.filter(|(number, _)| !decided.contains(number)).map(|(_, rule)| rule.needles).collect();
    assert!(idle.is_empty(), "{} rules decide nothing:\n{idle:#?}", idle.len());
}

#[test]
fn colours_line_ends_and_noise_change_nothing() {
    for entry in entries() {
        let plain = shown(read_paste(entry.text.as_bytes()).as_ref());
        let coloured = format!("\x1b[1;31m{}\x1b[0m", entry.text.replace('\n', "\x1b[0m\x1b[K\n\x1b[32m"));
        let windows = entry.text.replace('\n', "\r\n");
        let wide: Vec<u8> = entry.text.bytes().flat_map(|byte| [byte, 0]).collect();
        let mut noisy = b"\xff\xfe\x00\x01\x02\x80\n\x1b]0;title\x07\n".to_vec();
        noisy.extend(entry.text.bytes());
        noisy.extend(b"\n\xc3\x28\xf0\x9f\x00\x7f");
        for (kind, text) in [("colours", coloured.into_bytes()), ("line ends", windows.into_bytes()), ("noise", noisy)] {
            assert_eq!(shown(read_paste(&text).as_ref()), plain, "{kind} around {}", entry.place);
        }
        if entry.text.is_ascii() {
            assert_eq!(shown(read_paste(&wide).as_ref()), plain, "UTF-16 of {}", entry.place);
        }
    }
}

#[test]
fn no_prefix_and_no_cut_character_panics() {
    for entry in entries() {
        let bytes = entry.text.as_bytes();
        for end in 0..bytes.len().min(600) {
            let _ = read_paste(&bytes[..end]);
        }
    }
    for odd in
        ["’:80", "é:8080", "port ‘", "['’'", "http://", "http://[", "[::", ":::", "('", "\u{9b}", "/dev/tcp/é/1", "host ‘’ port"]
    {
        for wording in ["connection refused", "address already in use", "could not resolve host: ", "port out of range:"] {
            let _ = read_paste(format!("{odd}{wording}{odd} {wording} {odd}").as_bytes());
        }
    }
}

#[test]
fn a_large_log_is_read_whole() {
    let mut log = "2026-11-21 12:00:00 INFO request served in 3 ms, port 8080, host localhost:3000\n".repeat(13_000);
    log.push_str("Error: listen EADDRINUSE: address already in use :::3000\n");
    let paste = read_paste(log.as_bytes()).unwrap();
    assert_eq!((paste.symptom, paste.port, paste.line_number), (Symptom::InUse, Some(3000), 13_001));
    let refused = "dial tcp 127.0.0.1:5432: connect: connection refused ".repeat(20_000);
    let paste = read_paste(refused.as_bytes()).unwrap();
    assert_eq!((paste.port, paste.line.raw().len()), (Some(5432), 300));
    // Rows of words that each could begin an address.
    for word in [" host=", " port", "::", "[", "('", " a+", "/ ", "unix:", "\x1b]"] {
        let row = format!("connection refused {}\n", word.repeat(4000 / word.len()));
        assert_eq!(read_paste(row.repeat(250).as_bytes()).map(|paste| paste.symptom), Some(Symptom::Refused), "{word}");
    }
    let mut many = String::new();
    for port in 1000..20_000 {
        many += "Error: connect ECONNREFUSED 127.0.0.1:";
        many += &port.to_string();
        many.push('\n');
    }
    assert_eq!(read_paste(many.as_bytes()).unwrap().others.len(), 8);
}

#[test]
fn a_failed_bind_explains_refused_connections_to_its_port() {
    let paste = read_paste(
        b"curl: (7) Failed to connect to localhost port 3000 after 0 ms: Couldn't connect to server\n\
          Error: listen EADDRINUSE: address already in use :::3000\n\
          Error: connect ECONNREFUSED 127.0.0.1:5432\n",
    );
    let paste = paste.unwrap();
    assert_eq!((paste.symptom, paste.line_number), (Symptom::InUse, 2));
    assert_eq!(paste.others.iter().map(|other| other.port).collect::<Vec<_>>(), [Some(3000), Some(5432)]);
    assert!(paste.others.iter().all(|other| other.others.is_empty()));
}

#[test]
fn the_innermost_cause_explains_a_trace() {
    let paste = read_paste(
        b"java.lang.RuntimeException: request failed\n\
          Caused by: java.net.SocketTimeoutException: Read timed out\n\
          \tat x.Y(Y.java:10)\n\
          Caused by: java.net.ConnectException: Failed to connect to localhost/127.0.0.1:9200\n",
    );
    let paste = paste.unwrap();
    assert_eq!((paste.symptom, paste.port, paste.others.len()), (Symptom::Refused, Some(9200), 1));
}

#[test]
fn retries_and_echoes_lose_to_errors() {
    let paste = read_paste(
        b"level=warn msg=\"dial tcp 127.0.0.1:5432: connect: connection refused\"\n\
          502 Bad Gateway\n\
          panic: listen tcp :8080: bind: address already in use\n",
    );
    assert_eq!(paste.map(|paste| (paste.symptom, paste.port)), Some((Symptom::InUse, Some(8080))));
}

#[test]
fn other_errors_are_told_once() {
    let paste = read_paste(
        "Error: connect ECONNREFUSED 127.0.0.1:5432\nError: connect ECONNREFUSED 127.0.0.1:6379\n".repeat(50).as_bytes(),
    );
    let paste = paste.unwrap();
    assert_eq!((paste.port, paste.others.len(), paste.others[0].port), (Some(5432), 1, Some(6379)));
}
