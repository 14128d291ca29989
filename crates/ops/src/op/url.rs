//! `portward url`

use portward_model::hint;

use clap::Args;
use portward_keeper::{is_localhost, standing, url_at};
use portward_model::{Sentence, unmap};
use portward_store::{LeaseRow, ProjectId, Store, Wanted, here};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Context, Exit, Failure, Looks, Never, Noun, Op, Sink, document::Gap};

/// Print the URL at which this project's service is reached from outside of it
///
/// The name is one that `portward port` or `portward lease take --name` gave, or the port that programs ask for. With a
/// second word the first is a project, and the second the port that its programs ask for: `portward url shop 3000`.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Url {
    /// The name, or the port that programs ask for; before PORT, the project
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The port that the project's programs ask for
    #[arg(value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    #[serde(default)]
    pub port: Option<u16>,
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
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for UrlAnswer {
    fn exit(&self) -> Exit {
        if self.url.is_some() { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Url {
    declare! { "url", Read at Machine with Looks, emits Never, answers UrlAnswer;
    "portward url web" => "http://localhost:20300",
    "portward url 3000" => "the same, by the port that the program asks for",
    "portward url shop 3000" => "of another project" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_>, _: &mut Sink<'_, Never>) -> Result<UrlAnswer, Failure> {
        let store = Store::reading(cx)?;
        let gaps = store.as_ref().map(Store::gaps).unwrap_or_default();
        let found = match self.port {
            None => self.here(cx, store.as_ref())?,
            Some(port) => self.of_project(cx, store.as_ref(), port)?,
        };
        Ok(match found {
            Some(found) => {
                let (host, port) = self::found(cx, found)?;
                UrlAnswer { url: Some(url_at(&host, port, found.asked)), port: Some(port), because: None, gaps }
            }
            None => UrlAnswer { url: None, port: None, because: Some(self.absence().into()), gaps },
        })
    }
}

/// A leased port.
#[derive(Clone, Copy)]
struct Leased {
    project: ProjectId,
    port: u16,
    /// The one that programs ask for.
    asked: Option<u16>,
}

type Found = Option<Leased>;

/// Host and port to dial: those of the program that serves it now, where they are not `localhost` and the leased port.
fn found(cx: &Context<'_>, leased: Leased) -> Result<(String, u16), Failure> {
    let at = match leased.asked {
        Some(asked) => standing(cx, leased.project, (asked, leased.port))?,
        None => None,
    };
    let host = at.map(|at| unmap(at.ip())).filter(|ip| !ip.is_unspecified() && !is_localhost(*ip));
    Ok((host.map_or_else(|| "localhost".to_owned(), |ip| ip.to_string()), at.map_or(leased.port, |at| at.port())))
}

impl Url {
    /// By the name or asked port, in this project.
    fn here(&self, cx: &Context<'_>, store: Option<&Store<'_>>) -> Result<Found, Failure> {
        let wanted: Wanted = self.name.parse().map_err(|error: String| {
            Failure::usage(format!("`{}` is no name of a lease: {error}.", portward_model::Text::from(self.name.as_str())))
                .hint("portward url web")
        })?;
        let Some(store) = store else { return Ok(None) };
        let Some(project) = store.known_project(here(cx)?.as_ref())? else { return Ok(None) };
        let lease = store.known(project.id, wanted.want())?;
        Ok(lease.map(|lease| Leased { project: project.id, port: lease.port, asked: lease.asked }))
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
            (Some(row), _) | (None, [row]) => Ok(Some(Leased { project: row.id, port: row.port, asked: row.asked })),
            (None, []) => Ok(None),
            (None, [one, other, ..]) => {
                let place = |row: &LeaseRow| row.root.as_ref().map(portward_model::Text::shown).unwrap_or_default();
                Err(Failure::usage(format!(
                    "{} projects are called {}: {} (port {}), {} (port {}).",
                    rows.len(),
                    portward_model::Text::from(self.name.as_str()),
                    place(one),
                    one.port,
                    place(other),
                    other.port
                ))
                .hint(hint!("portward url {}    in the folder of the one that is meant", port)))
            }
        }
    }

    fn absence(&self) -> String {
        let name = portward_model::Text::from(self.name.as_str());
        match self.port {
            None => format!("This project has no lease for {name}."),
            Some(port) => format!("No project {name} has a lease for {port}."),
        }
    }
}
