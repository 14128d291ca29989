//! Rust source as text: its code without comments and strings, its module lines and its imports.
//!
//! A scanner, no parser: it knows just enough of the lexical grammar (nested comments, raw strings, char
//! literals against lifetimes) for the rules not to be fooled by words inside strings.

/// The same text with the inside of comments, strings and char literals turned to spaces, line by line.
pub(super) fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        let end = match (c, next) {
            ('/', Some('/')) => line_end(&chars, at),
            ('/', Some('*')) => comment_end(&chars, at),
            ('r', Some('"' | '#')) if !continues_word(&chars, at) => raw_end(&chars, at + 1).unwrap_or(at),
            ('"', _) => string_end(&chars, at),
            ('\'', Some(next)) => char_end(&chars, at, next).unwrap_or(at),
            _ => at,
        };
        if end == at {
            out.push(c);
            at += 1;
            continue;
        }
        out.extend(chars.get(at..end).unwrap_or_default().iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

fn continues_word(chars: &[char], at: usize) -> bool {
    // `b` and `c` may stand before a raw string: br"", cr"".
    let before = at.checked_sub(1).and_then(|before| chars.get(before));
    before.is_some_and(|c| (c.is_alphanumeric() || *c == '_') && !matches!(c, 'b' | 'c'))
}

fn line_end(chars: &[char], at: usize) -> usize {
    chars.iter().skip(at).position(|c| *c == '\n').map_or(chars.len(), |length| at + length)
}

fn comment_end(chars: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0_usize, start);
    while at < chars.len() {
        match (chars.get(at), chars.get(at + 1)) {
            (Some('/'), Some('*')) => {
                depth += 1;
                at += 2;
            }
            (Some('*'), Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    at
}

/// The end of a raw string whose hashes or quote begin at `start`; none when it is no raw string.
fn raw_end(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars.iter().skip(start).take_while(|c| **c == '#').count();
    if chars.get(start + hashes) != Some(&'"') {
        return None;
    }
    let mut at = start + hashes + 1;
    while at < chars.len() {
        let closes =
            chars.get(at) == Some(&'"') && chars.iter().skip(at + 1).take(hashes).filter(|c| **c == '#').count() == hashes;
        at += 1;
        if closes {
            return Some(at + hashes);
        }
    }
    Some(at)
}

fn string_end(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(c) = chars.get(at) {
        match c {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn char_end(chars: &[char], start: usize, next: char) -> Option<usize> {
    if next == '\\' {
        // The character after the backslash may itself be a quote.
        return chars.iter().skip(start + 3).position(|c| *c == '\'').map(|length| start + 3 + length + 1);
    }
    (chars.get(start + 2) == Some(&'\'')).then_some(start + 3)
}

/// Words (identifiers and keywords) of code, in order.
pub(super) fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Code with every `#[cfg(test)] mod name { ... }` blanked.
pub(super) fn without_tests(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let end = item_end(after);
        let (item, tail) = after.split_at(end);
        out.extend(item.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// Where an item ends: after its semicolon, or after the brace that closes its first one.
fn item_end(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// Modules that a file declares: the names of its `mod name;` lines, each with whether it is for tests only.
pub(super) fn modules(code: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut words = positioned_words(code).peekable();
    while let Some((_, word)) = words.next() {
        if word != "mod" {
            continue;
        }
        if let Some((at, name)) = words.next()
            && code.get(at + name.len()..).is_some_and(|rest| rest.trim_start().starts_with(';'))
        {
            let line = code.get(..at).unwrap_or_default();
            let item = line.rfind([';', '}', '{']).map_or(line, |cut| line.get(cut..).unwrap_or_default());
            found.push((name.to_owned(), item.contains("#[cfg(test)]")));
        }
    }
    found
}

fn positioned_words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    words(code).map(move |word| (word.as_ptr().addr() - code.as_ptr().addr(), word))
}

/// Names that stand inside macro calls of braces or brackets: a registry macro may declare modules from them.
pub(super) fn macro_names(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices('!') {
        let rest = code.get(at + 1..).unwrap_or_default().trim_start();
        if rest.starts_with(['{', '[', '(']) {
            let end = closing(rest);
            names.extend(words(rest.get(..end).unwrap_or_default()).map(str::to_owned));
        }
    }
    names
}

fn closing(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// Every path that the code imports with `use`, or writes out from a crate's name, in full: `std::fs::read`.
pub(super) fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = find_word(rest, "use") {
        let tree = rest.get(at + 3..).unwrap_or_default();
        let end = tree.find(';').unwrap_or(tree.len());
        expand("", tree.get(..end).unwrap_or_default(), &mut found);
        rest = tree.get(end..).unwrap_or_default();
    }
    // Paths written out in place.
    let written = code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    found.extend(written.filter(|path| path.contains("::")).map(|path| path.trim_matches(':').to_owned()));
    found
}

fn find_word(code: &str, word: &str) -> Option<usize> {
    positioned_words(code).find(|(_, found)| *found == word).map(|(at, _)| at)
}

fn expand(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let tree = tree.trim();
    if let Some((head, inside)) = tree.split_once('{') {
        let inside = inside.rsplit_once('}').map_or(inside, |(inside, _)| inside);
        let prefix = format!("{prefix}{}", head.trim());
        split_top(inside).for_each(|branch| expand(&prefix, branch, found));
    } else if !tree.is_empty() {
        let path = tree.split_whitespace().next().unwrap_or(tree);
        found.push(format!("{prefix}{path}"));
    }
}

/// Branches of a use tree, split at the commas that stand outside braces.
fn split_top(inside: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    inside.split(move |c| {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        c == ',' && depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::{code_only, macro_names, modules, paths, without_tests, words};

    #[test]
    fn words_in_comments_and_strings_are_not_code() {
        let text = r##"
            // unsafe one
            /* unsafe /* two */ unsafe */ let a = "unsafe \" three"; let b = r#"unsafe " four"#;
            let c = 'u'; let d = '\''; fn e<'unsafe_not>(x: &'unsafe_not str) {} br"unsafe";
        "##;
        let code = code_only(text);
        assert!(words(&code).all(|word| word != "unsafe"), "{code}");
        assert!(code.contains("fn e<'unsafe_not>"), "{code}");
        assert_eq!(code.lines().count(), text.lines().count());
    }

    #[test]
    fn module_lines_are_found_with_their_purpose() {
        let code = "pub(crate) mod one;\nmod two { mod three; }\n#[cfg(test)]\nmod four;\nlet model = 1;";
        let found = modules(code);
        let expected = [("one", false), ("three", false), ("four", true)].map(|(name, test)| (name.to_owned(), test));
        assert_eq!(found, expected);
    }

    #[test]
    fn names_in_a_registry_macro_are_found() {
        assert_eq!(macro_names("checks! { refused, other_family }"), ["refused", "other_family"]);
    }

    #[test]
    fn test_modules_are_blanked_and_what_follows_stays() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { { } } }\nfn c() {}";
        let left = without_tests(code);
        assert!(left.contains("fn a") && left.contains("fn c") && !left.contains("fn b"), "{left}");
    }

    #[test]
    fn use_trees_are_written_out() {
        let found = paths("use std::{fmt, fs::{self, File}, net::IpAddr};\nlet x = std::env::var(1);");
        for path in ["std::fmt", "std::fs::self", "std::fs::File", "std::net::IpAddr", "std::env::var"] {
            assert!(found.iter().any(|found| found == path), "{path} in {found:?}");
        }
    }
}
