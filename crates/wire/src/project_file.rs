//! `portward.toml`: what a project declares, from the bytes of its file.
//!
//! Every key is declared once, in [`keys`]: its name, its shape, what it is for, an example, and where it goes. The reader, the
//! schema that editors complete the file by, and the page of the book come from there. What is wrong is told with its place, and
//! what was meant where that is near.

mod fault;
pub mod keys;
mod references;
mod schema;
mod shape;
mod written;

use portward_model::plan::{DeclaredPort, Plan, Service};
use toml_edit::Document;

pub use fault::{Fault, Fix, Problem};
pub use schema::schema;
pub use written::decoded;

use crate::protocol::{self, Protocol, Usual};
use fault::Faults;

/// What the file is called.
pub const NAME: &str = "portward.toml";
/// Bytes of a file that is read.
pub const LONGEST: u64 = 1 << 20;
/// Services of one project.
pub const MOST_SERVICES: usize = 300;
/// Values of the project, or of one service.
pub const MOST_VALUES: usize = 300;

/// What a file declares.
///
/// # Errors
///
/// What is wrong with it, in the order of its lines, never empty; as much as one look finds.
pub fn read(bytes: &[u8]) -> Result<Plan, Vec<Fault>> {
    let text = match decoded(bytes) {
        Ok(text) => text,
        Err(fault) => return Err(vec![fault]),
    };
    let mut faults = Faults::new(&text);
    let parsed = match Document::parse(text.as_str()) {
        Ok(parsed) => parsed,
        Err(error) => {
            faults.add(error.span().map(|span| span.start), Problem::Toml(fault::brief(error.message())));
            return Err(faults.told());
        }
    };
    let mut project = keys::Project::default();
    shape::fill(&mut project, keys::PROJECT, parsed.as_table(), "the project", &mut faults);
    // A key that was misspelt would be missed a second time.
    if faults.is_empty() {
        references::check(&project, &mut faults);
    }
    if !faults.is_empty() {
        return Err(faults.told());
    }
    Ok(Plan {
        name: project.name,
        values: project.values.into_iter().map(|value| value.it).collect(),
        services: project.services.into_iter().map(|read| read.service).collect(),
    })
}

/// What is spoken at a port of a service, and how, where that is known: as the service says, by what it uses, or as is usual at
/// the port.
pub fn protocol_of(service: &Service, port: &DeclaredPort) -> Option<(&'static Protocol, Usual)> {
    let usual = protocol::of_port(port.asked);
    if service.port() != Some(port) {
        return usual;
    }
    let Some(said) = service.protocol.as_deref().or(service.uses.as_deref()) else { return usual };
    let scheme = protocol::of_scheme(said);
    let Some(known) = protocol::named(said).filter(|_| !scheme.is_some_and(|(_, scheme)| scheme.tls)) else {
        return scheme.or(usual);
    };
    let plain = || known.schemes.iter().chain(known.ports).find(|usual| !usual.tls).or(known.schemes.first()).copied();
    usual.filter(|(usual, _)| *usual == known).or_else(|| Some((known, plain()?)))
}

/// The scheme of a URL of a service's port; that of HTTP where nothing else is known.
pub fn scheme_of(service: &Service, port: &DeclaredPort) -> &'static str {
    protocol_of(service, port).and_then(|(known, usual)| known.scheme(usual.tls).or(known.scheme(false))).unwrap_or("http")
}

#[cfg(test)]
mod tests;
