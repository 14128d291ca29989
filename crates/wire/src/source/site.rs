//! Sites that a generator builds and serves while somebody writes them: Jekyll, Hugo, `MkDocs`.

use super::{Fact, Findings, Source, Start, What, number};

/// What serves the site of a file.
pub(super) struct Site {
    pub(super) name: &'static str,
    pub(super) command: &'static str,
    pub(super) usual: u16,
    pub(super) reason: &'static str,
}

/// A site that can be started, at the port that its file says, or at the usual one.
pub(super) fn site(site: &Site, folder: &str, said: Option<Fact>, found: &mut Findings) {
    let fact = said.unwrap_or_else(|| Fact::new(site.usual, What::Usual, site.reason, 1, 1));
    found.starts.push(Start {
        name: site.name.to_owned(),
        command: Some(site.command.to_owned()),
        folder: folder.to_owned(),
        line: fact.line,
        ..Start::default()
    });
    found.facts.push(fact.of(site.name));
}

/// The port of a field of a YAML file, with the address of another one; or both in one.
pub(super) fn of_yaml(
    source: &Source<'_>,
    (port, host): (&str, &str),
    reason: &'static str,
    found: &mut Findings,
) -> Option<Fact> {
    let root = found.yaml(source).into_iter().next()?;
    let node = root.field(port)?;
    let (own, port) = number::place(node.text()?)?;
    let host = own.or_else(|| root.text_of(host).map(str::to_owned));
    Some(Fact::new(port, What::Asked { host }, reason, node.line, node.column))
}
