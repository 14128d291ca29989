//! One endpoint beside 2,001 listeners: the doctor and what one types by hand, in turn.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener},
    thread,
};

use serde_json::Value;

use super::PEAK_MIB;
use crate::{
    bench::{
        measure::{Measured, Run},
        peers, table,
    },
    failure::Failure,
    places,
};

/// Every row in turn, again and again, beside the load and a healthy HTTP server.
pub(super) fn measured() -> Result<Value, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, HTTP))
        .map_err(|error| Failure::new(format!("A listener on 127.0.0.1:{HTTP} could not be made: {error}.")))?;
    thread::spawn(move || serve(&listener));
    let measurer = peers::measurer()?;
    let mut taken: BTreeMap<&str, Vec<Run>> = BTreeMap::new();
    // The first round warms up and is thrown away.
    for round in 0..=RUNS {
        for (name, ..) in ROWS {
            let run = Run::of(&measurer, &words(name))?;
            if round > 0 {
                taken.entry(name).or_default().push(run);
            }
        }
    }
    let rows = taken.into_iter().filter_map(|(name, runs)| Some((name.to_owned(), Measured::of(&runs)?.to_json())));
    Ok(Value::Object(rows.collect()))
}

/// Answers every request with the same few bytes.
fn serve(listener: &TcpListener) {
    for mut connection in listener.incoming().filter_map(Result::ok) {
        let (mut heard, mut piece) = (Vec::new(), [0; 1024]);
        while !heard.windows(4).any(|window| window == b"\r\n\r\n") {
            match connection.read(&mut piece) {
                Ok(count @ 1..) => heard.extend_from_slice(piece.get(..count).unwrap_or_default()),
                _ => break,
            }
        }
        // A client that has left needs no answer.
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n");
    }
}

/// The words of a row; several commands in turn are a shell's.
fn words(command: &str) -> Vec<String> {
    if command.contains(';') {
        return ["sh", "-c", command].map(str::to_owned).to_vec();
    }
    let mut words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    if let Some(name) = words.first_mut().filter(|name| *name == "portward") {
        *name = places::release_binary().to_string_lossy().into_owned();
    }
    words
}

/// The rows against the aims.
pub(super) fn rows_table(rows: &Value) -> String {
    let rows: BTreeMap<&str, Measured> =
        ROWS.iter().filter_map(|(name, ..)| Some((*name, Measured::from_json(rows.get(*name)?)?))).collect();
    let mut text = format!(
        "\n### One endpoint on load (b): 2,001 listeners, 200 processes\n\nMedians of {RUNS} runs after one warm-up, all commands \
         in turn. Port {HTTP} is a healthy HTTP server.\n\n"
    );
    text.push_str("| command | wall ms (least) | CPU ms | peak MiB | to `ss -tlnp` | to all three by hand | aim | met |\n");
    text.push_str("|---|--:|--:|--:|--:|--:|---|---|\n");
    for (name, limit) in ROWS {
        let Some(measured) = rows.get(name) else { continue };
        let ratio = |other| rows.get(other).map_or_else(String::new, |other| format!("{:.2}", measured.wall_ms / other.wall_ms));
        let Measured { wall_ms, least_ms, cpu_ms, peak_mib, code, .. } = measured;
        let mut aims: Vec<(String, bool)> =
            limit.map(|limit| (format!("at most {limit} ms"), *wall_ms <= limit)).into_iter().collect();
        if name.starts_with("portward") {
            aims.push((format!("peak at most {PEAK_MIB} MiB"), *peak_mib <= PEAK_MIB));
            // 0 and 1 are answers; anything else means that the command could not do it.
            if !matches!(code, 0 | 1) {
                aims.push((format!("exit code {code}"), false));
            }
        }
        let (aims, met) = table::verdicts(&aims);
        let (to_ss, to_hand) = (ratio(SS), ratio(BY_HAND));
        let _ = writeln!(
            text,
            "| `{name}` | {wall_ms:.2} ({least_ms:.2}) | {cpu_ms:.2} | {peak_mib:.1} | {to_ss} | {to_hand} | {aims} | {met} |"
        );
    }
    text
}

/// What is measured beside load (b), and the aim for its wall time in milliseconds. Port 49342 is the load's own, nobody
/// holds 49341.
const ROWS: &[(&str, Option<f64>)] = &[
    (SS, None),
    ("lsof -i :49343 -P -n", None),
    ("curl -s -m1 http://127.0.0.1:49343/", None),
    (BY_HAND, None),
    ("portward doctor 127.0.0.1:49342 --explain-probes --json", Some(PASSIVE_MS)),
    ("portward doctor 127.0.0.1:49343 --explain-probes --json", Some(PASSIVE_MS)),
    ("portward doctor http://127.0.0.1:49343/ --json", Some(PASSIVE_MS)),
];

/// The peer that everything is compared with.
const SS: &str = "ss -tlnp";
/// What one types to learn the same: does it answer, who listens, who holds it.
const BY_HAND: &str = "curl -s -m1 http://127.0.0.1:49343/; ss -tlnp; lsof -i :49343 -P -n";
/// The port of the HTTP server.
const HTTP: u16 = 49_343;
const RUNS: usize = 15;
/// The aim for one endpoint.
const PASSIVE_MS: f64 = 40.0;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::rows_table;

    #[test]
    fn the_passive_answer_is_held_against_its_aim() {
        let row = |wall: f64| json!([wall, wall, wall, 6.0, 1, 15, null]);
        let (ss, ours) = (super::SS, "portward doctor 127.0.0.1:49342 --explain-probes --json");
        let text = rows_table(&json!({ss: row(20.0), ours: row(50.0)}));
        assert!(text.contains("| 2.50 |  | at most 40 ms; peak at most 30 MiB | **no**; yes |"), "{text}");
    }
}
