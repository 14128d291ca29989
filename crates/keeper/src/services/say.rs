//! How an end is told.

use std::io::ErrorKind;

use portward_model::plural;
use portward_session::{Ended, StartError};

/// How a program ended, in the words after its name: `it ended with code 1`.
pub(super) fn ending(how: Ended) -> String {
    match how {
        Ended::Code(code) => format!("it ended with code {code}{}", code_words(code)),
        Ended::Signal(signal) => format!("it was ended by {}", signal_name(signal)),
    }
}

/// What shells mean by a code.
fn code_words(code: i32) -> String {
    match code {
        126 => " (the command cannot be executed)".to_owned(),
        127 => " (the shell has not found the command)".to_owned(),
        129..=159 => format!(" ({})", signal_name(code - 128)),
        _ => String::new(),
    }
}

/// A signal as people call it.
fn signal_name(signal: i32) -> String {
    let known = SIGNALS.iter().find(|(number, _)| *number == signal).map(|(_, name)| *name);
    known.map_or_else(|| format!("signal {signal}"), |name| format!("{name} ({signal})"))
}

/// Why it was not started, and whether another try may help.
pub(super) fn not_started(error: &StartError) -> String {
    match error {
        StartError::Program { program, source } => {
            let program = portward_model::Text::from(program.as_str());
            match source.kind() {
                ErrorKind::NotFound => format!("{program} could not be started: no program of this name is there"),
                ErrorKind::PermissionDenied => {
                    format!("{program} could not be started: it may not be executed (chmod +x lets it be)")
                }
                _ => format!("{program} could not be started: {source}"),
            }
        }
        other => portward_model::capitalised(&other.to_string()).trim_end_matches('.').to_owned(),
    }
}

/// Why a service is not started any more.
pub(super) fn given_up(times: usize, last: &str) -> String {
    format!("It has ended {} within a minute, and is not started again: {last}.", plural(times, "time"))
}

/// `signal(7)`, the numbers that every processor of today has.
const SIGNALS: &[(i32, &str)] = &[
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (6, "SIGABRT"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (14, "SIGALRM"),
    (15, "SIGTERM"),
];

#[cfg(test)]
mod tests {
    use portward_session::Ended;

    use super::ending;

    #[test]
    fn ends_are_told() {
        assert_eq!(ending(Ended::Code(1)), "it ended with code 1");
        assert_eq!(ending(Ended::Code(127)), "it ended with code 127 (the shell has not found the command)");
        assert_eq!(ending(Ended::Code(137)), "it ended with code 137 (SIGKILL (9))");
        assert_eq!(ending(Ended::Signal(11)), "it was ended by SIGSEGV (11)");
        assert_eq!(ending(Ended::Signal(40)), "it was ended by signal 40");
    }
}
