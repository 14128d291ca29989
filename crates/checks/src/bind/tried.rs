//! A bind as the rules foresee it, set right by what the kernel answered to one that was tried.

use portward_model::{Evidence, Finding, Likelihood, Seen, Sentence, Text};

use super::{BindAnswer, UNEXPLAINED};
use crate::errno::{EACCES, EADDRINUSE, EADDRNOTAVAIL, EINVAL};

/// Whether a bind would succeed, and what stands in its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// True when it would; `None` when it cannot be told.
    pub possible: Option<bool>,
    /// True when a throw-away socket was bound, too.
    pub tried: bool,
    /// What stands in the way.
    pub because: Vec<Finding>,
}

impl Bound {
    /// As the rules foresee it.
    pub fn foreseen(answer: BindAnswer) -> Self {
        let mut found = Self { possible: answer.possible(), tried: false, because: answer.causes };
        for cause in &mut found.because {
            // This is where that advice leads.
            cause.remedies.retain(|remedy| remedy.calls() != Some("explain"));
        }
        found
    }

    /// A path can be bound only where a file can be made.
    pub fn refuse_closed_folder(&mut self, path: &Text, may_create: &Seen<bool>) {
        if self.possible != Some(true) || path.raw().starts_with(b"@") {
            return;
        }
        match may_create {
            Seen::Known(true) => {}
            Seen::Known(false) => {
                self.possible = Some(false);
                let summary = format!("This user may not make a file at {path}, or its folder does not exist.");
                self.because.push(refused(summary, Evidence::new("access(2)", "the folder is not there or not writable")));
            }
            Seen::Hidden(_) | Seen::Gone | Seen::Unsupported => self.possible = None,
        }
    }

    /// Sets the answer that was reasoned right by the one that the kernel gave: an error's number and words, or `None`.
    ///
    /// `plain` is what a bind without `SO_REUSEADDR` met, where one with it succeeded: then the causes that were
    /// found are what such a program would meet.
    pub fn agree(&mut self, tried: Option<(i32, String)>, plain: Option<(i32, String)>) {
        self.tried = true;
        let Some((number, words)) = tried else {
            self.possible = Some(true);
            match plain {
                None => self.because.clear(),
                Some((number, words)) => {
                    let fact =
                        format!("a throw-away socket was bound with SO_REUSEADDR, and refused without: {words} (error {number})");
                    for cause in &mut self.because {
                        cause.evidence.push(Evidence::new("bind(2)", fact.clone()));
                    }
                }
            }
            return;
        };
        self.possible = Some(false);
        let evidence = Evidence::new("bind(2)", format!("a throw-away socket was refused: {words} (error {number})"));
        if let Some(cause) = self.because.iter_mut().find(|cause| explains(&cause.code, number)) {
            cause.likelihood = Likelihood::Certain;
            cause.evidence.push(evidence);
        } else {
            let summary = format!("The kernel refuses the bind ({words}), and nothing that can be seen from here explains it.");
            self.because.insert(0, refused(summary, evidence));
        }
    }
}

fn refused(summary: impl Into<Sentence>, evidence: Evidence) -> Finding {
    Finding::new(UNEXPLAINED, Likelihood::Certain, summary, vec![evidence], Vec::new())
}

/// True when a cause leads to this error number of `bind(2)`.
fn explains(code: &str, number: i32) -> bool {
    match number {
        EACCES => code == "privileged-port",
        EINVAL => code == "link-local-without-zone",
        EADDRNOTAVAIL => code == "addr-not-local",
        EADDRINUSE => !matches!(code, "privileged-port" | "link-local-without-zone" | "addr-not-local" | "multicast-over-tcp"),
        _ => false,
    }
}
