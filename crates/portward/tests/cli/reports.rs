//! Public reports on real sockets: those of `tests/reports` whose machine can be made of the cast, asked through the command line.
//!
//! `crates/checks/src/report_tests.rs` says what a report is and asks every one on a machine that is only described. Here the
//! kernel, the readings and the connections are real; a report that needs more than a few listeners on loopback is left to
//! that loop.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::world;

/// What is needed of a report.
struct Report {
    place: String,
    text: String,
    target: Option<String>,
    /// Roles of the cast with their sockets.
    cast: Vec<[String; 2]>,
    accept: Vec<String>,
    worded: Vec<String>,
    never: Vec<String>,
}

impl Report {
    /// `None` where the machine of the report is more than the cast can play.
    fn read(path: &std::path::Path) -> Option<Self> {
        let file = fs::read_to_string(path).unwrap();
        let (head, text) = file.split_once("\n---\n").unwrap();
        let of = |key: &str| head.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).collect::<Vec<_>>();
        let list = |key: &str| of(key).into_iter().flat_map(|value| value.split(", ")).map(str::to_owned).collect::<Vec<_>>();
        let facts = of("machine");
        let cast = facts.iter().map(|fact| player(fact, facts.len() == 1)).collect::<Option<Vec<_>>>()?;
        let accept = list("accept");
        let worded = if of("worded").is_empty() { accept.clone() } else { list("worded") };
        Some(Self {
            place: path.strip_prefix(folder()).unwrap().display().to_string(),
            text: text.to_owned(),
            target: of("target").first().map(|target| (*target).to_owned()),
            cast,
            accept,
            worded,
            never: list("never"),
        })
    }

    fn all() -> Vec<Self> {
        let kinds = fs::read_dir(folder()).unwrap().map(|kind| kind.unwrap().path()).filter(|kind| kind.is_dir());
        let files = kinds.flat_map(|kind| fs::read_dir(kind).unwrap()).map(|file| file.unwrap().path());
        let mut files: Vec<PathBuf> = files.collect();
        files.sort();
        files.iter().filter_map(|file| Self::read(file)).collect()
    }
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/reports"))
}

/// Who plays a line of the machine: a plain server on loopback or on every address, whose program does not matter.
fn player(fact: &str, alone: bool) -> Option<[String; 2]> {
    let rest = fact.strip_prefix("listens ")?;
    let (at, rest) = rest.split_once(' ')?;
    let (command, answer) = rest.split_once(" | ")?;
    let known = PLAIN.iter().any(|plain| command.starts_with(plain));
    let (address, port) = at.rsplit_once(':')?;
    // A low port needs a right, and which user asks is not what these are about.
    let simple = matches!(address, "127.0.0.1" | "0.0.0.0" | "[::]" | "[::1]") && port.parse::<u16>().ok()? > 1023;
    let role = match answer {
        "http 200" => "web",
        "silence" => "mute",
        _ => return None,
    };
    // Beside a listener of IPv4 the other one has IPv6 alone.
    let families = match address {
        "[::]" if alone => ",dual",
        "[::]" => ",v6only",
        _ => "",
    };
    (known && simple).then(|| [role.to_owned(), format!("tcp/{at}{families}")])
}

/// Commands that could as well be any other server.
const PLAIN: &[&str] = &["python3 ", "node ", "java ", "/home/ana/", "/opt/", "beam.smp ", "nginx"];

/// The first cause, or the verdict where there is none; and every cause that is at least likely.
fn said(document: &Value) -> (String, Vec<String>) {
    let causes = document["causes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let code = |cause: &Value| cause["code"].as_str().unwrap_or_default().to_owned();
    let sure = causes.iter().filter(|cause| cause["likelihood"] != "possible").map(code).collect();
    let verdict = document["verdict"].as_str().unwrap_or_default();
    let first = causes.first().filter(|_| verdict == "fault").map_or_else(|| verdict.to_owned(), code);
    (first, sure)
}

#[test]
fn reports_are_answered_on_real_sockets() {
    let reports = Report::all();
    let (mut asked, mut wrong) = (0, Vec::new());
    for report in &reports {
        let Some(world) = world() else { return };
        let _cast: Vec<_> = report.cast.iter().map(|role| world.actor(role)).collect();
        let by_text = ("text", vec!["doctor", "--json", "--text", &report.text], &report.worded);
        let by_both = report.target.as_deref();
        let by_both = by_both.map(|target| ("both", vec!["doctor", target, "--json", "--text", &report.text], &report.accept));
        for (way, words, accepted) in [Some(by_text), by_both].into_iter().flatten() {
            let outcome = world.portward(&words);
            asked += 1;
            let (first, told) =
                if outcome.code == Some(2) { ("misunderstood".to_owned(), Vec::new()) } else { said(&outcome.json()) };
            if !accepted.contains(&first) || report.never.iter().any(|code| told.contains(code)) {
                wrong.push(format!("{} by {way}: {first} ({}), accepted {}", report.place, told.join(" "), accepted.join(" ")));
            }
        }
    }
    assert!(asked >= 48, "{asked} questions of {} reports", reports.len());
    assert!(wrong.len() * 20 <= asked, "{} of {asked} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
