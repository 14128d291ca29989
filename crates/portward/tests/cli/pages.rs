//! What the README and the chapter on the doctor show is what the doctor prints: each block is run again in its lab.
//!
//! `PORTWARD_WRITE=1 cargo test -p portward --test cli pages` writes the blocks anew.

use std::{fs, path::Path};

use crate::world;

#[test]
fn the_chapter_shows_what_is_printed() {
    holds("docs/doctor.md", 5);
}

#[test]
fn the_readme_shows_what_is_printed() {
    holds("README.md", 1);
}

/// Every block of a page, which has this many, is what its lab makes the doctor print.
#[track_caller]
fn holds(page: &str, expected: usize) {
    let Some(world) = world() else { return };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
    let chapter = fs::read_to_string(&path).unwrap();
    let mut parts = chapter.split("<!-- lab: ");
    let mut written = parts.next().unwrap_or_default().to_owned();
    let mut blocks = 0;
    for part in parts {
        let (name, rest) = part.split_once(" -->\n").expect("the mark has an end");
        let block = rest.strip_prefix("\n```console\n").expect("a block follows");
        let (block, after) = block.split_once("```").expect("the block has an end");
        let command = block.lines().next().and_then(|line| line.strip_prefix("$ portward ")).expect("a command is shown");
        // The world of a lab has a /tmp of its own, where this program's path may lead nowhere; its name does.
        let script = format!("COLUMNS=100 exec portward {command}");
        let outcome = world.portward(&["lab", "start", name, "--exec", "sh", "-c", &script]).expect(1);
        let shown = repair_of(&outcome.stdout);
        if std::env::var_os("PORTWARD_WRITE").is_none() {
            assert_eq!(steady(block), steady(&format!("$ portward {command}\n{shown}")), "{name}: {outcome}");
        }
        let block = format!("<!-- lab: {name} -->\n\n```console\n$ portward {command}\n{shown}```{after}");
        written.push_str(&block);
        blocks += 1;
    }
    assert_eq!(blocks, expected, "{page}");
    if std::env::var_os("PORTWARD_WRITE").is_some() {
        fs::write(path, written).unwrap();
    }
}

/// The answer up to its repairs: what was ruled out beside it depends on the machine.
fn repair_of(text: &str) -> String {
    let ends = ["possible  ", "not done  ", "ruled out ", "note      "];
    let kept = text.lines().take_while(|line| !ends.iter().any(|end| line.starts_with(end)) && !line.ends_with(" ms"));
    kept.flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// Words, without numbers and line ends: times, pids and queues differ from run to run.
fn steady(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.contains("to be accepted, of at most"));
    let words = lines.flat_map(str::split_whitespace).map(|word| match word.parse::<f64>() {
        Ok(_) => "0".to_owned(),
        Err(_) => word.replace(|c: char| c.is_ascii_digit(), "0").replace("00", "0"),
    });
    words.collect::<Vec<_>>().join(" ")
}
