//! `bench project`: what a shell waits for at each prompt, in a project that declares thirty services.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use super::{
    build_portward,
    measure::{Measured, Run},
    peers, table,
};
use crate::{command, failure::Failure, places};

/// The benchmark: builds, measures, writes the page.
pub(super) fn run(dry_run: bool) -> Result<ExitCode, Failure> {
    peers::build_measurer()?;
    build_portward()?;
    let before = table::load_average()?;
    let rows = measured()?;
    let after = table::load_average()?;
    let text = format!("{}Load average (1 minute): {before} before, {after} after.\n{}", table::machine(&[])?, rows_table(&rows));
    println!("{text}");
    if !dry_run {
        table::write("project", &text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A project of thirty services below a home of its own.
struct Shop {
    home: tempfile::TempDir,
}

impl Shop {
    fn new() -> Result<Self, Failure> {
        let home =
            tempfile::tempdir().map_err(|error| Failure::new(format!("A temporary folder could not be made: {error}.")))?;
        let shop = Self { home };
        places::write(&shop.root().join("portward.toml"), &file())?;
        command::run(shop.program(&[&*places::release_binary().to_string_lossy(), "allow", "--yes"]))?;
        Ok(shop)
    }

    fn root(&self) -> PathBuf {
        self.home.path().join("shop")
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut task = Command::new(words.first().copied().unwrap_or_default());
        let path = std::env::var_os("PATH").unwrap_or_default();
        task.args(words.iter().skip(1)).current_dir(self.root()).env_clear().env("PATH", path).env("LC_ALL", "C.UTF-8");
        task.env("HOME", self.home.path()).env("XDG_STATE_HOME", self.home.path().join("state"));
        task
    }
}

/// Thirty services with two ports each, and a value that derives from each.
fn file() -> String {
    let mut text = String::from("name = \"shop\"\n[env]\n");
    for number in 0..SERVICES {
        let _ = writeln!(text, "URL_{number} = \"{{s{number}.url}}/api?debug={{s{number}.debug.port}}\"");
    }
    for number in 0..SERVICES {
        let (port, debug) = (3000 + number, 9200 + number);
        let after = number.checked_sub(1).map_or_else(String::new, |before| format!("after = [\"s{before}\"]\n"));
        let _ = write!(
            text,
            "[services.s{number}]\ncommand = \"node server.js\"\nport = {port}\nports = {{ debug = {debug} }}\n{after}\
             env = {{ OWN = \"{{URL_{number}}}/v1\" }}\ndescription = \"service {number}\"\n"
        );
    }
    text
}

fn measured() -> Result<BTreeMap<&'static str, Measured>, Failure> {
    let shop = Shop::new()?;
    let (measurer, portward) = (peers::measurer()?, places::release_binary());
    let (measurer, portward): (&Path, &str) = (&measurer, &portward.to_string_lossy());
    let measurer = measurer.to_string_lossy();
    let mut taken: BTreeMap<&str, Vec<Run>> = BTreeMap::new();
    // The first round makes the leases, warms up and is thrown away.
    for round in 0..=RUNS {
        for (name, _) in ROWS {
            let typed = name.split_whitespace().map(|word| if word == "portward" { portward } else { word });
            let words: Vec<&str> = std::iter::once(&*measurer).chain(typed).collect();
            let run = Run::by(shop.program(&words))?;
            if round > 0 {
                taken.entry(name).or_default().push(run);
            }
        }
    }
    Ok(taken.into_iter().filter_map(|(name, runs)| Some((name, Measured::of(&runs)?))).collect())
}

fn rows_table(rows: &BTreeMap<&str, Measured>) -> String {
    let mut text = format!(
        "\n### What answers from portward.toml\n\nA project of {SERVICES} services with two ports and a derived value each. Medians of \
         {RUNS} runs after one warm-up, all commands in turn, each a new process.\n\n\
         | command | wall ms (least) | CPU ms | peak MiB | aim | met |\n|---|--:|--:|--:|---|---|\n"
    );
    for (name, limit) in ROWS {
        let Some(Measured { wall_ms, least_ms, cpu_ms, peak_mib, code, .. }) = rows.get(name) else { continue };
        let mut aims: Vec<_> = limit.iter().map(|limit| (format!("below {limit} ms"), wall_ms < limit)).collect();
        if *code != 0 {
            aims.push((format!("exit code {code}"), false));
        }
        let (aims, met) = table::verdicts(&aims);
        let _ = writeln!(text, "| `{name}` | {wall_ms:.2} ({least_ms:.2}) | {cpu_ms:.2} | {peak_mib:.1} | {aims} | {met} |");
    }
    text
}

const SERVICES: usize = 30;
const RUNS: usize = 51;

const ROWS: &[(&str, Option<f64>)] = &[
    ("true", None),
    ("portward env", Some(8.0)),
    ("portward env s7 --format json", Some(8.0)),
    ("portward url s7", Some(8.0)),
    ("portward port s7.debug", Some(8.0)),
    ("portward hook bash --now=none", Some(8.0)),
    ("portward ports", None),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Measured, file, rows_table};

    #[test]
    fn a_row_is_held_against_its_aim() {
        let row = |wall_ms: f64, code: i32| Measured {
            wall_ms,
            least_ms: wall_ms,
            cpu_ms: 1.0,
            peak_mib: 6.0,
            code,
            runs: 51,
            descriptors: None,
        };
        let rows = BTreeMap::from([("portward env", row(7.0, 0)), ("portward url s7", row(9.0, 2))]);
        let text = rows_table(&rows);
        assert!(text.contains("| `portward env` | 7.00 (7.00) | 1.00 | 6.0 | below 8 ms | yes |"), "{text}");
        assert!(text.contains("| below 8 ms; exit code 2 | **no**; **no** |"), "{text}");
        assert_eq!(file().matches("[services.").count(), 30);
    }
}
