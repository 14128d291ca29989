//! The server of files in Python's own library.

use super::{Kind, Program, Way};

pub(super) const PROGRAMS: &[Program] = &[Program {
    told: Way::Last("http.server", "{}"),
    seen: &[
        ("python3 -m http.server", "python3 -m http.server 20300"),
        ("python3 -u -m http.server", "python3 -u -m http.server 20300"),
    ],
    ..Program::named("http.server", Kind::DevServer)
}];
