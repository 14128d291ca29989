//! `wrangler.toml` and `wrangler.jsonc`: a program for Cloudflare's edge, which Wrangler's own server runs here.

use toml_edit::{Document, Item};

use super::{Fact, Findings, Flaw, Kind, Source, Start, What, number::port};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "`port` and `ip` of `dev`, and its `inspector_port`. `npx wrangler dev` can be started, on port 8787 where none is said; `npx wrangler pages dev`, on 8788, where the file says which folder is built.",
    ..Kind::of("wrangler", "wrangler.toml and wrangler.jsonc", &["wrangler.toml", "wrangler.jsonc", "wrangler.json"], read)
};

/// What is said of the server: each with its line and column.
#[derive(Default)]
struct Dev {
    port: Option<(u16, u32, u32)>,
    inspector: Option<(u16, u32, u32)>,
    ip: Option<String>,
    is_pages: bool,
}

fn read(source: &Source<'_>, found: &mut Findings) {
    let is_toml = source.path.rsplit('.').next() == Some("toml");
    let dev = if is_toml { of_toml(source.text, found) } else { of_json(source, found) };
    let Some(dev) = dev else { return };
    let (command, usual) = if dev.is_pages { ("npx wrangler pages dev", 8788) } else { ("npx wrangler dev", 8787) };
    let fact = match dev.port {
        Some((port, line, column)) => {
            let reason = "the port of `dev` in Wrangler's configuration";
            Fact::new(port, What::Asked { host: dev.ip }, reason, line, column)
        }
        None => Fact::new(usual, What::Usual, "the usual port of Wrangler", 1, 1),
    };
    if let Some((port, line, column)) = dev.inspector {
        let reason = "the port of Wrangler's inspector";
        found.facts.push(Fact::new(port, What::Debugger { waits: true }, reason, line, column).of(NAME));
    }
    let line = fact.line;
    found.facts.push(fact.of(NAME));
    found.starts.push(Start {
        name: NAME.to_owned(),
        command: Some(command.to_owned()),
        folder: source.folder().to_owned(),
        line,
        ..Start::default()
    });
}

fn of_json(source: &Source<'_>, found: &mut Findings) -> Option<Dev> {
    let root = found.json(source)?;
    let said = |name: &str| {
        let node = root.at(&["dev", name])?;
        Some((port(node.text()?)?, node.line, node.column))
    };
    let ip = root.at(&["dev", "ip"]).and_then(|node| node.text()).map(str::to_owned);
    Some(Dev { port: said("port"), inspector: said("inspector_port"), ip, is_pages: root.field(PAGES).is_some() })
}

fn of_toml(text: &str, found: &mut Findings) -> Option<Dev> {
    let place = |at: usize| {
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |start| start.chars().count()) + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    };
    let root = match Document::parse(text) {
        Ok(root) => root,
        Err(error) => {
            let (line, column) = error.span().map_or((0, 0), |span| place(span.start));
            found.flaws.push(Flaw { line, column, words: error.message().to_owned() });
            return None;
        }
    };
    let dev = root.get("dev").and_then(Item::as_table_like);
    let said = |name: &str| {
        let item = dev?.get(name)?;
        let port = u16::try_from(item.as_integer()?).ok().filter(|port| *port != 0)?;
        let (line, column) = place(item.span()?.start);
        Some((port, line, column))
    };
    let ip = dev.and_then(|dev| dev.get("ip")?.as_str()).map(str::to_owned);
    Some(Dev { port: said("port"), inspector: said("inspector_port"), ip, is_pages: root.get(PAGES).is_some() })
}

const NAME: &str = "worker";
/// Which folder is built: the site is one of Pages.
const PAGES: &str = "pages_build_output_dir";
