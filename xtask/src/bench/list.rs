//! `bench list`: reading the machine's sockets and their owners, whole process, on three loads.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::{Value, json};

use super::{
    build_portward,
    measure::{CREATES, Measured, Run, most_descriptors},
    measured_beside, peers, table,
};
use crate::{
    command,
    failure::{Failure, on_path},
    load::Which,
    places,
};

/// A command that is measured.
pub(super) struct Row {
    /// As a person would type it.
    pub(super) command: &'static str,
    /// The loads it is measured on.
    pub(super) loads: &'static [Which],
    /// What it may take at most, by load.
    pub(super) aims: &'static [(Which, Aim)],
    /// Too slow to be run more than once.
    pub(super) once: bool,
}

/// What the issue asks of a command.
#[derive(Clone, Copy)]
pub(super) enum Aim {
    /// At most this many times another row's wall time.
    Of(f64, &'static str),
    /// Fewer milliseconds than this.
    Below(f64),
}

/// The benchmark from outside: installs, builds, measures each load in namespaces of its own, writes the page.
pub(super) fn run(only: Option<Which>, dry_run: bool) -> Result<ExitCode, Failure> {
    let versions = peers::installed()?;
    build_portward()?;
    let mut loads = Vec::new();
    for (load, name, _) in LOADS.iter().filter(|(load, ..)| only.is_none_or(|only| only == *load)) {
        loads.push((*load, read(&measured_beside("list", name)?)?));
    }
    let text = table::page(&loads, &versions)?;
    println!("{text}");
    if !dry_run && only.is_none() {
        table::write("list", &text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The benchmark beside the load: every row in turn, again and again.
pub(super) fn beside(load: Which, file: &Path) -> Result<ExitCode, Failure> {
    let runs = LOADS.iter().find(|(each, ..)| *each == load).map_or(1, |(_, _, runs)| *runs);
    let measurer = peers::measurer()?;
    let rows: Vec<&Row> = ROWS.iter().filter(|row| row.loads.contains(&load)).collect();
    let mut taken: BTreeMap<&str, Vec<Run>> = BTreeMap::new();
    // The first round warms up and is thrown away.
    for round in 0..=runs {
        for row in &rows {
            if row.once && round != 1 {
                continue;
            }
            let run = Run::of(&measurer, &words(row.command))?;
            if round > 0 {
                taken.entry(row.command).or_default().push(run);
            }
        }
    }
    let mut all = serde_json::Map::new();
    for (name, runs) in taken {
        if let Some(mut measured) = Measured::of(&runs) {
            if name.starts_with("portward") {
                measured.descriptors = descriptors(name);
            }
            all.insert(name.to_owned(), measured.to_json());
        }
    }
    fs::write(file, json!(all).to_string()).map_err(|error| on_path("written", file, &error))?;
    Ok(ExitCode::SUCCESS)
}

/// The programs themselves, where a person types their names.
fn words(command: &str) -> Vec<String> {
    let mut words = command.split_whitespace();
    let name = words.next().unwrap_or_default();
    let program: PathBuf = if name == "portward" { places::release_binary() } else { peers::program(name) };
    std::iter::once(program.to_string_lossy().into_owned()).chain(words.map(str::to_owned)).collect()
}

/// Counted in a run of its own, as strace makes everything slow.
fn descriptors(command: &str) -> Option<usize> {
    command::which("strace")?;
    let folder = tempfile::tempdir().ok()?;
    let log = folder.path().join("strace");
    let mut strace = command::program("strace", ["--follow-forks", "--quiet=all", "--signal=none"]);
    strace.arg(format!("--trace=fcntl,{}", CREATES.join(","))).arg("--output").arg(&log).args(words(command));
    strace.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    // Its exit code is the program's, which may well be 1.
    strace.status().ok()?;
    most_descriptors(&fs::read_to_string(&log).ok()?)
}

fn read(text: &str) -> Result<BTreeMap<String, Measured>, Failure> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| Failure::new(format!("No measurements were written: {error}.")))?;
    let rows = value.as_object().into_iter().flatten();
    Ok(rows.filter_map(|(name, row)| Some((name.clone(), Measured::from_json(row)?))).collect())
}

/// The loads, their names and how often each row is run.
pub(super) const LOADS: &[(Which, &str, usize)] = &[(Which::A, "a", 11), (Which::B, "b", 15), (Which::C, "c", 7)];

const fn row(command: &'static str, aims: &'static [(Which, Aim)]) -> Row {
    Row { command, loads: &[Which::A, Which::B, Which::C], aims, once: false }
}

/// Every command, peers first; the order is the order of the table.
pub(super) const ROWS: &[Row] = &[
    row(SS, &[]),
    row(SS_ALL, &[]),
    row("lsof -nP -iTCP -sTCP:LISTEN", &[]),
    row("netstat -tlnp", &[]),
    row("fuser 49342/tcp", &[]),
    row("killport --dry-run 49342", &[]),
    row("somo -l --json --no-pager", &[]),
    Row { command: "somo -l --no-pager", loads: &[Which::B], aims: &[], once: true },
    row("netstat2-listeners", &[]),
    row("portward list --tcp", &[(Which::A, Aim::Of(0.6, SS)), (Which::B, Aim::Of(0.55, SS)), (Which::C, Aim::Of(0.35, SS))]),
    row("portward list --tcp --json", &[]),
    row("portward", &[]),
    row("portward list --json", &[]),
    Row { command: "portward list", loads: &[Which::B], aims: &[(Which::B, Aim::Of(1.3, "portward list --json"))], once: false },
    row("portward list --all", &[(Which::C, Aim::Of(0.35, SS_ALL))]),
    row("portward explain 49342", &[]),
    row("portward explain 49341", &[(Which::A, Aim::Below(1.0)), (Which::B, Aim::Below(1.0)), (Which::C, Aim::Below(1.0))]),
];

/// The peer that everything is compared with; and the one that reads every socket.
pub(super) const SS: &str = "ss -tlnp";
pub(super) const SS_ALL: &str = "ss -tunap";

#[cfg(test)]
mod tests {
    use super::{Aim, LOADS, ROWS};

    #[test]
    fn every_aim_compares_with_a_row_of_the_same_load() {
        for row in ROWS {
            for (load, aim) in row.aims {
                assert!(row.loads.contains(load), "{}", row.command);
                if let Aim::Of(_, other) = aim {
                    let other = ROWS.iter().find(|row| row.command == *other).expect("is a row");
                    assert!(other.loads.contains(load), "{}", row.command);
                }
            }
        }
        assert_eq!(LOADS.len(), 3);
    }
}
