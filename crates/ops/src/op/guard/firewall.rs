//! `portward guard pin --firewall` and `portward guard open`: tables of the packet filter, made and removed.

use portward_model::{ShellLine, hint};

use portward_checks::guard::{Closing, PREFIX, lasting, removal};
use portward_sys::{Act, Released};

use super::{
    Action,
    document::{Guarded, State, TableState},
    named::Named,
    pin::{connection, rule_set},
    scene::{Tables, describe, document},
};
use crate::{Acts, Context, Failure, Sink, View};

/// Closes ports, whoever listens there: until this process ends, or for longer.
pub(super) fn close(
    cx: &Context<'_, Acts>,
    named: &[Named],
    persist: bool,
    dry_run: bool,
    out: &mut Sink<'_, Guarded>,
) -> Result<Guarded, Failure> {
    let host = cx.machine;
    let views: Vec<View> = named.iter().map(|named| named.look(host)).collect::<Result<_, _>>()?;
    let mut wanted: Vec<Closing> = Vec::new();
    for closing in named.iter().zip(&views).flat_map(|(named, view)| named.closings(view)) {
        if !wanted.contains(&closing) {
            wanted.push(closing);
        }
    }
    if dry_run {
        let would = wanted.iter().map(|closing| document(*closing, TableState::WouldLoad)).collect();
        let now = told(named, &views, &wanted, &Tables::default());
        return Ok(Guarded { dry_run: true, done: true, tables: would, ..now });
    }
    let before = Tables::of(&host.filter_tables(PREFIX).map_err(refused)?);
    let missing: Vec<Closing> = wanted.iter().copied().filter(|closing| before.state_of(*closing).is_none()).collect();
    let held = wanted.iter().find(|closing| persist && before.state_of(**closing) == Some(TableState::Held));
    if let Some(closing) = held {
        return Err(Failure::system(format!(
            "The port of {} is closed by a running `guard pin --firewall`, whose table nobody else may change.",
            closing.endpoint()
        ))
        .hint("end that command first"));
    }
    if missing.is_empty() || persist {
        if !missing.is_empty() {
            host.load_filter(&lasting(&missing)).map_err(refused)?;
        }
        return Ok(told(named, &views, &wanted, &Tables::of(&host.filter_tables(PREFIX).map_err(refused)?)));
    }
    let commands: Vec<String> = missing.iter().map(|closing| closing.owned()).collect();
    let wanted_tables: Vec<String> = missing.iter().map(|closing| closing.table()).collect();
    let keeper = host.hold_filter(&commands, &wanted_tables).map_err(|error| not_held(error, &missing))?;
    let now = told(named, &views, &wanted, &Tables::of(&host.filter_tables(PREFIX).map_err(refused)?));
    // Whoever reads this may have gone; the port stays closed all the same.
    let _ = out.emit(now);
    let released = keeper.until_signal(&|| cx.cancel.is_cancelled());
    let endpoints: Vec<String> = missing.iter().map(|closing| closing.endpoint()).collect();
    match released {
        Released::Asked => {
            let tables = missing.iter().map(|closing| document(*closing, TableState::Removed)).collect();
            let ended = Guarded { action: Action::Pin, done: true, tables, ..Guarded::default() };
            let _ = out.emit(ended.clone());
            Ok(ended)
        }
        Released::Lost(_) => Err(Failure::system(format!(
            "nft, which held the table, has ended: {} is open to the network again.",
            endpoints.join(", ")
        ))
        .hint("the same command once more")),
    }
}

/// How the endpoints stand with these tables.
fn told(named: &[Named], views: &[View], wanted: &[Closing], tables: &Tables) -> Guarded {
    let mut guarded = Guarded { action: Action::Pin, ..Guarded::default() };
    for (named, view) in named.iter().zip(views) {
        let serving = named.serving(view);
        if serving.is_empty() {
            guarded.silent.push(named.name().to_owned());
        }
        guarded.sockets.extend(serving.iter().filter_map(|index| describe(view, *index, tables)));
        guarded.connections.extend(named.connections(view).map(|(index, socket)| connection(view, index, socket)));
        guarded.note(view);
    }
    guarded.rules = vec![rule_set(wanted, &ShellLine::default())];
    let state = |closing: &Closing| tables.state_of(*closing).unwrap_or(TableState::Absent);
    guarded.tables = wanted.iter().map(|closing| document(*closing, state(closing))).collect();
    let open = guarded.sockets.iter().any(|socket| socket.state == State::Open);
    let absent = guarded.tables.iter().any(|table| table.state == TableState::Absent);
    guarded.done = !open && !absent;
    guarded.limits = vec![
        "It closes the port whoever listens there, now or later, and what a container engine sends on from it; this machine reaches it by \
         all its addresses as before."
            .into(),
    ];
    guarded
}

/// Removes the lasting tables of endpoints.
pub(super) fn open(host: &dyn Act, named: &[Named], dry_run: bool) -> Result<Guarded, Failure> {
    let before = Tables::of(&host.filter_tables(PREFIX).map_err(refused)?);
    let mut guarded = Guarded { action: Action::Open, dry_run, done: true, ..Guarded::default() };
    let mut removals: Vec<Closing> = Vec::new();
    for named in named {
        let possible = named.possible_closings();
        let present: Vec<Closing> = possible.iter().copied().filter(|closing| before.state_of(*closing).is_some()).collect();
        if present.is_empty() {
            guarded.tables.extend(possible.first().map(|closing| document(*closing, TableState::Absent)));
        }
        for closing in present {
            if before.state_of(closing) == Some(TableState::Lasting) {
                removals.push(closing);
            } else {
                guarded.tables.push(document(closing, TableState::Held));
            }
        }
    }
    removals.sort_unstable();
    removals.dedup();
    if !dry_run && !removals.is_empty() {
        let commands: Vec<String> = removals.iter().map(|closing| removal(*closing)).collect();
        host.load_filter(&format!("{}\n", commands.join("\n"))).map_err(refused)?;
    }
    guarded.done = guarded.tables.is_empty();
    let state = if dry_run { TableState::WouldRemove } else { TableState::Removed };
    guarded.tables.extend(removals.into_iter().map(|closing| document(closing, state)));
    Ok(guarded)
}

/// A table with an owner needs more than others do.
fn not_held(error: portward_sys::SysError, closings: &[Closing]) -> Failure {
    let old = matches!(&error, portward_sys::SysError::Filter { denied: false, .. });
    let failure = refused(error);
    if !old {
        return failure;
    }
    let endpoints = closings.iter().map(|closing| closing.endpoint());
    let line = endpoints.fold(ShellLine::from("sudo portward guard pin"), ShellLine::word).then("--firewall --persist");
    failure.hint(hint!("{}    needs no table with an owner (Linux 5.12, nftables 0.9.9)", line))
}

/// What a person can do about a packet filter that refuses.
fn refused(error: portward_sys::SysError) -> Failure {
    let hint = match &error {
        portward_sys::SysError::Missing { package, .. } => {
            Some(hint!("sudo apt install {}, or your system's package of that name", package))
        }
        _ => None,
    };
    let failure = Failure::from(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
