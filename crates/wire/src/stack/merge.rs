//! Compose files as one: each laid over those before it, with what it includes and what its services extend.

use super::{Files, StackFlaw, Variables, parsed};
use crate::source::node::{Entry, Node, Value};

/// All files as one, with the file of each service.
pub(super) struct Whole {
    pub(super) node: Node,
    places: Vec<(String, String)>,
    pub(super) included: Vec<String>,
}

impl Whole {
    /// The file that a service stands in first.
    pub(super) fn file_of(&self, service: &str) -> String {
        self.places.iter().find(|(name, _)| name == service).map(|(_, file)| file.clone()).unwrap_or_default()
    }
}

struct Reader<'r> {
    open: Files<'r>,
    variables: &'r Variables,
    places: Vec<(String, String)>,
    included: Vec<String>,
    /// Files that were read: what includes itself is read so often and no more.
    reads: usize,
}

/// Reads files, each laid over those before it.
pub(super) fn whole(files: &[String], open: Files<'_>, variables: &Variables) -> Result<Whole, StackFlaw> {
    let mut reader = Reader { open, variables, places: Vec::new(), included: Vec::new(), reads: 0 };
    let mut all = empty();
    for file in files {
        let node = reader.file(file, 0)?;
        lay(&mut all, node);
    }
    Ok(Whole { node: all, places: reader.places, included: reader.included })
}

impl Reader<'_> {
    /// A file with what it includes below it, and what its services extend.
    fn file(&mut self, file: &str, depth: usize) -> Result<Node, StackFlaw> {
        let flaw = |line, words: &str| StackFlaw { file: file.to_owned(), line, words: words.to_owned() };
        let Some(own) = self.parsed(file)? else { return Ok(empty()) };
        let mut all = empty();
        for item in own.field("include").map(Node::list).unwrap_or_default() {
            let paths = item.text().map_or_else(|| item.field("path").map(Node::texts), |path| Some(vec![path.to_owned()]));
            for path in paths.unwrap_or_default() {
                if depth >= DEEPEST {
                    return Err(flaw(item.line, "files include each other in a circle"));
                }
                // What is fetched from elsewhere is read by Compose alone.
                if path.contains("://") || path.contains('@') {
                    continue;
                }
                let other = beside(file, &path);
                self.included.push(other.clone());
                let node = self.file(&other, depth + 1)?;
                lay(&mut all, node);
            }
        }
        let services: Vec<Entry> = own.field("services").map(Node::map).unwrap_or_default().to_vec();
        let mut own = own;
        if let Value::Map(entries) = &mut own.value
            && let Some(Entry { node: Node { value: Value::Map(inside), .. }, .. }) =
                entries.iter_mut().find(|entry| entry.key == "services")
        {
            for entry in inside {
                entry.node = self.extended(file, entry.node.clone(), &services, 0)?;
                if !self.places.iter().any(|(name, _)| *name == entry.key) {
                    self.places.push((entry.key.clone(), file.to_owned()));
                }
            }
        }
        lay(&mut all, own);
        Ok(all)
    }

    fn parsed(&mut self, file: &str) -> Result<Option<Node>, StackFlaw> {
        let flaw = |words: &str| StackFlaw { file: file.to_owned(), line: 0, words: words.to_owned() };
        self.reads += 1;
        if self.reads > MOST {
            return Err(flaw("more files belong together than anybody reads"));
        }
        let text = (self.open)(file).ok_or_else(|| flaw("it is named, and cannot be read"))?;
        let mut node = parsed(file, &text)?;
        if let Some(node) = &mut node {
            self.variables.fill(node);
            listed_as_named(node);
        }
        Ok(node)
    }

    /// A service laid over the one that it extends.
    fn extended(&mut self, file: &str, own: Node, services: &[Entry], depth: usize) -> Result<Node, StackFlaw> {
        let Some(extends) = own.field("extends").cloned() else { return Ok(own) };
        let line = extends.line;
        let flaw = |words: String| StackFlaw { file: file.to_owned(), line, words };
        if depth >= DEEPEST {
            return Err(flaw("services extend each other in a circle".to_owned()));
        }
        let Some(name) = extends.text().or_else(|| extends.text_of("service")) else { return Ok(own) };
        let other = extends.text_of("file").map(|other| beside(file, other));
        let (place, theirs) = match other {
            None => (file.to_owned(), services.to_vec()),
            Some(other) => {
                let node = self.parsed(&other)?.unwrap_or_else(empty);
                (other, node.field("services").map(Node::map).unwrap_or_default().to_vec())
            }
        };
        let base = theirs.iter().find(|entry| entry.key == name).map(|entry| entry.node.clone());
        let base = base.ok_or_else(|| flaw(format!("it extends {name}, which {place} does not have")))?;
        let mut base = self.extended(&place, base, &theirs, depth + 1)?;
        if let Value::Map(entries) = &mut base.value {
            entries.retain(|entry| entry.key != "extends");
        }
        lay(&mut base, own);
        Ok(base)
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
                if !list.iter().any(|known| known.value == node.value) {
                    list.push(node);
                }
            }
        }
        (_, over) => *below = over,
    }
}

/// `depends_on` and `networks` as mappings, whichever way they are written: so they meet those of another file.
fn listed_as_named(root: &mut Node) {
    let Value::Map(entries) = &mut root.value else { return };
    let services = entries.iter_mut().filter(|entry| entry.key == "services");
    for service in services.flat_map(|entry| fields(&mut entry.node)) {
        for field in fields(&mut service.node).iter_mut().filter(|field| matches!(field.key.as_str(), "depends_on" | "networks"))
        {
            let Value::List(list) = &field.node.value else { continue };
            let named = list.iter().filter_map(|node| {
                let node_line = node.line;
                Some(Entry { key: node.text()?.to_owned(), line: node_line, node: Node { value: empty().value, ..node.clone() } })
            });
            field.node.value = Value::Map(named.collect());
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
    Node { line: 0, column: 0, tag: None, value: Value::Map(Vec::new()) }
}

/// A path that a file names, from where that file stands.
fn beside(file: &str, path: &str) -> String {
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
