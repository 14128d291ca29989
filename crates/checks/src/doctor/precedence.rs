//! Which cause explains which: what is explained is not told beside what explains it.
//!
//! Nobody keeps a list. That nothing listens, that no answer came and that a table has an entry are so whatever the reason, so
//! the cause that says more of the same case explains them. Otherwise causes are compared within their own group, whose list
//! has the more specific ones first; across groups two faults may well stand side by side.

use portward_model::{Finding, Likelihood};

use crate::{Family, UNEXPLAINED, cause::GROUPS, check::Proof};

/// A cause that was found, and where it stands among all.
pub(super) struct Told {
    /// Its group and its place in the order of inquiry; `None` for what no cause explains.
    place: Option<(Family, usize)>,
    proof: Proof,
    pub(super) finding: Finding,
}

impl Told {
    /// What was found by this code; by what is none of a cause's, the least.
    pub(super) fn new(finding: Finding) -> Self {
        let all = GROUPS.iter().flat_map(|(group, causes)| causes.iter().map(move |cause| (*group, cause)));
        match all.enumerate().find(|(_, (_, cause))| cause.code == finding.code) {
            Some((rank, (group, cause))) => Self { place: Some((group, rank)), proof: cause.proof, finding },
            None => Self { place: None, proof: Proof::Absence, finding },
        }
    }

    /// Where it is told: the surest first, then in the order of inquiry.
    pub(super) fn order(&self) -> (Likelihood, usize) {
        (self.finding.likelihood, self.place.map_or(usize::MAX, |(_, rank)| rank))
    }

    /// True where this one explains the other.
    pub(super) fn explains(&self, other: &Self) -> bool {
        let (mine, others) = (self.finding.likelihood, other.finding.likelihood);
        let is_probable = mine <= Likelihood::Likely;
        let as_sure = mine <= others;
        if is_exception(&self.finding.code, &other.finding.code) {
            return is_probable || as_sure;
        }
        if other.finding.code == UNEXPLAINED {
            return is_probable && self.finding.code != UNEXPLAINED;
        }
        let (Some((group, rank)), Some((other_group, other_rank))) = (self.place, other.place) else { return false };
        let near = group == other_group;
        match (self.proof.cmp(&other.proof), other.proof) {
            (std::cmp::Ordering::Greater, Proof::Absence) => is_probable || as_sure,
            (std::cmp::Ordering::Greater, Proof::Reading) => as_sure || (near && is_probable),
            (std::cmp::Ordering::Greater, Proof::Said | Proof::Dialogue | Proof::Rule | Proof::Process) => near && as_sure,
            (std::cmp::Ordering::Equal, _) => near && rank < other_rank && as_sure,
            (std::cmp::Ordering::Less, _) => false,
        }
    }
}

fn is_exception(code: &str, other: &str) -> bool {
    EXCEPTIONS.iter().any(|(by, what)| *by == code && *what == other)
}

/// Causes of different groups whose proofs are of the same fact, which no rule can know.
const EXCEPTIONS: &[(&str, &str)] = &[
    // The cookie that does not come is why the server asks for credentials.
    ("cookie-not-sent", "auth-not-connection"),
    // The text is of a Windows machine; this one's own rules are not in its way.
    ("windows-excluded-range", "privileged-port"),
    ("windows-excluded-range", "sandbox-denied"),
    // The browser turned http into https by itself: the client's TLS is its doing.
    ("dot-dev-hsts", "plaintext-server-tls-client"),
    // The proxy that fails is the client's, not one in front of the server.
    ("proxy-env-captures-localhost", "proxy-upstream-down"),
    // The forward's own words tell whose side it is.
    ("far-end-refuses", "proxy-upstream-down"),
    ("forwarding-forbidden", "proxy-upstream-down"),
    // The engine's forwarder finds nobody because the program inside listens on its own loopback.
    ("container-binds-loopback", "proxy-upstream-down"),
    // One EACCES or EPERM has one author, and packets that were answered met a rule of the filter.
    ("firewall-reject", "sandbox-denied"),
    ("firewall-reject", "landlock-denied"),
    ("firewall-reject", "lsm-denied"),
    // A packet that is routed away meets no filter of the loopback.
    ("policy-route", "firewall-reject"),
];

#[cfg(test)]
mod tests {
    use super::EXCEPTIONS;
    use crate::cause::every_cause;

    #[test]
    fn exceptions_are_few_and_of_real_causes() {
        assert!(EXCEPTIONS.len() <= 12, "the rule should know");
        for (by, what) in EXCEPTIONS {
            assert!(by != what, "{by}");
            for code in [by, what] {
                assert!(every_cause().any(|cause| cause.code == *code), "{code} is no cause");
            }
        }
    }
}
