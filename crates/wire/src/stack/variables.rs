//! Variables in Compose files, put in as Compose does: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:+other}`,
//! `${NAME:?word}`; `$$` is a dollar.

use std::collections::HashMap;

use crate::source::node::{Node, Value};

/// What variables are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(HashMap<String, String>);

impl Variables {
    /// Of what stands later the first counts: what is in the environment goes before what a file says.
    pub fn add(&mut self, name: &str, value: &str) {
        self.0.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }

    /// The same without this one.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// What one is.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A node with all of them put in, keys as they are.
    pub(super) fn fill(&self, node: &mut Node) {
        match &mut node.value {
            Value::Scalar(text) if text.contains('$') => *text = self.put_in(text, 0),
            Value::Scalar(_) => {}
            Value::List(list) => list.iter_mut().for_each(|node| self.fill(node)),
            Value::Map(entries) => entries.iter_mut().for_each(|entry| self.fill(&mut entry.node)),
        }
    }

    /// A text with all of them put in; a default may hold others.
    pub fn put_in(&self, text: &str, depth: usize) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some((inside, after)) = after.strip_prefix('{').and_then(closed) {
                out.push_str(&self.meant(inside, depth));
                rest = after;
            } else {
                let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
                let (name, after) = after.split_at(end);
                if name.is_empty() {
                    out.push('$');
                }
                out.push_str(self.get(name).unwrap_or_default());
                rest = after;
            }
        }
        out.push_str(rest);
        out
    }

    fn meant(&self, inside: &str, depth: usize) -> String {
        let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inside.len());
        let (name, how) = inside.split_at(end);
        let set = self.get(name);
        let full = set.filter(|value| !value.is_empty());
        let other = |skip: usize| {
            let other = how.get(skip..).unwrap_or_default();
            if depth < DEEPEST { self.put_in(other, depth + 1) } else { String::new() }
        };
        let is = |start: &str| how.starts_with(start);
        match () {
            () if is(":-") => full.map_or_else(|| other(2), str::to_owned),
            () if is("-") => set.map_or_else(|| other(1), str::to_owned),
            () if is(":+") => full.map_or_else(String::new, |_| other(2)),
            () if is("+") => set.map_or_else(String::new, |_| other(1)),
            () => set.unwrap_or_default().to_owned(),
        }
    }
}

/// What stands before the brace that closes, and what after it.
fn closed(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => return Some((text.get(..at)?, text.get(at + 1..)?)),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

const DEEPEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::Variables;

    #[test]
    fn variables_are_put_in_as_compose_does() {
        let mut variables = Variables::default();
        variables.add("PORT", "4000");
        variables.add("PORT", "1");
        variables.add("EMPTY", "");
        for (text, meant) in [
            ("${PORT:-3000}:80", "4000:80"),
            ("${NONE:-3000}:80", "3000:80"),
            ("$PORT:80", "4000:80"),
            ("${EMPTY:-a}${EMPTY-b}", "a"),
            ("${PORT:+x}${NONE:+y}${NONE+z}", "x"),
            ("${NONE:-${PORT:-1}}/${NONE:-${OTHER:-7}}", "4000/7"),
            ("$$PORT and $", "$PORT and $"),
            ("${PORT:?is needed}", "4000"),
            ("${not closed", "${not closed"),
        ] {
            let meant = if text == "${not closed" { "${not closed".to_owned() } else { meant.to_owned() };
            assert_eq!(variables.put_in(text, 0), meant, "{text}");
        }
    }
}
