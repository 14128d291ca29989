//! Compose files as one: each laid over those before it, with what it includes and what its services extend.

use super::{Files, StackFlaw, Variables, parsed};
use crate::source::node::{Entry, Node, Value};

/// All files as one, with the file of each service.
pub(super) struct Whole {
    pub(super) node: Node,
    places: Vec<(String, String)>,
    pub(super) included: Vec<String>,
    /// Every file that was opened, by the numbers of the nodes.
    pub(super) files: Vec<String>,
    /// Lists of ports that were added to those of the files before: the service, the file's number, the line.
    pub(super) added: Vec<(String, u32, u32)>,
    /// What could not be understood; the rest is there without it.
    pub(super) flaws: Vec<StackFlaw>,
}

impl Whole {
    /// The file that a service stands in first.
    pub(super) fn file_of(&self, service: &str) -> String {
        self.places.iter().find(|(name, _)| name == service).map(|(_, file)| file.clone()).unwrap_or_default()
    }

    /// The file of this number.
    pub(super) fn file(&self, number: u32) -> &str {
        usize::try_from(number).ok().and_then(|at| self.files.get(at)).map_or("", String::as_str)
    }
}

struct Reader<'r> {
    open: Files<'r>,
    variables: &'r Variables,
    whole: Whole,
}

/// Reads files, each laid over those before it.
pub(super) fn whole(files: &[String], open: Files<'_>, variables: &Variables) -> Whole {
    let whole = Whole {
        node: empty(),
        places: Vec::new(),
        included: Vec::new(),
        files: Vec::new(),
        added: Vec::new(),
        flaws: Vec::new(),
    };
    let mut reader = Reader { open, variables, whole };
    let mut all = empty();
    for file in files {
        let node = reader.file(file, 0);
        reader.add(&all, &node);
        lay(&mut all, node);
    }
    Whole { node: all, ..reader.whole }
}

impl Reader<'_> {
    /// A file with what it includes below it, and what its services extend.
    fn file(&mut self, file: &str, depth: usize) -> Node {
        let Some(mut own) = self.parsed(file) else { return empty() };
        let mut all = empty();
        for item in own.field("include").map(Node::list).unwrap_or_default() {
            let paths = item.text().map_or_else(|| item.field("path").map(Node::texts), |path| Some(vec![path.to_owned()]));
            for path in paths.unwrap_or_default() {
                if depth >= DEEPEST {
                    self.flaw(file, item.line, "files include each other in a circle");
                }
                if depth >= DEEPEST || self.is_full() {
                    break;
                }
                // What is fetched from elsewhere is read by Compose alone.
                if path.contains("://") || path.contains('@') {
                    continue;
                }
                let other = beside(file, &path);
                if !self.whole.included.contains(&other) {
                    self.whole.included.push(other.clone());
                }
                let node = self.file(&other, depth + 1);
                lay(&mut all, node);
            }
        }
        let services: Vec<Entry> = own.field("services").map(Node::map).unwrap_or_default().to_vec();
        for entry in fields(&mut own).iter_mut().filter(|entry| entry.key == "services").flat_map(|entry| fields(&mut entry.node))
        {
            entry.node = self.extended(file, entry.node.clone(), &services, 0);
            if !self.whole.places.iter().any(|(name, _)| *name == entry.key) {
                self.whole.places.push((entry.key.clone(), file.to_owned()));
            }
        }
        lay(&mut all, own);
        all
    }

    fn parsed(&mut self, file: &str) -> Option<Node> {
        if self.is_full() {
            self.flaw(file, 0, "more files belong together than anybody reads");
            return None;
        }
        let number = u32::try_from(self.whole.files.len()).unwrap_or(u32::MAX);
        self.whole.files.push(file.to_owned());
        let Some(text) = (self.open)(file) else {
            self.flaw(file, 0, "it is named, and cannot be read");
            return None;
        };
        let mut node = parsed(file, &text).unwrap_or_else(|flaw| {
            if !self.whole.flaws.contains(&flaw) {
                self.whole.flaws.push(flaw);
            }
            None
        })?;
        stamp(&mut node, number);
        self.variables.fill(&mut node);
        listed_as_named(&mut node);
        Some(node)
    }

    /// A service laid over the one that it extends.
    fn extended(&mut self, file: &str, own: Node, services: &[Entry], depth: usize) -> Node {
        let Some(extends) = own.field("extends").cloned() else { return own };
        let line = extends.line;
        if depth >= DEEPEST {
            self.flaw(file, line, "services extend each other in a circle");
            return own;
        }
        let Some(name) = extends.text().or_else(|| extends.text_of("service")) else { return own };
        let other = extends.text_of("file").map(|other| beside(file, other));
        let (place, theirs) = match other {
            None => (file.to_owned(), services.to_vec()),
            Some(other) => {
                let Some(node) = self.parsed(&other) else { return own };
                (other, node.field("services").map(Node::map).unwrap_or_default().to_vec())
            }
        };
        let Some(base) = theirs.iter().find(|entry| entry.key == name).map(|entry| entry.node.clone()) else {
            self.flaw(file, line, &format!("it extends {name}, which {place} does not have"));
            return own;
        };
        let mut base = self.extended(&place, base, &theirs, depth + 1);
        if let Value::Map(entries) = &mut base.value {
            entries.retain(|entry| entry.key != "extends");
        }
        lay(&mut base, own);
        base
    }

    /// Keeps which lists of ports of a file are added to those of the files before it.
    fn add(&mut self, below: &Node, over: &Node) {
        for service in over.field("services").map(Node::map).unwrap_or_default() {
            let Some(list) = service.node.entry("ports").filter(|list| list.node.tag.is_none()) else { continue };
            let before = below.at(&["services", &service.key, "ports"]);
            if before.is_some_and(|before| !before.list().is_empty()) {
                self.whole.added.push((service.key.clone(), list.node.file, list.line));
            }
        }
    }

    /// What includes itself is read so often and no more.
    fn is_full(&self) -> bool {
        self.whole.files.len() >= MOST
    }

    fn flaw(&mut self, file: &str, line: u32, words: &str) {
        let flaw = StackFlaw { file: file.to_owned(), line, words: words.to_owned() };
        if !self.whole.flaws.contains(&flaw) {
            self.whole.flaws.push(flaw);
        }
    }
}

/// Gives a node and all below it the number of their file.
fn stamp(node: &mut Node, number: u32) {
    node.file = number;
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::List(list) => list.iter_mut().for_each(|node| stamp(node, number)),
        Value::Map(entries) => entries.iter_mut().for_each(|entry| stamp(&mut entry.node, number)),
    }
}

/// True for values that say the same, wherever they stand.
fn is_same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Scalar(one), Value::Scalar(other)) => one == other,
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Map(one), Value::Map(other)) => {
            let is_pair = |(one, other): (&Entry, &Entry)| one.key == other.key && is_same(&one.node, &other.node);
            one.len() == other.len() && one.iter().zip(other).all(is_pair)
        }
        _ => false,
    }
}

/// Lays a node over another: mappings by name, lists one after the other, unless a tag says otherwise.
fn lay(below: &mut Node, over: Node) {
    match over.tag.as_deref() {
        Some("!reset") => {
            *below = Node { value: Value::Scalar(String::new()), ..over };
            return;
        }
        Some("!override") => {
            *below = over;
            return;
        }
        _ => {}
    }
    match (&mut below.value, over) {
        (Value::Map(entries), Node { value: Value::Map(more), .. }) => {
            for entry in more {
                match entries.iter_mut().find(|known| known.key == entry.key) {
                    Some(known) => lay(&mut known.node, entry.node),
                    None => entries.push(entry),
                }
            }
        }
        (Value::List(list), Node { value: Value::List(more), .. }) => {
            for node in more {
                if !list.iter().any(|known| is_same(known, &node)) {
                    list.push(node);
                }
            }
        }
        (_, over) => *below = over,
    }
}

/// `depends_on`, `networks` and `environment` as mappings, whichever way they are written: so they meet those of another file.
fn listed_as_named(root: &mut Node) {
    let services = fields(root).iter_mut().filter(|entry| entry.key == "services");
    for service in services.flat_map(|entry| fields(&mut entry.node)) {
        for field in fields(&mut service.node) {
            let Value::List(list) = &field.node.value else { continue };
            let one = |node: &Node| {
                let text = node.text()?;
                let (key, value) = match field.key.as_str() {
                    "depends_on" | "networks" => (text, empty().value),
                    "environment" => {
                        let (key, value) = text.split_once('=').unwrap_or((text, ""));
                        (key, Value::Scalar(value.to_owned()))
                    }
                    _ => return None,
                };
                Some(Entry { key: key.to_owned(), line: node.line, node: Node { value, ..node.clone() } })
            };
            let named: Vec<Entry> = list.iter().filter_map(one).collect();
            if matches!(field.key.as_str(), "depends_on" | "networks" | "environment") {
                field.node.value = Value::Map(named);
            }
        }
    }
}

fn fields(node: &mut Node) -> &mut [Entry] {
    match &mut node.value {
        Value::Map(entries) => entries,
        Value::Scalar(_) | Value::List(_) => &mut [],
    }
}

fn empty() -> Node {
    Node { line: 0, column: 0, file: 0, tag: None, value: Value::Map(Vec::new()) }
}

/// A path that a file names, from where that file stands.
pub(super) fn beside(file: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = file.rsplit_once('/').map_or("", |(folder, _)| folder).split('/').collect();
    parts.retain(|part| !part.is_empty());
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if file.starts_with('/') { format!("/{joined}") } else { joined }
}

const DEEPEST: usize = 8;
/// Files of one stack.
const MOST: usize = 200;
