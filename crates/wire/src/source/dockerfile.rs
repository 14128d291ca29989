//! `Dockerfile`: what an image says that it listens on, and what its program is told.

use portward_model::Transport;

use super::{Fact, Findings, Kind, Source, What, command, number};

pub(super) const KIND: Kind = Kind {
    reads: "`EXPOSE`, `ENV PORT` and the ports of `CMD` and `ENTRYPOINT`, in the last stage. They are a container's ports, never this machine's.",
    ..Kind::of("dockerfile", "Dockerfile", &["Dockerfile", "Dockerfile.*", "*.Dockerfile"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let mut variables: Vec<(String, String)> = Vec::new();
    for (number, line) in source.lines() {
        let trimmed = line.trim_start();
        let Some((word, rest)) = trimmed.split_once(char::is_whitespace) else { continue };
        let rest = rest.trim();
        let column = u32::try_from(line.find(rest).unwrap_or(0) + 1).unwrap_or(1);
        match word.to_ascii_uppercase().as_str() {
            // What earlier stages say counts for nothing.
            "FROM" => {
                found.facts.clear();
                variables.clear();
            }
            "ENV" | "ARG" => {
                let pairs: Vec<(&str, &str)> = match rest.split_once('=') {
                    Some(_) => rest.split_whitespace().filter_map(|pair| pair.split_once('=')).collect(),
                    None => rest.split_once(char::is_whitespace).into_iter().collect(),
                };
                for (name, value) in pairs {
                    let value = value.trim().trim_matches(['"', '\'']);
                    variables.push((name.to_owned(), value.to_owned()));
                    if let (true, Some(port)) =
                        (number::is_port_variable(name) && word.eq_ignore_ascii_case("ENV"), number::port(value))
                    {
                        let reason = "a variable that servers read their port from";
                        found.facts.push(Fact::new(port, What::Asked { host: None }, reason, number, column).of("ENV"));
                    }
                }
            }
            "EXPOSE" => {
                for item in rest.split_whitespace() {
                    let (text, udp) =
                        item.strip_suffix("/udp").map_or((item.strip_suffix("/tcp").unwrap_or(item), false), |text| (text, true));
                    let said = number::variable(text).map(|(name, default)| {
                        let set = variables.iter().rfind(|(own, _)| *own == name).map(|(_, value)| value.clone());
                        set.unwrap_or(default)
                    });
                    let Some(port) = number::port(said.as_deref().unwrap_or(text)) else { continue };
                    let transport = if udp { Transport::Udp } else { Transport::Tcp };
                    let at = line.find(item).map_or(column, |at| u32::try_from(at + 1).unwrap_or(column));
                    found.facts.push(Fact { transport, ..Fact::new(port, What::Exposed, "a port of `EXPOSE`", number, at) });
                }
            }
            "CMD" | "ENTRYPOINT" => {
                let text = if rest.starts_with('[') {
                    let words = super::json::read(rest).map(|node| node.texts()).unwrap_or_default();
                    words.iter().map(|word| super::launch::quoted(word)).collect::<Vec<_>>().join(" ")
                } else {
                    rest.to_owned()
                };
                let mut inner = Findings::default();
                command::read(&text, command::At { line: number, column: 0, service: "CMD" }, &mut inner);
                found.facts.extend(inner.facts.into_iter().filter(|fact| matches!(fact.what, What::Asked { .. })));
            }
            _ => {}
        }
    }
}
