//! Would this bind succeed, and if not, precisely why.
//!
//! Answered from the kernel's own rules (`inet_bind`, `inet_csk_get_port`, `udp_lib_get_port`,
//! `inet_rcv_saddr_equal`; `ip(7)`, `socket(7)`) and one snapshot, for the reader's own network namespace.
//! What decides and cannot be seen, such as the options of another program's socket, makes the answer
//! [`Verdict::Depends`], never a guess.
//!
//! Each cause is one file and one line in [`CHECKS`].

mod addr_not_local;
mod bound_not_listening;
mod conflict;
mod held_by_other_user;
mod kernel_holds;
mod link_local_without_zone;
mod multicast_over_tcp;
mod overlap;
mod port_held_by_connection;
mod port_held_by_outgoing;
mod port_held_by_process;
mod port_held_dualstack;
pub(crate) mod privileged_port;
mod question;
mod reuseport_mismatch;
mod self_connect;
mod socket_activation;
mod stale_unix_socket;
mod time_wait;
mod tried;
mod unix_path_held;
pub(crate) mod words;

use portward_model::{Finding, Likelihood, Snapshot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use question::View;
pub use question::{BindHost, BindQuestion};
pub use tried::Bound;

use crate::rule_sentences;

/// The code of a bind that the kernel refused for no reason that could be seen.
pub const UNEXPLAINED: &str = "bind-refused";

/// Every cause for which a bind is refused, in the order in which the kernel asks.
pub const CHECKS: &[Check] = &[
    link_local_without_zone::CHECK,
    multicast_over_tcp::CHECK,
    addr_not_local::CHECK,
    privileged_port::CHECK,
    port_held_by_process::CHECK,
    port_held_dualstack::CHECK,
    held_by_other_user::CHECK,
    socket_activation::CHECK,
    kernel_holds::CHECK,
    reuseport_mismatch::CHECK,
    bound_not_listening::CHECK,
    self_connect::CHECK,
    port_held_by_outgoing::CHECK,
    port_held_by_connection::CHECK,
    time_wait::CHECK,
    unix_path_held::CHECK,
    stale_unix_socket::CHECK,
];

/// One cause: its name, its page and the function that looks for it.
pub struct Check {
    /// Stable slug that reads as what was found.
    pub code: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The page: what it is, the evidence, the fix.
    pub doc: &'static str,
    pub(crate) run: fn(&View<'_>) -> Option<Finding>,
    #[cfg(test)]
    pub(crate) cases: fn() -> Cases,
}

/// Situations in which a check speaks, and in which it must not.
#[cfg(test)]
pub(crate) struct Cases {
    pub(crate) fires: Vec<(Snapshot, BindQuestion)>,
    pub(crate) silent: Vec<(Snapshot, BindQuestion)>,
}

/// Whether a bind would succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing that was seen refuses it.
    Succeeds,
    /// The kernel refuses it.
    Refused,
    /// It depends on something that could not be seen; the causes say on what.
    Depends,
}

/// The answer to a [`BindQuestion`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BindAnswer {
    /// Whether it would succeed.
    pub verdict: Verdict,
    /// Why not, most certain first; empty when it would succeed.
    pub causes: Vec<Finding>,
    /// The rules that apply to the port and the options that the answer assumes, one sentence each.
    pub rules: Vec<String>,
}

impl BindAnswer {
    /// Yes, no, or `None` where it depends on something that could not be seen.
    pub fn possible(&self) -> Option<bool> {
        match self.verdict {
            Verdict::Succeeds => Some(true),
            Verdict::Refused => Some(false),
            Verdict::Depends => None,
        }
    }

    /// The verdict as one sentence.
    pub fn sentence(&self) -> &'static str {
        match self.verdict {
            Verdict::Succeeds => "A bind would succeed now.",
            Verdict::Refused => "A bind would be refused.",
            Verdict::Depends if self.causes.iter().any(|cause| cause.likelihood == Likelihood::Likely) => {
                "A bind would likely be refused."
            }
            Verdict::Depends => "A bind may be refused.",
        }
    }
}

/// Whether `bind` and `listen` at an address would succeed for the reader, in its own network namespace.
pub fn bind(snapshot: &Snapshot, question: &BindQuestion) -> BindAnswer {
    let view = View::new(snapshot, question);
    let mut causes: Vec<Finding> = CHECKS.iter().filter_map(|check| (check.run)(&view)).collect();
    causes.sort_by_key(|cause| cause.likelihood);
    let verdict = match causes.first().map(|cause| cause.likelihood) {
        None => Verdict::Succeeds,
        Some(Likelihood::Certain) => Verdict::Refused,
        Some(Likelihood::Likely | Likelihood::Possible) => Verdict::Depends,
    };
    BindAnswer { verdict, causes, rules: rules(&view) }
}

/// The page of a check, by its code.
pub(crate) fn page(code: &str) -> Option<&'static str> {
    CHECKS.iter().find(|check| check.code == code).map(|check| check.doc)
}

fn rules(view: &View<'_>) -> Vec<String> {
    let question = view.question;
    if question.transport.is_unix() {
        return Vec::new();
    }
    let mut rules = match &view.snapshot.rules {
        Some(rules) => rule_sentences(question.port, rules),
        None => vec!["the kernel's port rules could not be read".to_owned()],
    };
    match (question.options.reuse_address, question.options.reuse_port) {
        (true, true) => rules.push("assumes that the program sets SO_REUSEADDR and SO_REUSEPORT".to_owned()),
        (true, false) => rules.push("assumes that the program sets SO_REUSEADDR, as most servers do".to_owned()),
        (false, true) => rules.push("assumes that the program sets SO_REUSEPORT".to_owned()),
        (false, false) => {}
    }
    rules
}

#[cfg(test)]
mod tests {
    use portward_model::{Likelihood, Transport};

    use super::{BindQuestion, CHECKS, Verdict, View, bind, page};
    use crate::fixture::{held, listener, machine};

    #[test]
    fn every_check_fires_and_keeps_silent() {
        for check in CHECKS {
            let cases = (check.cases)();
            assert!(!cases.fires.is_empty() && !cases.silent.is_empty(), "{}", check.code);
            for (snapshot, question) in &cases.fires {
                let cause = (check.run)(&View::new(snapshot, question))
                    .unwrap_or_else(|| panic!("{} is silent: {question:?}", check.code));
                assert_eq!(cause.code, check.code);
                assert!(!cause.evidence.is_empty() && !cause.remedies.is_empty(), "{}", check.code);
                assert!(cause.summary.ends_with('.') && !cause.summary.contains('!'), "{}", cause.summary);
                assert!(
                    cause.summary.starts_with(|c: char| c.is_uppercase() || c == '/' || c.is_ascii_digit() || c == '['),
                    "{}",
                    cause.summary
                );
                let answer = bind(snapshot, question);
                assert!(answer.causes.iter().any(|cause| cause.code == check.code));
                assert_ne!(answer.verdict, Verdict::Succeeds);
            }
            for (snapshot, question) in &cases.silent {
                let cause = (check.run)(&View::new(snapshot, question));
                assert_eq!(cause, None, "{} fires: {question:?}", check.code);
            }
        }
    }

    #[test]
    fn codes_are_unique_kebab_slugs_with_pages() {
        let mut codes: Vec<&str> = CHECKS.iter().map(|check| check.code).collect();
        codes.sort_unstable();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        for check in CHECKS {
            assert!(check.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", check.code);
            assert!(!check.summary.is_empty() && !check.summary.ends_with('.'), "{}", check.code);
            for heading in ["## What it is", "## Evidence", "## Fix"] {
                assert!(check.doc.contains(heading), "{} lacks {heading}", check.code);
            }
            assert_eq!(page(check.code), Some(check.doc));
        }
    }

    #[test]
    fn a_free_port_can_be_bound() {
        let answer = bind(&machine(), &BindQuestion::new(Transport::Tcp, "127.0.0.1".parse().unwrap(), 49342));
        assert_eq!(answer.possible(), Some(true));
        assert_eq!(answer.sentence(), "A bind would succeed now.");
        assert!(answer.rules.iter().any(|rule| rule.contains("ephemeral range")));
    }

    #[test]
    fn the_surest_cause_comes_first() {
        let mut question = BindQuestion::new(Transport::Tcp, "10.9.9.9".parse().unwrap(), 80);
        question.options.reuse_address = false;
        let answer = bind(&held(listener("0.0.0.0", 80)), &question);
        assert_eq!(answer.verdict, Verdict::Refused);
        let codes: Vec<&str> = answer.causes.iter().map(|cause| cause.code.as_str()).collect();
        assert_eq!(codes, ["addr-not-local", "privileged-port", "port-held-by-process"]);
        assert!(answer.causes.iter().all(|cause| cause.likelihood == Likelihood::Certain));
    }

    #[test]
    fn port_0_meets_no_holder() {
        let question = BindQuestion::new(Transport::Tcp, "0.0.0.0".parse().unwrap(), 0);
        assert_eq!(bind(&held(listener("0.0.0.0", 0)), &question).possible(), Some(true));
    }
}
