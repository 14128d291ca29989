//! How a word stands in the line of each shell: what is offered is inserted into a line that a person then runs.
//!
//! `zsh` and `fish` quote what they are offered by themselves. `bash`, Nushell and PowerShell insert it as it is: for them it comes
//! quoted. What a shell's word cannot show is offered to none.

/// A shell that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
    Nushell,
    Powershell,
    /// One that has not said which it is: an older script, or a test.
    Unnamed,
}

impl Shell {
    /// The shell of a name.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "bash" => Self::Bash,
            "zsh" => Self::Zsh,
            "fish" => Self::Fish,
            "nushell" => Self::Nushell,
            "powershell" => Self::Powershell,
            _ => Self::Unnamed,
        }
    }

    /// What is inserted for a word; `None` where no line of this shell can hold it. `typed` is what stands there already, as it was
    /// typed: where that has quotes of its own, what would need others is not offered, since two kinds of them do not mix.
    pub(crate) fn inserted(self, word: &str, typed: &str) -> Option<String> {
        if word.is_empty() || word.chars().any(portward_model::acts) {
            return None;
        }
        if is_bare(word) {
            return Some(word.to_owned());
        }
        match self {
            Self::Zsh | Self::Fish => Some(word.to_owned()),
            Self::Bash if is_bare(typed) || typed.is_empty() => Some(format!("'{}'", word.replace('\'', "'\\''"))),
            Self::Nushell if is_bare(typed) || typed.is_empty() => Some(in_nushell(word)),
            Self::Powershell if is_bare(typed) || typed.is_empty() => in_powershell(word),
            Self::Bash | Self::Nushell | Self::Powershell | Self::Unnamed => None,
        }
    }
}

/// True for a word that is the same with quotes and without in every one of the shells.
pub(crate) fn is_bare(word: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"_-./:+".contains(&b);
    word.starts_with(|c: char| c.is_ascii_alphanumeric() || "/_.-".contains(c)) && word.bytes().all(letters)
}

/// Nothing is special between its single quotes, which cannot hold one themselves; between double quotes a backslash is.
fn in_nushell(word: &str) -> String {
    if word.contains('\'') { format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")) } else { format!("'{word}'") }
}

/// Between single quotes only they themselves are special, of which it knows five kinds (`about_Quoting_Rules`). Double quotes are
/// lost or split on the way to a program by versions before 7.3 (`about_Parsing`), so they are offered to none.
fn in_powershell(word: &str) -> Option<String> {
    if word.contains(['"', '\u{201c}', '\u{201d}', '\u{201e}']) || word.ends_with('\\') {
        return None;
    }
    let mut quoted = String::from("'");
    for c in word.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    Some(quoted)
}

/// The words of a line as far as it was typed, after the program's name: what each means, and how the last one was typed.
///
/// Quotes are taken for what they are in all of these shells; nothing is expanded.
pub(crate) fn words_of(line: &str) -> (Vec<String>, String) {
    let mut words = vec![String::new()];
    let mut typed = String::new();
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(c) = letters.next() {
        if quote.is_none() && c.is_whitespace() {
            words.push(String::new());
            typed.clear();
            continue;
        }
        typed.push(c);
        let word = words.last_mut();
        match (c, quote) {
            ('\'' | '"' | '`', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => {
                let next = letters.next();
                typed.extend(next);
                if let Some(word) = word {
                    word.extend(next);
                }
            }
            (c, _) => {
                if let Some(word) = word {
                    word.push(c);
                }
            }
        }
    }
    let last = words.pop().unwrap_or_default();
    words.retain(|word| !word.is_empty());
    // Assignments may stand before the program.
    let at = words.iter().position(|word| !word.contains('=')).map_or(words.len(), |at| at + 1);
    let mut words = words.split_off(at.min(words.len()));
    words.push(last);
    (words, typed)
}

#[cfg(test)]
mod tests {
    use super::{Shell, is_bare, words_of};

    #[test]
    fn what_needs_quotes_has_those_of_its_shell() {
        let word = "/tmp/a;touch x;'#";
        for (shell, inserted) in [
            (Shell::Bash, Some("'/tmp/a;touch x;'\\''#'")),
            (Shell::Zsh, Some(word)),
            (Shell::Fish, Some(word)),
            (Shell::Nushell, Some("\"/tmp/a;touch x;'#\"")),
            (Shell::Powershell, Some("'/tmp/a;touch x;''#'")),
            (Shell::Unnamed, None),
        ] {
            assert_eq!(shell.inserted(word, "/tmp/a").as_deref(), inserted, "{shell:?}");
            assert_eq!(shell.inserted("3000", "").as_deref(), Some("3000"), "{shell:?}");
            assert_eq!(shell.inserted("a\nb", ""), None, "{shell:?}");
            assert_eq!(shell.inserted("a\u{202e}b", ""), None, "{shell:?}");
        }
    }

    /// `about_Quoting_Rules`: between single quotes nothing is expanded, and a quote of any of its kinds is written twice.
    #[test]
    fn powershell_reads_back_what_was_meant() {
        let read = |quoted: &str| {
            let is_quote = |c: char| matches!(c, '\'' | '\u{2018}'..='\u{201b}');
            let mut letters = quoted.chars().peekable();
            assert!(letters.next().is_some_and(is_quote));
            let mut out = String::new();
            while let Some(c) = letters.next() {
                if is_quote(c) {
                    match letters.peek() {
                        Some(next) if is_quote(*next) => out.extend(letters.next()),
                        rest => {
                            assert_eq!(rest, None, "{quoted} ends early");
                            return Some(out);
                        }
                    }
                } else {
                    out.push(c);
                }
            }
            None
        };
        for word in
            ["$(id)", "`id`", "a;id", "it's", "\u{2019};id;\u{2018}", "@x", "~", "{id}", "& id", "a,b", "%x", "#x", "'';id"]
        {
            let quoted = Shell::Powershell.inserted(word, "").unwrap();
            assert_eq!(read(&quoted).as_deref(), Some(word), "{quoted}");
        }
        for word in ["a\"b", "a\\", "\u{201c}x"] {
            assert_eq!(Shell::Powershell.inserted(word, ""), None, "{word}");
        }
    }

    #[test]
    fn quotes_of_two_kinds_do_not_mix() {
        for shell in [Shell::Bash, Shell::Nushell, Shell::Powershell, Shell::Unnamed] {
            for typed in ["'", "\"/tmp", "\\", "$(", "~/"] {
                assert_eq!(shell.inserted("/tmp/$(id)", typed), None, "{shell:?} {typed}");
            }
        }
    }

    #[test]
    fn bare_words_need_no_quotes_anywhere() {
        assert!(["3000", "/run/x.sock", "unix:/a", "udp/53", "vite", "python3.11", "--from"].iter().all(|word| is_bare(word)));
        for word in ["", "~", "a b", "a;b", "$x", "a*", "[::1]:80", "=x", "@x", "größe", "a\\b", "a%b", "a,b", "+x", ":x"] {
            assert!(!is_bare(word), "{word}");
        }
    }

    #[test]
    fn lines_fall_into_words() {
        let (words, typed) = words_of("portward explain 'a b' un\\ ix:/tmp");
        assert_eq!((words, typed.as_str()), (vec!["explain".into(), "a b".into(), "un ix:/tmp".into()], "un\\ ix:/tmp"));
        let (words, typed) = words_of("A=1 portward free ");
        assert_eq!((words, typed.as_str()), (vec!["free".to_owned(), String::new()], ""));
        let (words, typed) = words_of("portward free \"$(x");
        assert_eq!((words, typed.as_str()), (vec!["free".to_owned(), "$(x".to_owned()], "\"$(x"));
    }
}
