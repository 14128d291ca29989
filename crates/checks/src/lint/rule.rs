//! Every rule, one file each.

/// A rule: its code and what it is in one line, how bad it is, why, what repairs it, and which kinds of files it reads.
macro_rules! lint {
    ($code:literal: $summary:literal, $severity:ident, reads: [$($kind:literal),*], why: $why:literal, fix: $fix:literal,) => {
        pub(super) const RULE: crate::lint::Rule = crate::lint::Rule {
            code: $code,
            summary: $summary,
            severity: portward_model::Severity::$severity,
            reason: $why,
            fix: $fix,
            kinds: &[$($kind),*],
            run,
            #[cfg(any(test, feature = "scenes"))]
            cases: tests::cases,
        };
    };
}

macro_rules! rules {
    ($($name:ident,)*) => {
        $(mod $name;)*

        /// Every rule.
        pub const RULES: &[super::Rule] = &[$($name::RULE),*];
    };
}

rules! {
    browser_blocked,
    callback_elsewhere,
    client_elsewhere,
    compose_list_appends,
    compose_open_to_all,
    debugger_on_service,
    ephemeral_port,
    expose_differs,
    file_disagrees,
    listens_elsewhere,
    localhost_in_container,
    localhost_one_family,
    port_told_twice,
    privileged_port,
    services_share_port,
    table_stale,
}

/// What the files of rules work with.
mod prelude {
    pub(super) use portward_model::{Evidence, Finding, Likelihood, Transport};
    pub(super) use portward_wire::source::{Fact, What};

    #[cfg(any(test, feature = "scenes"))]
    pub(super) use crate::lint::{Cases, given};
    pub(super) use crate::lint::{
        File, Project,
        unit::{Unit, units},
        words,
    };
}
