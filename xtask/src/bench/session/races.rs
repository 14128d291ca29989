//! What a program wins that races its supervisor: how often a listener gets past it, how long it stays unpinned, and how many stay so.

use serde_json::{Value, json};

use super::room::{Room, Side};
use crate::{command, failure::Failure, places};

/// Runs the races of the tests (`races.c`), many of them.
pub(super) fn measured(room: &Room) -> Result<Value, Failure> {
    let project = room.project("races")?;
    let program = project.join("racer");
    let source = places::root().join("crates/portward/tests/cli/run/races.c");
    let mut compile = command::program("cc", ["-O2", "-pthread", "-o"]);
    compile.args([&program, &source]);
    command::run(compile)?;
    let words = [program.to_string_lossy().into_owned(), RACES.to_string(), "listen".to_owned()];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let told = command::output(room.on(Side::Inside, &project, &words))?;
    let numbers: Vec<u64> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [races, past, mended, escaped, mean, longest] = numbers[..] else {
        return Err(Failure::new(format!("The races printed no counts: {told}.")));
    };
    Ok(json!({"races": races, "past": past, "mended": mended, "escaped": escaped, "mean": mean, "longest": longest}))
}

/// The counts in words.
pub(super) fn rows_table(counts: &Value) -> String {
    let count = |name: &str| counts[name].as_u64().unwrap_or_default();
    format!(
        "\n### What a race with the supervisor wins\n\nOne thread listens on a Unix socket while another puts a TCP socket in its place: \
         {} races, in which {} sockets listened\nunpinned when the call came back. {} of them were pinned, {} us later on average and \
         {} us at most; {} stayed unpinned.\n",
        count("races"),
        count("past"),
        count("mended"),
        count("mean"),
        count("longest"),
        count("escaped"),
    )
}

const RACES: u32 = 1_000_000;
