//! What this machine lacks, said loudly and counted.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    panic::Location,
    path::{Path, PathBuf},
    thread,
};

/// Says that the running test is skipped because `missing` is not here.
///
/// The line goes to the real stderr, past the test harness's capture, and to the file that the
/// environment variable `PORTWARD_SKIPS` names, where the test command counts it.
#[track_caller]
pub fn skip(missing: &str) {
    let place = Location::caller();
    let thread = thread::current();
    let test = match thread.name() {
        // With one test thread the harness runs tests on the main one, which has no test's name.
        Some("main") | None => format!("{}:{}", place.file(), place.line()),
        Some(name) => name.to_owned(),
    };
    let line = format!("SKIPPED: {test}: {missing}\n");
    // When stderr is closed there is nobody to tell; the file below still counts it.
    let _ = io::stderr().write_all(line.as_bytes());
    if let Some(path) = env::var_os("PORTWARD_SKIPS") {
        let mut file = OpenOptions::new().create(true).append(true).open(&path).expect("PORTWARD_SKIPS can be appended to");
        file.write_all(line.as_bytes()).expect("PORTWARD_SKIPS takes a line");
    }
}

/// The path of a program, or a loud skip where it is not installed.
///
/// Looks where Debian puts things, whatever `PATH` the test was started with. A name with a `*` directory
/// in it, such as `/usr/lib/postgresql/*/bin/postgres`, takes the last match.
#[track_caller]
pub fn program(name: &str) -> Option<PathBuf> {
    let found = if let Some((before, after)) = name.split_once("/*/") {
        let mut versions: Vec<PathBuf> = fs::read_dir(before)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().join(after))
            .filter(|p| p.is_file())
            .collect();
        versions.sort();
        versions.pop()
    } else {
        PROGRAM_DIRECTORIES.iter().map(|directory| Path::new(directory).join(name)).find(|path| path.is_file())
    };
    if found.is_none() {
        skip(&format!("the program {name}"));
    }
    found
}

/// True when the test runs as root.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// True as root, otherwise a loud skip that says what root is needed for.
#[track_caller]
pub fn require_root(what_for: &str) -> bool {
    if !is_root() {
        skip(&format!("root, to {what_for}"));
    }
    is_root()
}

/// Where programs are looked for, first match wins; also the `PATH` inside every world.
pub(crate) const PROGRAM_DIRECTORIES: &[&str] = &["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];
