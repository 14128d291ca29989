//! Benchmarks: Portward and its peers in turn, on loads that the benchmark builds itself.

mod list;
mod measure;
mod peers;
mod table;

use std::{path::PathBuf, process::ExitCode};

use crate::{failure::Failure, load::Which};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which benchmark
    #[arg(value_parser = ["list"])]
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
    match (&arguments.beside, arguments.load) {
        (Some(file), Some(load)) => list::beside(load, file),
        (_, only) => list::run(only, arguments.dry_run),
    }
}
