//! What is laid over a project's Compose files: ports at the loopback, and nothing that another worktree's stack would share.

use std::fmt::Write as _;

use super::{Stack, StackService};

/// Where a container's port is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The port of this machine that the files ask for, or the container's where they ask for none.
    pub asked: u16,
    /// The port of this machine that it has instead; `None` where the engine chooses one at each start.
    pub at: Option<u16>,
    /// The port in the container.
    pub target: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// A port that a service is declared to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The port.
    pub asked: u16,
    /// It is UDP's.
    pub is_udp: bool,
    /// It is published whether the files do so or not.
    pub forced: bool,
}

/// A file that is laid over others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    /// What it says.
    pub text: String,
    /// Where each service's ports are, in the order of the stack's services.
    pub places: Vec<(String, Vec<Place>)>,
}

/// What is laid over these services as the stack of this name. `leased` says where an asked port is, `declared` which ports a service is
/// to have.
pub fn overlay(
    stack: &Stack,
    name: &str,
    leased: &dyn Fn(u16) -> Option<u16>,
    declared: &dyn Fn(&str) -> Vec<Declared>,
) -> Overlay {
    let mut text = String::from(
        "# Made by `portward up`, and made anew by each: this worktree's ports, and what two stacks must not share.\nservices:\n",
    );
    let mut all = Vec::new();
    for service in &stack.services {
        let places = places(service, leased, &declared(&service.name));
        let _ = writeln!(text, "  {}:\n    restart: \"no\"", quoted(&service.name));
        let ports: Vec<String> = places.iter().map(|place| quoted(&written(place))).collect();
        if !ports.is_empty() {
            let _ = writeln!(text, "    ports: !override [{}]", ports.join(", "));
        }
        if let Some(container) = &service.container {
            // Others in the stack may know it by that name.
            text.push_str("    container_name: !reset null\n");
            let alias = quoted(container);
            let networks: Vec<String> =
                service.networks.iter().map(|network| format!("{}: {{aliases: [{alias}]}}", quoted(network))).collect();
            if !networks.is_empty() {
                let _ = writeln!(text, "    networks: {{{}}}", networks.join(", "));
            }
        }
        all.push((service.name.clone(), places));
    }
    if stack.services.is_empty() {
        text.push_str("  {}\n");
    }
    for of in ["volumes", "networks"] {
        let own = |key: &str| format!("{name}_{key}");
        let shared: Vec<_> = stack.shared.iter().filter(|shared| shared.of == of && shared.name != own(&shared.key)).collect();
        if !shared.is_empty() {
            let _ = writeln!(text, "{of}:");
            for shared in shared {
                let _ = writeln!(text, "  {}: {{name: {}}}", quoted(&shared.key), quoted(&own(&shared.key)));
            }
        }
    }
    Overlay { text, places: all }
}

fn places(service: &StackService, leased: &dyn Fn(u16) -> Option<u16>, declared: &[Declared]) -> Vec<Place> {
    if service.at_host {
        return Vec::new();
    }
    let mut found: Vec<Place> = Vec::new();
    let mut add = |place: Place| {
        let is_same = |other: &Place| {
            other.protocol == place.protocol
                && (other.target == place.target && other.asked == place.asked || other.at.is_some() && other.at == place.at)
        };
        if !found.iter().any(is_same) {
            found.push(place);
        }
    };
    for port in &service.ports {
        let asked = port.asked.unwrap_or(port.target);
        let is_declared = declared.iter().any(|own| own.asked == asked);
        let at = leased(asked).filter(|_| port.asked.is_some() || is_declared);
        add(Place { asked, at, target: port.target, protocol: port.protocol.clone() });
    }
    for Declared { asked, is_udp, .. } in declared.iter().filter(|own| own.forced) {
        let protocol = if *is_udp { "udp" } else { "tcp" };
        let is_there =
            |port: &super::StackPort| port.asked.unwrap_or(port.target) == *asked && (port.protocol == "udp") == *is_udp;
        if !service.ports.iter().any(is_there) {
            add(Place { asked: *asked, at: leased(*asked), target: *asked, protocol: protocol.to_owned() });
        }
    }
    found
}

fn written(place: &Place) -> String {
    let at = place.at.map(|at| at.to_string()).unwrap_or_default();
    format!("127.0.0.1:{at}:{}/{}", place.target, place.protocol)
}

/// A text in double quotes, as YAML and JSON have them; a dollar stays one where Compose puts variables in.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text.replace('$', "$$")).to_string()
}
