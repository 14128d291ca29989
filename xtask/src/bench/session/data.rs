//! What data costs: the same clients and servers inside a session and outside, in turn.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use serde_json::{Value, json};

use super::room::{Room, Server, Side, Stream};
use crate::{
    bench::{measure::median, table},
    command,
    failure::Failure,
};

/// Rounds of both sides; for every row what went through, outside and inside.
pub(super) fn measured(room: &Room) -> Result<Value, Failure> {
    let project = room.project("data")?;
    let mut servers = Vec::new();
    for side in SIDES {
        let words = ["redis-server", "--bind", "127.0.0.1", "--port", "6379", "--save", "", "--appendonly", "no"];
        let mut server = Server::start(room.on(side, &project, &words), Stream::Output)?;
        server.line("Ready to accept connections")?;
        servers.push(server);
    }
    let mut taken: BTreeMap<String, [Vec<f64>; 2]> = BTreeMap::new();
    // The first round warms up and is thrown away.
    for round in 0..=ROUNDS {
        for (index, side) in SIDES.into_iter().enumerate() {
            let mut note = |name: String, amount: f64| {
                if round > 0 {
                    taken.entry(name).or_default()[index].push(amount);
                }
            };
            note("iperf3".to_owned(), stream(room, side, &project)?);
            for (depth, count) in DEPTHS {
                let words =
                    ["redis-benchmark", "-h", "127.0.0.1", "-p", "6379", "-t", "set,get", "--csv", "-P", depth, "-n", count];
                let told = command::output(room.on(side, &project, &words))?;
                for name in ["SET", "GET"] {
                    let rate = requests(&told, name)
                        .ok_or_else(|| Failure::new(format!("redis-benchmark measured no {name}: {}", told.trim())))?;
                    note(format!("{name} {depth}"), rate);
                }
            }
        }
    }
    Ok(json!(taken))
}

/// One stream over the loopback for a second, in bits a second.
fn stream(room: &Room, side: Side, project: &Path) -> Result<f64, Failure> {
    let words = ["iperf3", "--server", "--one-off", "--port", "5201", "--forceflush"];
    let mut server = Server::start(room.on(side, project, &words), Stream::Output)?;
    server.line("Server listening")?;
    let words = ["iperf3", "--client", "127.0.0.1", "--port", "5201", "--time", "1", "--json"];
    let told = command::output(room.on(side, project, &words))?;
    server.end();
    bits(&told).ok_or_else(|| Failure::new("iperf3 printed no sum of what was received."))
}

fn bits(told: &str) -> Option<f64> {
    let told: Value = serde_json::from_str(told).ok()?;
    told.pointer("/end/sum_received/bits_per_second")?.as_f64()
}

/// The requests a second of a test, in the table of redis-benchmark.
fn requests(told: &str, name: &str) -> Option<f64> {
    let rows = told.lines().map(|line| line.split(',').map(|word| word.trim().trim_matches('"')).collect::<Vec<_>>());
    rows.into_iter().find(|row| row.first() == Some(&name))?.get(1)?.parse().ok()
}

/// What went through against the aim: the middle of the inside runs is no worse than the worst of the outside ones.
pub(super) fn rows_table(taken: &Value) -> String {
    let mut text = format!(
        "\n### What data costs\n\nServer and client both outside, and both inside, in turn; medians of {ROUNDS} runs, with the least and \
         the most of them. The noise\nis what runs outside differ by among themselves.\n\n\
         | what | outside | inside | ratio | noise outside | aim | met |\n|---|--:|--:|--:|--:|---|---|\n"
    );
    for (name, title, unit, scale) in ROWS {
        let sides: Option<[Vec<f64>; 2]> = serde_json::from_value(taken[name].clone()).ok();
        let Some([outside, inside]) = sides else { continue };
        let (Some(out), Some(own)) = (median(outside.clone()), median(inside.clone())) else { continue };
        let ends =
            |of: &[f64]| (of.iter().copied().fold(f64::INFINITY, f64::min), of.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        let ((least, most), (own_least, own_most)) = (ends(&outside), ends(&inside));
        let aims = [("no worse than the worst run outside".to_owned(), own >= least)];
        let (aims, met) = table::verdicts(&aims);
        let shown = |number: f64| format!("{:.1}", number / scale);
        let _ = writeln!(
            text,
            "| {title} | {} {unit} ({} to {}) | {} ({} to {}) | {:.3} | {:.3} to {:.3} | {aims} | {met} |",
            shown(out),
            shown(least),
            shown(most),
            shown(own),
            shown(own_least),
            shown(own_most),
            own / out,
            least / out,
            most / out
        );
    }
    text
}

const SIDES: [Side; 2] = [Side::Outside, Side::Inside];
const ROUNDS: usize = 7;
/// Requests that are under way at once, and requests in all.
const DEPTHS: [(&str, &str); 2] = [("1", "30000"), ("16", "300000")];

/// Rows, in words, with their unit and its size.
const ROWS: &[(&str, &str, &str, f64)] = &[
    ("iperf3", "`iperf3`, one stream for a second", "Gbit/s", 1e9),
    ("SET 1", "`redis-benchmark -t set -P 1`", "thousand/s", 1e3),
    ("GET 1", "`redis-benchmark -t get -P 1`", "thousand/s", 1e3),
    ("SET 16", "`redis-benchmark -t set -P 16`", "thousand/s", 1e3),
    ("GET 16", "`redis-benchmark -t get -P 16`", "thousand/s", 1e3),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{bits, requests, rows_table};

    #[test]
    fn what_the_clients_print_is_understood() {
        assert_eq!(bits(r#"{"end":{"sum_received":{"bits_per_second":4.5e10}}}"#), Some(4.5e10));
        assert_eq!(bits("iperf3: error"), None);
        let told = "\"test\",\"rps\",\"avg_latency_ms\"\n\"SET\",\"98039.22\",\"0.3\"\n\"GET\",\"101010.10\",\"0.2\"\n";
        assert_eq!((requests(told, "SET"), requests(told, "GET")), (Some(98039.22), Some(101_010.10)));
        assert_eq!(requests("Could not connect", "SET"), None);
    }

    #[test]
    fn noise_is_what_runs_outside_differ_by() {
        let text =
            rows_table(&json!({"iperf3": [[40e9, 44e9, 36e9], [37e9, 20e9, 50e9]], "SET 1": [[100e3, 90e3], [80e3, 80e3]]}));
        assert!(text.contains("| 40.0 Gbit/s (36.0 to 44.0) | 37.0 (20.0 to 50.0) | 0.925 | 0.900 to 1.100 |"), "{text}");
        assert!(text.lines().any(|line| line.contains("-t set -P 1`") && line.ends_with("| **no** |")), "{text}");
    }
}
