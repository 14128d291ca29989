//! What refers to something that is not there, and what goes round in a circle.

use std::collections::BTreeMap;

use portward_model::plan::{Reference, Service, Tangle, Unresolved, Value, order, resolve};

use super::{
    fault::{Faults, Fix, Problem},
    keys::{Project, ServiceRead},
    shape::At,
};
use crate::near;

/// Checks what keys say about each other.
pub(super) fn check(project: &Project, faults: &mut Faults<'_>) {
    let services = &project.services;
    for read in services {
        starts(read, faults);
        twice(read, faults);
    }
    public(services, faults);
    waits(services, faults);
    values(project, None, faults);
    for read in services.iter().filter(|read| !read.values.is_empty()) {
        values(project, Some(read), faults);
    }
}

fn starts(read: &ServiceRead, faults: &mut Faults<'_>) {
    let name = || read.service.name.clone();
    let service = &read.service;
    match [service.command.is_some(), service.uses.is_some(), service.compose.is_some()].into_iter().filter(|is| *is).count() {
        0 => {
            let fix = Fix::Example("command = \"npm run dev\"".to_owned());
            faults.meant(Some(read.at), Problem::Idle(name()), Some(fix));
        }
        1 => {}
        _ => faults.add(Some(read.at), Problem::Both(name())),
    }
}

fn twice(read: &ServiceRead, faults: &mut Faults<'_>) {
    for (index, (port, at)) in read.service.ports.iter().zip(&read.ports).enumerate() {
        let is_same = |other: &portward_model::plan::DeclaredPort| (other.asked, other.transport) == (port.asked, port.transport);
        if read.service.ports.iter().take(index).any(is_same) {
            faults.add(Some(*at), Problem::Twice(read.service.name.clone(), port.asked));
        }
    }
}

fn public(services: &[ServiceRead], faults: &mut Faults<'_>) {
    let (mut names, mut ports) = (BTreeMap::new(), BTreeMap::new());
    for read in services {
        let Some(name) = &read.service.public else { continue };
        let own = &read.service.name;
        if let Some(other) = names.insert(name, own) {
            faults.add(Some(read.public), Problem::Published(other.clone(), own.clone(), name.clone()));
        }
        let Some(port) = read.service.port() else { continue };
        if let Some(other) = ports.insert(port.asked, own) {
            faults.add(Some(read.public), Problem::Public(other.clone(), own.clone(), port.asked));
        }
    }
}

fn waits(reads: &[ServiceRead], faults: &mut Faults<'_>) {
    let known = || reads.iter().map(|read| read.service.name.as_str());
    let mut whole = true;
    for read in reads {
        for other in read.after.iter().filter(|other| !known().any(|name| name == other.it)) {
            let fix = near(&other.it, known()).first().map(|near| Fix::Word((*near).to_owned()));
            let named = super::fault::brief(&other.it);
            faults.meant(Some(other.at), Problem::After(read.service.name.clone(), named), fix);
            whole = false;
        }
    }
    let services: Vec<Service> = reads.iter().map(|read| read.service.clone()).collect();
    if whole && let Err(Tangle::Circle(names)) = order(&services, &[]) {
        let first = reads.iter().find(|read| names.first() == Some(&read.service.name));
        let at = first.and_then(|read| Some(read.after.iter().find(|other| names.contains(&other.it))?.at));
        faults.add(at, Problem::Services(names));
    }
}

/// The values of a service, or of the project alone.
fn values(project: &Project, read: Option<&ServiceRead>, faults: &mut Faults<'_>) {
    let own = read.map_or(project.values.as_slice(), |read| read.values.as_slice());
    let before: &[At<Value>] = if read.is_some() { &project.values } else { &[] };
    let all: Vec<&At<Value>> = before.iter().chain(own).collect();
    let mut whole = true;
    for value in own {
        if read.is_none() && project.services.iter().any(|read| read.service.name == value.it.name) {
            let why = "is a value and a service, and {} could mean either".replace("{}", &format!("{{{}}}", value.it.name));
            faults.add(Some(value.at), Problem::Name(value.it.name.clone(), why));
        }
        for reference in value.it.template.references() {
            if let Some((not, fix)) = lacks(project, &all, reference) {
                let said = super::fault::brief(&reference.to_string());
                faults.meant(Some(value.at), Problem::Reference(value.it.name.clone(), said, not), fix);
                whole = false;
            }
        }
    }
    for (index, value) in all.iter().enumerate().skip(before.len()) {
        let itself = |reference: &Reference| reference.of.is_empty() && reference.name == value.it.name;
        let is_new = !all.iter().take(index).any(|earlier| earlier.it.name == value.it.name);
        if is_new && value.it.template.references().any(itself) {
            faults.add(Some(value.at), Problem::Values(vec![value.it.name.clone()]));
            whole = false;
        }
    }
    if !whole {
        return;
    }
    let plain: Vec<Value> = all.iter().map(|value| value.it.clone()).collect();
    let circle = match resolve(&plain, &|_| Some(String::new())) {
        Ok(_) | Err(Unresolved::Unknown { .. }) => return,
        Err(Unresolved::Circle(names)) => names,
        Err(Unresolved::Long(name)) => {
            let at = own.iter().rfind(|value| value.it.name == name).map(|value| value.at);
            faults.add(at, Problem::Value(name, "becomes longer than a variable can be".to_owned()));
            return;
        }
    };
    let first = own.iter().rfind(|value| circle.contains(&value.it.name));
    // One of the project's alone is told once.
    if let Some(first) = first {
        faults.add(Some(first.at), Problem::Values(circle));
    }
}

/// What a reference names that is not there, as the rest of a sentence; `None` where it is.
fn lacks(project: &Project, values: &[&At<Value>], reference: &Reference) -> Option<(String, Option<Fix>)> {
    let name = reference.name.as_str();
    let names = || {
        let services = project.services.iter().map(|read| read.service.name.as_str());
        services.chain(values.iter().map(|value| value.it.name.as_str())).chain(BUILT_IN.iter().copied())
    };
    let meant = |word: &str, rest: &str| Fix::Word(format!("{{{word}{rest}}}"));
    let Some(read) = project.services.iter().find(|read| read.service.name == name) else {
        let is_value = BUILT_IN.contains(&name) || values.iter().any(|value| value.it.name == name);
        return match (is_value, reference.of.as_slice()) {
            (true, []) => None,
            (true, [of, ..]) => Some((format!("{name} is a value, which has no {of}"), Some(meant(name, "")))),
            (false, _) => {
                let rest = reference.to_string().split_off(name.len());
                let near = near(name, names()).first().map(|near| meant(near, &rest));
                Some((format!("there is no service and no value {name}"), near))
            }
        };
    };
    let service = &read.service;
    // What it uses has ports and parts of its own, which are not known here.
    if service.uses.is_some() || service.compose.is_some() {
        return None;
    }
    if service.ports.is_empty() {
        return Some((format!("{name} has no port"), Some(Fix::Example("port = 3000".to_owned()))));
    }
    let ports = || service.ports.iter().filter_map(|port| port.name.as_deref());
    let (which, what) = match reference.of.as_slice() {
        [] => return None,
        [one] => (Some(one), None),
        [one, of] => (Some(one), Some(of)),
        _ => (None, None),
    };
    let is_part = |word: &str| PARTS.contains(&word);
    match (which, what) {
        (Some(one), None) if is_part(one) || service.port_named(one).is_some() => None,
        (Some(name), Some(of)) if is_part(of) && service.port_named(name).is_some() => None,
        (Some(one), None) => {
            let near = near(one, ports().chain(PARTS.iter().copied())).first().map(|near| meant(name, &format!(".{near}")));
            Some((format!("{name} has no port {one}"), near))
        }
        (Some(port), Some(_)) if service.port_named(port).is_none() => {
            let near = near(port, ports()).first().map(|near| meant(name, &format!(".{near}")));
            Some((format!("{name} has no port {port}"), near))
        }
        (which, _) => {
            let rest = which.map_or_else(String::new, |port| format!(".{port}.url"));
            Some(("of a port there is `host`, `port` and `url`".to_owned(), Some(meant(name, &rest))))
        }
    }
}

/// What is there in every project.
const BUILT_IN: &[&str] = &["project", "root"];
/// What there is of every port.
const PARTS: &[&str] = &["host", "port", "url"];
