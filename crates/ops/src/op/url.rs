//! `portward url`

use portward_model::hint;

use std::net::SocketAddr;

use clap::Args;
use portward_keeper::{Listening, is_localhost, standing, stranger_at, url_at};
use portward_model::{Sentence, Text, Transport, unmap};
use portward_reading::project::load;
use portward_store::{LeaseRow, ProjectId, Store, Wanted, here};
use portward_wire::project_file::scheme_of;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Exit, Failure, Never, Noun, Op, Sink,
    document::Gap,
    named::{Known, Place},
    project::{declared, leases},
};

/// Print the URL at which this project's service is reached from outside of it
///
/// The name is that of a service in portward.toml, or of a port of it (`web.debug`); one that `portward port` or `portward lease take --name` gave, or the port that programs ask for; a service that
/// runs, by its name, its script (`dev`), its program, a port or its pid; or a project, of which it is the first service. With a
/// second word the first is a project, and the second the port that its programs ask for: `portward url shop 3000`.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Url {
    /// The name, or the port that programs ask for, a service or a project; before PORT, the project
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The port that the project's programs ask for
    #[arg(value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    #[serde(default)]
    pub port: Option<u16>,
    /// The project whose service is meant: its name, or its folder; otherwise the one that this is typed in
    #[arg(long, value_name = "PROJECT", conflicts_with = "port")]
    #[serde(default)]
    pub project: Option<String>,
}

/// Where a client dials.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UrlAnswer {
    /// The URL; `null` when there is no such lease.
    pub url: Option<String>,
    /// The port in it; `null` when there is no such lease.
    pub port: Option<u16>,
    /// Why there is none; `null` when there is one.
    pub because: Option<Sentence>,
    /// Where there is none because a stranger has the leased port: who that is, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Sentence>,
    /// Where there is none: names that come near.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<String>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for UrlAnswer {
    fn exit(&self) -> Exit {
        if self.url.is_some() { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Url {
    declare! { "url", Change at Machine with Acts, emits Never, answers UrlAnswer;
    "portward url web" => "http://localhost:20300",
    "portward url 3000" => "the same, by the port that the program asks for",
    "portward url dev" => "of the service that `npm run dev` started",
    "portward url shop 3000" => "of another project",
    "portward url --project shop web" => "the same by its name" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<UrlAnswer, Failure> {
        let own = if self.port.is_none() && self.project.is_none() { self.declared(cx)? } else { None };
        let store = Store::reading(cx)?;
        let gaps = store.as_ref().map(Store::gaps).unwrap_or_default();
        let named = self.project.as_deref().map(|word| Known::own(&cx.looks(), Some(word))).transpose()?;
        let found = match (&named, self.port) {
            (Some(_), Some(_)) => return Err(Failure::usage("A project is named once.").hint("portward url --project shop 3000")),
            (Some(known), None) => self.there(store.as_ref(), known.here.as_ref())?,
            (None, None) if own.is_some() => own,
            (None, None) => self.here(&cx.looks(), store.as_ref())?,
            (None, Some(port)) => self.of_project(&cx.looks(), store.as_ref(), port)?,
        };
        if let Some(leased) = found {
            let (host, port) = self::found(&cx.looks(), &leased)?;
            let stranger = if port == leased.port { stranger_at(cx, leased.project, leased.root.as_ref(), port)? } else { None };
            let held = stranger.map(|stranger| format!("{port}, which is leased to the project, is held by {stranger}.").into());
            let written = || match leased.scheme {
                Some(scheme) => format!("{scheme}://{host}:{port}"),
                None => url_at(&host, port, leased.asked),
            };
            let url = held.is_none().then(written);
            let port = url.is_some().then_some(port);
            return Ok(UrlAnswer { url, port, because: None, held, near: Vec::new(), gaps });
        }
        let mut known = match named {
            Some(known) => known,
            None => Known::own(cx, None)?,
        };
        if self.project.is_some() {
            known.keep_here();
        }
        if self.port.is_none()
            && let Some(listening) = self.running(&known)
        {
            let port = listening.serves.parse::<SocketAddr>().ok().map(|address| address.port());
            return Ok(UrlAnswer { url: Some(listening.any_url()), port, because: None, held: None, near: Vec::new(), gaps });
        }
        if let (None, Err(error)) = (self.port, self.name.parse::<Wanted>()) {
            let shown = Text::from(self.name.as_str());
            return Err(Failure::usage(format!("`{shown}` is no name of a lease or service: {error}.")).hint("portward url web"));
        }
        let because = Some(self.absence().into());
        Ok(UrlAnswer { url: None, port: None, because, held: None, near: known.near(&self.name), gaps })
    }
}

/// A leased port.
struct Leased {
    project: ProjectId,
    /// The project's folder; `None` for what belongs to no project.
    root: Option<Text>,
    port: u16,
    /// The one that programs ask for.
    asked: Option<u16>,
    /// What is spoken there, where the project says so.
    scheme: Option<&'static str>,
}

type Found = Option<Leased>;

/// Host and port to dial: those of the program that serves it now, where they are not `localhost` and the leased port.
fn found(cx: &Context<'_>, leased: &Leased) -> Result<(String, u16), Failure> {
    let at = match leased.asked {
        Some(asked) => standing(cx, leased.project, (asked, leased.port))?,
        None => None,
    };
    let host = at.map(|at| unmap(at.ip())).filter(|ip| !ip.is_unspecified() && !is_localhost(*ip));
    Ok((host.map_or_else(|| "localhost".to_owned(), |ip| ip.to_string()), at.map_or(leased.port, |at| at.port())))
}

impl Url {
    /// By the name of a service that the project declares, or of a port of it. Its port is taken where it was not before.
    fn declared(&self, cx: &Context<'_, Acts>) -> Result<Found, Failure> {
        if self.name.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(None);
        }
        let loaded = load(cx)?;
        let Some((service, port)) = declared(&loaded.plan, &self.name) else { return Ok(None) };
        let leased = leases(cx, &loaded)?;
        let root = loaded.identity.as_ref().map(|identity| identity.project.root.clone());
        let scheme = Some(scheme_of(service, port));
        let of = |at| Leased { project: leased.id(), root, port: at, asked: Some(port.asked), scheme };
        Ok(leased.of(port.asked).map(of))
    }

    /// By the name or asked port, in this project.
    fn here(&self, cx: &Context<'_>, store: Option<&Store<'_>>) -> Result<Found, Failure> {
        // What no lease is called may be a service: `npm run dev`.
        let (Ok(wanted), Some(store)) = (self.name.parse::<Wanted>(), store) else { return Ok(None) };
        let identity = here(cx)?;
        let Some(project) = store.known_project(identity.as_ref())? else { return Ok(None) };
        let lease = store.known(project.id, wanted.want())?;
        let root = identity.map(|identity| identity.project.root);
        Ok(lease.map(|lease| Leased { project: project.id, root, port: lease.port, asked: lease.asked, scheme: None }))
    }

    /// The same in a project that was named.
    fn there(&self, store: Option<&Store<'_>>, place: Option<&Place>) -> Result<Found, Failure> {
        let (Ok(wanted), Some(store), Some(place)) = (self.name.parse::<Wanted>(), store, place) else { return Ok(None) };
        let row = store.projects()?.into_iter().find(|row| row.id.0.to_string() == place.id);
        let Some(row) = row else { return Ok(None) };
        let lease = store.known(row.id, wanted.want())?;
        Ok(lease.map(|lease| Leased { project: row.id, root: row.root, port: lease.port, asked: lease.asked, scheme: None }))
    }

    /// By the project's name and the asked port. Where several projects have the name, this one is meant if it has it.
    fn of_project(&self, cx: &Context<'_>, store: Option<&Store<'_>>, port: u16) -> Result<Found, Failure> {
        let Some(store) = store else { return Ok(None) };
        let fits = |row: &LeaseRow| {
            row.asked == Some(port) && row.project.as_ref().is_some_and(|name| name.raw() == self.name.as_bytes())
        };
        let rows: Vec<LeaseRow> = store.all()?.into_iter().filter(fits).collect();
        let own = store.known_project(here(cx)?.as_ref())?;
        let own = rows.iter().find(|row| own.as_ref().is_some_and(|own| own.id == row.id));
        match (own, rows.as_slice()) {
            (Some(row), _) | (None, [row]) => {
                Ok(Some(Leased { project: row.id, root: row.root.clone(), port: row.port, asked: row.asked, scheme: None }))
            }
            (None, []) => Ok(None),
            (None, [one, other, ..]) => {
                let place = |row: &LeaseRow| row.root.as_ref().map(Text::shown).unwrap_or_default();
                Err(Failure::usage(format!(
                    "{} projects are called {}: {} (port {}), {} (port {}).",
                    rows.len(),
                    Text::from(self.name.as_str()),
                    place(one),
                    one.port,
                    place(other),
                    other.port
                ))
                .hint(hint!("portward url {}    in the folder of the one that is meant", port)))
            }
        }
    }

    /// Where a service that goes by the name listens, or the first service of such a project.
    fn running(&self, known: &Known) -> Option<Listening> {
        let found = known.services(&self.name);
        let listens = found.iter().find_map(|found| found.listening().cloned());
        listens.or_else(|| {
            let sessions = known.sessions_of(&self.name);
            let services = sessions.iter().flat_map(|session| &session.services);
            services.flat_map(|service| &service.listeners).find(|listening| listening.transport == Transport::Tcp).cloned()
        })
    }

    fn absence(&self) -> String {
        let name = Text::from(self.name.as_str());
        let project = self.project.as_deref().map(Text::from);
        match (self.port, project) {
            (None, Some(project)) => format!("{project} has no lease for {name}, and no service of this name runs there."),
            (None, None) => format!("This project has no lease for {name}, and no service or project of this name runs."),
            (Some(port), _) => format!("No project {name} has a lease for {port}."),
        }
    }
}
