//! Benchmarks: Portward and its peers in turn, on loads that the benchmark builds itself.

mod browser;
mod doctor;
mod files;
mod forward;
mod list;
mod measure;
mod peers;
mod project;
mod serve;
pub(crate) mod session;
mod table;
mod up;

use std::{path::PathBuf, process::ExitCode};

use serde_json::Value;

use crate::{
    command,
    failure::Failure,
    load::{self, Which},
    places,
};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which benchmark
    #[arg(value_parser = ["list", "doctor", "session", "browser", "project", "files", "up", "serve", "forward"])]
    name: String,
    /// Only this load
    #[arg(long, value_name = "a|b|c")]
    load: Option<Which>,
    /// Print the tables and leave docs/benchmarks.md as it is
    #[arg(long)]
    dry_run: bool,
    /// We run beside the load and write what we measure here
    #[arg(long, hide = true)]
    beside: Option<PathBuf>,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let (doctor, session) = (arguments.name == "doctor", arguments.name == "session");
    if arguments.name == "project" {
        return match (&arguments.beside, arguments.load) {
            (None, None) => project::run(arguments.dry_run),
            _ => Err(Failure::new("Projects are measured beside no load.")),
        };
    }
    if arguments.name == "up" {
        return match (&arguments.beside, arguments.load) {
            (None, None) => up::run(arguments.dry_run),
            _ => Err(Failure::new("Services are started beside no load.")),
        };
    }
    if arguments.name == "serve" {
        return match (&arguments.beside, arguments.load) {
            (None, None) => serve::run(arguments.dry_run),
            _ => Err(Failure::new("Servers of files are measured beside no load.")),
        };
    }
    if arguments.name == "files" {
        return match (&arguments.beside, arguments.load) {
            (None, None) => files::run(arguments.dry_run),
            _ => Err(Failure::new("A project's files are measured beside no load.")),
        };
    }
    if arguments.name == "forward" {
        return match (&arguments.beside, arguments.load) {
            (None, None) => forward::run(arguments.dry_run),
            (Some(file), None) => forward::within(file),
            (_, Some(_)) => Err(Failure::new("A forward is measured beside no load.")),
        };
    }
    match (&arguments.beside, arguments.load) {
        (_, Some(_)) if arguments.name == "browser" => Err(Failure::new("A browser is measured beside no load.")),
        (None, None) if arguments.name == "browser" => browser::run(arguments.dry_run),
        (Some(file), None) if arguments.name == "browser" => browser::within(file),
        (None, None) if session => session::run(arguments.dry_run),
        (Some(file), None) if session => session::within(file),
        (_, Some(_)) if session => Err(Failure::new("Sessions are measured beside no load.")),
        (Some(file), Some(load)) if doctor => doctor::beside(load, file),
        (Some(file), Some(load)) => list::beside(load, file),
        (_, only) if doctor => doctor::run(only, arguments.dry_run),
        (_, only) => list::run(only, arguments.dry_run),
    }
}

/// Builds the program that is measured.
fn build_portward() -> Result<(), Failure> {
    println!("building portward --release");
    command::run(command::cargo(["build", "--quiet", "--release", "--package", "portward"]))
}

/// Runs the half of a benchmark that stands beside a load, in the load's namespaces, and gives what it wrote.
fn measured_beside(bench: &str, load: &str) -> Result<String, Failure> {
    println!("measuring load {load}");
    let file =
        tempfile::NamedTempFile::new().map_err(|error| Failure::new(format!("A temporary file could not be made: {error}.")))?;
    let myself = load::myself()?;
    let mut task = command::program(&myself, ["load", load, "--"]);
    task.arg(&myself).args(["bench", bench, "--load", load, "--beside"]).arg(file.path());
    command::run(task)?;
    places::read(file.path())
}

/// Measures in namespaces of their own, and writes what came of it.
fn apart(name: &str, versions: &[String], dry_run: bool, rows: impl FnOnce(&Value) -> String) -> Result<ExitCode, Failure> {
    let before = table::load_average()?;
    let value = measured_within(name)?;
    let (machine, after) = (table::machine(versions)?, table::load_average()?);
    let text = format!("{machine}Load average (1 minute): {before} before, {after} after.\n\n{}", rows(&value));
    println!("{text}");
    if !dry_run {
        table::write(name, &text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the half that stands in namespaces of its own, this program started once more, and gives what it wrote.
fn measured_within(name: &str) -> Result<Value, Failure> {
    let file =
        tempfile::NamedTempFile::new().map_err(|error| Failure::new(format!("A temporary file could not be made: {error}.")))?;
    let mut task = load::namespaces();
    task.arg(load::myself()?).args(["bench", name, "--beside"]).arg(file.path());
    command::run(task)?;
    let written = places::read(file.path())?;
    serde_json::from_str(&written).map_err(|error| Failure::new(format!("No measurements were written: {error}.")))
}
