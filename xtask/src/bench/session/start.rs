//! What it takes to start a program in a session, and to be told a port: whole processes, all commands in turn.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

use super::room::Room;
use crate::{
    bench::{
        measure::{Measured, Run},
        peers, table,
    },
    failure::Failure,
    places,
};

/// Every row in turn, again and again.
pub(super) fn measured(room: &Room) -> Result<Value, Failure> {
    let project = room.project("start")?;
    let (measurer, portward) = (peers::measurer()?, places::release_binary());
    let (measurer, portward) = (measurer.to_string_lossy(), portward.to_string_lossy());
    let mut taken: BTreeMap<&str, Vec<Run>> = BTreeMap::new();
    // The first round makes the leases, warms up and is thrown away.
    for round in 0..=RUNS {
        for (name, ..) in ROWS {
            let typed = name.split_whitespace().map(|word| if word == "portward" { &*portward } else { word });
            let words: Vec<&str> = std::iter::once(&*measurer).chain(typed).collect();
            let run = Run::by(room.program(&project, &words))?;
            if round > 0 {
                taken.entry(name).or_default().push(run);
            }
        }
    }
    let words = [&*measurer, &*portward, "port", "3000"];
    for number in 0..FIRSTS {
        let project = room.project(&format!("start-{number}"))?;
        taken.entry(NEW_PROJECT).or_default().push(Run::by(room.program(&project, &words))?);
        let fresh = Room::new()?;
        taken.entry(NEW_HOME).or_default().push(Run::by(fresh.program(&fresh.project("first")?, &words))?);
    }
    let rows = taken.into_iter().filter_map(|(name, runs)| Some((name.to_owned(), Measured::of(&runs)?.to_json())));
    Ok(Value::Object(rows.collect()))
}

/// The rows against the aims.
pub(super) fn rows_table(rows: &Value) -> String {
    let row = |name: &str| Measured::from_json(rows.get(name)?);
    let mut text = format!(
        "\n### What a start costs\n\nMedians of {RUNS} runs after one warm-up, all commands in turn; the last two rows of {FIRSTS} runs, the first of \
         its project or of its home each.\n\n\
         | command | wall ms (least) | CPU ms | peak MiB | beside `true` | aim | met |\n|---|--:|--:|--:|--:|---|---|\n"
    );
    let nothing = row(TRUE).map_or(0.0, |row| row.wall_ms);
    let last = [(NEW_PROJECT, None), (NEW_HOME, None)];
    for (name, aim) in ROWS.iter().chain(&last) {
        let Some(measured) = row(name) else { continue };
        let Measured { wall_ms, least_ms, cpu_ms, peak_mib, code, .. } = measured;
        let added = wall_ms - nothing;
        let mut aims: Vec<_> = aim
            .iter()
            .map(|aim| match aim {
                Aim::Added(limit) => (format!("at most {limit} ms added"), added <= *limit),
                Aim::Below(limit) => (format!("below {limit} ms"), wall_ms < *limit),
            })
            .collect();
        if code != 0 {
            aims.push((format!("exit code {code}"), false));
        }
        let (aims, met) = table::verdicts(&aims);
        let _ = writeln!(
            text,
            "| `{name}` | {wall_ms:.2} ({least_ms:.2}) | {cpu_ms:.2} | {peak_mib:.1} | {added:+.2} | {aims} | {met} |"
        );
    }
    text
}

/// What a command may take, in milliseconds.
#[derive(Clone, Copy)]
enum Aim {
    /// More than the same program without Portward.
    Added(f64),
    Below(f64),
}

const RUNS: usize = 51;
const FIRSTS: usize = 11;
const TRUE: &str = "true";
const NEW_PROJECT: &str = "cd new-project; portward port 3000";
const NEW_HOME: &str = "HOME=new; portward port 3000";

const ROWS: &[(&str, Option<Aim>)] = &[
    (TRUE, None),
    ("portward run -- true", Some(Aim::Added(8.0))),
    ("portward port 3000", Some(Aim::Below(8.0))),
    ("portward port web", Some(Aim::Below(8.0))),
    ("portward url web", Some(Aim::Below(8.0))),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::rows_table;

    #[test]
    fn a_start_is_compared_with_the_program_alone() {
        let row = |wall: f64, code: i32| json!([wall, wall, wall, 6.0, code, 51, null]);
        let text =
            rows_table(&json!({"true": row(1.0, 0), "portward run -- true": row(9.5, 0), "portward url web": row(7.0, 2)}));
        assert!(text.contains("| 9.50 (9.50) | 9.50 | 6.0 | +8.50 | at most 8 ms added | **no** |"), "{text}");
        assert!(text.contains("| below 8 ms; exit code 2 | yes; **no** |"), "{text}");
    }
}
