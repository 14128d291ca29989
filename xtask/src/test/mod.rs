//! The one command that installs what it needs and runs everything.
//!
//! Nothing is passed over in silence: what cannot be done here is a SKIPPED line with its reason, and the
//! last line counts all of it.

mod counts;
pub(crate) mod install;
mod nobody;
mod npm;
mod packages;
mod pypi;
mod steps;

use std::{process::ExitCode, time::Instant};

pub(crate) use steps::{BY_NAME, SKIPS};

use crate::{
    failure::Failure,
    test::counts::{Counts, Outcome, summary},
};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Leave out fuzzing, skeletons and real programs
    #[arg(long)]
    quick: bool,
    /// Run this step alone, and install nothing unless it is `install`
    #[arg(long, value_name = "STEP", value_parser = NAMES)]
    only: Option<String>,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut outcomes = Vec::new();
    for (name, step) in STEPS {
        let wanted = match &arguments.only {
            Some(only) => only == name,
            None => !(arguments.quick && SLOW.contains(name)),
        };
        if !wanted {
            continue;
        }
        println!("\n== {name}");
        let begun = Instant::now();
        let Tally { counts, trouble, skips, unsteady, .. } = step(arguments.quick);
        let took = begun.elapsed();
        for skip in &skips {
            println!("SKIPPED {skip}");
        }
        let verdict = if counts.failed > 0 { "failed" } else { "done" };
        println!("== {name} {verdict} in {:.1} s", took.as_secs_f64());
        if let Some(trouble) = &trouble {
            println!("{trouble}");
        }
        outcomes.push(Outcome { step: name, took, counts, trouble, skips, unsteady });
    }
    let (text, total) = summary(&outcomes);
    print!("{text}");
    if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a step found.
#[derive(Default)]
struct Tally {
    counts: Counts,
    trouble: Option<String>,
    skips: Vec<String>,
    /// Tests that failed, and that passed.
    failed: Vec<String>,
    passed: Vec<String>,
    /// Tests that failed beside the others, and passed by themselves.
    unsteady: Vec<String>,
}

impl Tally {
    fn passed() -> Self {
        Self { counts: Counts::PASSED, ..Self::default() }
    }

    fn failed(trouble: impl Into<String>) -> Self {
        Self { counts: Counts::FAILED, trouble: Some(trouble.into()), ..Self::default() }
    }

    /// The whole step is left out.
    fn skipped(reason: impl Into<String>) -> Self {
        Self::default().with_skips(vec![reason.into()])
    }

    /// Parts are left out; each counts once.
    fn with_skips(mut self, skips: Vec<String>) -> Self {
        self.counts.skipped += skips.len();
        self.skips.extend(skips);
        self
    }
}

impl From<Result<(), Failure>> for Tally {
    fn from(done: Result<(), Failure>) -> Self {
        done.map_or_else(|failure| Self::failed(failure.to_string()), |()| Self::passed())
    }
}

type Step = fn(quick: bool) -> Tally;

/// Cheap ones first, so that a slip is told in seconds.
const STEPS: &[(&str, Step)] = &[
    ("install", steps::install),
    ("format", steps::format),
    ("tidy", steps::tidy),
    ("lint", steps::lint),
    ("docs", steps::docs),
    ("tests", steps::tests),
    ("nobody", nobody::step),
    ("release", steps::release),
    ("generated", steps::generated),
    ("skeletons", steps::skeletons),
    ("fuzz", steps::fuzz),
];

const NAMES: [&str; 11] =
    ["install", "format", "tidy", "lint", "docs", "tests", "nobody", "release", "generated", "skeletons", "fuzz"];

/// Left out by `--quick`.
const SLOW: &[&str] = &["skeletons", "fuzz"];

#[cfg(test)]
mod tests {
    use super::{NAMES, SLOW, STEPS};

    #[test]
    fn every_step_can_be_named() {
        assert_eq!(STEPS.iter().map(|(name, _)| *name).collect::<Vec<_>>(), NAMES);
        assert!(SLOW.iter().all(|slow| NAMES.contains(slow)));
    }
}
