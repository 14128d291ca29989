//! How often the doctor is right about public reports: those of `tests/reports`, asked by the test that judges them.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{command, failure::Failure};

/// Right answers of all, for each kind of report and each way to ask, as the test prints them: `reports text refused 6 7`.
pub(super) type Shares = BTreeMap<(String, String), (u64, u64)>;

/// Asks every report.
pub(super) fn asked() -> Result<Shares, Failure> {
    println!("asking the reports");
    let test = ["test", "--quiet", "--package", "portward-checks", "--lib", "reports_are_answered", "--", "--nocapture"];
    Ok(read(&command::output(command::cargo(test))?))
}

fn read(printed: &str) -> Shares {
    let lines = printed.lines().filter_map(|line| {
        let [way, kind, right, all] = line.strip_prefix("reports ")?.split(' ').collect::<Vec<_>>().try_into().ok()?;
        Some(((kind.to_owned(), way.to_owned()), (right.parse().ok()?, all.parse().ok()?)))
    });
    lines.collect()
}

/// A row for each kind, the sum last.
pub(super) fn table(shares: &Shares) -> String {
    let all = |way: &str| shares.get(&(EVERY.to_owned(), way.to_owned())).copied().unwrap_or_default();
    let mut text = format!(
        "\n### Public reports\n\n{} reports of failures that others met, each written down with the causes that it ended with \
         (`tests/reports`), asked on a machine that is\nbuilt from it: by its text alone, by the target alone, and by both. How many \
         of the first answers were right:\n\n| kind | text | target | both |\n|---|--:|--:|--:|\n",
        all("text").1
    );
    let mut kinds: Vec<&String> = shares.keys().map(|(kind, _)| kind).filter(|kind| *kind != EVERY).collect();
    kinds.dedup();
    for kind in kinds.into_iter().map(String::as_str).chain([EVERY]) {
        let cell = |way: &str| match shares.get(&(kind.to_owned(), way.to_owned())) {
            Some((right, all)) => format!("{right} of {all}"),
            None => "-".to_owned(),
        };
        let _ = writeln!(text, "| {kind} | {} | {} | {} |", cell("text"), cell("target"), cell("both"));
    }
    text
}

/// The kind that is the sum of all.
const EVERY: &str = "every";

#[cfg(test)]
mod tests {
    use super::{read, table};

    #[test]
    fn the_shares_are_read_and_shown_by_kind() {
        let printed = "running 1 test\nreports text refused 6 7\nreports text every 8 10\nreports target refused 5 5\nreports both refused 7 7\n\
                       tls/x by text: healthy (), accepted tls-server-plain-client: it is well\ntest result: ok\n";
        let shown = table(&read(printed));
        assert!(shown.contains("10 reports of failures"), "{shown}");
        assert!(shown.contains("| refused | 6 of 7 | 5 of 5 | 7 of 7 |\n| every | 8 of 10 | - | - |"), "{shown}");
    }
}
