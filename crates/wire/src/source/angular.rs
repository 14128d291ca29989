//! `angular.json`: where `ng serve` listens.

use super::{Fact, Findings, Kind, Source, What, node::Node, number};

pub(super) const KIND: Kind = Kind {
    reads: "`architect.serve.options.port` and `host` of each project.",
    ..Kind::of("angular", "angular.json", &["angular.json"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let Some(root) = found.json(source) else { return };
    for project in root.field("projects").map(Node::map).unwrap_or_default() {
        let serve = ["architect", "targets"].iter().find_map(|key| project.node.at(&[key, "serve", "options"]));
        let Some((node, port)) =
            serve.and_then(|options| options.field("port")).and_then(|node| Some((node, number::port(node.text()?)?)))
        else {
            continue;
        };
        let host = serve.and_then(|options| options.text_of("host")).map(str::to_owned);
        let reason = "the port of `ng serve` in angular.json";
        found.facts.push(Fact::new(port, What::Asked { host }, reason, node.line, node.column).of(&project.key));
    }
}
