//! Whom a line is about: processes by number, and the files in which servers keep theirs.

use portward_model::Text;

/// The processes that a line names by number: `(pid 4121)`, `pid: 4121`, `PID=4121`, `process 4121`.
///
/// The number of who wrote the line, as at the head of a log's line, is none that it speaks of: it has no word before it.
pub(super) fn pids_in(line: &str) -> Vec<u32> {
    let lower = line.to_ascii_lowercase();
    let mut found = Vec::new();
    for word in PID_WORDS {
        for (at, _) in lower.match_indices(word).take(MOST) {
            let inside = lower.get(..at).is_some_and(|before| before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
            let Some(rest) = lower.get(at + word.len()..).filter(|_| !inside) else { continue };
            let digits = rest.trim_start_matches([' ', ':', '=', '#', '"', '\'', '(', '[', '`']);
            let length = digits.bytes().take_while(u8::is_ascii_digit).count();
            let follows = digits.as_bytes().get(length).copied();
            let goes_on = follows.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
            // The kernel's largest number is 2^22 (proc(5), pid_max).
            let pid =
                digits.get(..length).and_then(|digits| digits.parse::<u32>().ok()).filter(|pid| (1..=1 << 22).contains(pid));
            if let Some(pid) = pid.filter(|pid| !goes_on && !found.contains(pid)) {
                found.push(pid);
            }
        }
    }
    found.truncate(MOST);
    found
}

/// The pid and lock files that a line names.
pub(super) fn files_in(line: &str) -> Vec<Text> {
    let bounds =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | ',' | ';' | '=' | '\u{2018}' | '\u{2019}');
    let words = line.split(bounds).map(|word| word.trim_end_matches(['.', ':', '!', ']']));
    let kept = |word: &&str| {
        let name = word.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let ends = FILE_ENDS.iter().any(|end| name.ends_with(end) && name.len() > end.len());
        // A name without a folder is one of the server's own, which the text does not tell.
        ends && word.len() < 4096
    };
    let mut found: Vec<Text> = words.filter(kept).map(Text::from).collect();
    found.dedup();
    found.truncate(MOST);
    found
}

/// At most so many of a line are kept.
pub(super) const MOST: usize = 4;

const PID_WORDS: &[&str] = &["pid", "process id", "process", "processid", "postmaster pid"];

/// Ends of the names of files that hold a pid, or stand for a server that runs.
const FILE_ENDS: &[&str] = &[".pid", ".lock", "-lock", ".lck"];

#[cfg(test)]
mod tests {
    use super::{files_in, pids_in};

    #[test]
    fn processes_are_known_by_the_word_before_their_number() {
        for (line, pids) in [
            ("A server is already running (pid: 4121, file: /app/tmp/pids/server.pid).", &[4121][..]),
            ("Is another postmaster (PID 4121) running in data directory \"/d\"?", &[4121]),
            ("Process 4121 is already listening", &[4121]),
            ("gunicorn: Already running on PID 812 (or pid file '/run/g.pid' is stale)", &[812]),
            ("2024/01/01 10:00:00 [emerg] 1234#1234: bind() to 0.0.0.0:80 failed", &[]),
            ("rapid 5 and pid_max 4194304", &[]),
            ("http://localhost:3000/process/12", &[]),
        ] {
            assert_eq!(pids_in(line), pids, "{line}");
        }
    }

    #[test]
    fn files_are_known_by_their_ends() {
        let shown = |line: &str| files_in(line).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown("(pid: 1, file: /app/tmp/pids/server.pid)."), ["/app/tmp/pids/server.pid"]);
        assert_eq!(shown("FATAL: lock file \"postmaster.pid\" already exists"), ["postmaster.pid"]);
        assert_eq!(shown("If this server is no longer running, remove /tmp/.X99-lock"), ["/tmp/.X99-lock"]);
        assert_eq!(shown("package-lock.json and yarn.locked"), Vec::<String>::new());
    }
}
