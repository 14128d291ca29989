//! Command lines from the documentation of programs, the secret of each marked, and lines of real process lists that hold none.

use super::{CommandLine, masked_line};

/// The words of a line as a shell parts them; inside of quotes everything stands for itself.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut open, mut quote) = (Vec::new(), String::new(), false, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(own), c) if own == c => quote = None,
            (None, '"' | '\'') => (open, quote) = (true, Some(c)),
            (None, ' ') => {
                if std::mem::take(&mut open) {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => {
                open = true;
                word.push(c);
            }
        }
    }
    words.extend(open.then_some(word));
    words
}

fn shown(words: &[String]) -> Vec<String> {
    let line = CommandLine::from_kernel(words.join("\0").as_bytes());
    line.arguments().iter().map(|argument| argument.lossy().into_owned()).collect()
}

fn lines(file: &str) -> impl Iterator<Item = &str> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The secrets between the marks.
fn secrets(line: &str) -> impl Iterator<Item = &str> {
    line.split('⟦').skip(1).filter_map(|part| Some(part.split_once('⟧')?.0))
}

/// The lines of which a secret is shown, whole or by more than half of its words.
fn missed(file: &str) -> Vec<String> {
    let is_shown = |line: &&str| {
        let shown = shown(&words(&line.replace(['⟦', '⟧'], ""))).join(" ");
        secrets(line).any(|secret| shows(&shown, secret, &line.replace(['⟦', '⟧'], "")))
    };
    lines(file)
        .filter(is_shown)
        .map(|line| format!("{line}\n    {}", shown(&words(&line.replace(['⟦', '⟧'], ""))).join(" ")))
        .collect()
}

/// True where the secret is shown, or a part of it that is a word of its own and that the line does not hold elsewhere.
fn shows(shown: &str, secret: &str, line: &str) -> bool {
    let part = |part: &&str| part.len() > 4 && line.matches(*part).count() == secret.matches(*part).count();
    shown.contains(secret) && line.matches(secret).count() == 1
        || secret.split(|c: char| !c.is_alphanumeric()).filter(part).any(|part| shown.contains(part))
}

/// The arguments of which something is masked, and how many there are.
fn over_masked(file: &str) -> (Vec<String>, usize) {
    let (mut masked, mut all) = (Vec::new(), 0);
    for line in lines(file) {
        let words = words(line);
        for (word, shown) in words.iter().zip(shown(&words)).skip(1) {
            all += 1;
            if *word != shown {
                masked.push(format!("{word}  ->  {shown}    ({line})"));
            }
        }
    }
    (masked, all)
}

#[test]
fn no_secret_of_the_documentations_is_shown() {
    let files = [include_str!("corpus/secrets.txt"), include_str!("corpus/later-secrets.txt")];
    assert!(files.iter().flat_map(|file| lines(file)).all(|line| secrets(line).count() > 0) && lines(files[0]).count() >= 300);
    let missed: Vec<String> = files.into_iter().flat_map(missed).collect();
    assert!(missed.is_empty(), "{} are shown:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn what_is_harmless_is_shown() {
    for file in [include_str!("corpus/harmless.txt"), include_str!("corpus/later-harmless.txt")] {
        let (masked, all) = over_masked(file);
        assert!(all >= 300 && masked.len() * 100 < all * 3, "{} of {all} are masked:\n{}", masked.len(), masked.join("\n"));
    }
}

#[test]
fn a_line_that_is_read_for_what_it_says_shows_no_named_secret() {
    let all: Vec<&str> = lines(include_str!("corpus/secrets.txt")).collect();
    let line = |line: &str| masked_line(line.as_bytes()).lossy().into_owned();
    let is_shown = |marked: &&&str| {
        let plain = marked.replace(['⟦', '⟧'], "");
        secrets(marked).any(|secret| shows(&line(&plain), secret, &plain))
    };
    // What nothing is known of is shown here: a word behind an unknown letter, an identifier.
    let shown: Vec<&&str> = all.iter().filter(is_shown).collect();
    assert!(shown.len() * 100 < all.len() * 8, "{} are shown: {shown:#?}", shown.len());
    let masked: Vec<&str> = lines(include_str!("corpus/harmless.txt")).filter(|plain| line(plain) != **plain).collect();
    assert!(masked.len() < 4, "{masked:#?}");
}
