//! What was measured, as the tables of docs/benchmarks.md.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use super::{
    list::{Aim, ROWS, SS, SS_ALL},
    measure::Measured,
};
use crate::{command, failure::Failure, load::Which, places};

type Rows = BTreeMap<String, Measured>;

/// The measured part of the page.
pub(super) fn page(loads: &[(Which, Rows)], versions: &[String]) -> Result<String, Failure> {
    let mut text = machine(versions)?;
    for (load, rows) in loads {
        let runs = rows.get(SS).map_or(0, |row| row.runs);
        let _ = write!(text, "\n### {}\n\nMedians of {runs} runs after one warm-up, all commands in turn.\n\n", title(*load));
        text.push_str(&table(*load, rows));
    }
    Ok(text)
}

fn title(load: Which) -> &'static str {
    match load {
        Which::A => "Load (a): quiet, one listener",
        Which::B => "Load (b): 2,001 listeners, 200 processes",
        Which::C => "Load (c): 20,000 connections, 40,000 sockets",
        _ => "",
    }
}

fn table(load: Which, rows: &Rows) -> String {
    let mut text = String::from("| command | wall ms (least) | CPU ms | peak MiB | fds | to `ss -tlnp` | aim | met |\n");
    text.push_str("|---|--:|--:|--:|--:|--:|---|---|\n");
    let ss = rows.get(SS);
    for row in ROWS {
        let Some(measured) = rows.get(row.command) else { continue };
        let ours = row.command.starts_with("portward");
        let ratio = ss.map_or_else(String::new, |ss| format!("{:.2}", measured.wall_ms / ss.wall_ms));
        let mut aims =
            row.aims.iter().filter(|(of, _)| *of == load).map(|(_, aim)| judged(*aim, measured, rows)).collect::<Vec<_>>();
        // All sockets are compared with the peer that reads all sockets.
        let name = if row.command.contains("--all") { SS_ALL } else { SS };
        if ours && let Some(peer) = rows.get(name) {
            let ratio = measured.peak_mib / peer.peak_mib;
            aims.push((format!("peak at most 1.5 of `{name}` ({ratio:.2})"), ratio <= 1.5));
            if let Some(count) = measured.descriptors {
                aims.push(("at most 16 fds".to_owned(), count <= 16));
            }
        }
        // 0 and 1 are answers; anything else means that the command could not do it.
        if ours && !matches!(measured.code, 0 | 1) {
            aims.push((format!("exit code {}", measured.code), false));
        }
        let (told, met) = verdicts(&aims);
        let once = if row.once { ", 1 run" } else { "" };
        let fds = measured.descriptors.map_or_else(String::new, |count| count.to_string());
        let Measured { wall_ms, least_ms, cpu_ms, peak_mib, .. } = measured;
        let name = row.command;
        let _ = writeln!(
            text,
            "| `{name}` | {wall_ms:.2} ({least_ms:.2}{once}) | {cpu_ms:.2} | {peak_mib:.1} | {fds} | {ratio} | {told} | {met} |"
        );
    }
    text
}

fn judged(aim: Aim, measured: &Measured, rows: &Rows) -> (String, bool) {
    match aim {
        Aim::Below(limit) => (format!("below {limit} ms"), measured.wall_ms < limit),
        Aim::Of(limit, other) => match rows.get(other) {
            Some(other_row) => {
                let ratio = measured.wall_ms / other_row.wall_ms;
                (format!("at most {limit} of `{other}` ({ratio:.2})"), ratio <= limit)
            }
            None => (format!("at most {limit} of `{other}`, which was not measured"), false),
        },
    }
}

/// The aims in words, and whether each is met.
pub(super) fn verdicts(aims: &[(String, bool)]) -> (String, String) {
    let told = aims.iter().map(|(aim, _)| aim.as_str()).collect::<Vec<_>>().join("; ");
    let met = aims.iter().map(|(_, met)| if *met { "yes" } else { "**no**" }).collect::<Vec<_>>().join("; ");
    (told, met)
}

/// How busy the machine is, as the kernel counts it over a minute.
pub(super) fn load_average() -> Result<String, Failure> {
    let told = places::read(Path::new("/proc/loadavg"))?;
    Ok(told.split_whitespace().next().unwrap_or("unknown").to_owned())
}

/// The machine, the day and the versions.
pub(super) fn machine(versions: &[String]) -> Result<String, Failure> {
    let kernel = places::read(Path::new("/proc/sys/kernel/osrelease"))?;
    let memory = places::read(Path::new("/proc/meminfo"))?;
    let kib =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    let processor = places::read(Path::new("/proc/cpuinfo"))?;
    let processor = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let day = command::output(command::program("date", ["--utc", "+%Y-%m-%d"]))?;
    let rust = command::output(command::program("rustc", ["--version"]))?;
    let mut text = String::new();
    let gib = kib.unwrap_or(0) / 1024 / 1024;
    let _ = writeln!(
        text,
        "Measured on {}, Linux {}, {cores} cores ({processor}), {gib} GiB of memory, {}.",
        day.trim(),
        kernel.trim(),
        rust.trim()
    );
    if !versions.is_empty() {
        let _ = writeln!(text, "Peers: {}.", versions.join(", "));
    }
    Ok(text)
}

/// Puts the measured part of a benchmark between its markers.
pub(super) fn write(bench: &str, text: &str) -> Result<(), Failure> {
    let place = places::root().join("docs/benchmarks.md");
    let page = places::read(&place)?;
    let new = between(&page, bench, text)
        .ok_or_else(|| Failure::new("docs/benchmarks.md has lost its markers.").hint(format!("{} and {END}", begin(bench))))?;
    places::write(&place, &new)
}

fn between(page: &str, bench: &str, text: &str) -> Option<String> {
    let begin = begin(bench);
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n\n{}\n\n{END}{after}", text.trim()))
}

fn begin(bench: &str) -> String {
    format!("<!-- measured: begin, written by `cargo xtask bench {bench}` -->")
}

const END: &str = "<!-- measured: end -->";

#[cfg(test)]
mod tests {
    use super::{END, Rows, begin, between, table};
    use crate::{bench::measure::Measured, load::Which};

    fn measured(wall_ms: f64, peak_mib: f64) -> Measured {
        Measured { wall_ms, least_ms: wall_ms, cpu_ms: wall_ms, peak_mib, code: 0, runs: 3, descriptors: None }
    }

    #[test]
    fn each_aim_is_judged() {
        let rows: Rows = [
            ("ss -tlnp".to_owned(), measured(10.0, 3.0)),
            ("portward list --tcp".to_owned(), measured(5.0, 6.0)),
            ("portward explain 49341".to_owned(), measured(0.9, 3.0)),
        ]
        .into();
        let text = table(Which::A, &rows);
        assert!(
            text.contains("| at most 0.6 of `ss -tlnp` (0.50); peak at most 1.5 of `ss -tlnp` (2.00) | yes; **no** |"),
            "{text}"
        );
        assert!(text.contains("| below 1 ms; peak at most 1.5 of `ss -tlnp` (1.00) | yes; yes |"), "{text}");
    }

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let (one, two) = (begin("list"), begin("doctor"));
        let page = format!("# Page\n{one}\nold\n{END}\nrest\n{two}\nold\n{END}\n");
        let expected = format!("# Page\n{one}\nold\n{END}\nrest\n{two}\n\nnew\n\n{END}\n");
        assert_eq!(between(&page, "doctor", "new"), Some(expected));
        assert_eq!(between("# Page", "list", "new"), None);
    }
}
