//! Who met an error number: the doctor's own connection or bind, the observed client, or the program of the text.

use portward_model::{DialTarget, Evidence, Met};

use crate::{
    Call,
    case::{Case, Standing, words},
};

/// An error number that somebody met at the asked endpoint.
pub(crate) struct Refusal {
    /// The process that met it, where that is known.
    pub(crate) pid: Option<u32>,
    /// True when it was seen to happen, false when a text says so.
    pub(crate) seen: bool,
    /// How it is known.
    pub(crate) evidence: Evidence,
}

/// Whoever met this error number of `connect(2)`, or of `bind(2)` where that is the question.
pub(crate) fn met(case: &Case<'_>, errno: i32) -> Option<Refusal> {
    if case.asked.path.is_some() {
        return None;
    }
    own(case, errno).or_else(|| observed(case, errno)).or_else(|| told(case, errno))
}

fn own(case: &Case<'_>, errno: i32) -> Option<Refusal> {
    let evidence = if case.listens() {
        let tried = case.exam.tries.iter().find(|tried| tried.failed == Some(errno))?;
        Evidence::new("bind(2)", format!("{} {} (error {errno})", tried.at, words::errno_words(errno)))
    } else {
        // A client goes on from an address that fails at once, and what it met at the next is its answer.
        if matches!(case.standing(), Standing::Connected(_)) {
            return None;
        }
        let attempts = case.exam.attempts.iter();
        words::tried(attempts.into_iter().find(|attempt| attempt.met == Met::Failed(errno) && case.is_target(&attempt.at))?)
    };
    Some(Refusal { pid: Some(case.snapshot.host.pid), seen: true, evidence })
}

fn observed(case: &Case<'_>, errno: i32) -> Option<Refusal> {
    let connects = &case.exam.observed.as_ref()?.connects;
    let inet = |at: &DialTarget| matches!(at, DialTarget::Inet(_));
    let met = connects.iter().find(|connect| connect.errno == Some(errno) && inet(&connect.at))?;
    let fact = format!("pid {}: {} {} (error {errno})", met.pid, met.at, words::errno_words(errno));
    Some(Refusal { pid: Some(met.pid), seen: true, evidence: Evidence::new("connect(2) of the client", fact) })
}

fn told(case: &Case<'_>, errno: i32) -> Option<Refusal> {
    let paste = case.paste.filter(|paste| paste.errno == Some(errno) && paste.path.is_none())?;
    let fits = match paste.call {
        Some(Call::Bind | Call::Listen) => case.listens(),
        Some(Call::Connect) => case.connects(),
        Some(Call::Accept | Call::Socket | Call::Read | Call::Write | Call::Resolve | Call::Handshake | Call::Request) => false,
        None => true,
    };
    fits.then(|| Refusal { pid: None, seen: false, evidence: words::text_line(paste) })
}
