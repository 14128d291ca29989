//! Error numbers of all systems in Linux's numbering.

use super::Symptom;

/// The error number that a line carries, by a number in one of the usual forms or by a name such as ECONNREFUSED.
pub(super) fn errno_in(line: &str, symptom: Symptom) -> Option<i32> {
    // The resolver numbers its errors by itself.
    if symptom == Symptom::NameUnknown {
        return None;
    }
    by_marker(line, symptom).or_else(|| in_parentheses(line, symptom)).or_else(|| by_name(line)).or_else(|| by_words(line))
}

fn by_marker(line: &str, symptom: Symptom) -> Option<i32> {
    for marker in MARKERS {
        let Some((_, rest)) = line.split_once(marker) else { continue };
        if let Some(number) = leading(rest).and_then(|number| normal(number, symptom)) {
            return Some(number);
        }
    }
    None
}

/// `(98: Address already in use)` of nginx, `on 'localhost' (111)` of `MySQL`.
fn in_parentheses(line: &str, symptom: Symptom) -> Option<i32> {
    line.match_indices('(').find_map(|(at, _)| {
        let rest = line.get(at + 1..)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let after = rest.as_bytes().get(digits)?;
        let wanted = *after == b':' || (*after == b')' && line.get(..at)?.ends_with("' "));
        if wanted { normal(leading(rest)?, symptom) } else { None }
    })
}

fn by_name(line: &str) -> Option<i32> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 4 && word.starts_with(['E', 'W']));
    words.map(|word| word.strip_prefix("WSA").unwrap_or(word)).find_map(|word| {
        let known = NAMES.iter().find(|(name, _)| *name == word);
        known.map(|(_, number)| *number)
    })
}

/// The C library's words, where a program adds them to its own.
fn by_words(line: &str) -> Option<i32> {
    let lower = line.to_ascii_lowercase();
    WORDS.iter().find(|(words, _)| lower.contains(words)).map(|(_, number)| *number)
}

/// The number at the start, its sign taken off.
fn leading(text: &str) -> Option<i32> {
    let text = text.trim_start_matches([' ', '"', '\'', ':']);
    let text = text.strip_prefix('-').unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..digits)?.parse().ok()
}

/// Linux's number for one of Linux, macOS (48, 49, 51, 54, 55, 60, 61, 64, 65), Windows (100xx) or libuv on Windows
/// (40xx); `None` for what is none of the network's errors. `MariaDB`'s client gives 115 where it was refused.
fn normal(number: i32, symptom: Symptom) -> Option<i32> {
    if number == 115 && symptom == Symptom::Refused {
        return Some(111);
    }
    if LINUX.contains(&number) {
        return Some(number);
    }
    FOREIGN.iter().find(|(foreign, _)| *foreign == number).map(|(_, linux)| *linux)
}

const MARKERS: &[&str] = &[
    "[Errno ",
    "[WinError ",
    "(os error ",
    "errno: ",
    "errno=",
    "errno\":",
    "errno ",
    "Os { code: ",
    "system error: ",
    "SocketException (",
    "(code ",
    "error code: ",
];

const LINUX: &[i32] = &[1, 2, 11, 13, 24, 23, 32, 71, 97, 98, 99, 100, 101, 103, 104, 105, 107, 110, 111, 112, 113, 115];

const FOREIGN: &[(i32, i32)] = &[
    (48, 98),
    (49, 99),
    (51, 101),
    (53, 103),
    (54, 104),
    (55, 105),
    (57, 107),
    (60, 110),
    (61, 111),
    (64, 112),
    (65, 113),
    (10013, 13),
    (10024, 24),
    (10048, 98),
    (10049, 99),
    (10051, 101),
    (10053, 103),
    (10054, 104),
    (10055, 105),
    (10060, 110),
    (10061, 111),
    (10065, 113),
    (4039, 110),
    (4077, 104),
    (4078, 111),
    (4090, 99),
    (4091, 98),
    (4092, 13),
];

const NAMES: &[(&str, i32)] = &[
    ("ECONNREFUSED", 111),
    ("EADDRINUSE", 98),
    ("EADDRNOTAVAIL", 99),
    ("EACCES", 13),
    ("EPERM", 1),
    ("ENOENT", 2),
    ("ETIMEDOUT", 110),
    ("ECONNRESET", 104),
    ("ECONNABORTED", 103),
    ("EHOSTUNREACH", 113),
    ("ENETUNREACH", 101),
    ("EMFILE", 24),
    ("ENFILE", 23),
    ("ENOBUFS", 105),
    ("EPIPE", 32),
    ("EPROTO", 71),
    ("EAFNOSUPPORT", 97),
];

const WORDS: &[(&str, i32)] = &[
    ("connection refused", 111),
    ("connection reset by peer", 104),
    ("broken pipe", 32),
    ("address already in use", 98),
    ("network is unreachable", 101),
    ("no route to host", 113),
];

#[cfg(test)]
mod tests {
    use super::errno_in;
    use crate::paste::Symptom;

    #[test]
    fn every_system_gives_the_same_number() {
        for (line, number) in [
            ("OSError: [Errno 48] Address already in use", 98),
            ("[WinError 10061] No connection", 111),
            ("(os error 10048)", 98),
            ("  errno: -4078,", 111),
            ("bind() failed (98: Address already in use)", 98),
            ("Can't connect to server on '127.0.0.1' (115)", 111),
            ("= -1 ECONNREFUSED (Connection refused)", 111),
            ("Os { code: 61, kind: ConnectionRefused }", 111),
        ] {
            assert_eq!(errno_in(line, Symptom::Refused), Some(number), "{line}");
        }
    }

    #[test]
    fn other_numbers_are_none() {
        for line in ["errno: -3008", "(12: x)", "code: 404", "[Errno -2] Name or service not known"] {
            assert_eq!(errno_in(line, Symptom::NameUnknown), None, "{line}");
        }
    }
}
