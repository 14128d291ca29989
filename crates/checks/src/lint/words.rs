//! What rules say, and the lines that they would write.

use portward_model::{Edit, Effect, Evidence, Finding, Likelihood, Place, Remedy, Sentence, Text, masked_line};
use portward_wire::source::{Encoding, Fact};

use super::{File, Project, Rule};

/// A finding at a fact.
pub(crate) fn at(rule: &Rule, likelihood: Likelihood, file: &File, fact: &Fact, summary: impl Into<Sentence>) -> Finding {
    let evidence = vec![seen(file, fact)];
    placed(rule, likelihood, &file.path, fact.line, summary, evidence)
}

/// A finding at a line of a file.
pub(crate) fn placed(
    rule: &Rule,
    likelihood: Likelihood,
    path: &str,
    line: u32,
    summary: impl Into<Sentence>,
    evidence: Vec<Evidence>,
) -> Finding {
    let place = Some(Place { file: Text::from(path), line: Some(line) });
    Finding { severity: Some(rule.severity), place, ..Finding::new(rule.code, likelihood, summary, evidence, Vec::new()) }
}

/// Where a number stands, and why it is a port.
pub(crate) fn seen(file: &File, fact: &Fact) -> Evidence {
    let whose = fact.service.as_ref().map(|service| format!(" of {service}")).unwrap_or_default();
    Evidence::new(format!("{}:{}", file.path, fact.line), format!("{}{whose}: {}", fact.port, fact.reason))
}

/// `compose.yml:4`
pub(crate) fn place(file: &File, fact: &Fact) -> String {
    format!("{}:{}", file.path, fact.line)
}

/// Writing `then` for `now` in a line, where the line holds it once and no secret; the same in words where not.
#[expect(clippy::needless_pass_by_value, reason = "a title is made for one finding alone")]
pub(crate) fn line(project: &Project, file: &File, number: u32, now: &str, then: &str, title: String) -> Remedy {
    let words =
        || Remedy::advice(title.clone(), format!("{then} instead of {now} in {}, line {number}", file.path), Effect::Change);
    let Some(text) = file.line(number) else { return words() };
    let mut places = whole(text, now);
    let (Some(at), None) = (places.next(), places.next()) else { return words() };
    let (Some(before), Some(after)) = (text.get(..at), text.get(at + now.len()..)) else { return words() };
    written(project, file, number, &[format!("{before}{then}{after}")], title.clone(), words)
}

/// Writing another port for that of a fact: where the line holds the number twice, as `8080:8080` does, the first one from its place on.
pub(crate) fn port(project: &Project, file: &File, fact: &Fact, then: u16, title: String) -> Remedy {
    let (now, then) = (fact.port.to_string(), then.to_string());
    let from = file.line(fact.line).and_then(|text| {
        let column = usize::try_from(fact.column).ok()?.checked_sub(1)?;
        let from = text.char_indices().nth(column).map(|(at, _)| at)?;
        let at = from + whole(text.get(from..)?, &now).next()?;
        let is_published = matches!(fact.what, portward_wire::source::What::Published { .. });
        (is_published && whole(text, &now).count() > 1).then_some((text, at))
    });
    let Some((text, at)) = from else { return line(project, file, fact.line, &now, &then, title) };
    let words =
        || Remedy::advice(title.clone(), format!("{then} instead of {now} in {}, line {}", file.path, fact.line), Effect::Change);
    let (Some(before), Some(after)) = (text.get(..at), text.get(at + now.len()..)) else { return words() };
    written(project, file, fact.line, &[format!("{before}{then}{after}")], title.clone(), words)
}

/// Where a text stands in another one as a word of its own.
fn whole<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let glued = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
        let starts = word.starts_with(|c: char| c.is_ascii_alphanumeric());
        !(glued(after) || starts && glued(before))
    })
}

/// Writing these lines instead of one.
#[expect(clippy::needless_pass_by_value, reason = "a title is made for one finding alone")]
pub(crate) fn lines(project: &Project, file: &File, number: u32, then: Vec<String>, title: String) -> Remedy {
    let shown = then.join("\n");
    let words = || Remedy::advice(title.clone(), format!("{shown} in {}, line {number}", file.path), Effect::Change);
    written(project, file, number, &then, title.clone(), words)
}

fn written(project: &Project, file: &File, number: u32, then: &[String], title: String, words: impl Fn() -> Remedy) -> Remedy {
    let Some(now) = file.line(number) else { return words() };
    // What is not plain UTF-8 is not written by lines; a line with a secret in it is not shown.
    let is_plain = file.encoding == Encoding::Plain && masked_line(now.as_bytes()).raw() == now.as_bytes();
    // Nor is one that Compose files name elsewhere: it is others' too.
    let is_ours = !file.path.starts_with('/') && !file.path.starts_with("../");
    if !is_plain || !is_ours || project.root.is_empty() || now.len() > LONGEST {
        return words();
    }
    let path = Text::new([project.root.raw(), b"/", file.path.as_bytes()].concat());
    let then = then.iter().map(|line| Text::from(line.as_str())).collect();
    let edit = Edit { file: path, line: number, now: Text::from(now), then, after: None };
    Remedy::edit(title, edit, "portward check --fix")
}

/// What a person has to decide.
pub(crate) fn decide(title: impl Into<String>, words: impl Into<String>) -> Remedy {
    Remedy::advice(title, words, Effect::Change)
}

const LONGEST: usize = 2_000;
