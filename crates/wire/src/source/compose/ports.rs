//! One entry of a service's `ports`.

use portward_model::Transport;

use crate::source::{
    Fact, Findings, What,
    node::Node,
    number::{port, variable},
};

/// Reads an entry, short or long.
pub(super) fn item(item: &Node, service: &str, found: &mut Findings) {
    match item.text() {
        Some(text) => short(text, item, service, found),
        None => long(item, service, found),
    }
}

/// A port that an entry publishes, short or long, as far as it is understood.
pub(crate) struct Published {
    /// The port of the machine; `None` where any will do.
    pub(crate) asked: Option<u16>,
    /// The port in the container.
    pub(crate) target: u16,
    /// As it is written; `tcp` where nothing is.
    pub(crate) protocol: String,
    /// Where it stands.
    pub(crate) line: u32,
    /// One of several of which the engine takes any.
    pub(crate) of_range: bool,
}

/// The ports that an entry publishes, its variables put in before.
pub(crate) fn published(item: &Node) -> Vec<Published> {
    let (asked, target, protocol) = if let Some(text) = item.text() {
        let (mapping, protocol) = split_protocol(text);
        match &parts(mapping)[..] {
            [target] => (None, (*target).to_owned(), protocol.to_owned()),
            [published, target] | [_, published, target] => {
                (Some((*published).to_owned()), (*target).to_owned(), protocol.to_owned())
            }
            _ => return Vec::new(),
        }
    } else {
        let text = |name: &str| item.text_of(name).map(str::to_owned);
        let Some(target) = text("target") else { return Vec::new() };
        (text("published"), target, text("protocol").unwrap_or_default())
    };
    let protocol = if protocol.is_empty() { "tcp".to_owned() } else { protocol };
    let targets = range(&target);
    let one = |asked, target, of_range| Published { asked, target, protocol: protocol.clone(), line: item.line, of_range };
    let asked = asked.map(|asked| range(&asked)).unwrap_or_default();
    if asked.is_empty() {
        return targets.into_iter().map(|target| one(None, target, false)).collect();
    }
    let of_range = asked.len() > targets.len();
    let each = asked.into_iter().enumerate();
    each.filter_map(|(at, asked)| {
        let target = targets.get(at).or(targets.last()).copied()?;
        Some(one(Some(asked), target, of_range))
    })
    .collect()
}

/// `[[ADDRESS:]PUBLISHED:]CONTAINER[/PROTOCOL]`, each of them a variable or a range where it may be one.
fn short(text: &str, item: &Node, service: &str, found: &mut Findings) {
    let (mapping, protocol) = split_protocol(text);
    let parts = parts(mapping);
    let (address, published, container) = match &parts[..] {
        [container] => (None, None, *container),
        [published, container] => (None, Some(*published), *container),
        [address, published, container] => (Some(*address), Some(*published), *container),
        _ => return,
    };
    let address = address.map(|address| variable(address).map_or(address.to_owned(), |(_, default)| default));
    let address = address.map(|address| address.trim_matches(['[', ']']).to_owned()).filter(|address| !address.is_empty());
    published_at(published, container, address.as_deref(), transport(protocol), item, service, found);
}

/// `target`, `published`, `host_ip` and `protocol` by their names.
fn long(item: &Node, service: &str, found: &mut Findings) {
    let Some(target) = item.text_of("target") else { return };
    let place = item.field("published").unwrap_or(item);
    let address = item.text_of("host_ip");
    let protocol = item.text_of("protocol").unwrap_or_default();
    published_at(item.text_of("published"), target, address, transport(protocol), place, service, found);
}

fn published_at(
    published: Option<&str>,
    container: &str,
    address: Option<&str>,
    transport: Transport,
    place: &Node,
    service: &str,
    found: &mut Findings,
) {
    let containers = range(&variable(container).map_or(container.to_owned(), |(_, default)| default));
    let mut add = |port: u16, what, variable: Option<String>, reason| {
        let fact = Fact { transport, variable, ..Fact::new(port, what, reason, place.line, place.column) };
        found.facts.push(fact.of(service));
    };
    let Some(published) = published.filter(|text| !text.is_empty()) else {
        for port in containers {
            add(port, What::Exposed, None, "a container's port without one of this machine");
        }
        return;
    };
    let (name, said) = variable(published).map_or((None, published.to_owned()), |(name, default)| (Some(name), default));
    let ports = range(&said);
    // One that is said by a variable alone is known when that is.
    let ports = if ports.is_empty() && name.is_some() && said.is_empty() { vec![0] } else { ports };
    for (at, port) in ports.into_iter().enumerate() {
        let Some(container) = containers.get(at).or(containers.last()).copied() else { continue };
        add(
            port,
            What::Published { address: address.map(str::to_owned), container },
            name.clone(),
            "the published side of a mapping",
        );
    }
}

/// Parts between colons that stand outside of braces and brackets.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    // An IPv6 address may stand without brackets.
    if let (4.., Some((head, tail))) =
        (parts.len(), text.rsplit_once(':').and_then(|(rest, container)| Some((rest.rsplit_once(':')?, container))))
    {
        return vec![head.0, head.1, tail];
    }
    parts
}

fn split_protocol(text: &str) -> (&str, &str) {
    match text.rsplit_once('/') {
        Some((mapping, protocol @ ("tcp" | "udp" | "sctp"))) => (mapping, protocol),
        _ => (text, ""),
    }
}

fn transport(protocol: &str) -> Transport {
    if protocol == "udp" { Transport::Udp } else { Transport::Tcp }
}

/// `3000` or `3000-3005`, as far as a range of containers goes that anybody means.
fn range(text: &str) -> Vec<u16> {
    match text.split_once('-') {
        None => port(text).into_iter().collect(),
        Some((first, last)) => match (port(first), port(last)) {
            (Some(first), Some(last)) => (first..=last).take(MOST).collect(),
            _ => Vec::new(),
        },
    }
}

const MOST: usize = 200;
