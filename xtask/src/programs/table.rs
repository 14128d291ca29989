//! The page of the listed programs: one row each, with the day on which it was made.

use std::collections::BTreeMap;

use super::{
    entries::Entry,
    outcomes::{Did, Outcomes},
};

/// The page, with new rows for the chosen programs and those of before for the others.
pub(super) fn page(before: &str, all: &[Entry], chosen: &[&Entry], outcomes: &Outcomes, today: &str) -> String {
    let mut rows: BTreeMap<String, String> = before.lines().filter_map(|line| Some((name_of(line)?, line.to_owned()))).collect();
    rows.retain(|name, _| all.iter().any(|entry| entry.name == *name));
    for entry in chosen {
        let did = outcomes.by_user(entry);
        if did.iter().any(|did| matches!(did, Some(Did::Skipped(_)))) {
            continue;
        }
        let [user, root] = did.map(words);
        let core = if entry.core { "every run" } else { "by name" };
        let version = entry.version();
        let row =
            format!("| {} | {} | {user} | {root} | {core} | {today} | {} |", entry.name, inert(&version), inert(&entry.note));
        rows.insert(entry.name.clone(), row);
    }
    let of = |list: &str| {
        let mine = |name: &String| all.iter().any(|entry| entry.name == *name && entry.list == list);
        let mine: Vec<&str> = rows.iter().filter(|(name, _)| mine(name)).map(|(_, row)| row.as_str()).collect();
        mine.join("\n")
    };
    format!("{HEAD}{COLUMNS}{}\n\n{PROJECTS}{COLUMNS}{}\n", of("listed"), of("projects"))
}

/// The program of a row.
fn name_of(line: &str) -> Option<String> {
    let name = line.strip_prefix("| ")?.split(" |").next()?;
    (name != "program").then(|| name.to_owned())
}

fn words(did: Option<&Did>) -> String {
    match did {
        Some(Did::Works) => "works".to_owned(),
        Some(Did::Fails(why)) => format!("fails: {}", inert(why)),
        Some(Did::Skipped(_)) => "not run".to_owned(),
        None => "did not end".to_owned(),
    }
}

/// Text that leaves the table whole.
fn inert(text: &str) -> String {
    text.replace('|', "/").replace(['<', '>'], "").split_whitespace().collect::<Vec<_>>().join(" ")
}

const HEAD: &str = "# Real programs in sessions

Each of these was run twice at once, unmodified, on the same port in two projects, as a user without any right and as root. Both
copies answer inside at the port that they asked for and outside at the one that they got, a second machine on the network reaches no
port of either, and when one is stopped the other goes on. `cargo xtask programs [NAME...]` installs them, runs them and writes this
table; those of *every run* are among the tests that every change passes, beside the ones of
[A localhost of its own](localhost.md#programs-that-are-tested).

";
const PROJECTS: &str = "## Projects

Each of these is a project of real tools, and two copies of it were up at once, without an edit by hand: by `portward up --yes` without a
file, and by `portward init --yes` and `portward up`. Every service was ready, each answered where `portward port` says with what is true
of its copy (its page, what it reads from its database or cache, its debugger), `portward check` found nothing, and `portward down` left no
process and no port. Where root may not run it, the sentence that says so was told.

";
const COLUMNS: &str = "| program | version | as a user | as root | tested | on | note |
|---|---|---|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::{inert, name_of};

    #[test]
    fn rows_are_told_from_the_head() {
        assert_eq!(name_of("| nats | 2.9 | works | works | every run | 2026-11-29 |  |").as_deref(), Some("nats"));
        assert_eq!((name_of("| program | version |"), name_of("|---|---|"), name_of("text")), (None, None, None));
        assert_eq!(inert("a | b\n <c>"), "a / b c");
    }
}
