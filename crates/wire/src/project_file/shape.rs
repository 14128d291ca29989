//! What a key may hold: how that is read, and how it is told.

use portward_model::{
    Span, Transport,
    plan::{DeclaredPort, Ready, Template, Value},
};
use toml_edit::{Item, TableLike, Value as Written};

use super::{
    MOST_SERVICES, MOST_VALUES,
    fault::{Faults, Fix, Problem, brief},
    keys::{Key, READY, SERVICE, ServiceRead, origin},
};
use crate::{near, protocol};

/// What a key may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A text that is not empty.
    Text,
    /// A name of a known or a later kind.
    Name,
    /// A name of a service in Compose files.
    Composed,
    /// A part of a host name.
    Label,
    /// A path below the project's root.
    Folder,
    /// A port, with or without a transport.
    Port,
    /// Ports by their names.
    Ports,
    /// A line, or words.
    Command,
    /// Names of services.
    Names,
    /// A protocol that Portward knows.
    Protocol,
    /// A span of time.
    Span,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A path, or a table.
    Ready,
    /// `true`, and nothing else.
    True,
    /// Variables.
    Values,
    /// Services.
    Services,
}

/// Something with its place in the text.
#[derive(Clone)]
pub(super) struct At<T> {
    pub(super) it: T,
    pub(super) at: usize,
}

pub(super) type PortRead = At<DeclaredPort>;

/// What a key was given.
pub(super) enum Given {
    Text(At<String>),
    Words(Vec<String>),
    Names(Vec<At<String>>),
    Ports(Vec<PortRead>),
    Span(Span),
    Ready(Ready),
    True,
    Values(Vec<At<Value>>),
    Services(Vec<ServiceRead>),
}

/// Reads each key of a table into what it belongs to; what is no key is a fault.
pub(super) fn fill<T>(into: &mut T, keys: &'static [Key<T>], table: &dyn TableLike, of: &str, faults: &mut Faults<'_>) {
    for (name, item) in table.iter() {
        let at = key_at(table, name);
        let Some(key) = keys.iter().find(|key| key.name == name) else {
            let known = near(name, keys.iter().map(|key| key.name)).first().map(|near| Fix::Word((*near).to_owned()));
            faults.meant(at, Problem::Key(brief(name), of.to_owned()), known);
            continue;
        };
        let field = Field { key: name, item, at: item.span().map(|span| span.start).or(at), example: key.example };
        if let Some(given) = field.read(key.shape, faults) {
            (key.take)(into, given);
        }
    }
}

fn key_at(table: &dyn TableLike, name: &str) -> Option<usize> {
    table.key(name).and_then(toml_edit::Key::span).map(|span| span.start)
}

/// A key's value as it stands in the file.
struct Field<'a> {
    key: &'a str,
    item: &'a Item,
    at: Option<usize>,
    example: &'a str,
}

impl Field<'_> {
    fn read(&self, shape: Shape, faults: &mut Faults<'_>) -> Option<Given> {
        match shape {
            Shape::Text | Shape::Name | Shape::Composed | Shape::Label | Shape::Folder | Shape::Protocol | Shape::Word(_) => {
                self.text(shape, faults).map(Given::Text)
            }
            Shape::Port => self.port(None, self.at, faults).map(|port| Given::Ports(vec![port])),
            Shape::Ports => self.ports(faults).map(Given::Ports),
            Shape::Command => self.command(faults),
            Shape::Names => self.texts(shape, faults).map(Given::Names),
            Shape::Span => self.span(faults).map(Given::Span),
            Shape::Ready => self.ready(faults),
            Shape::True if self.item.as_bool() == Some(true) => Some(Given::True),
            Shape::True => self.other(shape, faults),
            Shape::Values => self.values(faults).map(Given::Values),
            Shape::Services => self.services(faults).map(Given::Services),
        }
    }

    /// It is of another kind.
    fn other<T>(&self, shape: Shape, faults: &mut Faults<'_>) -> Option<T> {
        let problem = Problem::Kind(brief(self.key), shape.words().to_owned(), kind(self.item));
        faults.meant(self.at, problem, Some(Fix::Example(format!("{} = {}", brief(self.key), self.example))));
        None
    }

    fn wrong<T>(&self, why: impl Into<String>, fix: Option<Fix>, faults: &mut Faults<'_>) -> Option<T> {
        faults.meant(self.at, Problem::Value(brief(self.key), why.into()), fix);
        None
    }

    fn text(&self, shape: Shape, faults: &mut Faults<'_>) -> Option<At<String>> {
        let Some(text) = self.item.as_str() else { return self.other(shape, faults) };
        match shape.refuses(text) {
            None => Some(At { it: text.to_owned(), at: self.at.unwrap_or_default() }),
            Some((why, meant)) => self.wrong(why, meant.map(Fix::Word), faults),
        }
    }

    fn texts(&self, shape: Shape, faults: &mut Faults<'_>) -> Option<Vec<At<String>>> {
        let Some(list) = self.item.as_array() else { return self.other(shape, faults) };
        let text = |value: &Written| {
            let at = value.span().map_or(self.at.unwrap_or_default(), |span| span.start);
            value.as_str().filter(|text| !text.contains('\0')).map(|text| At { it: text.to_owned(), at })
        };
        let texts: Option<Vec<_>> = list.iter().map(text).collect();
        texts.or_else(|| self.other(shape, faults))
    }

    fn command(&self, faults: &mut Faults<'_>) -> Option<Given> {
        if self.item.is_str() {
            return self.text(Shape::Text, faults).map(Given::Text);
        }
        let words: Vec<String> = self.texts(Shape::Command, faults)?.into_iter().map(|word| word.it).collect();
        match words.first() {
            Some(program) if !program.is_empty() => Some(Given::Words(words)),
            _ => self.wrong("names no program", Some(Fix::Example("command = [\"npm\", \"run\", \"dev\"]".to_owned())), faults),
        }
    }

    fn port(&self, name: Option<&str>, at: Option<usize>, faults: &mut Faults<'_>) -> Option<PortRead> {
        let number = |number: i64| u16::try_from(number).ok().filter(|port| *port > 0);
        let (asked, transport) = match (self.item.as_integer(), self.item.as_str()) {
            (Some(written), _) => (number(written), Transport::Tcp),
            (None, Some(text)) => match text.split_once('/') {
                Some(("udp", port)) => (port.parse().ok().and_then(number), Transport::Udp),
                Some(("tcp", port)) => (port.parse().ok().and_then(number), Transport::Tcp),
                _ => (None, Transport::Tcp),
            },
            (None, None) => return self.other(Shape::Port, faults),
        };
        let Some(asked) = asked else {
            return self.wrong("is a port from 1 to 65535, such as 3000 or \"udp/8125\"", None, faults);
        };
        let it = DeclaredPort { name: name.map(str::to_owned), asked, transport, origin: origin(faults.line(at)) };
        Some(At { it, at: self.at.unwrap_or_default() })
    }

    fn ports(&self, faults: &mut Faults<'_>) -> Option<Vec<PortRead>> {
        let Some(table) = self.item.as_table_like() else { return self.other(Shape::Ports, faults) };
        let mut found = Vec::new();
        for (name, item) in table.iter() {
            let at = key_at(table, name);
            let why = if matches!(name, "host" | "port" | "url") {
                Some(format!("is what {{web.{name}}} means of every service, and no name of a port"))
            } else {
                refused_as_name(name)
            };
            if let Some(why) = why {
                faults.add(at, Problem::Name(brief(name), why));
                continue;
            }
            let field = Field { key: name, item, at: item.span().map(|span| span.start).or(at), example: "9229" };
            found.extend(field.port(Some(name), at, faults));
        }
        Some(found)
    }

    fn span(&self, faults: &mut Faults<'_>) -> Option<Span> {
        let written = match (self.item.as_integer(), self.item.as_str()) {
            (Some(seconds), _) => seconds.to_string(),
            (None, Some(text)) => text.to_owned(),
            (None, None) => return self.other(Shape::Span, faults),
        };
        match written.parse::<Span>() {
            Ok(span) if !span.0.is_zero() => Some(span),
            Ok(_) => self.wrong("is no time at all", Some(Fix::Example("patience = \"60s\"".to_owned())), faults),
            Err(_) => {
                self.wrong("is a time: a number with ms, s, m or h", Some(Fix::Example("patience = \"60s\"".to_owned())), faults)
            }
        }
    }

    fn ready(&self, faults: &mut Faults<'_>) -> Option<Given> {
        if self.item.is_str() {
            let path = self.text(Shape::Text, faults)?;
            if path.it.starts_with('/') {
                return Some(Given::Text(path));
            }
            let fix = Fix::Example("ready = \"/healthz\"".to_owned());
            return self.wrong("is a path, and begins with a slash", Some(fix), faults);
        }
        let Some(table) = self.item.as_table_like() else { return self.other(Shape::Ready, faults) };
        let mut ready = None;
        fill(&mut ready, READY, table, "`ready`", faults);
        match (ready, table.len()) {
            (ready, 1) => ready.map(Given::Ready),
            _ => self.wrong("says one of `log`, `command` and `done`", None, faults),
        }
    }

    fn values(&self, faults: &mut Faults<'_>) -> Option<Vec<At<Value>>> {
        let Some(table) = self.item.as_table_like() else { return self.other(Shape::Values, faults) };
        let mut found = Vec::new();
        for (name, item) in table.iter().take(MOST_VALUES) {
            let at = key_at(table, name);
            if !is_variable(name) {
                let why = "is no name of a variable: those are letters, digits and underscores, and begin with no digit";
                faults.add(at, Problem::Name(brief(name), why.to_owned()));
                continue;
            }
            if name.starts_with(OURS) {
                faults.add(
                    at,
                    Problem::Name(brief(name), "is a variable of Portward's own, and is not set by a project".to_owned()),
                );
                continue;
            }
            let inner = item.span().map(|span| span.start).or(at);
            let field = Field { key: name, item, at: inner, example: "\"text with {db}\"" };
            let text = match (item.as_str(), item.as_integer(), item.as_bool()) {
                (Some(text), ..) => text.to_owned(),
                (_, Some(number), _) => number.to_string(),
                (.., Some(flag)) => flag.to_string(),
                _ => {
                    field.other::<()>(Shape::Text, faults);
                    continue;
                }
            };
            if text.contains('\0') {
                field.wrong::<()>("holds a zero byte, which no variable can", None, faults);
                continue;
            }
            match text.parse::<Template>() {
                Ok(template) => {
                    let value = Value { name: name.to_owned(), template, origin: origin(faults.line(at)) };
                    found.push(At { it: value, at: inner.unwrap_or_default() });
                }
                Err(error) => {
                    field.wrong::<()>(format!("cannot be read: {error}"), None, faults);
                }
            }
        }
        if table.len() > MOST_VALUES {
            return self.wrong(format!("has more than {MOST_VALUES} values"), None, faults);
        }
        Some(found)
    }

    fn services(&self, faults: &mut Faults<'_>) -> Option<Vec<ServiceRead>> {
        let Some(table) = self.item.as_table_like() else { return self.other(Shape::Services, faults) };
        let mut found = Vec::new();
        for (name, item) in table.iter().take(MOST_SERVICES) {
            let at = key_at(table, name);
            let why = match name {
                "project" | "root" => Some(format!("is what {{{name}}} means in every project, and no name of a service")),
                _ => refused_as_name(name),
            };
            if let Some(why) = why {
                faults.add(at, Problem::Name(brief(name), why));
                continue;
            }
            let Some(keys) = item.as_table_like() else {
                let field = Field {
                    key: name,
                    item,
                    at: item.span().map(|span| span.start).or(at),
                    example: "{ command = \"npm run dev\", port = 3000 }",
                };
                field.other::<()>(Shape::Services, faults);
                continue;
            };
            let mut read = ServiceRead { at: at.unwrap_or_default(), ..ServiceRead::default() };
            name.clone_into(&mut read.service.name);
            read.service.origin = origin(faults.line(at));
            fill(&mut read, SERVICE, keys, "a service", faults);
            found.push(read);
        }
        if table.len() > MOST_SERVICES {
            faults.add(self.at, Problem::Many);
        }
        Some(found)
    }
}

impl Shape {
    /// What it is, after `is`.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Name | Self::Composed | Self::Label => "a name",
            Self::Folder => "a path below the project's root",
            Self::Port => "a port from 1 to 65535",
            Self::Ports => "a table of ports by name",
            Self::Command => "a line, or a list of words",
            Self::Names => "a list of services",
            Self::Protocol => "the name of a protocol",
            Self::Span => "a time such as \"60s\"",
            Self::Word(_) => "one of a few words",
            Self::Ready => "a path, or a table with one of `log`, `command` and `done`",
            Self::True => "`true`",
            Self::Values => "a table of variables",
            Self::Services => "a table of services",
        }
    }

    /// Why a text is not what it is to be, as the rest of a sentence, and what may have been meant.
    fn refuses(self, text: &str) -> Option<(String, Option<String>)> {
        let plain = |why: &str| Some((why.to_owned(), None));
        if text.trim().is_empty() {
            return plain("is empty");
        }
        if text.contains('\0') {
            return plain("holds a zero byte");
        }
        match self {
            Self::Name => refused_as_name(text).map(|why| (why, None)),
            Self::Composed if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) => {
                plain("is no name of a Compose service: those are letters, digits, `.`, `-` and `_`")
            }
            Self::Label if !is_label(text) => {
                plain("is part of a host name: small letters, digits and `-` in between, up to 63 of them")
            }
            Self::Folder if text.starts_with('/') || text.split('/').any(|part| part == "..") => {
                plain("is a path below the project's root, without `..`")
            }
            Self::Protocol if protocol::named(text).is_none() && protocol::of_scheme(text).is_none() => {
                let names =
                    protocol::PROTOCOLS.iter().flat_map(|known| [known.name].into_iter().chain(known.aliases.iter().copied()));
                let meant = near(text, names).first().map(|near| (*near).to_owned());
                Some((format!("names no protocol that Portward knows: {}", brief(text)), meant))
            }
            Self::Word(words) if !words.contains(&text) => {
                let meant = near(text, words.iter().copied()).first().map(|near| (*near).to_owned());
                Some((format!("is one of {}", words.join(", ")), meant))
            }
            _ => None,
        }
    }
}

/// Letters, digits and underscores, not a digit first (POSIX.1-2024, 3.216 "Name").
fn is_variable(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !name.is_empty() && name.len() <= LONGEST_NAME * 2 && name.bytes().all(plain) && !name.as_bytes()[0].is_ascii_digit()
}

/// A label of a host name (RFC 1123 section 2.1), in small letters.
pub(super) fn is_label(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-') && !text.ends_with('-')
}

/// Why a text is no name that a reference in braces could name.
fn refused_as_name(name: &str) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if begins && name.len() <= LONGEST_NAME && name.bytes().all(plain) && !name.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(format!(
        "is no name: those are up to {LONGEST_NAME} letters, digits, `-` and `_`, begin with a letter or digit, and are no number"
    ))
}

/// What a value is, after `and not`.
fn kind(item: &Item) -> &'static str {
    match item {
        Item::None => "nothing",
        Item::Table(_) | Item::Value(Written::InlineTable(_)) => "a table",
        Item::ArrayOfTables(_) | Item::Value(Written::Array(_)) => "such a list",
        Item::Value(Written::String(_)) => "a text",
        Item::Value(Written::Integer(_) | Written::Float(_)) => "a number",
        Item::Value(Written::Boolean(_)) => "a truth value",
        Item::Value(Written::Datetime(_)) => "a date",
    }
}

/// How the variables begin by which Portward knows its own sessions and shells.
const OURS: &str = "PORTWARD_";
/// As long as a label of a host name (RFC 1035): a name may become one.
pub(super) const LONGEST_NAME: usize = 63;
