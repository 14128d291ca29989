//! What was asked: an endpoint, a pasted error, or both; understood without a machine but for what names mean on it.

mod text;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use portward_model::{Endpoint, EndpointError, EndpointHost, Failure, Sentence, Text, Transport};

use super::{Asked, Asking};
use crate::{
    BindQuestion, Call, Paste, Symptom, browser_blocks,
    case::dialled,
    paste::{read_mention, read_paste},
    service_port,
};

/// The words of a question, as they were given.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// An endpoint, a service's name, or a pasted error.
    pub target: Option<String>,
    /// What a program printed.
    pub text: Option<Vec<u8>>,
    /// True when the question is why a server cannot listen.
    pub bind: bool,
}

/// What names mean on the machine that is asked about.
pub trait Names {
    /// The addresses of a host's name, first choice first; or why there are none.
    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, String>;

    /// The endpoint of the program or service of this name that listens, and who that is.
    fn serving(&self, name: &str) -> Option<(Endpoint, String)>;

    /// The endpoint at which the process with this number listens, and who that is.
    fn listening(&self, pid: u32) -> Option<(Endpoint, String)>;

    /// The process that a pid or lock file names.
    fn named_in(&self, file: &Text) -> Option<u32>;

    /// The address by which containers of this machine call it: that of the bridge of their network, else another of its own.
    fn outward(&self) -> Option<IpAddr>;

    /// True when the reader itself is in a container.
    fn is_contained(&self) -> bool;
}

/// A question that was understood.
#[derive(Clone, Debug)]
pub struct Question {
    /// The endpoint, as its client or server means it.
    pub asked: Asked,
    /// What a program printed.
    pub paste: Option<Paste>,
    /// The bind that a server would ask for.
    pub bind: BindQuestion,
    /// The addresses that it would bind; of "any", those of both families.
    pub bound: Vec<SocketAddr>,
    /// The zone of a link-local address: an interface's name or number.
    pub zone: Option<String>,
    /// How the question was understood, where that needs words.
    pub notes: Vec<Sentence>,
}

/// Why the words make no question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misunderstood {
    /// The target is neither an endpoint nor a name nor an error.
    NoEndpoint(EndpointError),
    /// The text, of so many lines, holds no error that is known.
    NoError {
        /// Its lines that are not empty.
        lines: usize,
    },
    /// Nothing was named.
    Nothing,
}

impl From<Misunderstood> for Failure {
    fn from(why: Misunderstood) -> Self {
        match why {
            Misunderstood::NoEndpoint(error) => Self::from(error)
                .hint("give an endpoint, a service's name, or the whole error message: portward doctor 'the message'"),
            Misunderstood::NoError { lines } => {
                Self::usage(format!("Nothing in the text ({lines} lines) is an error that Portward knows."))
                    .hint("name the endpoint as well: portward doctor 127.0.0.1:3000 --text '...'")
            }
            Misunderstood::Nothing => Self::usage("There is nothing to examine.")
                .hint("give an endpoint or an error message: portward doctor 3000, or pipe a log: ... | portward doctor -"),
        }
    }
}

/// Understands a question. One about nothing of this machine, as of a text without an address, has no endpoint: see
/// [`Asked::is_nowhere`].
pub fn understand(words: &Words, names: &dyn Names) -> Result<Question, Misunderstood> {
    let mut notes = Vec::new();
    let mut paste = None;
    let mut endpoint = None;
    let mut resource = None;
    if let Some(target) = words.target.as_deref().map(str::trim).filter(|target| !target.is_empty()) {
        match target.parse::<Endpoint>() {
            Ok(parsed) => {
                resource = resource_of(target);
                endpoint = Some(parsed);
            }
            Err(_) if words.bind && any_port(target).is_some() => endpoint = any_port(target),
            Err(error) => match out_of_range(target).or_else(|| read_paste(target.as_bytes())) {
                Some(read) => paste = Some(read),
                // Words are no endpoint: they tell of something, be it in a wording that nobody has written down.
                None if target.contains(char::is_whitespace) => {
                    paste = Some(read_mention(target.as_bytes()).ok_or(Misunderstood::NoError { lines: 1 })?);
                }
                None => {
                    let Some((meant, note)) = by_name(target, names) else { return Err(Misunderstood::NoEndpoint(error)) };
                    endpoint = Some(meant);
                    notes.push(note);
                }
            },
        }
    }
    if let Some(text) = &words.text {
        match read_paste(text).or_else(|| read_mention(text)) {
            Some(read) => paste = Some(read),
            None if endpoint.is_some() || paste.is_some() => {
                notes.push("nothing of the text is an error that Portward knows".into());
            }
            None => {
                let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
                return Err(Misunderstood::NoError { lines });
            }
        }
    }
    if let (Some(endpoint), Some(paste)) = (&mut endpoint, &paste) {
        if let Some(port) = paste.port.filter(|_| !paste.may_mean(endpoint.port)) {
            notes.push(format!("the text speaks of port {port}; {endpoint} was examined, as asked").into());
        } else if !endpoint.transport_given && paste.transport == Some(Transport::Udp) && endpoint.transport == Transport::Tcp {
            endpoint.transport = Transport::Udp;
        }
    }
    if let (Some(asked), Some(told)) = (&endpoint, &paste)
        && let Some(path) = text::by_path(asked, told)
    {
        notes.push(
            format!("the client of the text went for the Unix socket {path}, which was examined; {asked} is beside it").into(),
        );
        endpoint = Some(path);
    }
    let from_text = endpoint.is_none();
    if let (true, Some(paste)) = (from_text, &paste) {
        endpoint = text::endpoint(paste, names, &mut notes);
    }
    if endpoint.is_none() && paste.is_none() {
        return Err(Misunderstood::Nothing);
    }
    let is_own = endpoint.as_ref().is_none_or(|endpoint| from_text || endpoint_is_of(endpoint, paste.as_ref()));
    if resource.is_none() && is_own {
        resource = paste.as_ref().and_then(|paste| paste.request.as_ref()?.resource.clone());
    }
    let listens = words.bind || is_own && asks_to_listen(paste.as_ref());
    let asking = if listens { Asking::Listen } else { Asking::Connect };
    match endpoint {
        Some(endpoint) => Ok(question(&endpoint, asking, resource, paste, names, notes)),
        None => Ok(Question {
            asked: nowhere(asking, paste.as_ref(), names),
            paste,
            bind: BindQuestion::any(Transport::Tcp, 0),
            bound: Vec::new(),
            zone: None,
            notes,
        }),
    }
}

/// About no endpoint of this machine; of a name that was not known, whether it is here.
fn nowhere(asking: Asking, paste: Option<&Paste>, names: &dyn Names) -> Asked {
    let unknown = paste.filter(|paste| paste.symptom == Symptom::NameUnknown && paste.vantage.is_none());
    let name = unknown.and_then(|paste| paste.host.clone()).filter(|host| !host.contains(char::is_whitespace));
    let addresses = name.as_deref().and_then(|name| names.resolve(name).ok()).unwrap_or_default();
    Asked { name, addresses, ..Asked::nowhere(asking) }
}

fn asks_to_listen(paste: Option<&Paste>) -> bool {
    paste.is_some_and(|paste| paste.symptom.asks_to_listen(paste.call))
}

fn endpoint_is_of(endpoint: &Endpoint, paste: Option<&Paste>) -> bool {
    paste.is_some_and(|paste| paste.may_mean(endpoint.port))
}

/// The path and query of a URL, where it has any.
fn resource_of(target: &str) -> Option<String> {
    let after = target.split_once("://").map_or(target, |(_, rest)| rest);
    let resource = after.find('/').and_then(|at| after.get(at..)).filter(|_| !target.starts_with(['/', '@', '.']))?;
    let resource = resource.split('#').next().unwrap_or(resource);
    let plain = resource.bytes().all(|byte| byte.is_ascii_graphic());
    (plain
        && resource.len() > 1
        && resource.len() < 2048
        && !matches!(target.split('/').next(), Some("udp" | "tcp"))
        && !resource.ends_with("/udp")
        && !resource.ends_with("/tcp"))
    .then(|| resource.to_owned())
}

/// `0`, `127.0.0.1:0`: what a server asks for that takes any free port.
fn any_port(target: &str) -> Option<Endpoint> {
    if target == "0" {
        return Some(Endpoint { port: 0, ..Endpoint::any(1) });
    }
    let host = target.strip_suffix(":0")?;
    format!("{host}:1").parse().ok().map(|endpoint| Endpoint { port: 0, ..endpoint })
}

/// A number above 65535 where a port should stand is a cause of its own.
fn out_of_range(target: &str) -> Option<Paste> {
    let after = target.split_once("://").map_or(target, |(_, rest)| rest);
    let authority = after.split('/').next().unwrap_or(after);
    let digits = authority.rsplit(':').next().unwrap_or(authority);
    let host =
        authority.rsplit_once(':').map(|(host, _)| host.trim_matches(['[', ']']).to_owned()).filter(|host| !host.is_empty());
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port = digits.parse::<u32>().unwrap_or(u32::MAX);
    (port > 65535).then(|| Paste {
        host,
        port: Some(port),
        call: Some(Call::Connect),
        says: Some("port-out-of-range"),
        ..Paste::new(Symptom::PortOutOfRange, Text::from(target.get(..300).unwrap_or(target)), 1)
    })
}

/// A service's name: of a program that listens here, or of a protocol with a usual port.
fn by_name(target: &str, names: &dyn Names) -> Option<(Endpoint, Sentence)> {
    let plain =
        target.len() <= 40 && target.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if !plain {
        return None;
    }
    let wanted = target.to_ascii_lowercase();
    let wanted = wanted.strip_suffix(".service").unwrap_or(&wanted);
    if let Some((endpoint, holder)) = names.serving(wanted) {
        let note = format!("{target} is {holder}, which listens on {endpoint}");
        return Some((endpoint, note.into()));
    }
    let port = service_port(wanted)?;
    Some((Endpoint::any(port), format!("no program of that name listens; {target} usually has port {port}").into()))
}

fn question(
    endpoint: &Endpoint,
    asking: Asking,
    resource: Option<String>,
    paste: Option<Paste>,
    names: &dyn Names,
    mut notes: Vec<Sentence>,
) -> Question {
    let (mut name, mut zone, mut path) = (None, None, None);
    let addresses = match &endpoint.host {
        EndpointHost::Any => Vec::new(),
        EndpointHost::Path(own) => {
            path = Some(own.clone());
            Vec::new()
        }
        EndpointHost::Ip(address, own) => {
            zone.clone_from(own);
            vec![*address]
        }
        EndpointHost::Name(host) => {
            name = Some(host.clone());
            names.resolve(host).unwrap_or_else(|_| {
                // The text's own machine knew it.
                let told = paste.as_ref().map(|paste| paste.addresses.clone()).unwrap_or_default();
                if let Some(first) = told.first() {
                    notes.push(format!("{host} does not resolve here; {first} of the text was examined").into());
                }
                told
            })
        }
    };
    let (transport, port) = (endpoint.transport, endpoint.port);
    let web = matches!(endpoint.scheme.as_deref(), Some("http" | "https" | "ws" | "wss"));
    if web && paste.is_none() && browser_blocks(port) {
        notes.push(
            format!("browsers send no request to port {port}, whoever answers there: portward explain browser-unsafe-port")
                .into(),
        );
    }
    // The kernel looks for the right before it looks for a free port (`inet_bind`).
    let past_privileges =
        paste.as_ref().is_some_and(|paste| matches!(paste.symptom, Symptom::InUse | Symptom::AddressNotAvailable));
    let bind = match (&path, addresses.first()) {
        (Some(path), _) => BindQuestion::path(path.clone(), None),
        (None, Some(address)) => BindQuestion::new(transport, *address, port),
        (None, None) => BindQuestion::any(transport, port),
    };
    let bind = BindQuestion { past_privileges, ..bind };
    let any = [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
    let bound = if addresses.is_empty() { &any[..] } else { &addresses };
    let bound = bound.iter().map(|address| SocketAddr::new(*address, port)).collect();
    let dialled = match (asking, &endpoint.host) {
        (_, EndpointHost::Path(_)) => Vec::new(),
        (Asking::Connect, EndpointHost::Any) => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        (Asking::Connect, _) => addresses.into_iter().map(dialled).collect(),
        (Asking::Listen, EndpointHost::Any) => vec![Ipv6Addr::UNSPECIFIED.into()],
        (Asking::Listen, _) => addresses,
    };
    let asked = Asked {
        asking,
        text: endpoint.to_string(),
        transport,
        name,
        addresses: dialled,
        host_given: !matches!(endpoint.host, EndpointHost::Any),
        port,
        path,
        scheme: endpoint.scheme.clone(),
        resource,
    };
    Question { asked, paste, bind, bound, zone, notes }
}

#[cfg(test)]
mod tests {
    use super::any_port;

    #[test]
    fn port_zero_is_an_endpoint_for_servers() {
        assert_eq!(any_port("0").map(|endpoint| endpoint.port), Some(0));
        assert_eq!(any_port("127.0.0.1:0").map(|endpoint| endpoint.to_string()), Some("127.0.0.1:0".to_owned()));
        assert!(any_port("3000").is_none() && any_port("127.0.0.1:30").is_none());
    }
}
