//! netcat in its several makes.

use portward_model::Text;

use super::{Kind, Program};

pub(super) const PROGRAMS: &[Program] = &[Program {
    one_shot,
    keeps: |_| Some("writes whatever it is sent to its output"),
    seen: &[("nc -l 8080", ""), ("nc.openbsd -lk 8080", ""), ("ncat -l 8080", "")],
    ..Program::named("nc nc.* ncat netcat", Kind::Client)
}];

/// `nc -l` without `-k`: one client, then gone.
fn one_shot(argv: &[Text]) -> bool {
    !argv.iter().skip(1).map(Text::raw).any(|argument| {
        argument == b"--keep-open" || (argument.starts_with(b"-") && !argument.starts_with(b"--") && argument.contains(&b'k'))
    })
}
