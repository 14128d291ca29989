//! Endpoints as people write them.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::{DialTarget, Socket, Text, Transport, masked_line};

/// Where a client would go: transport, host and port, or the path of a Unix socket.
///
/// Parsed from whatever people paste: `3000`, `:3000`, `127.0.0.1:3000`, `[::1]:3000`, `localhost:3000`,
/// `udp/53`, `53/udp`, `http://shop.localhost:3000/cart`, `unix:/run/x.sock`, `/run/x.sock`, `@abstract`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What to speak.
    pub transport: Transport,
    /// True when the text named the transport; a bare port means TCP first.
    pub transport_given: bool,
    /// Where.
    pub host: EndpointHost,
    /// The port; 0 for Unix sockets.
    pub port: u16,
    /// True when the text named the port; a URL or a bare name may leave it to the scheme.
    pub port_given: bool,
    /// The scheme of a URL.
    pub scheme: Option<String>,
}

/// The host part of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointHost {
    /// None was given: any address with this port.
    Any,
    /// An address, with the zone of a link-local one (RFC 4007 section 11).
    Ip(IpAddr, Option<String>),
    /// A name, lower case, without the final dot.
    Name(String),
    /// A Unix socket: a path, or `@name` for an abstract one (`unix(7)`).
    Path(Text),
}

/// Why a text is no endpoint: one sentence and, where one is near, a suggestion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointError {
    /// What was read, shortened and safe to print.
    pub read: String,
    /// What is wrong with it, as the second half of a sentence.
    pub problem: String,
    /// A text that would be an endpoint.
    pub suggestion: Option<String>,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no endpoint: {}", self.read, self.problem)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; did you mean `{suggestion}`?")?;
        }
        Ok(())
    }
}

impl std::error::Error for EndpointError {}

impl Endpoint {
    /// TCP, this port, any address.
    pub fn any(port: u16) -> Self {
        Self::at(Transport::Tcp, EndpointHost::Any, port)
    }

    /// This host and port.
    pub fn at(transport: Transport, host: EndpointHost, port: u16) -> Self {
        let transport_given = transport != Transport::Tcp;
        Self { transport, transport_given, host, port, port_given: true, scheme: None }
    }

    /// The Unix socket with this name.
    pub fn unix(path: Text) -> Self {
        Self::at(Transport::Unix, EndpointHost::Path(path), 0)
    }

    /// Where a socket serves, which its clients dial; `None` for one without a name.
    pub fn of(socket: &Socket) -> Option<Self> {
        match (socket.address(), socket.port()) {
            (Some(address), Some(port)) => Some(Self::at(socket.transport, EndpointHost::Ip(address, None), port)),
            _ => socket.path().cloned().map(Self::unix),
        }
    }
}

impl From<&DialTarget> for Endpoint {
    fn from(target: &DialTarget) -> Self {
        match target {
            DialTarget::Inet(address) => Self::at(Transport::Tcp, EndpointHost::Ip(address.ip(), None), address.port()),
            DialTarget::Unix(path) => Self::unix(path.clone()),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let trimmed = text.trim();
        parse(trimmed).map_err(|(problem, suggestion)| {
            // What is suggested must be an endpoint itself.
            let suggestion = suggestion.filter(|near| parse(near).is_ok());
            EndpointError { read: shortened(text), problem, suggestion }
        })
    }
}

type Problem = (String, Option<String>);

fn problem<T>(text: impl Into<String>, suggestion: Option<String>) -> Result<T, Problem> {
    Err((text.into(), suggestion))
}

fn parse(text: &str) -> Result<Endpoint, Problem> {
    if text.is_empty() {
        return problem("it is empty; give a port, an address with a port, a URL or a path", Some("3000".to_owned()));
    }
    if text.len() > LONGEST {
        return problem(format!("it has {} bytes, and the longest endpoint has {LONGEST}", text.len()), None);
    }
    if let Some(endpoint) = unix(text)? {
        return Ok(endpoint);
    }
    if let Some(bad) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
        return problem(
            format!("it has a {} in it", if bad.is_whitespace() { "space" } else { "control character" }),
            near_port(text),
        );
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return url(scheme, rest);
    }
    if let Some((left, right)) = text.split_once('/') {
        return match (transport(left), transport(right)) {
            (Some(transport), _) => Ok(given(transport, host_and_port(right)?)),
            (None, Some(transport)) => Ok(given(transport, host_and_port(left)?)),
            // A URL pasted without its scheme: `localhost:3000/cart`.
            (None, None) if left.contains(':') || left.contains('.') || left == "localhost" => {
                Ok(given(Transport::Tcp, host_and_port(left)?))
            }
            (None, None) => problem(
                format!("`{}` is no transport; Portward knows tcp, udp and unix", shortened(left)),
                right.parse::<u16>().ok().map(|port| format!("tcp/{port}")),
            ),
        };
    }
    host_and_port(text)
}

fn given(transport: Transport, endpoint: Endpoint) -> Endpoint {
    Endpoint { transport, transport_given: true, ..endpoint }
}

fn transport(text: &str) -> Option<Transport> {
    match text.to_ascii_lowercase().as_str() {
        "tcp" | "tcp4" | "tcp6" => Some(Transport::Tcp),
        "udp" | "udp4" | "udp6" => Some(Transport::Udp),
        _ => None,
    }
}

fn unix(text: &str) -> Result<Option<Endpoint>, Problem> {
    let path = if let Some(rest) = text.strip_prefix("unix:") {
        rest.strip_prefix("//").unwrap_or(rest)
    } else if text.starts_with('/') || (text.starts_with('@') && text.len() > 1) || text.starts_with("./") {
        text
    } else {
        return Ok(None);
    };
    // Several slashes in front are one to the file system, and two would read as those of a URL.
    let path =
        path.strip_prefix('/').map_or(path, |rest| path.get(rest.len() - rest.trim_start_matches('/').len()..).unwrap_or(path));
    if path.is_empty() {
        return problem("there is no path after `unix:`", Some("unix:/run/name.sock".to_owned()));
    }
    if Text::from(path).plain().is_none() {
        return problem("the path has a character in it that cannot be shown", None);
    }
    // sockaddr_un.sun_path holds 108 bytes, unix(7).
    if path.len() > 108 {
        return problem(format!("the path has {} bytes, and a Unix socket's has at most 108", path.len()), None);
    }
    Ok(Some(Endpoint::unix(Text::from(path))))
}

fn url(scheme: &str, rest: &str) -> Result<Endpoint, Problem> {
    let scheme = scheme.to_ascii_lowercase();
    let scheme = scheme.strip_prefix("jdbc:").unwrap_or(&scheme).to_owned();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(transport) = transport(&scheme) {
        return Ok(given(transport, host_and_port(authority)?));
    }
    // Several hosts, as database drivers write them: the first is asked about.
    let authority = authority.split(',').next().unwrap_or(authority);
    let default = SCHEMES.iter().find(|(name, _)| *name == scheme).map(|(_, port)| *port);
    let has_port = authority.rsplit_once(':').is_some_and(|(host, _)| !host.contains(':') || host.ends_with(']'));
    let endpoint = match (has_port, default) {
        (true, _) => host_and_port(authority)?,
        (false, Some(port)) => {
            let host = bare_host(authority)?;
            Endpoint { transport: Transport::Tcp, transport_given: true, host, port, port_given: false, scheme: None }
        }
        (false, None) => return problem(format!("there is no port, and `{}` has no usual one", shortened(&scheme)), None),
    };
    Ok(Endpoint { transport_given: true, scheme: Some(scheme), ..endpoint })
}

fn bare_host(text: &str) -> Result<EndpointHost, Problem> {
    if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return v6(inside);
    }
    host(text)
}

fn host_and_port(text: &str) -> Result<Endpoint, Problem> {
    let tcp = |host, port| Endpoint::at(Transport::Tcp, host, port);
    if let Some(rest) = text.strip_prefix('[') {
        let Some((inside, after)) = rest.split_once(']') else {
            return problem("the bracket is not closed", Some(format!("{text}]")).filter(|_| !rest.is_empty()));
        };
        let address = v6(inside)?;
        let Some(number) = after.strip_prefix(':') else {
            return problem("there is no port after the address", Some(format!("[{inside}]:3000")));
        };
        return Ok(tcp(address, port(number, &format!("[{inside}]:"))?));
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(tcp(EndpointHost::Any, port(text, "")?));
    }
    match text.rsplit_once(':') {
        Some(("" | "*", number)) => Ok(tcp(EndpointHost::Any, port(number, ":")?)),
        Some((left, number)) if left.contains(':') => {
            if text.parse::<std::net::Ipv6Addr>().is_ok() {
                let left_is_address =
                    left.parse::<std::net::Ipv6Addr>().is_ok() && number.parse::<u16>().is_ok_and(|port| port > 0);
                let suggestion = if left_is_address { format!("[{left}]:{number}") } else { format!("[{text}]:3000") };
                return problem("an IPv6 address with a port needs brackets", Some(suggestion));
            }
            let address = left.parse::<std::net::Ipv6Addr>().ok();
            let suggestion = address
                .zip(number.parse::<u16>().ok().filter(|port| *port > 0))
                .map(|(address, port)| format!("[{address}]:{port}"));
            problem("it has several colons and is no IPv6 address", suggestion)
        }
        Some((left, number)) => {
            let host = host(left)?;
            Ok(tcp(host, port(number, &format!("{left}:"))?))
        }
        None => without_port(text),
    }
}

fn without_port(text: &str) -> Result<Endpoint, Problem> {
    let host = host(text).map_err(|(problem, suggestion)| (problem, suggestion.or_else(|| near_port(text))))?;
    match &host {
        EndpointHost::Name(name) if is_localhost(name) => {
            Ok(Endpoint { port_given: false, ..Endpoint::at(Transport::Tcp, host, 80) })
        }
        EndpointHost::Ip(..) => problem("there is no port after the address", Some(format!("{text}:3000"))),
        EndpointHost::Name(_) | EndpointHost::Any | EndpointHost::Path(_) => {
            problem("it is neither a port nor an address with one", near_port(text))
        }
    }
}

/// True for `localhost` and every name below it, RFC 6761 section 6.3.
pub fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

fn v6(text: &str) -> Result<EndpointHost, Problem> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone.strip_prefix("25").filter(|rest| !rest.is_empty()).unwrap_or(zone))),
        None => (text, None),
    };
    // A zone is an interface's name, of at most 15 bytes (IFNAMSIZ), or its number.
    let is_name = |zone: &str| {
        (1..=15).contains(&zone.len())
            && zone.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'@' | b'+'))
    };
    if zone.is_some_and(|zone| !is_name(zone)) {
        return problem(format!("`{}` is no interface's name", shortened(zone.unwrap_or_default())), None);
    }
    match address.parse::<IpAddr>() {
        Ok(address) => Ok(EndpointHost::Ip(address, zone.map(str::to_owned))),
        Err(_) => problem(format!("`{}` is no IPv6 address", shortened(address)), None),
    }
}

fn host(text: &str) -> Result<EndpointHost, Problem> {
    if text == "*" {
        return Ok(EndpointHost::Any);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(EndpointHost::Ip(address, None));
    }
    if text.contains(':') {
        return v6(text);
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if name.is_empty() {
        return problem("it names no host", None);
    }
    if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return problem(format!("`{}` is no IPv4 address: it takes four numbers from 0 to 255", shortened(text)), None);
    }
    let label_is_fine = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if name.len() > 253 || !name.split('.').all(label_is_fine) {
        return problem(format!("`{}` is no host name", shortened(text)), None);
    }
    Ok(EndpointHost::Name(name))
}

fn port(text: &str, before: &str) -> Result<u16, Problem> {
    if text.is_empty() {
        return problem("there is no port after the colon", Some(format!("{before}3000")));
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        if let Some((_, port)) = SCHEMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return problem(
                format!("`{}` is a service name, and a port is a number", shortened(text)),
                Some(format!("{before}{port}")),
            );
        }
        let suggestion = near_port(text).map(|near| format!("{before}{near}"));
        return problem(format!("`{}` is no port: a port is a number from 1 to 65535", shortened(text)), suggestion);
    }
    match text.parse::<u32>() {
        Ok(0) => problem("port 0 means \"any free port\" and nobody can dial it", None),
        Ok(number) => u16::try_from(number).or_else(|_| too_large(text, before)),
        Err(_) => too_large(text, before),
    }
}

fn too_large<T>(text: &str, before: &str) -> Result<T, Problem> {
    let suggestion = drop_one_digit(text).map(|near| format!("{before}{near}"));
    problem(format!("ports end at 65535, and `{}` is larger", shortened(text)), suggestion)
}

/// The port that remains when one digit too many is taken away: a doubled digit first, then the last.
fn drop_one_digit(text: &str) -> Option<u16> {
    let text = text.trim_start_matches('0');
    let without = |index: usize| {
        let mut digits = text.to_owned();
        digits.remove(index);
        digits.parse::<u16>().ok().filter(|port| *port > 0)
    };
    if !(5..=6).contains(&text.len()) {
        return None;
    }
    let bytes = text.as_bytes();
    let doubled = bytes.windows(2).position(|pair| matches!(pair, [a, b] if a == b));
    doubled.and_then(without).or_else(|| (0..text.len()).rev().find_map(without))
}

/// A port that hides in a text with other characters: `3000!`, `port 3000`, `:3OOO` is not guessed.
fn near_port(text: &str) -> Option<String> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let only = numbers.next()?;
    if numbers.next().is_some() {
        return None;
    }
    only.parse::<u16>().ok().filter(|port| *port > 0).map(|port| port.to_string())
}

/// At most forty characters of a text, safe to print.
fn shortened(text: &str) -> String {
    // A URL with a password, or a whole message, is repeated without its secrets.
    let text = masked_line(text.as_bytes()).lossy().into_owned();
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    Text::from_shown(&short).shown()
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.transport == Transport::Udp {
            f.write_str("udp/")?;
        }
        match &self.host {
            EndpointHost::Any => write!(f, "{}", self.port),
            EndpointHost::Ip(IpAddr::V4(address), _) => write!(f, "{address}:{}", self.port),
            EndpointHost::Ip(IpAddr::V6(address), None) => write!(f, "[{address}]:{}", self.port),
            EndpointHost::Ip(IpAddr::V6(address), Some(zone)) => {
                write!(f, "[{address}%{}]:{}", Text::from_shown(zone), self.port)
            }
            // A host that is called `unix` must not read as the path of a socket.
            EndpointHost::Name(name) if name == "unix" && self.transport == Transport::Tcp => {
                write!(f, "tcp/{name}:{}", self.port)
            }
            EndpointHost::Name(name) => write!(f, "{name}:{}", self.port),
            // A path is written as it is typed, so that it is read as the same again.
            EndpointHost::Path(path) => match path.plain() {
                Some(plain) => write!(f, "unix:{plain}"),
                None => write!(f, "unix:{path}"),
            },
        }
    }
}

crate::written_as_text!(Endpoint);

/// The longest text that is looked at: a URL pasted from a browser may be long, noise is longer.
const LONGEST: usize = 8192;

/// Schemes with a usual port: RFC 9110, RFC 6455, and the registrations of the databases.
const SCHEMES: &[(&str, u16)] = &[
    ("http", 80),
    ("https", 443),
    ("ws", 80),
    ("wss", 443),
    ("ftp", 21),
    ("ssh", 22),
    ("smtp", 25),
    ("postgres", 5432),
    ("postgresql", 5432),
    ("mysql", 3306),
    ("mariadb", 3306),
    ("redis", 6379),
    ("rediss", 6379),
    ("mongodb", 27017),
    ("amqp", 5672),
    ("amqps", 5671),
    ("mqtt", 1883),
    ("nats", 4222),
    ("memcached", 11211),
    ("ldap", 389),
    ("grpc", 50051),
];

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
