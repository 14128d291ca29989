//! Identity is never prose: what Portward words is a `Sentence`, which nothing can be decided on.
//!
//! The type lacks every comparison with a text. This rule sees to it that what holds a sentence is one, and that none is made a
//! text only to be searched.

use super::{Tree, code};

/// Every field, argument and variable that is called as a sentence is called is a `Sentence`, and none is compared.
pub(super) fn rule(tree: &Tree) -> Vec<String> {
    let worded = WORDED.iter().flat_map(|home| tree.rust(home)).filter(|file| !file.path.ends_with("tests.rs"));
    worded.flat_map(|file| breaches(&file.path, &product(&file.code))).collect()
}

fn breaches(path: &str, code: &str) -> Vec<String> {
    // Without the space that changes nothing, so that a chain over several lines is one.
    let (mut tight, mut lines, mut apart) = (String::new(), Vec::new(), false);
    for (line, c) in (1..).zip(code.lines()).flat_map(|(line, text)| text.chars().chain(['\n']).map(move |c| (line, c))) {
        if c.is_whitespace() {
            apart = true;
            continue;
        }
        let space = if apart && is_word(c) && tight.ends_with(is_word) { " " } else { "" };
        tight.push_str(space);
        tight.push(c);
        lines.extend(std::iter::repeat_n(line, space.len() + c.len_utf8()));
        apart = false;
    }
    let mut found: Vec<(usize, String)> = Vec::new();
    for name in NAMES {
        for (at, _) in tight.match_indices(name) {
            let (before, after) = (tight.get(..at).unwrap_or_default(), tight.get(at + name.len()..).unwrap_or_default());
            let line = lines.get(at).copied().unwrap_or_default();
            if !before.ends_with(is_word) && holds_text(after) {
                found.push((line, format!("`{name}` is a text; what Portward words is a `Sentence`.")));
            }
            if before.ends_with('.') && ["==", "!="].iter().any(|sign| after.starts_with(sign)) {
                found.push((line, format!("`{name}` is compared; decide on the value that it was made of.")));
            }
        }
    }
    for search in SEARCHES {
        for (at, _) in tight.match_indices(&format!(".to_string().{search}(")) {
            let line = lines.get(at).copied().unwrap_or_default();
            found
                .push((line, format!("words are made, and searched by `{search}`; decide on the value that they were made of.")));
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(line, breach)| format!("{path}:{line}: {breach}")).collect()
}

/// True where a type follows that is a text or holds one.
fn holds_text(after: &str) -> bool {
    let Some(rest) = after.strip_prefix(':').filter(|rest| !rest.starts_with(':')) else { return false };
    let declared = rest.split([',', ';', ')', '}', '=']).next().unwrap_or_default();
    TEXTS.iter().any(|text| {
        declared.match_indices(text).any(|(at, _)| {
            let (before, after) = (declared.get(..at).unwrap_or_default(), declared.get(at + text.len()..).unwrap_or_default());
            !before.ends_with(is_word) && !after.starts_with(is_word) && !after.starts_with("::")
        })
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Code without its modules of tests, line by line.
fn product(code: &str) -> String {
    let mut rest = code;
    let mut out = String::with_capacity(code.len());
    while let Some(at) = rest.find("mod tests {") {
        let (before, tests) = rest.split_at(at);
        let body = tests.find('{').unwrap_or_default();
        let end = body + code::closing(tests.get(body..).unwrap_or_default());
        out.push_str(before);
        out.extend(tests.get(..end).unwrap_or_default().chars().filter(|c| *c == '\n'));
        rest = tests.get(end..).unwrap_or_default();
    }
    out + rest
}

/// Where what a person reads is worded.
const WORDED: &[&str] = &[
    "crates/model/src/",
    "crates/checks/src/",
    "crates/reading/src/",
    "crates/store/src/",
    "crates/keeper/src/",
    "crates/ops/src/",
    "crates/portward/src/",
];

/// What a sentence is called.
const NAMES: &[&str] = &["because", "summary", "fact", "why", "note", "notes", "purpose", "limits", "absence", "reason"];

/// Types that can be compared and searched.
const TEXTS: &[&str] = &["String", "Cow"];

/// What searches a text.
const SEARCHES: &[&str] =
    &["contains", "starts_with", "ends_with", "strip_prefix", "strip_suffix", "split", "split_once", "find", "matches", "eq"];

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::tests::tree;

    fn found(text: &str) -> Vec<String> {
        rule(&tree(&[("crates/ops/src/op/x.rs", text)]))
    }

    #[test]
    fn a_sentence_is_no_text() {
        for text in [
            "struct A {\n    because: String,\n}",
            "struct A {\n    why: Option<String>,\n}",
            "struct A {\n    notes: Vec<String>,\n}",
            "struct A {\n    summary: Cow<'static, str>,\n}",
            "enum A {\n    B { purpose: String },\n}",
            "struct A(u8);\nfn refuse(because: String) {}",
        ] {
            let breaches = found(text);
            assert_eq!(breaches.len(), 1, "{text}: {breaches:?}");
            assert!(breaches[0].starts_with("crates/ops/src/op/x.rs:2: "), "{breaches:?}");
        }
        for text in [
            "struct A {\n    because: Sentence,\n    is_because: String,\n    because_of: String,\n}",
            "struct A { why: Option<Sentence>, name: String }",
            "/// because: String\nfn a() { let b = B { because: String::new().into(), why: StringKind::One }; }",
            "#[cfg(test)]\nmod tests {\n    struct A { because: String }\n}\nconst B: u8 = 1;",
        ] {
            assert_eq!(found(text), Vec::<String>::new(), "{text}");
        }
        assert_eq!(rule(&tree(&[("crates/wire/src/x.rs", "struct A { because: String }")])), Vec::<String>::new());
    }

    #[test]
    fn nothing_is_decided_on_a_sentence() {
        for text in [
            "fn a() {\n    cause.summary.to_string().contains(\"held\");\n}",
            "fn a() {\n    gap.what().to_string().starts_with(\"sockets\");\n}",
            "fn a() {\n    story.why\n        .to_string()\n        .split(' ');\n}",
            "fn a() {\n    if one.fact == other.fact {}\n}",
            "fn a() {\n    if refused.because != Sentence::from(\"x\") {}\n}",
        ] {
            assert_eq!(found(text).len(), 1, "{text}: {:?}", found(text));
        }
        for text in [
            "fn a() { screen.line(&cause.summary.to_string()); }",
            "fn a() { let known = cause.code == \"no-listener\" || found.why.is_some(); }",
            "mod tests {\n    fn a() { assert!(cause.summary.to_string().contains(\"held\")); }\n}",
        ] {
            assert_eq!(found(text), Vec::<String>::new(), "{text}");
        }
    }
}
