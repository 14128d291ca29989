//! Error numbers of all systems in Linux's numbering.

use super::Symptom;

/// The error number that a line carries: a number in a form that programs use for nothing else, a name such as
/// ECONNREFUSED, or a number beside the words or the wording that it stands for.
///
/// A number in parentheses alone may be an address (`(::1)`), a pid, a port, a size or a line: it counts only where it is
/// the number of what the line says anyway.
pub(super) fn errno_in(line: &str, symptom: Symptom) -> Option<i32> {
    // The resolver numbers its errors by itself.
    if symptom == Symptom::NameUnknown {
        return None;
    }
    let beside = || beside_words(line).filter(|number| means(*number, symptom));
    by_marker(line, EXPLICIT, symptom).or_else(|| by_name(line, symptom)).or_else(beside).or_else(|| by_words(line, symptom))
}

fn by_marker(line: &str, markers: &[&str], symptom: Symptom) -> Option<i32> {
    markers.iter().flat_map(|marker| line.match_indices(marker).map(|(at, _)| at + marker.len())).take(64).find_map(|at| {
        let (number, rest) = leading(line.get(at..)?)?;
        // 10.0.0.1 and 5m are no errors.
        let ends = !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && !begins_fraction(rest);
        if ends { normal(number, symptom) } else { None }
    })
}

fn begins_fraction(rest: &str) -> bool {
    rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// `(98: Address already in use)` of nginx, `on 'localhost' (111)` of `MySQL`, `(111 "Connection refused")` of `MariaDB`,
/// `Address already in use (98)`, `error: 98`, `code 13`.
fn beside_words(line: &str) -> Option<i32> {
    let open = line.match_indices('(').map(|(at, _)| at + 1);
    let words = DOUBTFUL.iter().flat_map(|marker| line.match_indices(marker).map(|(at, _)| at + marker.len()));
    open.chain(words).take(64).find_map(|at| {
        let (number, rest) = leading(line.get(at..)?)?;
        let ends = rest.is_empty() || rest.starts_with([')', ':', ' ', ',', '.', ';', '"', ']']) && !begins_fraction(rest);
        if ends { normal(number, Symptom::Refused) } else { None }
    })
}

/// A name; of several the one that is the line's own.
fn by_name(line: &str, symptom: Symptom) -> Option<i32> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 4 && word.starts_with(['E', 'W']));
    let numbers = || {
        words.clone().map(|word| word.strip_prefix("WSA").unwrap_or(word)).filter_map(|word| {
            let known = NAMES.iter().find(|(name, _)| *name == word);
            known.map(|(_, number)| *number)
        })
    };
    numbers().find(|number| means(*number, symptom)).or_else(|| numbers().next())
}

/// The C library's words, where a program adds them to its own.
fn by_words(line: &str, symptom: Symptom) -> Option<i32> {
    let lower = line.to_ascii_lowercase();
    let said = || WORDS.iter().filter(|(words, _)| lower.contains(words)).map(|(_, number)| *number);
    said().find(|number| means(*number, symptom)).or_else(|| said().next())
}

/// True where a number is one of those that programs report for a symptom; of symptoms that the kernel has no number for
/// it is any.
fn means(number: i32, symptom: Symptom) -> bool {
    let numbers: &[i32] = match symptom {
        Symptom::Refused => &[111],
        Symptom::InUse => &[98],
        Symptom::NoHandshake => &[110, 115],
        Symptom::NoAnswer => &[11, 110],
        Symptom::Reset => &[32, 103, 104, 107],
        Symptom::EmptyReply => &[104],
        Symptom::AddressNotAvailable => &[97, 99],
        Symptom::PermissionDenied => &[13, 1],
        Symptom::NotPermitted => &[1],
        Symptom::Unreachable => &[100, 101, 112, 113],
        Symptom::NoSuchPath => &[2],
        Symptom::TooManyFiles => &[23, 24],
        Symptom::NoBuffer => &[98, 99, 105],
        Symptom::NameUnknown
        | Symptom::PortOutOfRange
        | Symptom::UnsafePort
        | Symptom::WrongProtocol
        | Symptom::TlsExpected
        | Symptom::TlsUnexpected
        | Symptom::CertificateUntrusted
        | Symptom::HostBlocked
        | Symptom::CrossOrigin
        | Symptom::TooManyConnections
        | Symptom::AuthenticationFailed
        | Symptom::HttpStatus
        | Symptom::DebuggerEnded
        | Symptom::Other => &[],
        // What stands behind them fails in a way of its own.
        Symptom::UpstreamFailed | Symptom::DebuggerFailed | Symptom::ProxyFailed => {
            return [2, 13, 98, 99, 101, 104, 110, 111, 113].contains(&number);
        }
    };
    numbers.contains(&number)
}

/// The number at the start, its sign taken off, and what follows it.
fn leading(text: &str) -> Option<(i32, &str)> {
    let text = text.trim_start_matches([' ', '"', '\'']);
    let text = text.strip_prefix('-').unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    Some((text.get(..digits)?.parse().ok()?, text.get(digits..)?))
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

/// Forms in which programs write an error number and nothing else.
const EXPLICIT: &[&str] = &[
    "[Errno ",
    "[Errno: ",
    "[WinError ",
    "(os error ",
    "errno: ",
    "errno:",
    "errno=",
    "errno = ",
    "errno\":",
    "errno\": ",
    "errno ",
    "Errno ",
    "errno(",
    "Os { code: ",
    "(OS Error: ",
    "SocketException (",
    "socket error ",
];

/// Words after which an error number may stand, or the code of an exit, of a library, of HTTP.
const DOUBTFUL: &[&str] = &["(code ", "code ", "code: ", "error: ", "error ", "Error "];

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
            ("[WinError 10061] No connection", 111),
            ("  errno: -4078,", 111),
            ("Can't connect to server on '127.0.0.1' (115)", 111),
            ("Can't connect to MySQL server on 'db' (111 \"Connection refused\")", 111),
            ("= -1 ECONNREFUSED (Connection refused)", 111),
            ("Os { code: 61, kind: ConnectionRefused }", 111),
            ("redis: Error 111 connecting to localhost:6379. Connection refused.", 111),
        ] {
            assert_eq!(errno_in(line, Symptom::Refused), Some(number), "{line}");
        }
        for (line, number) in [
            ("OSError: [Errno 48] Address already in use", 98),
            ("(os error 10048)", 98),
            ("bind() failed (98: Address already in use)", 98),
            ("[SEVERE]: bind() failed: Address already in use (98)", 98),
        ] {
            assert_eq!(errno_in(line, Symptom::InUse), Some(number), "{line}");
        }
    }

    #[test]
    fn other_numbers_are_none() {
        for line in ["errno: -3008", "(12: x)", "code: 404", "[Errno -2] Name or service not known"] {
            assert_eq!(errno_in(line, Symptom::NameUnknown), None, "{line}");
        }
        // Addresses, pids, ports, sizes, lines, dates, tries and codes of exit.
        for line in [
            "connection to server at \"localhost\" (::1), port 5432 failed",
            "could not reach the worker (13)",
            "gave up (pid 98)",
            "main.go (98:13)",
            "after 2 tries (1)",
            "exited with error code: 1",
            "process exited (code 13)",
            "error 2: no peer",
            "at 10:13:01 (2)",
            "read 104 bytes (98)",
            "errno 10.0.0.1",
        ] {
            assert_eq!(errno_in(line, Symptom::Refused), None, "{line}");
        }
    }
}
