//! `launchSettings.json` of .NET: where `dotnet run` listens.

use super::{Fact, Findings, Kind, Source, Start, What, node::Node, number, urls};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "`applicationUrl` of each profile and of IIS Express, and `sslPort`. The project beside it can be started.",
    ..Kind::of("dotnet", "launchSettings.json", &["Properties/launchSettings.json"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let Some(root) = found.json(source) else { return };
    let folder = source.folder().strip_suffix("Properties").unwrap_or_default().trim_end_matches('/').to_owned();
    let profiles = root.field("profiles").map(Node::map).unwrap_or_default();
    let mut runs = None;
    for profile in profiles {
        listens(profile.node.field("applicationUrl"), &profile.key, found);
        if runs.is_none() && profile.node.text_of("commandName") == Some("Project") {
            runs = Some((profile.line, profile.key.clone()));
        }
    }
    if let Some(express) = root.at(&["iisSettings", "iisExpress"]) {
        listens(express.field("applicationUrl"), "IIS Express", found);
        if let Some((node, port)) = express.field("sslPort").and_then(|node| Some((node, number::port(node.text()?)?))) {
            let what = What::Asked { host: None };
            found.facts.push(Fact::new(port, what, "the TLS port of IIS Express", node.line, node.column).of("IIS Express"));
        }
    }
    if let Some((line, name)) = runs {
        found.starts.push(Start { name, command: Some("dotnet run".to_owned()), folder, line, ..Start::default() });
    }
}

fn listens(node: Option<&Node>, service: &str, found: &mut Findings) {
    let Some((node, text)) = node.and_then(|node| Some((node, node.text()?))) else { return };
    for (at, url) in urls(text).filter(|(_, url)| url.written) {
        let column = node.column + text.get(..at).map_or(0, |before| u32::try_from(before.chars().count()).unwrap_or(0));
        let what = What::Asked { host: Some(url.host) };
        found.facts.push(Fact::new(url.port, what, "an address of `applicationUrl`", node.line, column).of(service));
    }
}
