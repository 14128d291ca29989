//! What was counted: the closing lines of test binaries, and the summary made of them.

use std::{collections::BTreeMap, fmt::Write as _, ops::AddAssign, time::Duration};

/// Tests that passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

impl Counts {
    pub(super) const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    pub(super) const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };

    /// Reads one closing line of Rust's test runner; other lines count nothing.
    pub(super) fn read(line: &str) -> Self {
        let Some(rest) = line.trim().strip_prefix("test result: ") else { return Self::default() };
        let count = |word: &str| {
            let mut parts = rest.split([';', '.']).map(str::trim);
            parts.find_map(|part| part.strip_suffix(word)?.trim().parse().ok()).unwrap_or(0)
        };
        Self { passed: count("passed"), failed: count("failed"), skipped: count("ignored") }
    }

    /// Tests that passed because they skipped themselves are no passed tests.
    pub(super) fn without(self, skipped: usize) -> Self {
        Self { passed: self.passed.saturating_sub(skipped), skipped: self.skipped + skipped, ..self }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// One step and how it went.
pub(super) struct Outcome {
    pub(super) step: &'static str,
    pub(super) took: Duration,
    pub(super) counts: Counts,
    /// What went wrong, in a sentence.
    pub(super) trouble: Option<String>,
    /// What was left out, each with its reason.
    pub(super) skips: Vec<String>,
    /// Tests that failed beside the others, and passed by themselves.
    pub(super) unsteady: Vec<String>,
}

/// Everything that the last screen says; its last line is the count alone.
pub(super) fn summary(outcomes: &[Outcome]) -> (String, Counts) {
    let mut text = String::from("\nSTEP             TOOK  PASSED  FAILED  SKIPPED\n");
    let mut total = Counts::default();
    for Outcome { step, took, counts, trouble, .. } in outcomes {
        total += *counts;
        let Counts { passed, failed, skipped } = counts;
        let line = format!("{step:<12} {:>8}  {passed:>6}  {failed:>6}  {skipped:>7}", clock(*took));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}{}", trouble.as_ref().map(|trouble| format!("  {trouble}")).unwrap_or_default());
    }
    text.push('\n');
    for Outcome { step, skips, .. } in outcomes {
        for skip in skips {
            let _ = writeln!(text, "SKIPPED {step}: {skip}");
        }
    }
    let unsteady: Vec<String> =
        outcomes.iter().flat_map(|outcome| outcome.unsteady.iter().map(|test| format!("{}: {test}", outcome.step))).collect();
    if !unsteady.is_empty() {
        let _ = writeln!(text, "\n!!! UNSTEADY: failed beside the others, and passed by themselves. Each has a fault to mend:");
        for test in &unsteady {
            let _ = writeln!(text, "!!!   {test}");
        }
    }
    loudly(&mut text, outcomes);
    let Counts { passed, failed, skipped } = total;
    let _ = writeln!(text, "{passed} passed, {failed} failed, {skipped} skipped");
    (text, total)
}

/// What was not tested only because something is not installed: easily mended, and easily missed in a long list.
fn loudly(text: &mut String, outcomes: &[Outcome]) {
    let mut wants: BTreeMap<&str, usize> = BTreeMap::new();
    for want in outcomes.iter().flat_map(|outcome| &outcome.skips).filter_map(|skip| want(skip)) {
        *wants.entry(want).or_default() += 1;
    }
    if wants.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n!!! NOT TESTED, because something is not installed here:");
    for (want, times) in &wants {
        let _ = writeln!(text, "!!!   {want}{}", if *times == 1 { String::new() } else { format!(" ({times} times)") });
    }
    let _ = writeln!(text, "!!! Everything is tested after: cargo xtask test --only install\n");
}

/// What a skip lacks, where that is a package or a program.
fn want(skip: &str) -> Option<&str> {
    if WANTS.iter().any(|words| skip.contains(words)) {
        let at = BEGINNINGS.iter().filter_map(|words| skip.find(words)).min().unwrap_or(0);
        return skip.get(at..);
    }
    None
}

/// Words of skips for want of a package.
const WANTS: &[&str] = &[
    "the program ",
    "the npm package ",
    "could not be installed",
    "is not installed",
    "are not installed",
    "(default-jdk",
    "util-linux's",
];
/// Where what is wanted begins, behind the name of a test.
const BEGINNINGS: &[&str] = &["the program ", "the npm package "];

fn clock(took: Duration) -> String {
    let seconds = took.as_secs();
    if seconds >= 60 { format!("{} m {:02} s", seconds / 60, seconds % 60) } else { format!("{:.1} s", took.as_secs_f64()) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Counts, Outcome, summary};

    #[test]
    fn closing_lines_are_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 2 ignored; 0 measured; 7 filtered out; finished in 0.31s";
        assert_eq!(Counts::read(line), Counts { passed: 12, failed: 3, skipped: 2 });
        assert_eq!(Counts::read("test a ... ok"), Counts::default());
    }

    #[test]
    fn a_test_that_skipped_itself_did_not_pass() {
        let counts = Counts { passed: 5, failed: 0, skipped: 1 }.without(2);
        assert_eq!(counts, Counts { passed: 3, failed: 0, skipped: 3 });
    }

    #[test]
    fn what_is_not_installed_is_said_loudly_and_once() {
        let skips = |all: &[&str]| all.iter().map(|skip| (*skip).to_owned()).collect();
        let outcome = |step, skips| Outcome {
            step,
            took: Duration::ZERO,
            counts: Counts::PASSED,
            trouble: None,
            skips,
            unsteady: Vec::new(),
        };
        let outcomes = [
            outcome("install", skips(&["caddy could not be installed; needed for Caddy"])),
            outcome("tests", skips(&["names::ruby: the program ruby", "puma: the program ruby", "docker: no engine"])),
        ];
        let (text, _) = summary(&outcomes);
        for line in ["!!!   caddy could not be installed; needed for Caddy", "!!!   the program ruby (2 times)"] {
            assert!(text.lines().any(|own| own == line), "{text}");
        }
        assert!(!text.lines().any(|line| line.starts_with("!!!") && line.contains("docker")), "{text}");
    }

    #[test]
    fn the_last_line_is_the_count_alone() {
        let outcome = |step, counts, skips| Outcome {
            step,
            took: Duration::from_secs(75),
            counts,
            trouble: None,
            skips,
            unsteady: vec!["a::b".to_owned()],
        };
        let outcomes = [
            outcome("format", Counts::PASSED, Vec::new()),
            outcome("tests", Counts { passed: 4, failed: 1, skipped: 2 }, vec!["docker: no engine".to_owned()]),
        ];
        let (text, total) = summary(&outcomes);
        assert!(text.contains("!!! UNSTEADY") && text.contains("!!!   tests: a::b\n") && !text.contains("NOT TESTED"), "{text}");
        assert_eq!(text.lines().last(), Some("5 passed, 1 failed, 2 skipped"));
        assert!(text.contains("SKIPPED tests: docker: no engine") && text.contains("1 m 15 s"), "{text}");
        assert_eq!(total, Counts { passed: 5, failed: 1, skipped: 2 });
    }
}
