//! YAML as nodes: anchors, aliases and merges resolved, each value with the place where it stands.

use std::collections::HashSet;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::{
    Flaw,
    node::{Entry, Node, Value},
};

/// The documents of a text.
pub(crate) fn read(text: &str) -> Result<Vec<Node>, Flaw> {
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker();
            Flaw { line: number(at.line()), column: number(at.col() + 1), words: error.info().to_owned() }
        })?;
        tree.take(event, span)?;
    }
    Ok(tree.documents)
}

#[derive(Default)]
struct Tree {
    documents: Vec<Node>,
    open: Vec<Open>,
    /// What anchors name, by their numbers.
    anchors: Vec<(usize, Node, usize)>,
    /// How many nodes there are in all, aliases unfolded: counted before anything is copied.
    size: usize,
}

/// A list or a mapping that is not closed yet.
struct Open {
    anchor: usize,
    node: Node,
    /// The name whose value comes next.
    key: Option<(String, u32)>,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Flaw> {
        let (line, column) = (number(span.start.line()), number(span.start.col() + 1));
        let flaw = |words: &str| Flaw { line, column, words: words.to_owned() };
        let node = |value, column, tag: Option<_>| Node { line, column, file: 0, tag, value };
        let named =
            |tag: Option<std::borrow::Cow<'_, saphyr_parser::Tag>>| tag.map(|tag| format!("{}{}", tag.handle, tag.suffix));
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
                let scalar = node(Value::Scalar(text.into_owned()), column + u32::from(is_quoted), named(tag));
                self.put(scalar, anchor, flaw)
            }
            Event::SequenceStart(anchor, tag) => self.open(node(Value::List(Vec::new()), column, named(tag)), anchor, flaw),
            Event::MappingStart(anchor, tag) => self.open(node(Value::Map(Vec::new()), column, named(tag)), anchor, flaw),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                self.put(merged(open.node), open.anchor, flaw)
            }
            Event::Alias(anchor) => {
                let known = self.anchors.iter().rfind(|(own, ..)| *own == anchor);
                let Some((_, node, weight)) = known else { return Err(flaw("an alias names nothing")) };
                self.size += weight;
                if self.size > MOST_NODES {
                    return Err(flaw(TOO_MANY));
                }
                let node = node.clone();
                self.put(node, 0, flaw)
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, node: Node, anchor: usize, flaw: impl Fn(&str) -> Flaw) -> Result<(), Flaw> {
        if self.open.len() >= DEEPEST {
            return Err(flaw("it is nested deeper than 100 levels"));
        }
        self.open.push(Open { anchor, node, key: None });
        Ok(())
    }

    fn put(&mut self, node: Node, anchor: usize, flaw: impl Fn(&str) -> Flaw) -> Result<(), Flaw> {
        self.size += 1;
        if anchor > 0 {
            let weight = weight(&node);
            self.size += weight;
            self.anchors.push((anchor, node.clone(), weight));
        }
        if self.size > MOST_NODES {
            return Err(flaw(TOO_MANY));
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match &mut open.node.value {
            Value::List(list) => list.push(node),
            Value::Map(entries) => match open.key.take() {
                Some((key, line)) => entries.push(Entry { key, line, node }),
                None => open.key = Some((node.text().unwrap_or_default().to_owned(), node.line)),
            },
            Value::Scalar(_) => {}
        }
        Ok(())
    }
}

/// A mapping with what `<<` brings into it: its own names count, and of several mappings the earlier.
fn merged(mut node: Node) -> Node {
    let Value::Map(entries) = &mut node.value else { return node };
    if !entries.iter().any(|entry| entry.key == "<<") {
        return node;
    }
    let (bases, mut own): (Vec<Entry>, Vec<Entry>) = std::mem::take(entries).into_iter().partition(|entry| entry.key == "<<");
    let mut known: HashSet<String> = own.iter().map(|entry| entry.key.clone()).collect();
    for base in bases {
        let maps = if base.node.list().is_empty() { vec![base.node] } else { base.node.list().to_vec() };
        for brought in maps.iter().flat_map(Node::map) {
            if known.insert(brought.key.clone()) {
                own.push(brought.clone());
            }
        }
    }
    *entries = own;
    node
}

/// How many nodes a node is, with all below it.
fn weight(node: &Node) -> usize {
    1 + node.list().iter().map(weight).sum::<usize>() + node.map().iter().map(|entry| weight(&entry.node)).sum::<usize>()
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

const DEEPEST: usize = 100;
const MOST_NODES: usize = 400_000;
const TOO_MANY: &str = "its aliases unfold to more than 400,000 values";

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn anchors_and_merges_are_resolved_where_they_stand() {
        let text = "x-base: &base\n  ports: [\"1:2\"]\n  image: a\nservices:\n  web:\n    <<: *base\n    image: b\n  api:\n    <<: [*base]\n";
        let document = read(text).unwrap().remove(0);
        let web = document.at(&["services", "web"]).unwrap();
        assert_eq!(web.text_of("image"), Some("b"));
        let port = &web.field("ports").unwrap().list()[0];
        assert_eq!((port.text(), port.line, port.column), (Some("1:2"), 2, 12));
        assert_eq!(document.at(&["services", "api", "image"]).unwrap().text(), Some("a"));
    }

    #[test]
    fn tags_and_documents_are_kept() {
        let documents = read("ports: !override\n  - 3\n---\nb: 1\n").unwrap();
        assert_eq!(documents[0].field("ports").unwrap().tag.as_deref(), Some("!override"));
        assert_eq!(documents.len(), 2);
    }

    #[test]
    fn what_is_no_yaml_is_a_flaw_with_its_place() {
        assert_eq!(read("a: 1\nb: c: d\n").unwrap_err().line, 2);
        assert!(read("a: *nothing").is_err());
        let bomb = (0..30).fold("a0: &a0 [x]\n".to_owned(), |text, n| {
            format!("{text}a{}: &a{} [{}]\n", n + 1, n + 1, format!("*a{n},").repeat(9))
        });
        assert!(read(&bomb).unwrap_err().words.contains("unfold"));
        assert!(read(&"[".repeat(50_000)).is_err());
        assert!(read(&"a: {".repeat(5_000)).is_err());
    }
}
