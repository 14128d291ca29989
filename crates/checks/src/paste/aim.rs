//! What one line says its error is about: host, addresses, port, path, scheme, and the call that failed.

use std::{net::IpAddr, ops::Range};

use portward_model::{Text, Transport};

use super::{
    Call, Paste, Request, Symptom,
    again::find_ignoring_case,
    path::socket_path,
    place::{Place, host_first, number_first, places},
    read::OTHERS,
    rule::Rule,
};

/// Fills in host, addresses, port, path and scheme from the error's line.
pub(super) fn aim(paste: &mut Paste, rule: &Rule, at: &Range<usize>, text: &str) {
    if rule.nowhere {
        return;
    }
    let all = places(text);
    target(paste, rule, at, text, &all);
    if is_own_end(paste, text) {
        paste.port = None;
    }
    // What a proxy was asked for is what its client asks, whoever refused.
    let through = rule.symptom == Symptom::ProxyFailed;
    let own = |place: &&Place| {
        let nowhere = through || paste.host.is_none() && paste.port.is_none();
        let alike = place.port == paste.port && place.port.is_some() || place.host == paste.host;
        place.scheme.is_some() && (nowhere || alike)
    };
    paste.url_scheme = all.iter().find(own).and_then(|place| place.scheme.clone());
    // The resource of a URL of another server, such as that which a proxy was asked for, is none of this one's.
    let other = paste.url_scheme.is_none() && all.iter().any(|place| place.scheme.is_some());
    if let Some(request) = paste.request.as_mut().filter(|request| other && request.method.is_none()) {
        request.resource = None;
    }
    paste.request = paste.request.take().filter(|request| *request != Request::default());
    if paste.path.is_none() {
        addresses(paste, text, &all);
    }
}

/// The host, the port or the path that the error is about.
fn target(paste: &mut Paste, rule: &Rule, at: &Range<usize>, text: &str, all: &[Place]) {
    if let Some(path) = socket_path(text) {
        paste.path = Some(Text::from(path));
        return;
    }
    if let Some(marker) = rule.after
        && let Some(start) = find_ignoring_case(text, marker).map(|start| start + marker.len())
    {
        let (rest, transport) = without_transport(text.get(start..).unwrap_or_default());
        paste.transport = transport.or(paste.transport);
        if let Some(port) = rest.strip_prefix(':').filter(|_| !rest.starts_with("::")).and_then(number_first) {
            paste.port = Some(port);
            return;
        }
        if rule.symptom == Symptom::PortOutOfRange {
            paste.port = number_first(rest).or_else(|| host_first(rest).and_then(|place| place.port));
            return;
        }
        let whole = places(rest).into_iter().find(|place| place.scheme.is_some() && place.start < 4);
        if let Some(place) = whole.or_else(|| host_first(rest)) {
            paste.host = place.host;
            paste.port = place.port;
        } else {
            paste.port = number_first(rest);
        }
        // A host alone: its port may stand elsewhere, after the word.
        if paste.port.is_none() && rule.symptom != Symptom::NameUnknown {
            paste.port = all.iter().find(|place| place.host.is_none()).and_then(|place| place.port);
        }
        return;
    }
    let distance = |place: &&Place| if place.end <= at.start { at.start - place.end } else { place.start.saturating_sub(at.end) };
    // In "10.0.0.1:52100->10.0.0.2:80" the second is the one that was called.
    let own = |place: &&Place| text.get(place.end..).is_some_and(|rest| rest.starts_with("->"));
    if let Some(whole) = all.iter().filter(|place| place.is_whole() && !own(place)).min_by_key(distance) {
        paste.host.clone_from(&whole.host);
        paste.port = whole.port;
        return;
    }
    let port = all.iter().filter(|place| place.port.is_some() && !own(place)).min_by_key(distance);
    paste.port = port.and_then(|place| place.port);
    let anchor = port.map_or(at.start, |place| place.start);
    let hosts = || all.iter().filter(|place| place.host.is_some() && place.port.is_none());
    let before = hosts().filter(|place| place.end <= anchor).max_by_key(|place| place.end);
    let host = before.or_else(|| hosts().next());
    paste.host = host.and_then(|place| place.host.clone());
}

/// Dart writes the port of its own end where a connection is refused, which is one that the kernel chose (dart-lang/sdk#12693).
fn is_own_end(paste: &Paste, text: &str) -> bool {
    let written = text.contains("OS Error: ") && text.contains(", address = ");
    written && paste.symptom == Symptom::Refused && paste.port.is_some_and(|port| port >= EPHEMERAL)
}

/// Where the kernel's own choice begins, unless it was changed (`net.ipv4.ip_local_port_range`).
const EPHEMERAL: u32 = 32_768;

/// `udp:127.0.0.1:53`, as net-snmp and QEMU write an end, without its transport.
fn without_transport(rest: &str) -> (&str, Option<Transport>) {
    let named = [("tcp:", Transport::Tcp), ("udp:", Transport::Udp)].into_iter();
    let mut own = named.filter_map(|(word, transport)| Some((rest.strip_prefix(word)?, Some(transport))));
    own.find(|(after, _)| !after.starts_with("//")).unwrap_or((rest, None))
}

/// The addresses at which it was met: the host's own, that which stands beside its name (`"localhost" (::1)`,
/// `db/172.18.0.2:5432`), and those of further attempts in the same line.
fn addresses(paste: &mut Paste, text: &str, all: &[Place]) {
    let address = |place: &Place| place.host.as_deref().and_then(|host| host.parse::<IpAddr>().ok());
    if let Some(own) = paste.host.as_deref().and_then(|host| host.parse::<IpAddr>().ok()) {
        paste.addresses.push(own);
        let at = all.iter().position(|place| place.host == paste.host && (place.port.is_none() || place.port == paste.port));
        if let Some(name) = at.and_then(|at| name_before(text, all, at)) {
            paste.host = Some(name);
        }
    }
    let remote = |place: &&Place| {
        let before = text.get(..place.start).unwrap_or_default().trim_end_matches(['(', '[', '"', '\'']);
        let after = text.get(place.end..).unwrap_or_default();
        !after.starts_with("->") && !OWN_WORDS.iter().any(|word| before.ends_with(word))
    };
    let whole = all.iter().filter(|place| place.is_whole() && place.port == paste.port).filter(remote);
    let beside = paste.host.as_ref().and_then(|host| {
        let at = all.iter().position(|place| place.host.as_ref() == Some(host))?;
        let next = all.get(at + 1).filter(|next| next.port.is_none())?;
        is_joint(text.get(all.get(at)?.end..next.start)?).then_some(next)
    });
    for met in beside.into_iter().chain(whole).filter_map(address) {
        if !paste.addresses.contains(&met) && paste.addresses.len() < OTHERS {
            paste.addresses.push(met);
        }
    }
}

/// The name that an address is given as that of.
fn name_before(text: &str, all: &[Place], at: usize) -> Option<String> {
    let here = all.get(at)?;
    let is_name = |host: &str| host.parse::<IpAddr>().is_err();
    let named = at.checked_sub(1).and_then(|before| all.get(before)).filter(|before| {
        before.port.is_none()
            && before.host.as_deref().is_some_and(is_name)
            && text.get(before.end..here.start).is_some_and(is_joint)
    });
    if let Some(named) = named {
        return named.host.clone();
    }
    // `db/172.18.0.2:5432`, as Java writes it.
    let before = text.get(..here.start)?.strip_suffix('/')?;
    let length =
        before.bytes().rev().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')).count();
    let name = before.get(before.len() - length..)?;
    let alone = !before.get(..before.len() - length)?.ends_with(['/', ':', '@']);
    (alone && name.starts_with(|c: char| c.is_ascii_alphabetic())).then(|| name.to_owned())
}

/// True for what stands between a name and its address.
fn is_joint(between: &str) -> bool {
    !between.is_empty()
        && between.len() <= 4
        && between.bytes().all(|byte| matches!(byte, b'(' | b'[' | b'"' | b'\'' | b' ' | b'/' | b'|' | b')'))
}

/// The call that failed, by the nearest word before the error, where the wording itself leaves it open or is that of all.
pub(super) fn own_call(paste: &mut Paste, at: &Range<usize>, text: &str) {
    let Some(before) = text.get(..at.start) else { return };
    let words_after = text.get(at.end..).unwrap_or_default().split(|c: char| !c.is_ascii_alphanumeric());
    let after = || {
        let mut named = words_after.filter(|word| !word.is_empty()).take(5);
        named.find_map(|word| CALLS.iter().find(|(name, call)| word == *name && is_of_an_end(*call))).map(|(_, call)| *call)
    };
    let near = syscall_before(before).or_else(after);
    match (near, paste.symptom) {
        // There is no bind by hand in a connect: no source port was left.
        (Some(Call::Connect), Symptom::InUse) => {
            (paste.symptom, paste.call) = (Symptom::NoBuffer, near);
        }
        (Some(Call::Socket), Symptom::AddressNotAvailable | Symptom::PermissionDenied | Symptom::NotPermitted) => {
            paste.call = near;
        }
        (Some(_), _) => paste.call = paste.call.or(near),
        (None, _) => {}
    }
}

/// True for the calls by which a socket gets an end.
fn is_of_an_end(call: Call) -> bool {
    matches!(call, Call::Connect | Call::Bind | Call::Listen)
}

/// The last call of the socket interface that a text names.
pub(super) fn syscall_before(before: &str) -> Option<Call> {
    let words = before.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').rev().filter(|word| !word.is_empty());
    // A socket is also what a connection is made by.
    let called = ["socket:", "socket("].iter().any(|call| before.contains(call));
    let near = words.take(8).find_map(|word| CALLS.iter().find(|(name, _)| word == *name)).map(|(_, call)| *call);
    near.filter(|call| *call != Call::Socket || called)
}

/// The call that an object dump names: `syscall: 'connect'`.
pub(super) fn syscall(text: &str) -> Option<Call> {
    let (_, rest) = text.split_once("syscall")?;
    let name = rest.trim_start_matches(['"', '\'', ':', ' ', '\\']);
    CALLS.iter().find(|(word, _)| name.starts_with(word)).map(|(_, call)| *call)
}

/// Words before the address of who calls, not of whom is called.
const OWN_WORDS: &[&str] = &["from ", "client: ", "Local ", "local ", "source ", "src ", "peer "];

const CALLS: &[(&str, Call)] = &[
    ("connect", Call::Connect),
    ("bind", Call::Bind),
    ("listen", Call::Listen),
    ("accept", Call::Accept),
    ("read", Call::Read),
    ("write", Call::Write),
    ("getaddrinfo", Call::Resolve),
    ("socket", Call::Socket),
];
