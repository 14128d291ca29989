//! What is waited for, as people write it: an endpoint, a URL, or one of the forms of wait-on, dockerize and wait-for-it.

use std::{fmt, str::FromStr};

use portward_model::{Endpoint, EndpointError, EndpointHost, Text, masked_line};
use portward_wire::protocol::{self, Protocol};

/// An endpoint, or the URL of one, with what it says of how to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    /// As it was typed.
    text: String,
    pub(super) endpoint: Endpoint,
    pub(super) way: Way,
}

/// How a goal asks to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It does not say.
    Plain,
    /// By a request.
    Http(Url),
    /// By a health check.
    Grpc {
        tls: bool,
        /// The name of a service; empty for the server.
        service: String,
    },
    /// In the protocol of its scheme.
    Speaks(&'static Protocol, bool),
    /// Not at all: it is a file.
    File(Text),
}

/// A request as a URL tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) tls: bool,
    /// The path with its query.
    pub(super) target: String,
    /// The host that is named where it is not the one that is dialled.
    pub(super) host: Option<String>,
    /// The user with the password, where there are any.
    pub(super) login: Option<String>,
    /// True where it is to go on in WebSocket.
    pub(super) upgrade: bool,
}

impl Goal {
    /// As it is shown: without the secrets of a URL.
    pub(super) fn shown(&self) -> String {
        let Some((scheme, rest)) = self.text.split_once("://").filter(|_| !matches!(self.way, Way::Plain)) else {
            return match &self.way {
                Way::File(path) => format!("file:{path}"),
                Way::Plain | Way::Http(_) | Way::Grpc { .. } | Way::Speaks(..) => self.endpoint.to_string(),
            };
        };
        let (authority, target) = parted(rest);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        // What is asked of a page may be a token; its path is what people know it by.
        let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
        format!("{scheme}://{host}{path}{}", masked_line(query.as_bytes()))
    }

    /// The host as a server knows itself: its name, or its address without a zone.
    pub(super) fn name(&self) -> String {
        match &self.endpoint.host {
            EndpointHost::Name(name) => name.clone(),
            EndpointHost::Ip(address, _) => address.to_string(),
            EndpointHost::Any | EndpointHost::Path(_) => "localhost".to_owned(),
        }
    }

    /// The host with its port where that is not the scheme's own, as a request names it.
    pub(super) fn authority(&self, usual: u16) -> String {
        let name = self.name();
        let name = if name.contains(':') { format!("[{name}]") } else { name };
        let port = self.endpoint.port;
        if port == usual || self.endpoint.transport.is_unix() { name } else { format!("{name}:{port}") }
    }
}

impl Url {
    /// The request for what stands behind the host.
    pub(super) fn of(target: &str) -> Self {
        Self { target: request_target(target), ..Self::default() }
    }
}

impl FromStr for Goal {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let trimmed = text.trim();
        let (endpoint, way) = read(trimmed)?;
        Ok(Self { text: trimmed.to_owned(), endpoint, way })
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

portward_model::written_as_text!(Goal);

fn read(text: &str) -> Result<(Endpoint, Way), EndpointError> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return without_scheme(text);
    };
    let scheme = scheme.to_ascii_lowercase();
    // wait-on's way of saying that the request is a GET, which it always is here.
    let scheme = scheme.strip_suffix("-get").filter(|scheme| ["http", "https"].contains(scheme)).unwrap_or(&scheme);
    let tls = matches!(scheme, "https" | "wss" | "grpcs" | "https+unix");
    if scheme == "file" {
        return file(rest);
    }
    let (authority, target) = parted(rest);
    match scheme {
        "http" | "https" | "ws" | "wss" => {
            let url = Url { tls, login: login(authority), upgrade: scheme.starts_with("ws"), ..Url::of(target) };
            match rest.strip_prefix("unix:") {
                Some(rest) => through(rest, &url),
                None => Ok((format!("{scheme}://{rest}").parse()?, Way::Http(url))),
            }
        }
        // As several libraries write it, with the slashes of the socket's path escaped.
        "http+unix" | "https+unix" => {
            let path = unescaped(authority);
            let url = Url { tls, ..Url::of(target) };
            Ok((format!("unix:{path}").parse()?, Way::Http(url)))
        }
        "grpc" | "grpcs" => {
            let service = target.split(['?', '#']).next().unwrap_or_default().trim_matches('/').to_owned();
            // A port that is not said is the scheme's own.
            let usual = protocol::of_scheme(scheme).map_or(443, |(_, usual)| usual.port);
            let endpoint = format!("grpc://{authority}").parse::<Endpoint>()?;
            let port = if endpoint.port_given { endpoint.port } else { usual };
            Ok((Endpoint { scheme: Some(scheme.to_owned()), port, ..endpoint }, Way::Grpc { tls, service }))
        }
        _ => {
            let endpoint: Endpoint = text.parse()?;
            let known = protocol::of_scheme(scheme).filter(|(known, _)| known.greeting.is_some());
            Ok((endpoint, known.map_or(Way::Plain, |(known, usual)| Way::Speaks(known, usual.tls))))
        }
    }
}

/// `3000`, `tcp:db:5432`, `socket:/run/x.sock`, `file:ready`, `localhost:3000/health`.
fn without_scheme(text: &str) -> Result<(Endpoint, Way), EndpointError> {
    let start = |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let after = |word: &str| text.get(word.len()..).unwrap_or_default();
    for (word, transport) in [("tcp:", "tcp/"), ("udp:", "udp/")] {
        if start(word) {
            return Ok((format!("{transport}{}", after(word)).parse()?, Way::Plain));
        }
    }
    if start("socket:") {
        return Ok((format!("unix:{}", after("socket:")).parse()?, Way::Plain));
    }
    if start("file:") {
        return file(after("file:"));
    }
    let endpoint: Endpoint = text.parse()?;
    // A URL pasted without its scheme: what stands behind the port is asked for. `3000/tcp` is none, nor is `host:3000/tcp`.
    let is_transport =
        |word: &str| ["tcp", "tcp4", "tcp6", "udp", "udp4", "udp6"].iter().any(|own| own.eq_ignore_ascii_case(word));
    match text.split_once('/') {
        Some((before, after)) if before.contains(':') && !endpoint.transport.is_unix() && !is_transport(after) => {
            Ok((endpoint, Way::Http(Url::of(&format!("/{after}")))))
        }
        _ => Ok((endpoint, Way::Plain)),
    }
}

/// A file, of which only the path is told; the endpoint stands for nothing.
fn file(path: &str) -> Result<(Endpoint, Way), EndpointError> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() {
        return Err(EndpointError {
            read: "file:".to_owned(),
            problem: "there is no path after `file:`".to_owned(),
            suggestion: None,
        });
    }
    Ok((Endpoint::unix(Text::from(path)), Way::File(Text::from(path))))
}

/// `/run/x.sock:/health`: a request through a Unix socket, as wait-on and `request` write it; behind the path may stand a whole URL,
/// which names a host.
fn through(rest: &str, url: &Url) -> Result<(Endpoint, Way), EndpointError> {
    let (path, target) = rest.split_once(':').unwrap_or((rest, ""));
    let (host, target) = match target.split_once("://") {
        Some((_, inner)) => {
            let (host, target) = parted(inner);
            (Some(host.to_owned()), target)
        }
        None => (None, target),
    };
    Ok((format!("unix:{path}").parse()?, Way::Http(Url { tls: url.tls, upgrade: url.upgrade, host, ..Url::of(target) })))
}

/// What stands before the path of a URL, and the path with all that follows.
fn parted(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}

/// A path with its query, as a request names it: never empty, and without what stays with the client.
fn request_target(target: &str) -> String {
    let target = target.split('#').next().unwrap_or_default();
    if target.starts_with('/') { target.to_owned() } else { format!("/{target}") }
}

fn login(authority: &str) -> Option<String> {
    authority.rsplit_once('@').map(|(login, _)| unescaped(login))
}

/// Undoes the escapes of a URL.
fn unescaped(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Goal, Url, Way};

    fn goal(text: &str) -> Goal {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn http(text: &str) -> (String, Url) {
        let goal = goal(text);
        match goal.way {
            Way::Http(url) => (goal.endpoint.to_string(), url),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn urls_are_asked_as_they_are() {
        for (text, endpoint, tls, target) in [
            ("http://localhost:3000", "localhost:3000", false, "/"),
            ("http://localhost:3000/health?deep=1#top", "localhost:3000", false, "/health?deep=1"),
            ("HTTP://localhost:3000?x", "localhost:3000", false, "/?x"),
            ("https://shop.localhost/", "shop.localhost:443", true, "/"),
            ("http-get://localhost:3000/a", "localhost:3000", false, "/a"),
            ("https-get://localhost:3000/a", "localhost:3000", true, "/a"),
            ("http://[::1]:3000/a", "[::1]:3000", false, "/a"),
            ("localhost:3000/a/b", "localhost:3000", false, "/a/b"),
            ("127.0.0.1:3000/a", "127.0.0.1:3000", false, "/a"),
            ("http://unix:/run/x.sock:/a?b", "unix:/run/x.sock", false, "/a?b"),
            ("http://unix:/run/x.sock", "unix:/run/x.sock", false, "/"),
            ("http-get://unix:/run/x.sock:/", "unix:/run/x.sock", false, "/"),
            ("http://unix:/run/x.sock:http://server/foo", "unix:/run/x.sock", false, "/foo"),
            ("http+unix://%2Frun%2Fx.sock/a", "unix:/run/x.sock", false, "/a"),
        ] {
            let (found, url) = http(text);
            assert_eq!((found.as_str(), url.tls, url.target.as_str()), (endpoint, tls, target), "{text}");
        }
        assert_eq!(http("http://unix:/run/x.sock:http://server/foo").1.host.as_deref(), Some("server"));
        assert!(http("ws://localhost:3000/ws").1.upgrade && http("wss://localhost/ws").1.tls);
        assert_eq!(http("http://me:p%40ss@localhost:3000/").1.login.as_deref(), Some("me:p@ss"));
    }

    #[test]
    fn what_peers_write() {
        for (text, endpoint) in [
            ("tcp:localhost:3000", "localhost:3000"),
            ("tcp:3000", "3000"),
            ("tcp:[::1]:4200", "[::1]:4200"),
            ("tcp://db:5432", "db:5432"),
            ("udp:53", "udp/53"),
            ("socket:/run/x.sock", "unix:/run/x.sock"),
            ("unix:///run/x.sock", "unix:/run/x.sock"),
            ("db:5432", "db:5432"),
            ("3000/tcp", "3000"),
            ("localhost:3000/tcp", "localhost:3000"),
            ("./x:y.sock", "unix:./x:y.sock"),
        ] {
            let goal = goal(text);
            assert_eq!((goal.endpoint.to_string().as_str(), goal.way), (endpoint, Way::Plain), "{text}");
        }
        assert_eq!(goal("file:///tmp/x").way, Way::File("/tmp/x".into()));
        assert_eq!(goal("file:x").way, Way::File("x".into()));
        assert!(matches!(goal("redis://localhost").way, Way::Speaks(known, false) if known.name == "redis"));
        assert!(matches!(goal("rediss://localhost").way, Way::Speaks(known, true) if known.name == "redis"));
        for (text, port, tls, service) in [
            ("grpc://localhost", 50051, false, ""),
            ("grpc://localhost:9000/shop.Cart", 9000, false, "shop.Cart"),
            ("grpcs://localhost", 443, true, ""),
        ] {
            let goal = goal(text);
            assert_eq!((goal.endpoint.port, goal.way), (port, Way::Grpc { tls, service: service.to_owned() }), "{text}");
        }
    }

    #[test]
    fn what_is_no_goal() {
        for text in ["", "http://", "http://localhost:99999/", "tcp:", "file:", "nonsense", "http://a b/"] {
            assert!(text.parse::<Goal>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_and_what_is_shown() {
        let shown = |text: &str| goal(text).shown();
        assert_eq!(shown("http://me:secret@localhost:3000/a"), "http://localhost:3000/a");
        assert!(!shown("http://localhost:3000/a?token=abcdef0123456789abcdef").contains("abcdef0123456789"));
        assert_eq!(shown("http://unix:/tmp/wtest/x.sock:/a?b"), "http://unix:/tmp/wtest/x.sock:/a?b");
        assert_eq!((shown("3000").as_str(), shown("file:/tmp/x").as_str()), ("3000", "file:/tmp/x"));
        assert_eq!(goal("http://[fe80::1%eth0]:80/").authority(80), "[fe80::1]");
        assert_eq!(goal("https://shop.localhost:8443/").authority(443), "shop.localhost:8443");
        assert_eq!(goal("http://unix:/run/x.sock:/").authority(80), "localhost");
        let same = "http://localhost:3000/a?b=c";
        assert_eq!(goal(same).to_string(), same);
    }
}
