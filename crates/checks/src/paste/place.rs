//! Hosts, ports and schemes in one line, in all forms in which programs write them.

mod port;
mod tuples;
mod words;

use std::net::{Ipv4Addr, Ipv6Addr};

use port::{address_port, colon_port, goes_on, hash_port, number};
use tuples::{braces, device, multiaddress, tuple};
use words::{FILES, HOST_WORDS, NO_HOST, NO_HOSTS, NO_NAMES, PORT_WORDS, SERVER_WORDS};

use super::request::DOCUMENTS;

/// A host, a port, or both, and where they stand in the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) host: Option<String>,
    pub(super) port: Option<u32>,
    pub(super) scheme: Option<String>,
}

impl Place {
    fn new(start: usize, end: usize, host: Option<&str>, port: Option<u32>) -> Self {
        Self {
            start,
            end,
            host: host.filter(|host| !host.is_empty() && !NO_HOSTS.contains(host)).map(str::to_owned),
            port,
            scheme: None,
        }
    }

    /// True for a host together with its port.
    pub(super) fn is_whole(&self) -> bool {
        self.host.is_some() && self.port.is_some()
    }
}

/// At most this many places of a line are looked at.
const MOST: usize = 64;

/// Every host, port and URL of a line, in its order.
pub(super) fn places(line: &str) -> Vec<Place> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < line.len() && found.len() < MOST {
        let next = place_at(line, at, false);
        match next {
            Some(place) if place.end > at => {
                at = place.end;
                found.push(place);
            }
            _ => at = past(line, at),
        }
    }
    found
}

/// The host, with its port if it has one, that stands at the beginning of a text, quotes and brackets left out.
///
/// Any word is taken for a host here: the caller knows that one stands there.
pub(super) fn host_first(text: &str) -> Option<Place> {
    host_at_start(text, false)
}

/// `inner` where the text stands after a word for a host: another such word is no host then, nor looked into, so that a
/// row of them is read once.
fn host_at_start(text: &str, inner: bool) -> Option<Place> {
    let quoted = text.trim_start_matches([' ', '"', '\'', '‘', '“', '`', '(', '\\']);
    // Two colons begin an address, one ends the word before it.
    let bare = if quoted.starts_with("::") {
        quoted
    } else {
        quoted.trim_start_matches([' ', '"', '\'', '‘', '“', '`', '(', '\\', ':', '*'])
    };
    let skipped = text.len() - bare.len();
    if let Some(place) = place_at(text, skipped, inner) {
        return Some(place);
    }
    let rest = text.get(skipped..)?;
    let length = rest.bytes().take_while(|byte| is_name(*byte)).count();
    let name = rest.get(..length)?.trim_end_matches('.');
    if name.is_empty() || name.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (port, more) = colon_port(rest.get(length..)?).map_or((None, 0), |(port, more)| (Some(port), more));
    Some(Place::new(skipped, skipped + length + more, Some(name), port))
}

/// The number at the beginning of a text, quotes and brackets left out.
pub(super) fn number_first(text: &str) -> Option<u32> {
    let (port, digits) = number(text.trim_start_matches([' ', '"', '\'', '(', ':']))?;
    let rest = text.trim_start_matches([' ', '"', '\'', '(', ':']);
    let follows = rest.get(digits..)?;
    (!goes_on(follows) && !follows.starts_with(|c: char| c.is_alphanumeric())).then_some(port)
}

fn place_at(line: &str, at: usize, inner: bool) -> Option<Place> {
    let before = line.as_bytes().get(at.wrapping_sub(1)).copied();
    let here = *line.as_bytes().get(at)?;
    match here {
        b'[' => bracketed(line, at),
        b'\'' | b'"' => tuple(line, at),
        b'/' => device(line, at).or_else(|| multiaddress(line, at)),
        b'{' => braces(line, at),
        // Nor after the name of a file in C++: `async-io-unix.c++:945`.
        b':' | b'*' if !before.is_some_and(|byte| is_name(byte) || matches!(byte, b']' | b':' | b'+')) => any_address(line, at),
        _ if is_name(here) && !before.is_some_and(|byte| is_name(byte) || byte == b'%') => word(line, at, before, inner),
        _ => None,
    }
}

/// Past a word, or past one character.
fn past(line: &str, at: usize) -> usize {
    let rest = line.as_bytes().get(at..).unwrap_or_default();
    let word = rest.iter().take_while(|byte| is_name(**byte)).count();
    let mut next = at + word.max(1);
    while !line.is_char_boundary(next) {
        next += 1;
    }
    next
}

/// `[::1]:3000`, `[::1]`, `localhost [127.0.0.1] 3000` as netcat writes it.
fn bracketed(line: &str, at: usize) -> Option<Place> {
    let rest = line.get(at + 1..)?;
    let length = rest.bytes().take(48).position(|byte| byte == b']')?;
    let host = rest.get(..length)?;
    let address = host.split('%').next()?;
    let inner = host.split_once(' ').map_or(host, |(_, ip)| ip);
    let end = at + length + 2;
    let after = line.get(end..)?;
    if address.parse::<Ipv6Addr>().is_err() && inner.parse::<Ipv4Addr>().is_err() {
        // `[localhost]:29500` of PyTorch and ssh.
        let named = host.starts_with(|c: char| c.is_ascii_alphabetic()) && host.bytes().all(is_name);
        let (port, more) = colon_port(after).filter(|_| named)?;
        return Some(Place::new(at, end + more, Some(host), Some(port)));
    }
    if let Some((port, more)) = colon_port(after) {
        return Some(Place::new(at, end + more, Some(inner), Some(port)));
    }
    let digits = after.strip_prefix(' ').and_then(number);
    let port = digits.filter(|(_, more)| after.as_bytes().get(more + 1) == Some(&b' ') && after.contains('('));
    let more = port.map_or(0, |(_, more)| more + 1);
    Some(Place::new(at, end + more, Some(inner), port.map(|(port, _)| port)))
}

/// `:8080`, `*:8080`, `:::3000`, `::1:3000`, `::1`.
fn any_address(line: &str, at: usize) -> Option<Place> {
    let rest = line.get(at..)?;
    let bare = rest.strip_prefix('*').unwrap_or(rest);
    // A quote that ends a word before the colon makes it the key of an object.
    let is_key = line.get(..at)?.strip_suffix('"').is_some_and(|key| key.ends_with(|c: char| c.is_alphanumeric()));
    if !is_key && let Some((port, more)) = colon_port(bare) {
        return Some(Place::new(at, at + rest.len() - bare.len() + more, None, Some(port)));
    }
    six(line, at)
}

/// An IPv6 address without brackets, with or without a port.
fn six(line: &str, at: usize) -> Option<Place> {
    let rest = line.get(at..)?;
    let length = rest.bytes().take(64).take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')).count();
    let token = rest.get(..length)?.trim_end_matches('.');
    // A colon behind a whole address and its port ends a phrase.
    let token = token.strip_suffix(':').filter(|shorter| !shorter.ends_with(':')).unwrap_or(token);
    let follows = rest.as_bytes().get(length).copied();
    if token.bytes().filter(|byte| *byte == b':').count() < 2 || follows.is_some_and(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    // A last group of decimal digits after a whole address is a port: so Node writes it.
    if let Some((host, port)) = token.rsplit_once(':')
        && host.parse::<Ipv6Addr>().is_ok()
        && let Some((port, digits)) = number(port)
        && digits == token.len() - host.len() - 1
        && (port > 9 || host == "::" || host == "::1")
    {
        return Some(Place::new(at, at + token.len(), Some(host), Some(port)));
    }
    let host = token.trim_end_matches(':');
    let host = if token.ends_with("::") { token } else { host };
    let whole = host.parse::<Ipv6Addr>().is_ok();
    let (port, more) = line.get(at + host.len()..).and_then(hash_port).map_or((None, 0), |(port, more)| (Some(port), more));
    (whole && host.len() > 2).then(|| Place::new(at, at + host.len() + more, Some(host), port))
}

/// A word that is an address, a name with a port, a URL, a port after its word, or a host after its word.
fn word(line: &str, at: usize, before: Option<u8>, inner: bool) -> Option<Place> {
    let rest = line.get(at..)?;
    let length = rest.bytes().take_while(|byte| is_name(*byte)).count();
    let name = rest.get(..length)?;
    let after = rest.get(length..)?;
    if after.starts_with("://") || after.strip_prefix('+').is_some_and(begins_url) {
        return url(line, at, name);
    }
    if after.starts_with(':')
        && name.bytes().all(|byte| byte.is_ascii_hexdigit())
        && let Some(place) = six(line, at)
    {
        return Some(place);
    }
    if let Some(place) = port_word(name, after, at + length) {
        return Some(place);
    }
    let address = name.trim_end_matches('.');
    if address.parse::<Ipv4Addr>().is_ok() {
        let (port, more) = address_port(after).map_or((None, 0), |(port, more)| (Some(port), more));
        return Some(Place::new(
            at,
            at + address.len() + if more > 0 { length - address.len() + more } else { 0 },
            Some(address),
            port,
        ));
    }
    if !inner && let Some(place) = host_word(line, name, after, at + length) {
        return Some(place);
    }
    if let Some((port, more)) = colon_port(after)
        && may_be_host(name, port, before)
    {
        return Some(Place::new(at, at + length + more, Some(name), Some(port)));
    }
    let lower = address.to_ascii_lowercase();
    let local = lower == "localhost" || [".localhost", ".internal"].iter().any(|end| lower.ends_with(end));
    local.then(|| Place::new(at, at + address.len(), Some(address), None))
}

/// `port 3000`, `port: 3000`, `Port '3000'`, `remotePort: 3000`, `htons(3000)`, `3000/tcp`.
fn port_word(name: &str, after: &str, end: usize) -> Option<Place> {
    let lower = name.to_ascii_lowercase();
    if lower.bytes().all(|byte| byte.is_ascii_digit()) && after.starts_with("/tcp") {
        return Some(Place::new(end - name.len(), end, None, number(name).map(|(port, _)| port)));
    }
    let last = lower.rsplit('.').next().unwrap_or(&lower);
    if !PORT_WORDS.contains(&last) {
        return None;
    }
    let bare = after.trim_start_matches("(s)").trim_start_matches([' ', ':', '=', '"', '\'', '(', '[', '#', '`', '‘', '\\']);
    let bare = bare.strip_prefix("number ").unwrap_or(bare);
    // `{port,8088}` of Erlang.
    let bare = bare.strip_prefix(',').filter(|tuple| tuple.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(bare);
    let (port, digits) = number(bare)?;
    // A version or a word that begins with digits is no port.
    let follows = bare.get(digits..)?;
    if follows.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') || goes_on(follows) {
        return None;
    }
    Some(Place::new(end, end + after.len() - bare.len() + digits, None, Some(port)))
}

/// `host "db"`, `address: '::1'`, `inet_addr("127.0.0.1")`; a bare name only where a port follows.
fn host_word(line: &str, name: &str, after: &str, end: usize) -> Option<Place> {
    let lower = name.to_ascii_lowercase();
    let served = SERVER_WORDS.contains(&lower.as_str()) && line.get(..end - name.len())?.ends_with("server ");
    // An address in Python's form stands by itself.
    if !(served || HOST_WORDS.contains(&lower.as_str())) || is_tuple(after) {
        return None;
    }
    let bare = after.trim_start_matches([':', '=', ' ', '(', '\\']);
    let bare = bare.strip_prefix("\":").map_or(bare, str::trim_start);
    let bare = bare.strip_prefix("AF_INET6, ").unwrap_or(bare);
    let start = end + after.len() - bare.len();
    let inner = bare.trim_start_matches(['"', '\'', '‘', '\\']);
    let quoted = inner.len() < bare.len();
    let place = host_at_start(inner, true)?;
    let is_word = !quoted && ["and", "or", "on", "the", "to", "is", "with"].contains(&place.host.as_deref().unwrap_or_default());
    let follows = inner.get(place.end..)?;
    // A colon without a port ends what is no host: 'handshake: reading initial communication packet'.
    let told = !is_word && if quoted { !follows.starts_with(": ") } else { follows.starts_with(" port ") };
    let skipped = start + (bare.len() - inner.len());
    (told && place.start == 0).then(|| Place { start: skipped, end: skipped + place.end, ..place })
}

/// True before an address in Python's form: `address: ('db', 5432)`.
fn is_tuple(after: &str) -> bool {
    let after = after.strip_prefix(':').unwrap_or(after);
    after.starts_with(" ('") || after.starts_with(" (\"")
}

/// `http://user@host:3000/path`.
fn url(line: &str, at: usize, scheme: &str) -> Option<Place> {
    let scheme = scheme.to_ascii_lowercase();
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || NO_HOST.contains(&scheme.as_str()) {
        return None;
    }
    let from = at + line.get(at..)?.find("://")? + 3;
    let rest = line.get(from..)?;
    let stops = ['/', '?', '#', ' ', '"', '\'', '<', '>', ')', ',', '`', '\\', '’', '|', ';', '}'];
    let authority = rest.get(..rest.find(stops).unwrap_or(rest.len()))?;
    let host = authority.rsplit('@').next()?;
    let from = from + authority.len() - host.len();
    let (name, port, length) = if host.starts_with('[') {
        let close = host.find(']')?;
        let port = colon_port(host.get(close + 1..)?);
        (host.get(1..close)?, port, close + 1)
    } else {
        let name = host.split(':').next()?;
        (name, colon_port(host.get(name.len()..)?), name.len())
    };
    let name = name.trim_end_matches('.');
    if name.contains(['%', '*', '{', '$']) || DOCUMENTS.contains(&name) || (name.is_empty() && port.is_none()) {
        return None;
    }
    let end = from + length + port.map_or(0, |(_, more)| more);
    Some(Place { scheme: Some(scheme), ..Place::new(at, end, Some(name), port.map(|(port, _)| port)) })
}

/// Whether a second half of a scheme stands here: `srv://` after `mongodb+`.
fn begins_url(text: &str) -> bool {
    let length = text.bytes().take(16).take_while(|byte| is_name(*byte)).count();
    text.get(length..).is_some_and(|rest| rest.starts_with("://"))
}

/// Whether `name:port` is a host and not a file, a time or a word with a number.
fn may_be_host(name: &str, port: u32, before: Option<u8>) -> bool {
    if matches!(before, Some(b'/' | b'\\' | b'@' | b'-' | b'$')) || !name.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return name.eq_ignore_ascii_case("localhost");
    }
    let lower = name.to_ascii_lowercase();
    if let Some((_, end)) = lower.rsplit_once('.') {
        return !end.is_empty() && !FILES.contains(&end);
    }
    lower == "localhost" || (port >= 80 && name.len() < 64 && !name.ends_with(['-', '_']) && !NO_NAMES.contains(&lower.as_str()))
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::{host_first, places};

    fn shown(line: &str) -> Vec<String> {
        let one = |place: super::Place| {
            format!("{}|{}", place.host.unwrap_or_default(), place.port.map_or(String::new(), |port| port.to_string()))
        };
        places(line).into_iter().map(one).collect()
    }

    #[test]
    fn addresses_in_every_form() {
        for (line, expected) in [
            ("connect ECONNREFUSED 127.0.0.1:5432", "127.0.0.1|5432"),
            ("address already in use :::3000", "::|3000"),
            ("connect ECONNREFUSED ::1:3000", "::1|3000"),
            ("listen tcp :8080: bind", "|8080"),
            ("socket *:6379: bind", "|6379"),
            ("Trying [::1]:39871...", "::1|39871"),
            ("('127.0.0.1', 8000): address", "127.0.0.1|8000"),
            ("localhost/127.0.0.1:8080", "localhost| 127.0.0.1|8080"),
            ("sin_port=htons(5432), sin_addr=inet_addr(\"127.0.0.1\")", "|5432 127.0.0.1|"),
            ("inet_pton(AF_INET6, \"::1\", &sin6_addr)", "::1|"),
            ("server at \"localhost\" (::1), port 5432 failed", "localhost| ::1| |5432"),
            ("http://u:p@[::1]:8080/x", "::1|8080"),
            ("jdbc:mysql://db:3306/x", "db|3306"),
            ("address: 'db', port: 5432", "db| |5432"),
            ("{\"address\":\"10.0.0.1\",\"port\":5432}", "10.0.0.1| |5432"),
            ("localhost [127.0.0.1] 3000 (?) : refused", "localhost| 127.0.0.1|3000"),
            ("Connecting to localhost (localhost)|127.0.0.1|:39871... failed", "localhost| localhost| 127.0.0.1|39871"),
            ("port 99999 and fe80::1", "|99999 fe80::1|"),
            ("0:0:0:0:0:0:0:1:8080", "0:0:0:0:0:0:0:1|8080"),
            ("Ncat: bind to :::25362: Address", "::|25362"),
            ("endpoint://client-b0/127.0.0.1:2379", "127.0.0.1|2379"),
            ("ranch_tcp:listen([{port,8088},{ip", "|8088"),
            ("port, 3 more", ""),
            ("failed to connect to [localhost]:29500 (errno", "localhost|29500"),
            ("bind(127.0.0.1, 143) failed", "127.0.0.1|143"),
            ("manet.Listen(/ip4/127.0.0.1/tcp/5001) failed", "127.0.0.1|5001"),
            ("bind /dns/localhost/tcp/8080/http.", "localhost|8080"),
            ("error to 127.0.0.1#5335: refused", "127.0.0.1|5335"),
            ("error to ::1#53: refused", "::1|53"),
            ("connect to {127, 0, 0, 1}:5432", "127.0.0.1|5432"),
            ("{ip,{127,0,0,1}},{port,4369}", "127.0.0.1| |4369"),
            ("{{0,0,0,0,0,0,0,1},5672}", "::1|5672"),
            ("connect(\"db.test\",1883)", "db.test|1883"),
            ("to ({10, 1, 0, 7}, 4000)", "10.1.0.7|4000"),
        ] {
            assert_eq!(shown(line).join(" "), expected, "{line}");
        }
    }

    #[test]
    fn files_times_and_code_are_no_hosts() {
        for line in [
            "at Server.listen (node:net:1817:16)",
            "Net.java:579)",
            "12:30:45 main.go:25 /src/x.rs:10:5",
            "2026-11-21T12:19:53.1Z std::net::connect Foo::bar",
            "image python:3 localPort: 52768 export 5",
            "file:///home/x.js:100",
        ] {
            assert_eq!(shown(line), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn a_host_is_any_word_where_one_must_stand() {
        let place = host_first(" ::1:21461: Connection refused").unwrap();
        assert_eq!((place.host.as_deref(), place.port), (Some("::1"), Some(21461)));
        assert_eq!(host_first("::1 port 22").unwrap().host.as_deref(), Some("::1"));
        let place = host_first(" ‘nosuch.invalid’").unwrap();
        assert_eq!(place.host.as_deref(), Some("nosuch.invalid"));
        assert_eq!(host_first("  ("), None);
    }
}
