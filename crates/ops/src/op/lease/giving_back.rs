//! Giving leases back: what is named, what belongs to projects that are gone. Never what something holds.

use portward_model::{PortRange, Process, Seen, SocketState, plural};
use portward_store::{LeaseRow, ProjectId, ProjectRow, Store, Wanted, here};

use super::{GoneProject, Leases, Prune, Release, document};
use crate::{Acts, Context, Failure, Refused, View, document::Refusal, holder_words};

/// Gives back what was named, except for what something holds.
pub(super) fn release(cx: &Context<'_, Acts>, asked: &Release) -> Result<Leases, Failure> {
    let identity = here(&cx.looks())?;
    let Some(mut store) = Store::reading(cx)? else { return Err(unknown(asked.what.first(), None)) };
    let project = store.known_project(identity.as_ref())?;
    let rows = store.all()?;
    let named: Vec<LeaseRow> = if asked.all {
        let Some(project) = &project else { return Err(unknown(None, None)) };
        rows.into_iter().filter(|row| row.id == project.id).collect()
    } else {
        let own = |wanted| named(&rows, project.as_ref(), wanted).ok_or_else(|| unknown(Some(wanted), project.as_ref()));
        let mut named: Vec<LeaseRow> = asked.what.iter().map(own).collect::<Result<_, _>>()?;
        named.sort_by_key(|row| row.port);
        named.dedup();
        named
    };
    let view = document::look(&cx.looks(), named.iter().map(|row| row.port), true);
    let (refused, free): (Vec<_>, Vec<_>) =
        named.into_iter().map(|row| (holder(view.as_ref(), &row), row)).partition(|(holder, _)| holder.is_some());
    let refused: Vec<Refused> = refused.into_iter().filter_map(|(holder, _)| holder).collect();
    let free: Vec<LeaseRow> = free.into_iter().map(|(_, row)| row).collect();
    let ports: Vec<u16> = free.iter().map(|row| row.port).collect();
    let mut leases = document::leases(&cx.looks(), free);
    let question = format!("Release {} of {}, with its block?", plural(ports.len(), "lease"), title(project.as_ref()));
    let kept = asked.dry_run || (asked.all && refused.is_empty() && !agreed(cx, asked.yes, &question)?);
    if !kept {
        store = Store::open(cx)?;
        match project.filter(|_| asked.all && refused.is_empty()) {
            Some(project) => store.release_projects(&[project.id])?,
            None => store.release(&ports).map(|_| ())?,
        }
    }
    leases.refused = refused;
    leases.kept = Some(kept);
    Ok(leases)
}

/// Gives back what belongs to projects whose folder is gone and of whose ports nothing is bound.
pub(super) fn prune(cx: &Context<'_, Acts>, asked: &Prune) -> Result<Leases, Failure> {
    let nothing = Leases { projects: Some(Vec::new()), kept: Some(false), ..Leases::default() };
    let Some(store) = Store::reading(cx)? else { return Ok(nothing) };
    let mut gone: Vec<(ProjectId, GoneProject)> = Vec::new();
    for project in store.projects()? {
        let Some(root) = project.root.filter(|root| matches!(cx.machine.path_exists(root), Seen::Known(false))) else { continue };
        let blocks = store.blocks(project.id)?;
        if blocks.iter().all(|block| is_quiet(&cx.looks(), *block)) {
            let blocks = blocks.iter().map(PortRange::to_string).collect();
            gone.push((project.id, GoneProject { project: project.name, root, blocks }));
        }
    }
    let rows = store.all()?.into_iter().filter(|row| gone.iter().any(|(id, _)| *id == row.id)).collect();
    let mut leases = document::leases(&cx.looks(), rows);
    let (ids, projects): (Vec<ProjectId>, Vec<GoneProject>) = gone.into_iter().unzip();
    let names: Vec<String> = projects.iter().map(|project| format!("{} ({})", project.project, project.root)).collect();
    let question = format!("Give back {} of {}?", plural(leases.leases.len(), "lease"), names.join(", "));
    let kept = asked.dry_run || (!ids.is_empty() && !agreed(cx, asked.yes, &question)?);
    if !kept && !ids.is_empty() {
        Store::open(cx)?.release_projects(&ids)?;
    }
    leases.projects = Some(projects);
    leases.kept = Some(kept);
    Ok(leases)
}

fn agreed(cx: &Context<'_, Acts>, yes: bool, question: &str) -> Result<bool, Failure> {
    cx.agreed(yes, question, "given back", "add --yes to give back without asking, or --dry-run to look")
}

/// The lease that a word means: in this project first, then a leased port wherever it belongs.
fn named(rows: &[LeaseRow], project: Option<&ProjectRow>, wanted: &Wanted) -> Option<LeaseRow> {
    let own = |row: &&LeaseRow| project.is_some_and(|project| project.id == row.id);
    let fits = |row: &&LeaseRow| match wanted {
        Wanted::Asked(port) => row.asked == Some(*port),
        Wanted::Name(name) => row.name.as_deref() == Some(name.as_str()),
    };
    let here = rows.iter().find(|row| own(row) && fits(row));
    here.or_else(|| rows.iter().find(|row| matches!(wanted, Wanted::Asked(port) if row.port == *port))).cloned()
}

/// Who has the port now.
fn holder(view: Option<&View>, row: &LeaseRow) -> Option<Refused> {
    let view = view?;
    let of_port = |socket: &portward_model::Socket| socket.port() == Some(row.port) && socket.state != SocketState::TimeWait;
    let mut indices = view.snapshot.sockets.iter().enumerate().filter(|(_, socket)| of_port(socket)).map(|(index, _)| index);
    let first = indices.next()?;
    let socket = view.snapshot.sockets.get(first)?;
    let process = view.first_owner(first).and_then(|pid| view.snapshot.process(pid));
    let (holder, port) = (holder_words(view, first), row.port);
    let listens = document::listens_at(socket);
    let why = if listens { Refusal::ListensOn { holder, port } } else { Refusal::Holds { holder, port } };
    let name = process.map_or_else(|| view.user(socket.uid).shown(), Process::title);
    Some(Refused { port: Some(port), ..Refused::new(process.map_or(0, |process| process.id.pid), name, why) })
}

/// True when no socket has a port of the block.
fn is_quiet(cx: &Context<'_>, block: PortRange) -> bool {
    let view = document::look(cx, [block.first, block.last].into_iter(), false);
    view.is_some_and(|view| {
        view.snapshot.gaps.is_empty() && view.snapshot.sockets.iter().all(|socket| socket.state == SocketState::TimeWait)
    })
}

fn unknown(wanted: Option<&Wanted>, project: Option<&ProjectRow>) -> Failure {
    let message = match wanted {
        Some(wanted) => format!("{} has no lease {wanted}, and no leased port is {wanted}.", title(project)),
        None => "This project has no leases.".to_owned(),
    };
    Failure::usage(message).hint("portward lease    lists them")
}

fn title(project: Option<&ProjectRow>) -> String {
    match project {
        Some(project) if project.root.is_some() => project.name.shown(),
        Some(_) => "What belongs to no project".to_owned(),
        None => "This project".to_owned(),
    }
}
