//! The keys of the file, each declared once.

use portward_model::plan::{Composed, Origin, Ready, Restart, Service, ServiceCommand, Value};

use super::{
    NAME,
    shape::{At, Given, Shape},
};

/// A key: what it is called and holds, what it is for, and where it goes.
pub(super) struct Key<T: 'static> {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// A sentence, for the page and for editors.
    pub(super) about: &'static str,
    /// A value as it is written.
    pub(super) example: &'static str,
    pub(super) take: fn(&mut T, Given),
}

/// The project as it is read, with the places of what refers to something.
#[derive(Default)]
pub(super) struct Project {
    pub(super) name: Option<String>,
    pub(super) values: Vec<At<Value>>,
    pub(super) services: Vec<ServiceRead>,
}

/// A service as it is read.
#[derive(Default)]
pub(super) struct ServiceRead {
    pub(super) service: Service,
    pub(super) at: usize,
    pub(super) values: Vec<At<Value>>,
    pub(super) after: Vec<At<String>>,
    /// Where each of its ports stands, in their order.
    pub(super) ports: Vec<usize>,
    pub(super) public: usize,
}

/// Keys of the file itself.
pub(super) const PROJECT: &[Key<Project>] = &[
    Key {
        name: "name",
        shape: Shape::Label,
        about: "What the project is called, as in `web.shop.localhost`; its folder's name otherwise. `{project}` is it.",
        example: "\"shop\"",
        take: |project, given| {
            if let Given::Text(name) = given {
                project.name = Some(name.it);
            }
        },
    },
    Key {
        name: "env",
        shape: Shape::Values,
        about: "Variables for every service, for `portward env`, `exec` and `hook`. They may refer to services and to each other.",
        example: "{ DATABASE_URL = \"postgres://app@{db}/shop\" }",
        take: |project, given| {
            if let Given::Values(values) = given {
                project.values = values;
            }
        },
    },
    Key {
        name: "services",
        shape: Shape::Services,
        about: "What the project runs: a table for each service, by its name.",
        example: "{ web = { command = \"npm run dev\", port = 3000 } }",
        take: |project, given| {
            if let Given::Services(services) = given {
                project.services = services;
            }
        },
    },
];

/// Keys of a service.
pub(super) const SERVICE: &[Key<ServiceRead>] = &[
    Key {
        name: "command",
        shape: Shape::Command,
        about: "What starts it: a line for `sh -c`, or the program and its arguments as a list of words.",
        example: "\"npm run dev\"",
        take: |read, given| match given {
            Given::Text(line) => read.service.command = Some(ServiceCommand::Line(line.it)),
            Given::Words(words) => read.service.command = Some(ServiceCommand::Words(words)),
            _ => {}
        },
    },
    Key {
        name: "use",
        shape: Shape::Name,
        about: "Instead of a command: a program that Portward runs as a service of the project's own.",
        example: "\"postgres\"",
        take: |read, given| {
            if let Given::Text(uses) = given {
                read.service.uses = Some(uses.it);
            }
        },
    },
    Key {
        name: "compose",
        shape: Shape::Composed,
        about: "Instead of a command: a service of the Compose files in its folder, by the name that they give it. Its ports, and \
                what it waits for, are read there.",
        example: "\"db\"",
        take: |read, given| {
            if let Given::Text(service) = given {
                read.service.compose = Some(Composed { service: service.it, ..Composed::default() });
            }
        },
    },
    Key {
        name: "folder",
        shape: Shape::Folder,
        about: "Where it is started, below the project's root; the root otherwise. Of a service with `compose` it is where the Compose \
                files stand.",
        example: "\"web\"",
        take: |read, given| {
            if let Given::Text(folder) = given {
                read.service.folder = Some(folder.it);
            }
        },
    },
    Key {
        name: "port",
        shape: Shape::Port,
        about: "The port that its program asks for, as everybody on the team knows it. `PORT` is it, and the session moves it to the \
                port that this project has leased for it, which `{web}` names.",
        example: "3000",
        take: |read, given| {
            if let Given::Ports(ports) = given {
                read.take_ports(ports, true);
            }
        },
    },
    Key {
        name: "ports",
        shape: Shape::Ports,
        about: "Further ports that it asks for, by name: `{web.debug}` is one. A number is TCP; `udp/8125` is UDP.",
        example: "{ debug = 9229, metrics = \"udp/8125\" }",
        take: |read, given| {
            if let Given::Ports(ports) = given {
                read.take_ports(ports, false);
            }
        },
    },
    Key {
        name: "protocol",
        shape: Shape::Protocol,
        about: "What it speaks at its port. Otherwise that follows from what it uses, or from what is usual at the port.",
        example: "\"http\"",
        take: |read, given| {
            if let Given::Text(protocol) = given {
                read.service.protocol = Some(protocol.it);
            }
        },
    },
    Key {
        name: "ready",
        shape: Shape::Ready,
        about: "When it is ready: a path that HTTP answers with a status below 400, or a table with one of `log`, `command` and \
                `done`. Otherwise when it listens and answers as its protocol should.",
        example: "\"/healthz\"",
        take: |read, given| match given {
            Given::Text(path) => read.service.ready = Ready::Path(path.it),
            Given::Ready(ready) => read.service.ready = ready,
            _ => {}
        },
    },
    Key {
        name: "patience",
        shape: Shape::Span,
        about: "How long it may take until it is ready.",
        example: "\"60s\"",
        take: |read, given| {
            if let Given::Span(span) = given {
                read.service.patience = Some(span);
            }
        },
    },
    Key {
        name: "after",
        shape: Shape::Names,
        about: "Services that are ready before it is started.",
        example: "[\"db\"]",
        take: |read, given| {
            if let Given::Names(names) = given {
                read.service.after = names.iter().map(|name| name.it.clone()).collect();
                read.after = names;
            }
        },
    },
    Key {
        name: "restart",
        shape: Shape::Word(&["on-failure", "always", "never"]),
        about: "What happens when it ends: it is started again where it failed, always, or never.",
        example: "\"always\"",
        take: |read, given| {
            if let Given::Text(word) = given {
                read.service.restart = match word.it.as_str() {
                    "always" => Restart::Always,
                    "never" => Restart::Never,
                    _ => Restart::OnFailure,
                };
            }
        },
    },
    Key {
        name: "env",
        shape: Shape::Values,
        about: "Variables for it alone, besides the project's. One of the same name stands for the project's, and may refer to it.",
        example: "{ NODE_ENV = \"development\" }",
        take: |read, given| {
            if let Given::Values(values) = given {
                read.service.values = values.iter().map(|value| value.it.clone()).collect();
                read.values = values;
            }
        },
    },
    Key {
        name: "description",
        shape: Shape::Text,
        about: "What it is for, in a line.",
        example: "\"the shop's front\"",
        take: |read, given| {
            if let Given::Text(text) = given {
                read.service.description = Some(text.it);
            }
        },
    },
    Key {
        name: "public",
        shape: Shape::Label,
        about: "The name under which others reach it, as `web` in `web.shop.localhost`.",
        example: "\"web\"",
        take: |read, given| {
            if let Given::Text(name) = given {
                read.service.public = Some(name.it);
                read.public = name.at;
            }
        },
    },
];

/// Keys of a service's `ready`, one of which is given.
pub(super) const READY: &[Key<Option<Ready>>] = &[
    Key {
        name: "log",
        shape: Shape::Text,
        about: "It wrote a line with this text in it.",
        example: "\"compiled successfully\"",
        take: |ready, given| {
            if let Given::Text(text) = given {
                *ready = Some(Ready::Log(text.it));
            }
        },
    },
    Key {
        name: "command",
        shape: Shape::Text,
        about: "This line, given to `sh -c` in its environment, ends with 0.",
        example: "\"test -e ready\"",
        take: |ready, given| {
            if let Given::Text(line) = given {
                *ready = Some(Ready::Command(line.it));
            }
        },
    },
    Key {
        name: "done",
        shape: Shape::True,
        about: "It ended with 0: a step such as a migration.",
        example: "true",
        take: |ready, given| {
            if let Given::True = given {
                *ready = Some(Ready::Done);
            }
        },
    },
];

impl ServiceRead {
    /// The first port stands before those with names, wherever it is written.
    fn take_ports(&mut self, ports: Vec<super::shape::PortRead>, first: bool) {
        let at = if first { 0 } else { self.ports.len() };
        self.ports.splice(at..at, ports.iter().map(|port| port.at));
        self.service.ports.splice(at..at, ports.into_iter().map(|port| port.it));
    }
}

/// A place in the file.
pub(super) fn origin(line: u32) -> Origin {
    Origin { file: NAME.to_owned(), line }
}

/// A key as a page or an editor tells of it.
pub struct Told {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// A value as it is written.
    pub example: &'static str,
}

/// Every key, by the table that it stands in.
pub fn told() -> Vec<(&'static str, Vec<Told>)> {
    fn of<T>(keys: &[Key<T>]) -> Vec<Told> {
        let told = |key: &Key<T>| Told { name: key.name, holds: key.shape.words(), about: key.about, example: key.example };
        keys.iter().map(told).collect()
    }
    vec![("", of(PROJECT)), ("services.NAME", of(SERVICE)), ("services.NAME.ready", of(READY))]
}
