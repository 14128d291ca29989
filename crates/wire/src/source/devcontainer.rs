//! `devcontainer.json`: the ports that an editor passes on.

use super::{Fact, Findings, Kind, Source, What, node::Node, number};

pub(super) const KIND: Kind = Kind {
    reads: "`forwardPorts`, `appPort` and `portsAttributes`: ports of the container that an editor passes on. `\"db:5432\"` is another container's.",
    ..Kind::of("devcontainer", "devcontainer.json", &["devcontainer.json", ".devcontainer.json"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let Some(root) = found.json(source) else { return };
    for key in ["forwardPorts", "appPort"] {
        let Some(node) = root.field(key) else { continue };
        let own = [node];
        let items: Vec<&Node> = if node.list().is_empty() { own.to_vec() } else { node.list().iter().collect() };
        for item in items {
            let text = item.text().unwrap_or_default();
            let (service, text) = text.rsplit_once(':').map_or((None, text), |(service, port)| (Some(service), port));
            let Some(port) = number::port(text) else { continue };
            let label = root.at(&["portsAttributes", text, "label"]).and_then(Node::text);
            let mut fact = Fact::new(port, What::Forwarded, "a port that an editor passes on", item.line, item.column);
            fact.service = service.filter(|service| number::port(service).is_none()).or(label).map(str::to_owned);
            found.facts.push(fact);
        }
    }
}
