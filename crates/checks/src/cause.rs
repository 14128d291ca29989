//! Why an endpoint fails: every cause that is known, each one file and one line in the list of its group.
//!
//! A folder of causes holds causes alone. A file holds all of one: its page, the functions that look for it, and the scenes
//! in which it must speak and in which it must not. What causes share is in [`crate::case`] and [`crate::bind`].

/// A cause: its code and what it is in one line, how much its proof says, what judges it and where alone it may be, and the
/// parts of its page.
macro_rules! cause {
    (
        $code:literal: $summary:literal, $proof:ident, $judges:ident($($rule:ident),+) $(if $premise:path)?,
        what: $what:literal, evidence: $evidence:literal, fix: $fix:literal,
    ) => {
        pub(super) const CAUSE: crate::cause::Cause = crate::cause::Cause {
            code: $code,
            summary: $summary,
            doc: concat!("## What it is\n\n", $what, "\n\n## Evidence\n\n", $evidence, "\n\n## Fix\n\n", $fix, "\n\n"),
            proof: crate::check::Proof::$proof,
            judges: cause!(@judges $judges($($rule),+) $(if $premise)?),
            #[cfg(any(test, feature = "scenes"))]
            cases: || cause!(@cases $judges),
        };
    };
    (@judges Endpoint($rule:ident) if $premise:path) => {
        crate::cause::Judges::Endpoint(|case| if $premise(case) { $rule(case) } else { crate::check::Ruling::Silent })
    };
    (@judges $judges:ident($($rule:ident),+)) => {
        crate::cause::Judges::$judges($($rule),+)
    };
    (@judges Event($rule:ident) if $premise:path) => {
        crate::cause::Judges::Event(|case| if $premise(case) { $rule(case) } else { crate::check::Ruling::Silent })
    };
    (@cases Both) => {
        crate::cause::Situations { endpoints: tests::cases(), binds: tests::binds() }
    };
    (@cases $one:ident) => {
        tests::cases().into()
    };
}

/// The causes of a group, more specific ones first.
macro_rules! causes {
    ($($name:ident,)*) => {
        $(mod $name;)*

        pub(super) const CAUSES: &[crate::cause::Cause] = &[$($name::CAUSE),*];
    };
}

mod after_connect;
mod denied;
mod hangs;
mod in_use;
mod refused;
mod spoken;

use portward_model::Finding;

pub(crate) use denied::local_proxy;

#[cfg(any(test, feature = "scenes"))]
use crate::case::scene::Scene;
use crate::{
    bind::View,
    case::Case,
    check::{Check, Page, Proof, Ruling},
};

/// What the files of causes work with.
pub(crate) mod prelude {
    pub(crate) use std::net::IpAddr;

    pub(crate) use portward_model::{
        AddressClass, Attempt, CommandLine, DialTarget, Effect, Evidence, Finding, Likelihood, Mention, MentionKind, Met,
        Process, Remedy, RuleVerdict, Said, Seen, Sentence, ShellLine, Socket, SocketState, SupervisorKind, Text, Transport,
        Vitals, unmap,
    };

    pub(crate) use crate::{
        Elsewhere, Symptom,
        bind::{View, conflict::Kind},
        case::{
            Case, Standing,
            debuggee::debuggee,
            edits, kin, place, refusal,
            serving::{Reached, doors, waited},
            talk, words,
        },
        check::Ruling,
        errno::*,
        offer, program, unit_of_cgroup,
    };
}

/// Every cause, kind by kind, in the order of inquiry; of a refused bind in the order in which the kernel asks.
pub(crate) const GROUPS: &[(Family, &[Cause])] = &[
    (Family::Spoken, spoken::CAUSES),
    (Family::Denied, denied::CAUSES),
    (Family::InUse, in_use::CAUSES),
    (Family::Hangs, hangs::CAUSES),
    (Family::AfterConnect, after_connect::CAUSES),
    (Family::Refused, refused::CAUSES),
];

/// A kind of causes: what they have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The text alone tells.
    Spoken,
    /// Refused by a rule, an address or a name.
    Denied,
    /// Address already in use.
    InUse,
    /// Hangs and timeouts.
    Hangs,
    /// It connects, then goes wrong.
    AfterConnect,
    /// Connection refused.
    Refused,
}

impl Family {
    /// Its causes, more specific ones first.
    pub fn causes(self) -> impl Iterator<Item = &'static Cause> {
        GROUPS.iter().filter(move |(family, _)| *family == self).flat_map(|(_, causes)| *causes)
    }
}

/// One cause: its page, how much its proof says, and what looks for it.
pub struct Cause {
    /// Stable slug that reads as what was found.
    pub code: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The page: what it is, the evidence, the fix.
    pub doc: &'static str,
    pub(crate) proof: Proof,
    pub(crate) judges: Judges,
    #[cfg(any(test, feature = "scenes"))]
    pub(crate) cases: fn() -> Situations,
}

/// The facts that a cause judges.
pub(crate) enum Judges {
    /// How an endpoint fares, by everything that is known about it.
    Endpoint(fn(&Case<'_>) -> Ruling),
    /// What a text tells, whether it names an endpoint of this machine or none.
    Event(fn(&Case<'_>) -> Ruling),
    /// Whether a bind would succeed, by the kernel's rules alone.
    Bind(fn(&View<'_>) -> Option<Finding>),
    /// Both.
    Both(fn(&Case<'_>) -> Ruling, fn(&View<'_>) -> Option<Finding>),
}

impl Cause {
    /// True when it is one for which the kernel refuses a bind.
    pub fn refuses_binds(&self) -> bool {
        matches!(self.judges, Judges::Bind(_) | Judges::Both(..))
    }
}

impl Page for Cause {
    fn code(&self) -> &'static str {
        self.code
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn doc(&self) -> &'static str {
        self.doc
    }
}

impl Check<Case<'_>> for Cause {
    fn run(&self, case: &Case<'_>) -> Ruling {
        match self.judges {
            Judges::Event(rule) => rule(case),
            // Without an endpoint there is nothing to judge but what the text tells.
            Judges::Endpoint(rule) | Judges::Both(rule, _) if !case.asked.is_nowhere() => rule(case),
            Judges::Endpoint(_) | Judges::Both(..) | Judges::Bind(_) => Ruling::Silent,
        }
    }
}

impl Check<View<'_>> for Cause {
    fn run(&self, view: &View<'_>) -> Ruling {
        match self.judges {
            Judges::Bind(refuse) | Judges::Both(_, refuse) => refuse(view).map_or(Ruling::Silent, Ruling::Found),
            Judges::Endpoint(_) | Judges::Event(_) => Ruling::Silent,
        }
    }
}

/// Situations in which a cause speaks, and in which it must not.
#[cfg(any(test, feature = "scenes"))]
pub(crate) struct Cases<Situation = Scene> {
    pub(crate) fires: Vec<Situation>,
    pub(crate) silent: Vec<Situation>,
}

/// Binds that a cause refuses, and others.
#[cfg(any(test, feature = "scenes"))]
pub(crate) type Binds = Cases<(portward_model::Snapshot, crate::BindQuestion)>;

/// The cases of everything that a cause judges.
#[cfg(any(test, feature = "scenes"))]
pub(crate) struct Situations {
    pub(crate) endpoints: Cases,
    pub(crate) binds: Binds,
}

#[cfg(any(test, feature = "scenes"))]
impl From<Cases> for Situations {
    fn from(endpoints: Cases) -> Self {
        Self { endpoints, binds: Cases { fires: Vec::new(), silent: Vec::new() } }
    }
}

#[cfg(any(test, feature = "scenes"))]
impl From<Binds> for Situations {
    fn from(binds: Binds) -> Self {
        Self { endpoints: Cases { fires: Vec::new(), silent: Vec::new() }, binds }
    }
}

/// Every cause of every group.
pub fn every_cause() -> impl Iterator<Item = &'static Cause> {
    GROUPS.iter().flat_map(|(_, causes)| *causes)
}

/// What every cause offers where it is found, scene by scene, with its code: for the tests of those who do it.
#[cfg(feature = "scenes")]
pub fn offered() -> impl Iterator<Item = (&'static str, portward_model::Remedy)> {
    let found = every_cause().flat_map(|cause| {
        let Situations { endpoints, binds } = (cause.cases)();
        let of_endpoints = endpoints.fires.into_iter().map(|scene| cause.run(&scene.case()));
        let of_binds = binds.fires.into_iter().map(|(snapshot, question)| cause.run(&View::new(&snapshot, &question)));
        of_endpoints.chain(of_binds).filter_map(Ruling::found).map(|found| (cause.code, found))
    });
    found.flat_map(|(code, found)| found.remedies.into_iter().map(move |remedy| (code, remedy)))
}

/// The page of a cause, by its code.
pub fn check_doc(code: &str) -> Option<&'static str> {
    every_cause().find(|cause| cause.code == code).map(|cause| cause.doc)
}

#[cfg(test)]
mod tests {
    use portward_model::Finding;

    use super::{Cause, GROUPS, Judges, check_doc, every_cause};
    use crate::{
        Verdict, bind,
        bind::View,
        check::{Check, Ruling},
        doctor::{self, diagnose},
    };

    /// What every finding keeps to.
    fn is_told_well(cause: &Cause, told: &Finding, at: usize) {
        assert_eq!(told.code, cause.code);
        assert!(!told.evidence.is_empty(), "{} {at} has no evidence", cause.code);
        assert!(!told.remedies.is_empty(), "{} {at} has no fix", cause.code);
        let summary = told.summary.to_string();
        assert!(summary.ends_with('.') && !summary.contains('!'), "{summary}");
    }

    #[test]
    fn every_cause_fires_and_keeps_silent() {
        for cause in every_cause().filter(|cause| !matches!(cause.judges, Judges::Bind(_))) {
            let cases = (cause.cases)().endpoints;
            assert!(!cases.fires.is_empty() && !cases.silent.is_empty(), "{} lacks cases", cause.code);
            for (at, scene) in cases.fires.iter().enumerate() {
                let case = scene.case();
                let Ruling::Found(told) = cause.run(&case) else { panic!("{} is silent on case {at}", cause.code) };
                is_told_well(cause, &told, at);
                let diagnosis = diagnose(&case);
                assert_ne!(diagnosis.verdict, doctor::Verdict::Healthy, "{} {at}", cause.code);
                let first = diagnosis.causes.first().map(|cause| cause.code.as_str());
                assert_eq!(first, Some(cause.code), "{} {at}: {:#?}", cause.code, diagnosis.causes);
            }
            for (at, scene) in cases.silent.iter().enumerate() {
                let ruling = cause.run(&scene.case());
                assert!(!matches!(ruling, Ruling::Found(_)), "{} fires on silent case {at}: {ruling:?}", cause.code);
            }
        }
    }

    #[test]
    fn every_cause_refuses_binds_and_grants_others() {
        for cause in every_cause().filter(|cause| cause.refuses_binds()) {
            let cases = (cause.cases)().binds;
            assert!(!cases.fires.is_empty() && !cases.silent.is_empty(), "{}", cause.code);
            for (at, (snapshot, question)) in cases.fires.iter().enumerate() {
                let told = cause.run(&View::new(snapshot, question)).found();
                is_told_well(cause, &told.unwrap_or_else(|| panic!("{} is silent: {question:?}", cause.code)), at);
                let answer = bind(snapshot, question);
                assert!(answer.causes.iter().any(|told| told.code == cause.code));
                assert_ne!(answer.verdict, Verdict::Succeeds);
            }
            for (snapshot, question) in &cases.silent {
                let told = cause.run(&View::new(snapshot, question));
                assert_eq!(told, Ruling::Silent, "{} fires: {question:?}", cause.code);
            }
        }
    }

    #[test]
    fn codes_are_unique_kebab_slugs_with_pages() {
        let mut codes: Vec<&str> = every_cause().map(|cause| cause.code).collect();
        codes.sort_unstable();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        for cause in every_cause() {
            assert!(cause.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", cause.code);
            assert!(!cause.summary.is_empty() && !cause.summary.ends_with('.'), "{}", cause.code);
            for heading in ["## What it is", "## Evidence", "## Fix"] {
                assert!(cause.doc.contains(heading), "{} lacks {heading}", cause.code);
            }
            assert_eq!(check_doc(cause.code), Some(cause.doc));
        }
        assert!(GROUPS.iter().all(|(_, causes)| !causes.is_empty()));
        assert_eq!(check_doc("no-such-code"), None);
    }
}
