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

use crate::{command, failure::Failure, load::Which, places};

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
    let myself = std::env::current_exe().map_err(|error| Failure::new(format!("Our own binary could not be found: {error}.")))?;
    let file =
        tempfile::NamedTempFile::new().map_err(|error| Failure::new(format!("A temporary file could not be made: {error}.")))?;
    let mut task = command::program(&myself, ["load", load, "--"]);
    task.arg(&myself).args(["bench", bench, "--load", load, "--beside"]).arg(file.path());
    command::run(task)?;
    places::read(file.path())
}
