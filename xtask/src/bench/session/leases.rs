//! A thousand lease requests of a hundred processes: the test of the lease store, which says what they took.

use std::{fmt::Write as _, path::PathBuf};

use serde_json::Value;

use crate::{
    bench::{measure::median, table},
    command,
    failure::Failure,
    load,
};

/// Builds the test as it would be released; where its program is.
pub(super) fn build() -> Result<PathBuf, Failure> {
    println!("building the test of leases --release");
    let words =
        ["test", "--quiet", "--release", "--package", "portward-store", "--test", "leases", "--no-run", "--message-format=json"];
    program(&command::output(command::cargo(words))?)
        .ok_or_else(|| Failure::new("Cargo names no program for the test of leases."))
}

/// The test's program, in what cargo tells of a build.
fn program(told: &str) -> Option<PathBuf> {
    let messages = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut tests = messages.filter(|message| message.pointer("/target/name").and_then(Value::as_str) == Some("leases"));
    tests.find_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
}

/// What one run of the test took, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figures {
    p50: f64,
    p90: f64,
    p99: f64,
    slowest: f64,
    together: f64,
}

/// Runs the test again and again, each time in namespaces of its own. It fails where a port is given twice, a process ends with
/// an error, or a lease is lost.
pub(super) fn measured(program: &PathBuf) -> Result<Vec<Figures>, Failure> {
    let mut all = Vec::new();
    for _ in 0..RUNS {
        let mut task = load::namespaces();
        task.args(["sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""]).arg(program);
        task.args(["--exact", "a_thousand_requests_of_a_hundred_processes", "--nocapture"]);
        let told = command::output(task)?;
        all.push(read(&told).ok_or_else(|| Failure::new(format!("The test of leases said no figures: {}", told.trim())))?);
    }
    Ok(all)
}

/// Reads the line of the test.
fn read(told: &str) -> Option<Figures> {
    let line = told.lines().find(|line| line.contains("requests of") && line.contains("p99"))?;
    let after = |name: &str| line.split_once(name)?.1.split_whitespace().next()?.parse::<f64>().ok();
    let ms = |name: &str| after(name).map(|micros| micros / 1000.0);
    Some(Figures {
        p50: ms("p50 ")?,
        p90: ms("p90 ")?,
        p99: ms("p99 ")?,
        slowest: ms("slowest ")?,
        together: after("together ")?,
    })
}

/// The figures against the aim.
pub(super) fn rows_table(all: &[Figures]) -> String {
    let middle = |of: fn(&Figures) -> f64| median(all.iter().map(of).collect()).unwrap_or(0.0);
    let least = all.iter().map(|figures| figures.p99).fold(f64::INFINITY, f64::min);
    let most = all.iter().map(|figures| figures.p99).fold(f64::NEG_INFINITY, f64::max);
    let p99 = middle(|figures| figures.p99);
    let (aims, met) = table::verdicts(&[
        ("no duplicate, no error".to_owned(), !all.is_empty()),
        (format!("p99 below {TAIL_MS} ms"), p99 < TAIL_MS),
    ]);
    let mut text = format!(
        "\n### A thousand lease requests of a hundred processes at once\n\nThe test of the lease store, {RUNS} times, each with a store and ten \
         projects that nobody has asked for before; medians of the runs, in ms.\nA process opens the store and asks ten times; the first \
         request counts from the moment at which all begin.\n\n\
         | p50 | p90 | p99 (least to most) | slowest | all together | aim | met |\n|--:|--:|--:|--:|--:|---|---|\n"
    );
    let _ = writeln!(
        text,
        "| {:.2} | {:.1} | {p99:.1} ({least:.1} to {most:.1}) | {:.1} | {:.0} | {aims} | {met} |",
        middle(|figures| figures.p50),
        middle(|figures| figures.p90),
        middle(|figures| figures.slowest),
        middle(|figures| figures.together)
    );
    text
}

const RUNS: usize = 9;
const TAIL_MS: f64 = 50.0;

#[cfg(test)]
mod tests {
    use super::{Figures, program, read, rows_table};

    #[test]
    fn the_line_of_the_test_is_understood() {
        let told = "running 1 test\n1000 requests of 100 processes: p50 87 us, p90 21500 us, p99 112000 us, slowest 140000 us; all processes together 301 ms\ntest a ... ok\n";
        let figures = Figures { p50: 0.087, p90: 21.5, p99: 112.0, slowest: 140.0, together: 301.0 };
        assert_eq!(read(told), Some(figures));
        assert_eq!(read("test a ... FAILED"), None);
        let text = rows_table(&[figures, Figures { p99: 40.0, ..figures }, Figures { p99: 48.0, ..figures }]);
        assert!(
            text.contains("| 48.0 (40.0 to 112.0) | 140.0 | 301 | no duplicate, no error; p99 below 50 ms | yes; yes |"),
            "{text}"
        );
    }

    #[test]
    fn cargo_names_the_program() {
        let told = "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"portward_ops\"},\"executable\":null}\n\
                    {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"leases\"},\"executable\":\"/t/leases-1\"}\n";
        assert_eq!(program(told), Some("/t/leases-1".into()));
        assert_eq!(program("error"), None);
    }
}
