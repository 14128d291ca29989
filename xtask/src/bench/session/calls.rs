//! What the three trapped calls cost: the same loops inside a session and outside, in turn.

use std::{collections::BTreeMap, fmt::Write as _, net::TcpListener, thread};

use serde_json::{Value, json};

use super::{
    actor::{CALLS, LEASED, UNMAPPED},
    room::{Room, Side},
};
use crate::{
    bench::{measure::median, table},
    command,
    failure::Failure,
};

/// Rounds of both sides; for every call the medians outside and inside, in microseconds.
pub(super) fn measured(room: &Room) -> Result<Value, Failure> {
    for port in [LEASED, UNMAPPED] {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port))
            .map_err(|error| Failure::new(format!("A listener on 127.0.0.1:{port} could not be made: {error}.")))?;
        thread::spawn(move || listener.incoming().for_each(drop));
    }
    let (project, program) = (room.project("calls")?, crate::load::myself()?);
    let program = program.to_string_lossy();
    let mut taken: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    // The first round warms up and is thrown away.
    for round in 0..=ROUNDS {
        let outside = read(&command::output(room.on(Side::Outside, &project, &[&program, "actor", "calls"]))?)?;
        let inside = read(&command::output(room.on(Side::Inside, &project, &[&program, "actor", "calls"]))?)?;
        for (name, ..) in ROWS {
            let (Some(outside), Some(inside)) = (outside[name].as_f64(), inside[name].as_f64()) else {
                return Err(Failure::new(format!("The loops did not measure `{name}`.")));
            };
            if round > 0 {
                taken.entry(name).or_default().push((outside, inside));
            }
        }
    }
    Ok(json!(taken))
}

fn read(told: &str) -> Result<Value, Failure> {
    serde_json::from_str(told).map_err(|error| Failure::new(format!("The loops printed no JSON: {error}.")))
}

/// The calls against the aims.
pub(super) fn rows_table(rounds: &Value) -> String {
    let mut text = format!(
        "\n### What a call costs\n\nMedians of {ROUNDS} rounds, outside and inside in turn; a round is the median of {CALLS} calls one \
         after another. What is added is\nthe median of the rounds' differences.\n\n\
         | call | outside us | inside us | added us (least to most) | aim | met |\n|---|--:|--:|--:|---|---|\n"
    );
    for (name, title, limit) in ROWS {
        let pairs: Vec<(f64, f64)> = serde_json::from_value(rounds[name].clone()).unwrap_or_default();
        let middle = |of: fn(&(f64, f64)) -> f64| median(pairs.iter().map(of).collect());
        let (Some(outside), Some(inside), Some(added)) =
            (middle(|pair| pair.0), middle(|pair| pair.1), middle(|pair| pair.1 - pair.0))
        else {
            continue;
        };
        let differences = || pairs.iter().map(|(outside, inside)| inside - outside);
        let (least, most) = (differences().fold(f64::INFINITY, f64::min), differences().fold(f64::NEG_INFINITY, f64::max));
        let aims: Vec<_> = limit.iter().map(|limit| (format!("at most {limit} added"), added <= *limit)).collect();
        let (aims, met) = table::verdicts(&aims);
        let _ =
            writeln!(text, "| {title} | {outside:.1} | {inside:.1} | {added:.1} ({least:.1} to {most:.1}) | {aims} | {met} |");
    }
    text
}

const ROUNDS: usize = 7;

/// The loops of the measuring program, in words, and what each call may cost more inside, in microseconds.
const ROWS: &[(&str, &str, Option<f64>)] = &[
    ("bind", "`bind` to port 3000", Some(20.0)),
    ("listen", "`listen` on a new socket", Some(20.0)),
    ("mapped", "`connect` to port 3000, which the project serves", Some(40.0)),
    ("unmapped", "`connect` to port 4000, which the project does not have", Some(30.0)),
    ("leased", "`connect` to port 3001, which the project has and does not serve", Some(30.0)),
    ("elsewhere", "`connect` to another address", Some(15.0)),
    ("server", "a whole server: `socket`, `bind`, `listen`, `close`, one told after the other", None),
    ("chain", "`bind`, `listen` and `connect` of a server and its own client, one after the other", Some(60.0)),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::rows_table;

    #[test]
    fn what_is_added_is_held_against_the_aim() {
        let rounds = json!({"bind": [[1.0, 16.0], [2.0, 30.0], [1.0, 18.0]], "elsewhere": [[5.0, 25.0]]});
        let text = rows_table(&rounds);
        assert!(text.contains("| 1.0 | 18.0 | 17.0 (15.0 to 28.0) | at most 20 added | yes |"), "{text}");
        assert!(text.contains("| 5.0 | 25.0 | 20.0 (20.0 to 20.0) | at most 15 added | **no** |"), "{text}");
        assert!(!text.contains("`listen` on"), "what was not measured has no row: {text}");
    }
}
