//! JSON as nodes, with the comments and trailing commas that editors allow.

use jsonc_parser::{CollectOptions, ParseOptions, ast::Value as Parsed, common::Ranged, parse_to_ast};

use super::{
    Flaw,
    node::{Entry, Node, Value},
};

/// The value of a text.
pub(crate) fn read(text: &str) -> Result<Node, Flaw> {
    let places = Places::of(text);
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).map_err(|error| {
        let (line, column) = places.at(error.range().start);
        Flaw { line, column, words: error.kind().to_string() }
    })?;
    let value = parsed.value.ok_or_else(|| Flaw { line: 0, column: 0, words: "it is empty".to_owned() })?;
    Ok(node(value, &places))
}

/// As deep as the parser goes, which has an end of its own.
fn node(value: Parsed<'_>, places: &Places<'_>) -> Node {
    let start = value.range().start;
    let (line, column) = places.at(start + usize::from(matches!(value, Parsed::StringLit(_))));
    let value = match value {
        Parsed::StringLit(text) => Value::Scalar(text.value.into_owned()),
        Parsed::NumberLit(number) => Value::Scalar(number.value.to_owned()),
        Parsed::BooleanLit(word) => Value::Scalar(word.value.to_string()),
        Parsed::NullKeyword(_) => Value::Scalar(String::new()),
        Parsed::Array(list) => Value::List(list.elements.into_iter().map(|value| node(value, places)).collect()),
        Parsed::Object(object) => {
            let entry = |property: jsonc_parser::ast::ObjectProp<'_>| {
                let line = places.at(property.range.start).0;
                Entry { key: property.name.as_str().to_owned(), line, node: node(property.value, places) }
            };
            Value::Map(object.properties.into_iter().map(entry).collect())
        }
    };
    Node { line, column, file: 0, tag: None, value }
}

/// Where lines begin.
struct Places<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Places<'a> {
    fn of(text: &'a str) -> Self {
        let starts = [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The line and the column of a position.
    fn at(&self, position: usize) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= position);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        // A line of a bundle may be as long as the file, and each of its places would count it anew.
        let before = self.text.get(start..position).filter(|before| before.len() < LONGEST_LINE);
        let column = before.map_or(0, |before| before.chars().count() + 1);
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }
}

const LONGEST_LINE: usize = 4_000;

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn comments_commas_and_places() {
        let node = read("{\n  // a comment\n  \"a\": [1, \"x\",],\n}\n").unwrap();
        let list = node.field("a").unwrap().list();
        assert_eq!((list[0].text(), list[0].line, list[0].column), (Some("1"), 3, 9));
        assert_eq!((list[1].text(), list[1].column), (Some("x"), 13));
    }

    #[test]
    fn what_is_no_json_is_a_flaw_with_its_place() {
        assert_eq!(read("{\n  \"a\": }").unwrap_err().line, 2);
        assert!(read("").is_err());
        assert!(read(&"[".repeat(100_000)).is_err());
    }
}
