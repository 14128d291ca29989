//! What the front lends: real ports of this machine's loopback, each to a port that a project serves.

use portward_model::{Loan, Standing};

/// What is to be lent, and who is told what became of it.
pub trait Lender {
    /// What is to be lent now. Asked when something in the watched folder changes, and a few times a second.
    fn wish(&mut self) -> Wish;

    /// True when a socket is bound to the port without listening: its program has the port, and is about to use it.
    fn is_bound(&mut self, port: u16) -> bool;

    /// Told after each wish was made true, whether something changed or not: what became of each loan, and how many
    /// connections are open.
    fn done(&mut self, loans: &[(Loan, Standing)], connections: usize);

    /// Asked when nothing is to be lent any more and no connection is left; true ends the forwarder.
    fn may_end(&mut self) -> bool;
}

/// What is to be lent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Each real port with the port that it stands for, without repetition.
    pub loans: Vec<Loan>,
    /// True when nobody has the front any more.
    pub over: bool,
}
