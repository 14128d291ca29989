//! One entry of a service's `ports`.

use portward_model::Transport;

use crate::source::{node::Node, number::port};

/// A port that an entry publishes, short or long, as far as it is understood.
pub(super) struct Published {
    /// The address of the machine; `None` for every one.
    pub(super) address: Option<String>,
    /// The port of the machine; `None` where any will do.
    pub(super) asked: Option<u16>,
    /// The port in the container.
    pub(super) target: u16,
    /// As it is written; `tcp` where nothing is.
    pub(super) protocol: String,
    /// Where it stands: the file among those that are read together, the line and the column.
    pub(super) at: (u32, u32, u32),
    /// One of several of which the engine takes any.
    pub(super) of_range: bool,
}

impl Published {
    /// TCP or UDP, as far as ports are told apart; others go with TCP's.
    pub(super) fn transport(&self) -> Transport {
        if self.protocol == "udp" { Transport::Udp } else { Transport::Tcp }
    }
}

/// The ports that an entry publishes, its variables put in before.
pub(super) fn published(item: &Node) -> Vec<Published> {
    let mut place = item;
    // `[[ADDRESS:]PUBLISHED:]CONTAINER[/PROTOCOL]`
    let (address, asked, target, protocol) = if let Some(text) = item.text() {
        let (mapping, protocol) = split_protocol(text);
        match &parts(mapping)[..] {
            [target] => (None, None, (*target).to_owned(), protocol.to_owned()),
            [published, target] => (None, Some((*published).to_owned()), (*target).to_owned(), protocol.to_owned()),
            [address, published, target] => {
                (Some((*address).to_owned()), Some((*published).to_owned()), (*target).to_owned(), protocol.to_owned())
            }
            _ => return Vec::new(),
        }
    } else {
        let text = |name: &str| item.text_of(name).map(str::to_owned);
        let Some(target) = text("target") else { return Vec::new() };
        place = item.field("published").unwrap_or(item);
        (text("host_ip"), text("published"), target, text("protocol").unwrap_or_default())
    };
    let address = address.map(|address| address.trim_matches(['[', ']']).to_owned()).filter(|address| !address.is_empty());
    let protocol = if protocol.is_empty() { "tcp".to_owned() } else { protocol };
    let targets = range(&target);
    let at = (place.file, place.line, place.column);
    let one =
        |asked, target, of_range| Published { address: address.clone(), asked, target, protocol: protocol.clone(), at, of_range };
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
