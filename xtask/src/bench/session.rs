//! `bench session`: what the private localhost costs. Calls, data, starts, memory, many sessions at once, races, and leases.

pub(crate) mod actor;
mod calls;
mod data;
mod leases;
mod many;
mod races;
pub(super) mod room;
mod start;

use std::{fs, path::Path, process::ExitCode};

use serde_json::json;

use super::{build_portward, peers, table};
use crate::{
    command,
    failure::{Failure, on_path},
};

/// The benchmark from outside: installs, builds, measures in namespaces of their own, writes the page.
pub(super) fn run(dry_run: bool) -> Result<ExitCode, Failure> {
    let versions = peers::packages(DEBIAN)?;
    peers::build_measurer()?;
    build_portward()?;
    let program = leases::build()?;
    let before = table::load_average()?;
    let value = super::measured_within("session")?;
    println!("measuring leases");
    let figures = leases::measured(&program)?;
    let text = format!(
        "{}Load average (1 minute): {before} before, {} after.\n{}{}{}{}{}{}{}",
        table::machine(&versions)?,
        table::load_average()?,
        calls::rows_table(&value["calls"]),
        data::rows_table(&value["data"]),
        start::rows_table(&value["start"]),
        many::held_table(&value["held"]),
        many::at_once_table(&value["at_once"]),
        races::rows_table(&value["races"]),
        leases::rows_table(&figures),
    );
    println!("{text}");
    if !dry_run {
        table::write("session", &text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The benchmark in the namespaces.
pub(super) fn within(file: &Path) -> Result<ExitCode, Failure> {
    command::run(command::program("ip", ["link", "set", "lo", "up"]))?;
    let own = format!("{}/32", actor::ELSEWHERE);
    command::run(command::program("ip", ["address", "add", &own, "dev", "lo"]))?;
    let room = room::Room::new()?;
    println!("measuring calls");
    let calls = calls::measured(&room)?;
    println!("measuring starts");
    let start = start::measured(&room)?;
    println!("measuring data");
    let data = data::measured(&room)?;
    println!("measuring memory");
    let held = many::held(&room)?;
    println!("measuring many sessions at once");
    let at_once = many::at_once(&room)?;
    println!("measuring races");
    let races = races::measured(&room)?;
    let all = json!({"calls": calls, "start": start, "data": data, "held": held, "at_once": at_once, "races": races});
    fs::write(file, all.to_string()).map_err(|error| on_path("written", file, &error))?;
    Ok(ExitCode::SUCCESS)
}

/// Debian packages of the programs that send data, and of `ip`.
const DEBIAN: &[&str] = &["iproute2", "iperf3", "redis-server", "redis-tools"];
