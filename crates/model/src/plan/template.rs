//! Values that derive from each other: `postgres://app@{db}/shop`.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::Value;

/// A text with references in braces; `{{` and `}}` are braces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Reference(Reference),
}

/// What stands in braces: `db`, `db.port`, `web.debug.url`, `DATABASE_URL`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// A service, or another value.
    pub name: String,
    /// What of it: `host`, `port`, `url`, or the name of one of its ports, with one of these behind it.
    pub of: Vec<String>,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateError {
    /// A brace is not closed.
    Open,
    /// A brace closes nothing.
    Closed,
    /// What stands between braces is no reference.
    Odd(String),
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("a `{` is not closed; `{{` is a brace itself"),
            Self::Closed => f.write_str("a `}` closes nothing; `}}` is a brace itself"),
            Self::Odd(said) => {
                write!(f, "`{{{said}}}` is no reference such as {{db}}, {{db.port}} or {{NAME}}; `{{{{` is a brace itself")
            }
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.of.iter().try_for_each(|word| write!(f, ".{word}"))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Piece::Reference(reference) => write!(f, "{{{reference}}}"),
        })
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else if let Some(inside) = from.strip_prefix('{') {
                let (said, after) = inside.split_once('}').ok_or(TemplateError::Open)?;
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Reference(said.parse().map_err(|()| TemplateError::Odd(said.to_owned()))?));
                rest = after;
            } else {
                return Err(TemplateError::Closed);
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }
}

impl FromStr for Reference {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_word =
            |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '@'));
        let mut words = text.split('.').map(str::to_owned);
        let name = words.next().unwrap_or_default();
        let of: Vec<String> = words.collect();
        if is_word(&name) && of.iter().all(|word| is_word(word)) { Ok(Self { name, of }) } else { Err(()) }
    }
}

crate::written_as_text!(Template);

impl Template {
    /// A text without references.
    pub fn plain(text: &str) -> Self {
        Self(if text.is_empty() { Vec::new() } else { vec![Piece::Text(text.to_owned())] })
    }

    /// What it refers to, in its order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Reference(reference) => Some(reference),
            Piece::Text(_) => None,
        })
    }

    /// It with what its references are worth; without one, the error is that reference, and for what becomes too long nothing.
    fn fill(&self, mut worth: impl FnMut(&Reference) -> Option<String>) -> Result<String, Option<Reference>> {
        self.0.iter().try_fold(String::new(), |mut text, piece| {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Reference(reference) => text.push_str(&worth(reference).ok_or_else(|| Some(reference.clone()))?),
            }
            if text.len() > LONGEST { Err(None) } else { Ok(text) }
        })
    }
}

/// A value that is known: its name, and what it is.
pub type Worth = (String, String);

/// Why a value has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// It refers to what is not there.
    Unknown {
        /// The value.
        value: String,
        /// What it refers to.
        reference: Reference,
    },
    /// Each of these values refers to the next, and the last to the first.
    Circle(Vec<String>),
    /// It becomes longer than [`LONGEST`] bytes.
    Long(String),
}

/// Bytes of a value; the kernel gives no program a longer variable (`MAX_ARG_STRLEN`, 128 kB).
pub const LONGEST: usize = 64 * 1024;

/// What all values are, in their order. A reference to the name of a value means that value; `service` says what all others are.
/// Where a name is declared twice, the later one holds, and may refer to the earlier.
///
/// # Errors
///
/// The first that has no value.
pub fn resolve(values: &[Value], service: &dyn Fn(&Reference) -> Option<String>) -> Result<Vec<Worth>, Unresolved> {
    let mut known: BTreeMap<usize, String> = BTreeMap::new();
    for position in 0..values.len() {
        settle(values, position, service, &mut known)?;
    }
    let mut found: Vec<Worth> = Vec::new();
    for (position, worth) in known {
        let name = &values[position].name;
        found.retain(|(other, _)| other != name);
        found.push((name.clone(), worth));
    }
    Ok(found)
}

/// Finds what one value is, and before it what it refers to.
fn settle(
    values: &[Value],
    first: usize,
    service: &dyn Fn(&Reference) -> Option<String>,
    known: &mut BTreeMap<usize, String>,
) -> Result<(), Unresolved> {
    // The value that a reference in the one at `from` means: the last of its name, or for the name itself an earlier one.
    let meant = |from: usize, reference: &Reference| {
        let fits = |(_, value): &(usize, &Value)| reference.of.is_empty() && value.name == reference.name;
        let until = if values[from].name == reference.name { from } else { values.len() };
        values[..until].iter().enumerate().rfind(fits).map(|(position, _)| position)
    };
    let mut line = vec![first];
    while let Some(&position) = line.last() {
        let value = &values[position];
        let open = value.template.references().filter_map(|reference| meant(position, reference));
        if let Some(next) = open.into_iter().find(|next| !known.contains_key(next)) {
            if let Some(start) = line.iter().position(|other| *other == next) {
                return Err(Unresolved::Circle(line[start..].iter().map(|other| values[*other].name.clone()).collect()));
            }
            line.push(next);
            continue;
        }
        let worth = value.template.fill(|reference| match meant(position, reference) {
            Some(other) => known.get(&other).cloned(),
            None => service(reference),
        });
        let worth = worth.map_err(|reference| match reference {
            Some(reference) => Unresolved::Unknown { value: value.name.clone(), reference },
            None => Unresolved::Long(value.name.clone()),
        })?;
        known.insert(position, worth);
        line.pop();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Reference, Template, TemplateError, Unresolved, Value, resolve};
    use crate::plan::Origin;

    fn value(name: &str, template: &str) -> Value {
        Value { name: name.to_owned(), template: template.parse().unwrap(), origin: Origin::default() }
    }

    fn resolved(values: &[(&str, &str)]) -> Result<Vec<String>, Unresolved> {
        let values: Vec<Value> = values.iter().map(|(name, template)| value(name, template)).collect();
        let service = |reference: &Reference| match reference.to_string().as_str() {
            "db" => Some("localhost:29232".to_owned()),
            "db.port" => Some("29232".to_owned()),
            _ => None,
        };
        resolve(&values, &service).map(|found| found.into_iter().map(|(name, worth)| format!("{name}={worth}")).collect())
    }

    #[test]
    fn templates_are_written_as_they_are_read() {
        for text in ["", "plain", "postgres://app@{db}/shop", "{db.port}", "{{\"a\": {web.debug.url}}}", "{db-2}{NAME}", "ä{a}ö"]
        {
            assert_eq!(text.parse::<Template>().unwrap().to_string(), text);
        }
        assert_eq!(Template::plain("{x}").to_string(), "{{x}}");
        assert_eq!("{{}}".parse::<Template>().unwrap(), Template::plain("{}"));
    }

    #[test]
    fn odd_braces_are_refused() {
        for (text, error) in [
            ("{", TemplateError::Open),
            ("a{b", TemplateError::Open),
            ("a}", TemplateError::Closed),
            ("{}", TemplateError::Odd(String::new())),
            ("{a b}", TemplateError::Odd("a b".to_owned())),
            ("{a.}", TemplateError::Odd("a.".to_owned())),
            ("${{X}", TemplateError::Closed),
        ] {
            assert_eq!(text.parse::<Template>(), Err(error), "{text}");
        }
    }

    #[test]
    fn values_derive_from_services_and_from_each_other() {
        let found = resolved(&[("ALL", "{URL}?x={db.port}"), ("URL", "postgres://{db}/shop"), ("EMPTY", "")]).unwrap();
        assert_eq!(found, ["ALL=postgres://localhost:29232/shop?x=29232", "URL=postgres://localhost:29232/shop", "EMPTY="]);
    }

    #[test]
    fn a_later_value_may_add_to_an_earlier_of_its_name() {
        assert_eq!(
            resolved(&[("OPTIONS", "-a"), ("OPTIONS", "{OPTIONS} -b"), ("X", "{OPTIONS}")]).unwrap(),
            ["OPTIONS=-a -b", "X=-a -b"]
        );
    }

    #[test]
    fn what_has_no_value_is_named() {
        let Err(Unresolved::Unknown { value, reference }) = resolved(&[("A", "{B}"), ("B", "{db.user}")]) else { panic!() };
        assert_eq!((value.as_str(), reference.to_string().as_str()), ("B", "db.user"));
        let circle = resolved(&[("A", "{B}"), ("B", "{C}"), ("C", "{B}")]).unwrap_err();
        assert_eq!(circle, Unresolved::Circle(vec!["B".to_owned(), "C".to_owned()]));
        assert!(matches!(resolved(&[("A", "{A}")]), Err(Unresolved::Unknown { .. })));
    }

    #[test]
    fn values_that_double_each_other_end_somewhere() {
        let mut values = vec![value("V0", "0123456789")];
        values.extend((1..300).map(|n| value(&format!("V{n}"), &format!("{{V{0}}}{{V{0}}}", n - 1))));
        assert!(matches!(resolve(&values, &|_| None), Err(Unresolved::Long(name)) if name == "V13"));
        let wide = value("W", &"{V0}".repeat(100_000));
        assert_eq!(resolve(&[value("V0", "0123456789"), wide], &|_| None), Err(Unresolved::Long("W".to_owned())));
    }
}
