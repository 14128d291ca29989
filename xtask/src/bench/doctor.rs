//! `bench doctor`: the doctor asked in every lab, about one endpoint beside 2,001 listeners, and about public reports.

mod endpoint;
mod reports;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::{Value, json};

use super::{
    build_portward,
    measure::{Run, median, percentile},
    measured_beside, peers, table,
};
use crate::{
    command,
    failure::{Failure, on_path},
    load::Which,
    places,
};

/// The benchmark from outside: builds, measures in namespaces of their own, writes the page.
pub(super) fn run(only: Option<Which>, dry_run: bool) -> Result<ExitCode, Failure> {
    if only.is_some_and(|only| !matches!(only, Which::A | Which::B)) {
        return Err(Failure::new("The doctor is asked in every lab beside load a, and about one endpoint beside load b."));
    }
    let versions = peers::packages(DEBIAN)?;
    peers::build_measurer()?;
    build_portward()?;
    let before = table::load_average()?;
    let mut text = String::new();
    for (which, name) in [(Which::A, "a"), (Which::B, "b")] {
        if only.is_some_and(|only| only != which) {
            continue;
        }
        let written = measured_beside("doctor", name)?;
        let value: Value =
            serde_json::from_str(&written).map_err(|error| Failure::new(format!("No measurements were written: {error}.")))?;
        text.push_str(&if which == Which::A { labs_table(&value) } else { endpoint::rows_table(&value) });
    }
    if only.is_none() {
        text.push_str(&reports::table(&reports::asked()?));
    }
    let machine = table::machine(&versions)?;
    let text = format!("{machine}Load average (1 minute): {before} before, {} after.\n{text}", table::load_average()?);
    println!("{text}");
    if !dry_run && only.is_none() {
        table::write("doctor", &text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The benchmark in the namespaces of a load.
pub(super) fn beside(load: Which, file: &Path) -> Result<ExitCode, Failure> {
    let written = if load == Which::A { every_lab()? } else { endpoint::measured()? };
    fs::write(file, written.to_string()).map_err(|error| on_path("written", file, &error))?;
    Ok(ExitCode::SUCCESS)
}

/// What of a lab reaches the doctor, and the cause that it should name.
struct Lab {
    name: String,
    cause: String,
    target: String,
    paste: Option<String>,
    listen: bool,
    sandbox: bool,
}

impl Lab {
    fn read(text: &str) -> Option<Self> {
        let lab: toml::Table = text.parse().ok()?;
        let word = |name: &str| Some(lab.get(name)?.as_str()?.to_owned());
        Some(Self {
            name: word("name")?,
            cause: word("cause")?,
            target: word("target")?,
            paste: word("paste"),
            listen: word("question")? == "listen",
            sandbox: lab.get("world").and_then(|world| world.get("sandbox")).is_some(),
        })
    }

    fn all() -> Result<Vec<Self>, Failure> {
        let files = places::files_below(&places::root().join("crates/lab/labs"))?;
        let read = |file: &PathBuf| {
            Self::read(&places::read(file)?).ok_or_else(|| Failure::new(format!("{} is no lab.", file.display())))
        };
        files.iter().filter(|file| file.extension().is_some_and(|end| end == "toml")).map(read).collect()
    }

    /// Starts the faulty world and asks the doctor in it, as the tests do; what was printed.
    fn ask(&self, measurer: &Path, home: &Path) -> Result<String, Failure> {
        let mut task = command::program(places::release_binary(), ["lab", "start", &self.name, "--json", "--exec"]);
        task.arg(measurer).arg("--through");
        if self.sandbox {
            task.arg("sandbox");
        }
        task.args(["portward", "doctor", &self.target, "--json"]);
        if self.listen {
            task.arg("--bind");
        }
        if let Some(paste) = &self.paste {
            task.args(["--text", paste]);
        }
        // Nothing of whoever measures: a proxy in the environment would be a finding.
        let path = std::env::var_os("PATH").unwrap_or_default();
        task.env_clear().env("PATH", path).env("HOME", home).env("LC_ALL", "C.UTF-8").current_dir(home);
        command::output(task)
    }
}

/// One answer in a lab.
#[derive(Debug, PartialEq)]
struct Answer {
    right: bool,
    /// What it waited for, in the doctor's own words.
    waited: Option<String>,
    took_ms: f64,
    run: Run,
}

impl Answer {
    /// Reads what a lab, the doctor in it and the measuring program printed, a line each.
    fn read(printed: &str, cause: &str) -> Option<Self> {
        let [_, said, measured] = printed.trim().lines().collect::<Vec<_>>().try_into().ok()?;
        let said: Value = serde_json::from_str(said).ok()?;
        let first = said.pointer("/causes/0/code").and_then(Value::as_str);
        let took_ms = said.get("took_ms")?.as_f64()?;
        Some(Self { right: first == Some(cause), waited: waited(&said), took_ms, run: Run::read(measured)? })
    }
}

/// What had to be waited for before the doctor could answer: time to pass, or an answer that did not come.
fn waited(said: &Value) -> Option<String> {
    let list = |name: &str| said.get(name).and_then(Value::as_array).into_iter().flatten();
    let watched = list("notes").filter_map(Value::as_str).find(|note| note.starts_with("watched for"));
    let silent = || {
        let met = list("probes").filter_map(|probe| probe.get("met")?.as_str());
        met.into_iter().find(|met| matches!(*met, "no answer" | "accepted, then silence"))
    };
    watched.map(|_| "watched").or_else(silent).map(str::to_owned)
}

/// Every lab in turn, as often as [`RUNS_IN_LABS`] says; a row for each.
fn every_lab() -> Result<Value, Failure> {
    let (measurer, labs) = (peers::measurer()?, Lab::all()?);
    let home = tempfile::tempdir().map_err(|error| Failure::new(format!("A temporary folder could not be made: {error}.")))?;
    let mut rows = Vec::new();
    for lab in &labs {
        let mut answers = Vec::new();
        for _ in 0..RUNS_IN_LABS {
            match lab.ask(&measurer, home.path()).map(|printed| Answer::read(&printed, &lab.cause)) {
                Ok(Some(answer)) => answers.push(answer),
                Ok(None) => println!("{}: no answer", lab.name),
                Err(failure) => println!("{}: {}", lab.name, failure.sentence),
            }
        }
        let column = |of: fn(&Answer) -> f64| answers.iter().map(of).collect::<Vec<_>>();
        rows.push(json!({
            "name": lab.name,
            "runs": answers.len(),
            "right": answers.iter().filter(|answer| answer.right).count(),
            "waited": answers.iter().find_map(|answer| answer.waited.as_deref()),
            "took_ms": median(column(|answer| answer.took_ms)),
            "wall_ms": median(column(|answer| answer.run.wall_ms)),
            "cpu_ms": median(column(|answer| answer.run.cpu_ms)),
            "peak_mib": column(|answer| answer.run.peak_mib).into_iter().fold(0.0, f64::max),
        }));
    }
    Ok(json!(rows))
}

/// The labs without a wait against the aims, and those with one.
fn labs_table(rows: &Value) -> String {
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let number = |row: &Value, name: &str| row.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let count = |name: &str| rows.iter().filter_map(|row| row.get(name)?.as_u64()).sum::<u64>();
    let (asked, skipped): (Vec<&Value>, Vec<&Value>) = rows.iter().partition(|row| number(row, "runs") > 0.0);
    let (waiting, others): (Vec<&Value>, Vec<&Value>) = asked.iter().partition(|row| row["waited"].is_string());
    let mut text = format!(
        "\n### Every lab, asked in its faulty world\n\n{} labs, each asked {RUNS_IN_LABS} times, every time in a new world; the median of a \
         lab's runs stands for it. The first cause\nwas the lab's in {} of {} answers.\n\n",
        asked.len(),
        count("right"),
        count("runs")
    );
    text.push_str(
        "| labs | how many | the doctor's own ms: median | 95th percentile | process ms: median | 95th percentile | CPU ms: median \
         | 95th percentile | highest peak MiB | aim | met |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|---|---|\n",
    );
    for (title, rows, is_aimed) in [("nothing to wait for", &others, true), ("something to wait for", &waiting, false)] {
        let column = |name: &str| rows.iter().map(|row| number(row, name)).collect::<Vec<_>>();
        let peak = column("peak_mib").into_iter().fold(0.0, f64::max);
        let half = |name: &str| median(column(name)).unwrap_or(0.0);
        let tail = |name: &str| percentile(column(name), 95).unwrap_or(0.0);
        let (wall, wall_tail) = (half("wall_ms"), tail("wall_ms"));
        let mut aims = Vec::new();
        if is_aimed {
            aims.push((format!("median at most {MEDIAN_MS} ms"), wall <= MEDIAN_MS));
            aims.push((format!("95th percentile at most {TAIL_MS} ms"), wall_tail <= TAIL_MS));
        }
        aims.push((format!("peak at most {PEAK_MIB} MiB"), peak <= PEAK_MIB));
        let (aims, met) = table::verdicts(&aims);
        let (took, took_tail) = (half("took_ms"), tail("took_ms"));
        let (cpu, cpu_tail) = (half("cpu_ms"), tail("cpu_ms"));
        let _ = writeln!(
            text,
            "| {title} | {} | {took:.0} | {took_tail:.0} | {wall:.1} | {wall_tail:.1} | {cpu:.1} | {cpu_tail:.1} | {peak:.1} \
             | {aims} | {met} |",
            rows.len()
        );
    }
    let named = |rows: &[&Value], column: &str| {
        let mut rows: Vec<(f64, &str)> =
            rows.iter().map(|row| (number(row, column), row["name"].as_str().unwrap_or("?"))).collect();
        rows.sort_by(|one, other| one.0.total_cmp(&other.0));
        rows.iter().map(|(ms, name)| format!("`{name}` {ms:.0}")).collect::<Vec<_>>().join(", ")
    };
    for kind in ["watched", "no answer", "accepted, then silence"] {
        let such: Vec<&Value> = waiting.iter().copied().filter(|row| row["waited"] == kind).collect();
        if !such.is_empty() {
            let what =
                if kind == "watched" { "Watched, in ms: ".to_owned() } else { format!("A connection met \"{kind}\", in ms: ") };
            let _ = write!(text, "\n{what}{}.\n", named(&such, "wall_ms"));
        }
    }
    let slow: Vec<&Value> = others.iter().copied().filter(|row| number(row, "wall_ms") > MEDIAN_MS).collect();
    if !slow.is_empty() {
        let _ = write!(text, "\nNothing to wait for, and above {MEDIAN_MS} ms: {}.\n", named(&slow, "wall_ms"));
    }
    for row in rows.iter().filter(|row| row["right"] != row["runs"]) {
        let _ = write!(
            text,
            "\n`{}`: {} of {} answers named its cause first.\n",
            row["name"].as_str().unwrap_or("?"),
            row["right"],
            row["runs"]
        );
    }
    if !skipped.is_empty() {
        let _ = write!(text, "\nNot built or not answered here: {}.\n", named(&skipped, "runs"));
    }
    text
}

const RUNS_IN_LABS: usize = 3;

/// The aims: over the labs in which nothing must be waited for, and for memory.
const MEDIAN_MS: f64 = 60.0;
const TAIL_MS: f64 = 500.0;
const PEAK_MIB: f64 = 30.0;

/// Debian packages of the peers.
const DEBIAN: &[&str] = &["iproute2", "lsof", "curl"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Answer, Lab, labs_table, waited};

    #[test]
    fn the_answer_tells_what_was_waited_for() {
        let met = |met: &str| json!({"notes": [], "probes": [{"met": "refused"}, {"met": met}]});
        assert_eq!(waited(&met("answered")), None);
        assert_eq!(waited(&met("accepted, then closed")), None);
        assert_eq!(waited(&met("no answer")).as_deref(), Some("no answer"));
        assert_eq!(waited(&met("accepted, then silence")).as_deref(), Some("accepted, then silence"));
        assert_eq!(waited(&json!({"notes": ["watched for 1200 ms"], "probes": []})).as_deref(), Some("watched"));
        // A connection that was only planned has met nothing.
        assert_eq!(waited(&json!({"notes": ["2 connections were made"], "probes": [{"met": null}]})), None);
    }

    #[test]
    fn what_a_lab_prints_is_understood() {
        let said = |code: &str| json!({"causes": [{"code": code}], "notes": [], "probes": [], "took_ms": 12});
        let printed = format!("{{\"started\":{{}}}}\n{}\n15000 9000 4096 1\n", said("no-listener"));
        let answer = Answer::read(&printed, "no-listener").expect("three lines");
        assert!(answer.right && answer.waited.is_none() && answer.run.code == 1, "{answer:?}");
        assert!(!Answer::read(&printed, "time-wait").expect("three lines").right);
        assert_eq!(Answer::read("portward: no lab", "no-listener"), None);
    }

    #[test]
    fn every_lab_can_be_asked() {
        let labs = Lab::all().expect("the folder of labs");
        assert!(labs.iter().any(|lab| lab.sandbox) && labs.iter().any(|lab| lab.listen && lab.paste.is_some()));
    }

    #[test]
    fn labs_that_waited_are_not_held_against_the_aims() {
        let row = |name: &str, waited: Option<&str>, wall: f64, right: u64| json!({"name": name, "runs": 3, "right": right, "waited": waited, "took_ms": wall, "wall_ms": wall, "cpu_ms": 1.0, "peak_mib": 5.0});
        let rows = json!([row("slow", Some("watched"), 4000.0, 3), row("quick", None, 10.0, 3), row("dull", None, 90.0, 2)]);
        let text = labs_table(&rows);
        let all = "| nothing to wait for | 2 | 50 | 90 | 50.0 | 90.0 | 1.0 | 1.0 | 5.0 | median at most 60 ms; 95th percentile at most 500 ms; \
                   peak at most 30 MiB | yes; yes; yes |";
        assert!(text.contains(all), "{text}");
        assert!(text.contains("Watched, in ms: `slow` 4000.") && text.contains("above 60 ms: `dull` 90."), "{text}");
        assert!(text.contains("in 8 of 9 answers") && text.contains("`dull`: 2 of 3 answers"), "{text}");
    }
}
