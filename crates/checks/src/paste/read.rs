//! From lines to errors: each line's rule, what the lines around it add, and which error explains the rest.

use std::{net::IpAddr, ops::Range};

use portward_model::{Text, Transport, unmap};

use super::{
    Call, Paste, Symptom, Vantage,
    again::{contains_ignoring_case, repeated},
    aim::{aim, own_call, syscall},
    lines::{Line, each_line},
    number::errno_in,
    path::socket_path,
    place::{host_first, places},
    request::{protocols_in, request_in},
    rule::{Rule, Standing},
    rules::{Index, Seen, index},
    says::says,
    subjects::{self, files_in, pids_in},
    told::Told,
    transport::{implied, transport_in},
    vantage::vantage_in,
};

/// Reads a whole text.
pub(super) fn read(text: &[u8]) -> Option<Paste> {
    let index = index()?;
    let mut reader = Reader::new(index);
    each_line(text, |line| reader.take(line));
    reader.finish()
}

/// What has been read so far of a text.
struct Reader {
    index: &'static Index,
    seen: Seen,
    found: Vec<Found>,
    /// Position of the error that the last lines belong to.
    latest: Option<usize>,
    /// The last program that a line bore a mark of, and the line's number.
    program: Option<(&'static str, u32)>,
    /// The address that a command, an attempt, a traced line of code or a server that starts named.
    told: Told,
    in_traceback: bool,
    /// The place that lines speak of, and the number of the last that did.
    vantage: Option<(Vantage, u32)>,
}

struct Found {
    paste: Paste,
    weight: usize,
    standing: Standing,
    /// Position of the error that this one is given as the cause of.
    causes: Option<usize>,
    last_line: u32,
}

impl Reader {
    fn new(index: &'static Index) -> Self {
        let seen = index.seen();
        Self {
            index,
            seen,
            found: Vec::new(),
            latest: None,
            program: None,
            told: Told::default(),
            in_traceback: false,
            vantage: None,
        }
    }

    fn take(&mut self, line: &Line) {
        let text = line.text.trim();
        if text.is_empty() {
            return;
        }
        let matched = self.index.search(text, &mut self.seen);
        if (matched.tells_place || matched.rule.is_some())
            && let Some(vantage) = vantage_in(text)
        {
            self.vantage = Some((vantage, line.number));
        }
        if let Some(program) = matched.program {
            self.mark(program, line.number);
        }
        if text.starts_with("Traceback (most recent call last)") {
            self.in_traceback = true;
        }
        let Some((rule, _, at)) = matched.rule else {
            self.attribute(text, line.number);
            self.told.take(&line.text, line.number, self.in_traceback);
            return;
        };
        self.in_traceback = false;
        let found = self.error(rule, &at, text, line.number, matched.program);
        self.add(found, text);
    }

    /// The error that a line reports.
    fn error(&self, rule: &Rule, at: &Range<usize>, text: &str, number: u32, marked: Option<&'static str>) -> Found {
        let near = self.program.filter(|(_, line)| number.saturating_sub(*line) <= NEAR).map(|(program, _)| program);
        let mut paste = Paste {
            program: rule.program.or(marked).or(near),
            transport: transport_in(text),
            request: request_in(text),
            vantage: self
                .vantage
                .as_ref()
                .filter(|(_, line)| number.saturating_sub(*line) <= NEAR)
                .map(|(place, _)| place.clone()),
            pids: pids_in(text),
            files: files_in(text),
            call: rule.call.or_else(|| syscall(text)),
            errno: errno_in(text, rule.symptom).or(rule.errno),
            says: rule.says,
            ..Paste::new(rule.symptom, repeated(text, at.start), number)
        };
        own_call(&mut paste, at, text);
        aim(&mut paste, rule, at, text);
        if paste.call.is_none() {
            paste.call = self.failed_bind(number);
        }
        paste.transport = paste.transport.or_else(|| implied(text, paste.program, paste.port));
        if is_bare(&paste)
            && paste.symptom != Symptom::NameUnknown
            && let Some(place) = self.told.of(number, paste.symptom.asks_to_listen(paste.call))
        {
            paste.host.clone_from(&place.host);
            paste.port = place.port;
            paste.url_scheme = paste.url_scheme.or_else(|| place.scheme.clone());
        }
        let retried = RETRIES.iter().any(|word| contains_ignoring_case(text, word));
        let standing = if retried { rule.standing.min(Standing::Noise) } else { rule.standing };
        Found { paste, weight: rule.weight(), standing, causes: None, last_line: number }
    }

    /// The call of a bind that failed just above, for the line that gives the reason.
    fn failed_bind(&self, number: u32) -> Option<Call> {
        let last = self.latest.and_then(|at| self.found.get(at))?;
        let paste = &last.paste;
        let open = paste.symptom == Symptom::Other && paste.symptom.asks_to_listen(paste.call);
        paste.call.filter(|_| open && number.saturating_sub(last.last_line) <= NEXT)
    }

    /// Adds an error, or joins it with one that says the same.
    fn add(&mut self, mut new: Found, text: &str) {
        let is_cause = CAUSES.iter().any(|start| text.starts_with(start));
        if let Some(position) = self.found.iter().rposition(|old| same(old, &new)) {
            if let Some(old) = self.found.get_mut(position) {
                join(old, new);
            }
            self.latest = Some(position);
            return;
        }
        if self.found.len() >= KEPT {
            self.latest = None;
            return;
        }
        if is_cause {
            new.causes = self.latest;
        }
        self.found.push(new);
        self.latest = Some(self.found.len() - 1);
    }

    /// Takes a sign of a program, also for the error just above that lacks one.
    fn mark(&mut self, program: &'static str, number: u32) {
        self.program = Some((program, number));
        if let Some(last) = self.latest.and_then(|at| self.found.get_mut(at))
            && number.saturating_sub(last.last_line) <= NEAR
            && last.paste.program.is_none()
        {
            last.paste.program = Some(program);
        }
    }

    /// Takes what a line that follows an error adds to it: `port: 5432`, `syscall: 'connect'`.
    fn attribute(&mut self, text: &str, number: u32) {
        let Some(last) = self.latest.and_then(|at| self.found.get_mut(at)) else { return };
        if number.saturating_sub(last.last_line) > REACH {
            return;
        }
        if number.saturating_sub(last.last_line) <= NEXT {
            add_each(&mut last.paste.pids, pids_in(text));
            add_each(&mut last.paste.files, files_in(text));
            last.paste.pids.truncate(subjects::MOST);
            last.paste.files.truncate(subjects::MOST);
            let datagrams = transport_in(text).filter(|transport| *transport == Transport::Udp);
            last.paste.transport = last.paste.transport.or(datagrams);
            // A server that runs already says where, for people to go there.
            if is_bare(&last.paste)
                && last.paste.symptom == Symptom::InUse
                && let Some(place) = places(text).into_iter().find(|place| place.scheme.is_some() && place.port.is_some())
            {
                (last.paste.host, last.paste.port, last.paste.url_scheme) = (place.host, place.port, place.scheme);
            }
        }
        if let Some(offered) = protocols_in(text).filter(|_| text.contains("Sec-WebSocket-Protocol: "))
            && let Some(request) = last.paste.request.as_mut().filter(|request| request.upgrade)
        {
            request.protocols = request.protocols.take().or(Some(offered));
        }
        let bare = ["npm error ", "npm ERR! ", "yarn error "].iter().find_map(|start| text.strip_prefix(start)).unwrap_or(text);
        let bare = bare.trim_start_matches([' ', '"', '\'']);
        if !ATTRIBUTES.iter().any(|start| bare.starts_with(start)) {
            return;
        }
        let paste = &mut last.paste;
        if let Some(path) = socket_path(bare) {
            if paste.host.is_none() && paste.path.is_none() {
                paste.path = Some(Text::from(path));
            }
            return;
        }
        if paste.path.is_none() {
            for place in places(bare).into_iter().rev() {
                // The address of a name is what was called; the name itself is not another one.
                if paste.host.is_none() || !place.is_whole() {
                    paste.host = paste.host.take().or(place.host);
                    paste.port = paste.port.or(place.port);
                }
            }
        }
        if let Some(rest) = HOSTS.iter().find_map(|start| bare.strip_prefix(start)) {
            paste.host = paste.host.take().or_else(|| host_first(rest).and_then(|place| place.host));
        }
        paste.call = paste.call.or_else(|| syscall(bare));
        paste.errno = paste.errno.or_else(|| errno_in(bare, paste.symptom));
    }

    fn finish(mut self) -> Option<Paste> {
        for found in &mut self.found {
            found.paste.says = found.paste.says.or_else(|| says(&found.paste));
        }
        let chosen = self.chosen()?;
        let mut paste = self.found.get(chosen)?.paste.clone();
        let others = self.found.into_iter().enumerate().filter(|(at, _)| *at != chosen).map(|(_, found)| found.paste);
        paste.others = others.take(OTHERS).collect();
        Some(paste)
    }

    /// The error that explains the rest: the first of the best standing, its innermost cause, or a bind that failed
    /// where later ones could not connect to the same port.
    fn chosen(&self) -> Option<usize> {
        let best = self.found.iter().map(|found| found.standing).max()?;
        let mut chosen = self.found.iter().position(|found| found.standing == best)?;
        let first = &self.found.get(chosen)?.paste;
        if !first.symptom.asks_to_listen(first.call) {
            let bind = self.found.iter().position(|found| {
                let paste = &found.paste;
                found.standing == best
                    && paste.symptom.asks_to_listen(paste.call)
                    && paste.port.is_some()
                    && paste.port == first.port
            });
            chosen = bind.unwrap_or(chosen);
        }
        chosen = self.named(chosen);
        chosen = self.outcome(chosen);
        while let Some(inner) = self.found.iter().position(|found| found.causes == Some(chosen)) {
            // A cause stands below what it caused, so this ends.
            chosen = inner;
        }
        Some(chosen)
    }
}

impl Reader {
    /// An error that names nobody, beside one of the same program that does: the latter is the one to ask about.
    fn named(&self, chosen: usize) -> usize {
        let Some(bare) = self.found.get(chosen).filter(|found| is_bare(&found.paste) && found.paste.says.is_none()) else {
            return chosen;
        };
        let kin = |found: &Found| {
            let near = found.paste.line_number.abs_diff(bare.last_line) <= NEXT;
            let same = found.paste.program.is_some() && found.paste.program == bare.paste.program;
            let listens = |paste: &Paste| paste.symptom.asks_to_listen(paste.call);
            near && same
                && !is_bare(&found.paste)
                && found.standing == bare.standing
                && listens(&found.paste) == listens(&bare.paste)
        };
        self.found.iter().position(kin).unwrap_or(chosen)
    }

    /// What became of the same client at the same server's next address, or at its next try: it got further there, and what
    /// it met then is the question.
    fn outcome(&self, chosen: usize) -> usize {
        let Some(first) = self.found.get(chosen).map(|found| &found.paste).filter(|paste| is_before_contact(paste)) else {
            return chosen;
        };
        let hosts = |paste: &Paste| first.host == paste.host || (is_local(first) && is_local(paste));
        let further = self.found.iter().enumerate().skip(chosen + 1).find(|(_, found)| {
            let paste = &found.paste;
            let same = paste.port.is_some() && paste.port == first.port && paste.host.is_some() && hosts(paste);
            // A line of the same log that names nobody goes on about the same server.
            let bare = paste.port.is_none() && paste.host.is_none() && paste.path.is_none() && paste.says.is_some();
            let near = paste.line_number.saturating_sub(first.line_number) <= NEAR && first.says.is_none();
            !is_before_contact(paste)
                && found.standing > Standing::Noise
                && (same || bare && near)
                && found.causes.is_none()
                && !paste.symptom.asks_to_listen(paste.call)
        });
        further.map_or(chosen, |(at, _)| at)
    }
}

/// True for an error that comes before a server has been reached.
fn is_before_contact(paste: &Paste) -> bool {
    let early = matches!(
        paste.symptom,
        Symptom::Refused | Symptom::NoHandshake | Symptom::Unreachable | Symptom::AddressNotAvailable | Symptom::NameUnknown
    );
    early && !paste.symptom.asks_to_listen(paste.call)
}

/// True for localhost by name or address.
fn is_local(paste: &Paste) -> bool {
    is_loopback(paste) || paste.host.as_deref().is_some_and(|host| host.eq_ignore_ascii_case("localhost"))
}

/// True where nothing tells whom it is about.
fn is_bare(paste: &Paste) -> bool {
    paste.host.is_none() && paste.port.is_none() && paste.path.is_none()
}

/// Whether two errors of a text are one: nothing that both say differs.
fn same(old: &Found, new: &Found) -> bool {
    let (a, b) = (&old.paste, &new.paste);
    let near = b.line_number.saturating_sub(old.last_line) <= REACH;
    let hosts = agree(a.host.as_ref(), b.host.as_ref()) || (near && is_loopback(a) && is_loopback(b));
    let agree = hosts && agree(a.port.as_ref(), b.port.as_ref());
    a.symptom == b.symptom
        && agree
        && self::agree(a.path.as_ref(), b.path.as_ref())
        && (is_bare(a) == is_bare(b) || near)
        && (self::agree(a.program.as_ref(), b.program.as_ref()) || near || (a.host == b.host && a.port == b.port))
        && a.symptom.asks_to_listen(a.call) == b.symptom.asks_to_listen(b.call)
        && !(a.path.is_some() && (b.host.is_some() || b.port.is_some()))
        && !(b.path.is_some() && (a.host.is_some() || a.port.is_some()))
}

/// True for one of the two addresses of localhost, which a client tries in turn.
fn is_loopback(paste: &Paste) -> bool {
    let address = paste.host.as_deref().and_then(|host| host.parse::<IpAddr>().ok());
    address.is_some_and(|address| unmap(address).is_loopback())
}

fn agree<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
    a.is_none() || b.is_none() || a == b
}

/// Adds to an error what another report of it knows more.
fn join(old: &mut Found, new: Found) {
    let Paste { program, host, addresses, port, path, transport, url_scheme, request, vantage, pids, files, .. } = new.paste;
    let Paste { call, errno, says, line, line_number, .. } = new.paste;
    let paste = &mut old.paste;
    let runtime = |name: &str| RUNTIMES.contains(&name);
    if paste.program.is_none() || (paste.program.is_some_and(runtime) && program.is_some_and(|name| !runtime(name))) {
        paste.program = program.or(paste.program);
    }
    paste.host = paste.host.take().or(host);
    paste.port = paste.port.or(port);
    paste.path = paste.path.take().or(path);
    paste.transport = paste.transport.or(transport);
    paste.request = paste.request.take().or(request);
    paste.vantage = paste.vantage.take().or(vantage);
    add_each(&mut paste.addresses, addresses);
    add_each(&mut paste.pids, pids);
    add_each(&mut paste.files, files);
    paste.url_scheme = paste.url_scheme.take().or(url_scheme);
    paste.call = paste.call.or(call);
    paste.errno = paste.errno.or(errno);
    paste.says = paste.says.or(says);
    if new.standing > old.standing {
        old.standing = new.standing;
        paste.line = line;
        paste.line_number = line_number;
    }
    old.weight = old.weight.max(new.weight);
    old.last_line = new.last_line;
}

/// Adds what is not there yet.
fn add_each<T: PartialEq>(known: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if known.len() < OTHERS && !known.contains(&one) {
            known.push(one);
        }
    }
}

/// Different errors that are kept of one text.
const KEPT: usize = 48;

/// Other errors that an answer holds.
pub(super) const OTHERS: usize = 8;

/// Lines over which a program's mark or a told address counts for an error.
pub(super) const NEAR: u32 = 12;

/// Lines over which attributes and further reports belong to an error.
const REACH: u32 = 40;

/// Lines over which a hint tells whom an error is about.
const NEXT: u32 = 4;

/// Beginnings of lines that name the cause of what stands above.
const CAUSES: &[&str] = &["Caused by", "[cause]:", "caused by:"];

/// Words of an attempt that is not the last.
const RETRIES: &[&str] = &["retrying", "will retry", "trying another", "trying next", "[warn", "level=warn", " warn "];

/// Beginnings of lines that add to the error above.
const ATTRIBUTES: &[&str] = &[
    "errno",
    "syscall",
    "address",
    "port",
    "hostname",
    "host",
    "remoteAddress",
    "remotePort",
    "path",
    "Is the server running",
    "TCP/IP connections on port",
    "connections on Unix domain socket",
    "Identify and stop",
    "> http://",
    "> https://",
];

/// Beginnings after which a host stands.
const HOSTS: &[&str] = &["hostname: ", "hostname\": "];

/// Programs that run others; the wording of the one that runs on them is the better name.
const RUNTIMES: &[&str] = &["node", "python", "java", "go", "rust", "ruby", "php", "dotnet", "bash"];
