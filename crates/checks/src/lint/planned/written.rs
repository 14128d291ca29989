//! A gathered plan as the text of a `portward.toml`, with a comment at each value that says where it came from.

use std::fmt::Write as _;

use portward_model::{
    Transport,
    plan::{DeclaredPort, Origin, Restart, Service, ServiceCommand},
};

use super::Planned;
use crate::engine::engine;

/// The text of the file.
pub fn written(planned: &Planned) -> String {
    let mut text =
        String::from("# What this project runs. `portward up` starts it, `portward check` holds it against the other files.\n");
    for decide in &planned.decide {
        let _ = writeln!(text, "# To decide: {}.", one_line(decide));
    }
    let plan = &planned.plan;
    if !plan.values.is_empty() {
        text.push_str("\n[env]\n");
        for value in &plan.values {
            let _ = writeln!(text, "{} = {}{}", value.name, quoted(&value.template.to_string()), from(&value.origin));
        }
    }
    for service in &plan.services {
        one(&mut text, service);
    }
    text
}

fn one(text: &mut String, service: &Service) {
    let _ = writeln!(text, "\n[services.{}]", service.name);
    if let Some(ServiceCommand::Line(line)) = &service.command {
        let _ = writeln!(text, "command = {}{}", quoted(line), from(&service.origin));
    }
    if let Some(uses) = &service.uses {
        let Origin { file, line } = &service.origin;
        let asked = service.port().map_or(0, |port| port.asked);
        let _ =
            writeln!(text, "# {}:{line} dials it. Without this section localhost:{asked} is the machine's own.", one_line(file));
        let _ = writeln!(text, "use = {}", quoted(uses));
    }
    if let Some(composed) = &service.compose {
        let _ = writeln!(text, "compose = {}{}", quoted(&composed.service), from(&service.origin));
    }
    if let Some(folder) = &service.folder {
        let _ = writeln!(text, "folder = {}", quoted(folder));
    }
    let is_usual = |asked: u16| {
        let engine = service.uses.as_deref().and_then(engine);
        engine.and_then(|engine| engine.ports.first()).is_some_and(|(_, usual)| *usual == asked)
    };
    if let Some(port) = service.port().filter(|port| !is_usual(port.asked)) {
        let _ = writeln!(text, "port = {}{}", number(port), from(&port.origin));
    }
    let declared = if service.uses.is_some() { &[][..] } else { service.ports.get(1..).unwrap_or_default() };
    let further: Vec<String> =
        declared.iter().filter_map(|port| Some(format!("{} = {}", port.name.as_ref()?, number(port)))).collect();
    if !further.is_empty() {
        let origins: Vec<&Origin> = service.ports.iter().skip(1).map(|port| &port.origin).collect();
        let from = origins.first().map(|origin| from(origin)).unwrap_or_default();
        let _ = writeln!(text, "ports = {{ {} }}{from}", further.join(", "));
    }
    if let Some(protocol) = service.protocol.as_ref().filter(|_| service.uses.is_none()) {
        let _ = writeln!(text, "protocol = {}", quoted(protocol));
    }
    if !service.after.is_empty() {
        let names: Vec<String> = service.after.iter().map(|name| quoted(name)).collect();
        let _ = writeln!(text, "after = [{}]", names.join(", "));
    }
    match service.restart {
        Restart::OnFailure => {}
        Restart::Always => text.push_str("restart = \"always\"\n"),
        Restart::Never => text.push_str("restart = \"never\"\n"),
    }
}

fn number(port: &DeclaredPort) -> String {
    if port.transport == Transport::Udp { format!("\"udp/{}\"", port.asked) } else { port.asked.to_string() }
}

fn from(origin: &Origin) -> String {
    format!("  # {}:{}", one_line(&origin.file), origin.line)
}

/// What goes into a comment: nothing that ends it.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use portward_model::plan::{Composed, Origin, Plan, Service, ServiceCommand};

    use super::{super::planned, Planned, written};
    use crate::lint::given;

    /// A plan without where it came from.
    fn bare(mut plan: Plan) -> Plan {
        for service in &mut plan.services {
            service.origin = Origin::default();
            // What the Compose files say beside the name is read there.
            if let Some(composed) = &mut service.compose {
                *composed = Composed { service: composed.service.clone(), ..Composed::default() };
            }
            service.ports.iter_mut().for_each(|port| port.origin = Origin::default());
        }
        plan.values.iter_mut().for_each(|value| value.origin = Origin::default());
        plan
    }

    #[test]
    fn what_is_written_is_read_back_as_the_same_plan() {
        let planned = planned(&given(&[
            (
                "compose.yml",
                "services:\n  db:\n    image: postgres:16\n    ports: [\"127.0.0.1:5432:5432\"]\n  dns:\n    image: x\n    ports: [\"127.0.0.1:5353:53/udp\", \"127.0.0.1:8053:53\"]\n",
            ),
            ("web/package.json", "{\"scripts\":{\"dev\":\"node --inspect=9230 x.js --port 3000\"}}"),
            (".env.example", "DATABASE_URL=postgres://app@localhost:5432/shop\n"),
            ("Procfile", "worker: sh -c 'echo \"a\\\\b\" # x'\n"),
        ]));
        assert_eq!(planned.plan.services.len(), 4);
        let text = written(&planned);
        let read = portward_wire::project_file::read(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
        assert_eq!(bare(read), bare(planned.plan.clone()), "{text}");
        assert!(text.contains("port = 3000  # web/package.json:1"), "{text}");
        assert!(text.contains("debug = 9230"), "{text}");
    }

    #[test]
    fn hostile_names_stay_in_their_places() {
        let command = Some(ServiceCommand::Line("x\"]\n[services.evil]\ncommand = \"rm".to_owned()));
        let origin = Origin { file: "a\n[services.evil]".to_owned(), line: 1 };
        let service = Service { name: "a".to_owned(), command: command.clone(), origin, ..Service::default() };
        let planned = Planned { plan: Plan { services: vec![service], ..Plan::default() }, decide: vec!["x\ny = 1".to_owned()] };
        let read = portward_wire::project_file::read(written(&planned).as_bytes()).unwrap();
        assert_eq!((read.services.len(), &read.services[0].command), (1, &command));
    }
}
