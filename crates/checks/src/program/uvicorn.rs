//! uvicorn, which takes its socket by the number of a descriptor.

use super::{Kind, Program, Way};

pub(super) const PROGRAMS: &[Program] = &[Program {
    told: Way::Socket(&["--fd", "3"]),
    again: &["--reload"],
    seen: &[
        ("uvicorn app:app", "uvicorn app:app --fd 3 [socket]"),
        ("python3 -m uvicorn app:app", "python3 -m uvicorn app:app --fd 3 [socket]"),
    ],
    ..Program::named("uvicorn", Kind::Master)
}];
