//! What a check is: a page, and a pure function of facts.

use portward_model::{Finding, Sentence};

/// What a check is called, and what its page says.
pub trait Page {
    /// Stable slug that reads as what was found, never as advice.
    fn code(&self) -> &'static str;
    /// One line.
    fn summary(&self) -> &'static str;
    /// The page: what it is, the evidence, the fix.
    fn doc(&self) -> &'static str;
}

/// A question that facts of one kind are asked.
pub trait Check<Facts: ?Sized>: Page {
    /// What it says of them.
    fn run(&self, facts: &Facts) -> Ruling;
}

/// What a check says of facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It is so.
    Found(Finding),
    /// It could have been, and this fact says that it is not.
    Out(Sentence),
    /// The facts do not raise the question, or those that would answer it are not there.
    Silent,
}

impl Ruling {
    /// It is not so, by this fact.
    pub fn out(fact: impl Into<Sentence>) -> Self {
        Self::Out(fact.into())
    }

    /// What was found.
    pub fn found(self) -> Option<Finding> {
        match self {
            Self::Found(finding) => Some(finding),
            Self::Out(_) | Self::Silent => None,
        }
    }
}

/// How much the proof of a cause says, the least first: what says more explains what says less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// Something is not there: no socket, no answer, no word. It is so whatever the reason.
    Absence,
    /// The text says so.
    Said,
    /// A table holds something that fits.
    Reading,
    /// What a connection met, and was told.
    Dialogue,
    /// A rule, a setting or a counter of the kernel, or the line of a file that decides it.
    Rule,
    /// The very process that the question is about: its state, its arguments, what it was seen to do.
    Process,
}
