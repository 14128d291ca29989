//! What `list`, `watch` and `graph` may be narrowed to.

mod named;

use std::{fmt, net::IpAddr, str::FromStr};

use portward_checks::UnixPath;
use portward_model::{Endpoint, EndpointHost, PortRange, Project, Socket, SocketState, Text, unmap};
use portward_sys::{Look, PortFilter};
use rustc_hash::FxHashSet;

use crate::{View, pairs};
pub(crate) use named::Named;

/// One word that narrows a list: a port, a range, an address, `address:port`, a name, or `pid:`, `user:`,
/// `project:`, `state:`, `unit:`, `container:` with a value. Words of one kind widen each other, words of different kinds
/// narrow each other; of a list with commas any part will do. The name of a service (`ssh`, `postgres`) means its usual port, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    text: String,
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    Ports(PortRange),
    Address(IpAddr),
    Endpoint(IpAddr, u16),
    Path(Vec<u8>),
    Pid(u32),
    State(SocketState),
    User(String),
    Project(String),
    Unit(String),
    Container(String),
    Name(String, Option<u16>),
}

impl Filter {
    /// The kind of all that it says; `None` where that is of several.
    fn kind(&self) -> Option<u8> {
        let first = self.terms.first().map(kind)?;
        self.terms.iter().all(|term| kind(term) == first).then_some(first)
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        terms(text).map(|terms| Self { text: text.to_owned(), terms })
    }
}

/// `3000,5432` is two words, and `pid:7,8` two of one kind; a path may have a comma of its own.
fn terms(text: &str) -> Result<Vec<Term>, String> {
    let is_path = text.starts_with(['/', '.', '@']) || text.starts_with("unix:") || text.contains("://");
    if is_path || !text.contains(',') {
        return Ok(vec![term(text)?]);
    }
    let kind = text.split_once(':').map(|(kind, _)| kind).filter(|kind| KINDS.contains(kind)).unwrap_or_default();
    let one = |(at, part): (usize, &str)| {
        let part = part.trim();
        if part.is_empty() {
            return Err(format!("there is nothing before or after a comma of `{}`", Text::from(text)));
        }
        let has_kind = kind.is_empty() || at == 0 || part.split_once(':').is_some_and(|(kind, _)| KINDS.contains(&kind));
        term(&if has_kind { part.to_owned() } else { format!("{kind}:{part}") })
    };
    text.split(',').enumerate().map(one).collect()
}

fn term(text: &str) -> Result<Term, String> {
    if text.is_empty() {
        return Err("a filter is a port, a range, an address or a name, and this one is empty".to_owned());
    }
    if let Some((kind, value)) = text.split_once(':') {
        match (kind, value) {
            (kind, "") if KINDS.contains(&kind) => return Err(format!("there is nothing after `{kind}:`")),
            ("pid", value) => {
                return value.parse().map(Term::Pid).map_err(|_| format!("`{}` is no pid: a pid is a number", Text::from(value)));
            }
            ("user", value) => return Ok(Term::User(value.to_owned())),
            ("project", value) => return Ok(Term::Project(value.to_owned())),
            ("unit", value) => return Ok(Term::Unit(value.to_owned())),
            ("container", value) => return Ok(Term::Container(value.to_owned())),
            ("name", value) => return Ok(Term::Name(value.to_owned(), None)),
            ("state", value) => return state(value),
            _ => {}
        }
    }
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'-') && text.bytes().any(|b| b.is_ascii_digit()) {
        return match text.parse::<PortRange>() {
            Ok(range) => Ok(Term::Ports(range)),
            // One number gets the sentence about numbers that are too large.
            Err(error) if text.contains('-') => Err(error.to_string()),
            Err(_) => Err(text.parse::<Endpoint>().map_or_else(|error| error.to_string(), |_| "a port ends at 65535".to_owned())),
        };
    }
    if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(Term::Address(address));
    }
    match text.parse::<Endpoint>() {
        Ok(Endpoint { host: EndpointHost::Ip(address, _), port, .. }) => Ok(Term::Endpoint(address, port)),
        Ok(Endpoint { host: EndpointHost::Path(path), .. }) => Ok(Term::Path(path.raw().to_vec())),
        Ok(Endpoint { port, port_given: true, .. }) => Ok(Term::Ports(PortRange { first: port, last: port })),
        Err(error) if text.contains(':') => Err(error.to_string()),
        Ok(_) | Err(_) => Ok(Term::Name(text.to_owned(), portward_checks::registered_port(text))),
    }
}

fn state(value: &str) -> Result<Term, String> {
    let wanted = value.to_ascii_lowercase().replace('-', "_");
    let wanted = match wanted.as_str() {
        "listening" => "listen",
        "estab" | "connected" => "established",
        other => other,
    };
    SocketState::ALL.iter().copied().find(|state| state.name() == wanted).map(Term::State).ok_or_else(|| {
        let known: Vec<&str> = SocketState::ALL.iter().map(|state| state.name()).collect();
        format!("`{}` is no state; states are {}", Text::from(value), known.join(", "))
    })
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

portward_model::written_as_text!(Filter);

/// The smallest range that holds every port the filters ask for, so that the kernel can leave out the rest;
/// `None` when some socket without such a port may be wanted.
pub(crate) fn kernel_filter(filters: &[Filter], named: &Named) -> Option<PortFilter> {
    // What is one of several wishes leaves nothing out.
    let ports = filters.iter().filter(|filter| filter.kind() == Some(PLACES)).flat_map(|filter| &filter.terms);
    let ranges = ports.filter_map(|term| match *term {
        Term::Ports(range) => Some(range),
        Term::Endpoint(_, port) => Some(PortRange { first: port, last: port }),
        _ => None,
    });
    let meant = named.ports().map(|port| PortRange { first: port, last: port });
    let hull = ranges.chain(meant).reduce(|a, b| PortRange { first: a.first.min(b.first), last: a.last.max(b.last) })?;
    // A path widens the same kind, and paths have no port.
    let has_path = all_terms(filters).any(|term| matches!(term, Term::Path(_)));
    (!has_path).then_some(PortFilter::Either(hull))
}

/// True when some filter asks for a state that does not serve, so that connections must be read.
pub(crate) fn wants_connections(filters: &[Filter]) -> bool {
    all_terms(filters).any(|term| matches!(term, Term::State(state) if !state.serves()))
}

/// True when some filter names a port or a path: what stands there is wanted, whatever it is.
pub(crate) fn names_places(filters: &[Filter]) -> bool {
    all_terms(filters).any(|term| kind(term) == PLACES)
}

/// The words that are names.
pub(crate) fn words(filters: &[Filter]) -> impl Iterator<Item = &str> {
    all_terms(filters).filter_map(|term| match term {
        Term::Name(name, _) | Term::Project(name) => Some(name.as_str()),
        _ => None,
    })
}

/// The bare ports.
fn bare(filters: &[Filter]) -> impl Iterator<Item = u16> {
    all_terms(filters).filter_map(|term| match term {
        Term::Ports(range) if range.first == range.last => Some(range.first),
        _ => None,
    })
}

fn all_terms(filters: &[Filter]) -> impl Iterator<Item = &Term> {
    filters.iter().flat_map(|filter| &filter.terms)
}

/// Positions of the sockets of a view that the filters let through.
pub(crate) fn choose(host: &dyn Look, view: &View, filters: &[Filter], named: &Named) -> Vec<u32> {
    let all = 0..u32::try_from(view.snapshot.sockets.len()).unwrap_or(u32::MAX);
    if filters.is_empty() {
        return all.collect();
    }
    let behind = behind(host, view, filters);
    let chosen: Vec<u32> = all.filter(|index| passes(view, filters, &behind, named, *index as usize)).collect();
    with_other_ends(view, chosen)
}

/// Positions of the sockets behind the paths among the filters. Where nothing is known to be, a name is as good as there is.
fn behind(host: &dyn Look, view: &View, filters: &[Filter]) -> FxHashSet<usize> {
    let mut found = FxHashSet::default();
    for term in all_terms(filters) {
        let Term::Path(path) = term else { continue };
        let path = &Text::new(&path[..]);
        let facts = host.path(path).ok();
        let behind = UnixPath { path, facts: facts.as_ref() }.behind(&view.snapshot);
        let named = |(_, socket): &(usize, &Socket)| socket.path() == Some(path);
        if behind.sockets.is_empty() {
            found.extend(view.snapshot.sockets.iter().enumerate().filter(named).map(|(index, _)| index));
        }
        found.extend(behind.sockets);
    }
    found
}

/// A connection is one thing: when one of its ends is asked for, the other belongs to the answer.
fn with_other_ends(view: &View, chosen: Vec<u32>) -> Vec<u32> {
    let connections = chosen
        .iter()
        .filter(|index| view.snapshot.sockets.get(**index as usize).is_some_and(|socket| !socket.state.serves()))
        .count();
    if connections == 0 || connections > FEW {
        return chosen;
    }
    let mut all = chosen.clone();
    all.extend(
        chosen.iter().filter_map(|index| pairs::other_end(view, *index as usize)).filter_map(|index| u32::try_from(index).ok()),
    );
    all.sort_unstable();
    all.dedup();
    all
}

fn passes(view: &View, filters: &[Filter], behind: &FxHashSet<usize>, named: &Named, index: usize) -> bool {
    let Some(socket) = view.snapshot.sockets.get(index) else { return false };
    let fits = |term: &Term| named.takes(view, term, index, socket) || matches(view, term, behind, index, socket);
    let mut judged: Vec<u8> = Vec::new();
    for filter in filters {
        let Some(kind) = filter.kind() else {
            // A list of several kinds is one wish: any of it will do.
            if !filter.terms.iter().any(fits) {
                return false;
            }
            continue;
        };
        if judged.contains(&kind) {
            continue;
        }
        judged.push(kind);
        let same = filters.iter().filter(|other| other.kind() == Some(kind)).flat_map(|other| &other.terms);
        if !same.into_iter().any(fits) {
            return false;
        }
    }
    true
}

/// Kinds that narrow each other; ports, endpoints and paths all say "this endpoint" and widen each other.
fn kind(term: &Term) -> u8 {
    match term {
        Term::Ports(_) | Term::Endpoint(..) | Term::Path(_) => PLACES,
        Term::Address(_) => 1,
        Term::Pid(_) => 2,
        Term::State(_) => 3,
        Term::User(_) => 4,
        Term::Project(_) => 5,
        Term::Unit(_) => 6,
        Term::Container(_) => 7,
        Term::Name(..) => 8,
    }
}

fn matches(view: &View, term: &Term, behind: &FxHashSet<usize>, index: usize, socket: &Socket) -> bool {
    let remote = socket.remote();
    let holders = || view.snapshot.holders(index).iter().map(|holding| holding.pid);
    match term {
        Term::Ports(range) => {
            socket.port().is_some_and(|port| range.contains(port)) || remote.is_some_and(|(_, port)| range.contains(port))
        }
        Term::Address(address) => {
            let is = |other: IpAddr| unmap(other) == unmap(*address);
            socket.address().is_some_and(is) || remote.is_some_and(|(other, _)| is(other))
        }
        Term::Endpoint(address, port) => {
            let own = socket.port() == Some(*port) && socket.takes(*address);
            own || remote.is_some_and(|(other, other_port)| other_port == *port && unmap(other) == unmap(*address))
        }
        Term::Path(_) => behind.contains(&index),
        Term::Pid(pid) => holders().any(|holder| holder == *pid),
        Term::State(state) => socket.state == *state,
        Term::User(user) => {
            let is = |uid: u32| uid.to_string() == *user || view.user(uid).raw() == user.as_bytes();
            is(socket.uid) || holders().any(|pid| view.snapshot.process(pid).is_some_and(|process| is(process.uid)))
        }
        Term::Project(name) => {
            holders().filter_map(|pid| view.story(pid)?.project.as_ref()).any(|project| has_name(project, name))
        }
        Term::Unit(name) => {
            let supervised =
                holders().filter_map(|pid| view.story(pid)?.supervisor.as_ref()).any(|supervisor| has(&supervisor.name, name));
            supervised || view.cgroup(socket).is_some_and(|path| has(path, name))
        }
        Term::Container(name) => holders().filter_map(|pid| view.story(pid)?.container.as_ref()).any(|container| {
            let named = container.name.as_ref().is_some_and(|own| has(own, name))
                || container.service.as_ref().is_some_and(|own| has(own, name));
            named || container.id.starts_with(name.as_str())
        }),
        Term::Name(name, usual) => {
            let is_on = |port: u16| socket.port() == Some(port) || remote.is_some_and(|(_, other)| other == port);
            let is_called = |pid| {
                view.snapshot.process(pid).is_some_and(|process| {
                    has(&process.name, name)
                        || contains(process.title().as_bytes(), name.as_bytes())
                        || process.exe.known().is_some_and(|exe| has(exe, name))
                })
            };
            usual.is_some_and(is_on) || holders().any(is_called)
        }
    }
}

/// True for a project with this in its name or that of its worktree, or with this root.
fn has_name(project: &Project, name: &str) -> bool {
    let worktree = project.worktree.as_ref().is_some_and(|worktree| has(worktree, name));
    has(&project.name, name) || worktree || project.root.raw() == name.as_bytes()
}

fn has(text: &Text, part: &str) -> bool {
    contains(text.raw(), part.as_bytes())
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len().max(1)).any(|window| window.eq_ignore_ascii_case(part))
}

/// The kind of ports, endpoints and paths.
const PLACES: u8 = 0;
/// What may stand before a colon.
const KINDS: &[&str] = &["pid", "user", "project", "state", "unit", "container", "name"];
/// Connections above which the other ends are in the answer anyway, or not worth a search for each.
const FEW: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::{Filter, Term, term, terms};

    #[test]
    fn words_are_told_apart() {
        assert!(matches!(term("3000"), Ok(Term::Ports(_))));
        assert!(matches!(term("3000-3999"), Ok(Term::Ports(_))));
        assert!(matches!(term(":3000"), Ok(Term::Ports(_))));
        assert!(matches!(term("127.0.0.1"), Ok(Term::Address(_))));
        assert!(matches!(term("::1"), Ok(Term::Address(_))));
        assert!(matches!(term("[::1]:80"), Ok(Term::Endpoint(..))));
        assert!(matches!(term("pid:7"), Ok(Term::Pid(7))));
        assert!(matches!(term("state:LISTEN"), Ok(Term::State(_))));
        assert!(matches!(term("node"), Ok(Term::Name(_, None))));
        for (name, port) in [("ssh", 22), ("postgres", 5432), ("Redis", 6379), ("https", 443), ("ldap", 389)] {
            assert_eq!(term(name), Ok(Term::Name(name.to_owned(), Some(port))));
        }
        assert_eq!(term("name:ssh"), Ok(Term::Name("ssh".to_owned(), None)));
        assert!(matches!(term("/run/x.sock"), Ok(Term::Path(_))));
    }

    #[test]
    fn a_comma_parts_words_and_belongs_to_paths() {
        let range = |first, last| Term::Ports(portward_model::PortRange { first, last });
        assert_eq!(terms("3000,5432"), Ok(vec![range(3000, 3000), range(5432, 5432)]));
        assert_eq!(terms("3000-3999, 80,ssh"), Ok(vec![range(3000, 3999), range(80, 80), term("ssh").unwrap()]));
        assert_eq!(terms("pid:7,8"), Ok(vec![Term::Pid(7), Term::Pid(8)]));
        assert_eq!(terms("user:ana,pid:8"), Ok(vec![Term::User("ana".to_owned()), Term::Pid(8)]));
        assert_eq!(terms("state:listen,bound").map(|terms| terms.len()), Ok(2));
        assert_eq!(terms("127.0.0.1:80,[::1]:80").map(|terms| terms.len()), Ok(2));
        assert_eq!(terms("/run/a,b.sock"), Ok(vec![Term::Path(b"/run/a,b.sock".to_vec())]));
    }

    #[test]
    fn nonsense_is_refused_in_a_sentence() {
        for bad in [
            "3000,",
            ",80",
            "3000,,80",
            "80,70000",
            "pid:7,x",
            "",
            "70000",
            "3999-3000",
            "pid:x",
            "pid:",
            "state:sleepy",
            "127.0.0.1:",
        ] {
            assert!(bad.parse::<Filter>().is_err(), "{bad}");
        }
    }
}
