//! How people write a forward: TARGET and AT apart, or both in one word as `ssh -L` and `docker -p` have them.

use portward_model::{Endpoint, EndpointHost, Text, Transport, hint};

use crate::Failure;

/// A forward as it was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spelt {
    /// What it forwards to.
    pub(super) target: Wanted,
    /// Where it listens; `None` where that is not said.
    pub(super) at: Option<Endpoint>,
}

/// What a forward goes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// An endpoint.
    Endpoint(Endpoint),
    /// A port of a container, by its name or the beginning of its id.
    Container(String, Endpoint),
    /// A service or a project.
    Named(String),
}

/// The two parts of a forward.
///
/// # Errors
/// Where a part is no place.
pub(super) fn of(target: &str, at: Option<&str>) -> Result<Spelt, Failure> {
    let (target, at) = match at {
        Some(at) => (target, Some(at)),
        None => split(target).map_or((target, None), |(at, target)| (target, Some(at))),
    };
    let at = at.map(place).transpose()?;
    Ok(Spelt { target: wanted(target)?, at })
}

/// `8080:3000`, `8080:localhost:3000`, `127.0.0.1:8080:db.internal:5432`, `[::1]:8080:/run/x.sock`: what comes first can only be where to
/// listen, as no name of a host is a number, and no endpoint has two ports.
fn split(word: &str) -> Option<(&str, &str)> {
    let (before, rest) = match word.strip_prefix("udp/").or_else(|| word.strip_prefix("tcp/")) {
        Some(rest) => (word.len() - rest.len(), rest),
        None => (0, word),
    };
    let host = if rest.starts_with('[') {
        rest.find("]:").map(|end| end + 2)
    } else {
        ["localhost:", "127.0.0.1:"].iter().find(|host| rest.starts_with(**host)).map(|host| host.len())
    };
    let from = host.unwrap_or(0);
    let port = rest.get(from..)?.split(':').next()?;
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let end = before + from + port.len();
    let target = word.get(end..)?.strip_prefix(':').filter(|target| !target.is_empty() && is_number)?;
    Some((word.get(..end)?, target))
}

fn place(word: &str) -> Result<Endpoint, Failure> {
    let endpoint: Endpoint = word.parse().map_err(|error| {
        Failure::usage(format!("{error}, so it cannot be listened there."))
            .hint("portward forward 3000 8080    or a Unix path such as ./x.sock")
    })?;
    let is_own = match &endpoint.host {
        EndpointHost::Any | EndpointHost::Path(_) => true,
        EndpointHost::Ip(address, _) => portward_model::unmap(*address).is_loopback(),
        EndpointHost::Name(name) => name == "localhost",
    };
    if !is_own {
        return Err(Failure::usage(format!(
            "A forward listens on the loopback alone, where nothing but this machine reaches it; {endpoint} is another address."
        ))
        .hint(hint!("portward forward TARGET {}", endpoint.port)));
    }
    if endpoint.port == 0 && !matches!(endpoint.host, EndpointHost::Path(_)) {
        return Err(Failure::usage("0 is no port that can be listened on.").hint("leave AT out, and it is a leased port"));
    }
    Ok(endpoint)
}

fn wanted(word: &str) -> Result<Wanted, Failure> {
    if let Some(rest) = word.strip_prefix("container:") {
        let wrong = || {
            Failure::usage(format!("`{}` names no port of a container.", Text::from(word)))
                .hint("portward forward container:db:5432")
        };
        let (name, port) = rest.rsplit_once(':').filter(|(name, _)| !name.is_empty()).ok_or_else(wrong)?;
        let endpoint: Endpoint = port.parse().map_err(|_| wrong())?;
        if endpoint.host != EndpointHost::Any || endpoint.port == 0 {
            return Err(wrong());
        }
        return Ok(Wanted::Container(name.to_owned(), endpoint));
    }
    // As docker has it: 53/udp.
    match word.parse::<Endpoint>() {
        Ok(endpoint) if endpoint.port_given || matches!(endpoint.host, EndpointHost::Path(_)) || endpoint.scheme.is_some() => {
            if endpoint.port == 0 && !matches!(endpoint.host, EndpointHost::Path(_)) {
                return Err(Failure::usage("0 is no port that can be dialled.").hint("portward forward 3000"));
            }
            let is_every = matches!(&endpoint.host, EndpointHost::Ip(address, _) if address.is_unspecified());
            Ok(Wanted::Endpoint(if is_every { Endpoint { host: EndpointHost::Any, ..endpoint } } else { endpoint }))
        }
        // A name is taken for a service; what looks like an endpoint and is none is told as one.
        Err(error) if !is_name(word) => {
            Err(Failure::usage(format!("{error}.")).hint("portward forward 3000    or the name of a service"))
        }
        Ok(_) | Err(_) => Ok(Wanted::Named(word.to_owned())),
    }
}

fn is_name(word: &str) -> bool {
    !word.is_empty()
        && !word.bytes().all(|byte| byte.is_ascii_digit())
        && !word.contains([':', '/', '@', '['])
        && Text::from(word).plain().is_some()
}

/// What a transport is called in a sentence.
pub(super) fn words(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp | Transport::Unix => "a stream",
        Transport::Udp | Transport::UnixDatagram => "datagrams",
        Transport::UnixPacket => "messages of connections",
    }
}

#[cfg(test)]
mod tests {
    use super::{Wanted, of};

    fn read(target: &str, at: Option<&str>) -> String {
        match of(target, at) {
            Ok(spelt) => {
                let target = match spelt.target {
                    Wanted::Endpoint(endpoint) => endpoint.to_string(),
                    Wanted::Container(name, endpoint) => format!("{name}'s {endpoint}"),
                    Wanted::Named(name) => format!("={name}"),
                };
                format!("{} -> {target}", spelt.at.map_or_else(|| "-".to_owned(), |at| at.to_string()))
            }
            Err(failure) => failure.message,
        }
    }

    #[test]
    fn one_word_is_two_where_it_can_mean_nothing_else() {
        for (word, said) in [
            ("3000", "- -> 3000"),
            ("8080:3000", "8080 -> 3000"),
            ("8080:localhost:3000", "8080 -> localhost:3000"),
            ("localhost:8080:3000", "localhost:8080 -> 3000"),
            ("127.0.0.1:8080:[::1]:3000", "127.0.0.1:8080 -> [::1]:3000"),
            ("[::1]:8080:/run/x.sock", "[::1]:8080 -> unix:/run/x.sock"),
            ("8080:@name", "8080 -> unix:@name"),
            ("udp/5353:udp/53", "udp/5353 -> udp/53"),
            ("8080:web", "8080 -> =web"),
            ("localhost:3000", "- -> localhost:3000"),
            ("[::1]:3000", "- -> [::1]:3000"),
            ("127.0.0.1:3000", "- -> 127.0.0.1:3000"),
            ("/run/x:3000", "- -> unix:/run/x:3000"),
            ("web", "- -> =web"),
            ("53/udp", "- -> udp/53"),
            ("container:db:5432", "- -> db's 5432"),
            ("5432:container:db:5432", "5432 -> db's 5432"),
            ("container:dns:53/udp", "- -> dns's udp/53"),
            ("0.0.0.0:3000", "- -> 3000"),
        ] {
            assert_eq!(read(word, None), said, "{word}");
        }
        assert_eq!(read("3000", Some("./x.sock")), "unix:./x.sock -> 3000");
        for (target, at) in [
            ("", None),
            ("web:x", None),
            ("0", None),
            ("70000", None),
            ("container:db", None),
            ("container::80", None),
            ("container:db:x", None),
            ("3000", Some("0")),
            ("3000", Some("10.0.0.1:80")),
            ("3000", Some("")),
        ] {
            let said = read(target, at);
            assert!(!said.contains("->"), "{target} {at:?}: {said}");
        }
    }
}
