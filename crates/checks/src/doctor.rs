//! Why does this endpoint fail: every cause with its evidence, best first.
//!
//! A diagnosis is a pure function of a [`Case`]: one snapshot, one examination (how processes fare, what
//! connections met, what files say), what was asked, and what a program printed. Verdicts follow from the kernel's
//! rules; where a fact is out of reach the answer says so and is never "healthy" by default.
//!
//! Each cause is one file and one line in the list of its group. Each rules either itself in, or itself out with the
//! fact that did so, or has nothing to say.

mod after_connect;
mod case;
mod debuggee;
mod denied;
mod edits;
mod hangs;
mod in_use;
mod inquiry;
mod kin;
mod plan;
mod question;
mod refused;
#[cfg(test)]
mod scene;
mod spoken;
mod talk;
mod verdict;
pub(crate) mod words;

use portward_model::Finding;

pub use case::{Asked, Asking, Case, Standing};
pub use inquiry::{Call, Called, Depth, Fact, Inquiry, Sampled, Step, Unread, Wanted, Wide, has_enough};
pub use plan::{Plan, PlannedDial, Speech};
use plan::{Watch, follow_up, may_be_told, plan, suspects, watch};
pub use question::{Misunderstood, Names, Question, Understood, Words, understand};
pub use verdict::{Diagnosis, Verdict, diagnose};

/// Every cause that the doctor knows, group by group, in the order of inquiry.
pub const GROUPS: &[Group] = &[
    Group { name: "spoken", summary: "what the text alone tells", checks: spoken::CHECKS },
    Group { name: "denied", summary: "refused by a rule, an address or a name", checks: denied::CHECKS },
    Group { name: "in-use", summary: "address already in use", checks: in_use::CHECKS },
    Group { name: "hangs", summary: "hangs and timeouts", checks: hangs::CHECKS },
    Group { name: "after-connect", summary: "it connects, then goes wrong", checks: after_connect::CHECKS },
    Group { name: "refused", summary: "connection refused", checks: refused::CHECKS },
];

/// Causes of one kind.
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// What its causes have in common.
    pub summary: &'static str,
    /// The causes, more specific ones first.
    pub checks: &'static [Check],
}

/// One cause: its name, its page and the function that looks for it.
pub struct Check {
    /// Stable slug that reads as what was found.
    pub code: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The page: what it is, the evidence, the fix.
    pub doc: &'static str,
    /// Codes of causes that this one explains: they are not told beside it.
    pub covers: &'static [&'static str],
    pub(crate) run: fn(&Case<'_>) -> Ruling,
    #[cfg(test)]
    pub(crate) cases: fn() -> Cases,
}

/// What a check says of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// It is so.
    Found(Finding),
    /// It could have been, and this fact says that it is not.
    Out(String),
    /// The case does not raise the question, or the facts to answer it are not there.
    Silent,
}

/// Situations in which a check speaks, and in which it must not.
#[cfg(test)]
pub(crate) struct Cases {
    pub(crate) fires: Vec<scene::Scene>,
    pub(crate) silent: Vec<scene::Scene>,
}

/// Every check of every group.
pub fn every_check() -> impl Iterator<Item = &'static Check> {
    GROUPS.iter().flat_map(|group| group.checks)
}

/// The page of a cause of the doctor's, by its code.
pub(crate) fn page(code: &str) -> Option<&'static str> {
    every_check().find(|check| check.code == code).map(|check| check.doc)
}

#[cfg(test)]
mod tests {
    use super::{GROUPS, Ruling, Verdict, diagnose, every_check};

    #[test]
    fn every_check_fires_and_keeps_silent() {
        for check in every_check() {
            let cases = (check.cases)();
            assert!(!cases.fires.is_empty() && !cases.silent.is_empty(), "{} lacks cases", check.code);
            for (at, scene) in cases.fires.iter().enumerate() {
                let case = scene.case();
                let Ruling::Found(told) = (check.run)(&case) else { panic!("{} is silent on case {at}", check.code) };
                assert_eq!(told.code, check.code);
                assert!(!told.evidence.is_empty(), "{} {at} has no evidence", check.code);
                assert!(!told.remedies.is_empty(), "{} {at} has no fix", check.code);
                assert!(told.summary.ends_with('.') && !told.summary.contains('!'), "{}", told.summary);
                let diagnosis = diagnose(&case);
                assert_ne!(diagnosis.verdict, Verdict::Healthy, "{} {at}", check.code);
                let first = diagnosis.causes.first().map(|cause| cause.code.as_str());
                assert_eq!(first, Some(check.code), "{} {at}: {:#?}", check.code, diagnosis.causes);
            }
            for (at, scene) in cases.silent.iter().enumerate() {
                let ruling = (check.run)(&scene.case());
                assert!(!matches!(ruling, Ruling::Found(_)), "{} fires on silent case {at}: {ruling:?}", check.code);
            }
        }
    }

    #[test]
    fn codes_are_unique_kebab_slugs_with_pages() {
        let mut codes: Vec<&str> = every_check().map(|check| check.code).collect();
        codes.sort_unstable();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        for check in every_check() {
            assert!(check.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", check.code);
            assert!(!check.summary.is_empty() && !check.summary.ends_with('.'), "{}", check.code);
            for heading in ["## What it is", "## Evidence", "## Fix"] {
                assert!(check.doc.contains(heading), "{} lacks {heading}", check.code);
            }
            for covered in check.covers {
                let bind = crate::CHECKS.iter().any(|check| check.code == *covered);
                assert!(bind || codes.contains(covered), "{} covers {covered}, which is no cause", check.code);
            }
        }
        assert!(GROUPS.iter().all(|group| !group.checks.is_empty() && !group.summary.is_empty()));
    }
}
