//! Rust source as text: its code without comments and strings, and its module lines.
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

/// Modules that a file declares: the names of its `mod name;` lines.
pub(super) fn modules(code: &str) -> Vec<String> {
    let declared = code.split(';').filter_map(|item| {
        let mut words: Vec<&str> = words(item).collect();
        let name = words.pop()?;
        (words.pop()? == "mod").then(|| name.to_owned())
    });
    declared.collect()
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

pub(super) fn closing(code: &str) -> usize {
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

#[cfg(test)]
mod tests {
    use super::{code_only, macro_names, modules, words};

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
    fn module_lines_are_found() {
        let code = "pub(crate) mod one;\nmod two { mod three; }\n#[cfg(test)]\nmod four;\nlet model = 1;";
        assert_eq!(modules(code), ["one", "three", "four"]);
    }

    #[test]
    fn names_in_a_registry_macro_are_found() {
        assert_eq!(macro_names("checks! { refused, other_family }"), ["refused", "other_family"]);
    }
}
