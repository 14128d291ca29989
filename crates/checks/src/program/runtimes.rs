//! Interpreters and virtual machines; what they run says more than their own names.

use super::{Kind, Program, Runner};

pub(super) const PROGRAMS: &[Program] = &[
    // `MainThread` is how Node names its first thread.
    Program { again: &["--watch"], ..plain("node* MainThread") },
    running("bun", &["run", "dev", "start", "test", "build"], &["x"], &["--watch", "--hot"]),
    running("deno", &["task"], &[], &["--watch", "--hot"]),
    running("dotnet", &["run", "watch", "test"], &["exec"], &["watch"]),
    running("go", &["run", "test"], &[], &[]),
    plain("python*"),
    plain("java"),
    plain("ruby*"),
    plain("perl*"),
    plain("beam*"),
];

const fn plain(names: &'static str) -> Program {
    Program::named(names, Kind::Runtime)
}

const fn running(
    names: &'static str,
    runs: &'static [&'static str],
    executes: &'static [&'static str],
    again: &'static [&'static str],
) -> Program {
    Program { runner: Some(Runner { runs, executes }), again, ..plain(names) }
}
