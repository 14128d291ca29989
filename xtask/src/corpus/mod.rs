//! `cargo xtask corpus`: runs other people's programs, makes each fail in the usual ways, and keeps what it prints.
//!
//! The texts are fixtures of `portward-checks`, which holds what it reads of each against what really happened: that is known
//! here, since this is who made it happen. Everything runs in a network namespace of its own, so that the same ports are free
//! every time. What the registries do not have is written from its documentation, in `crates/checks/corpus/paste`.

mod expected;
mod programs;
mod room;

use std::{path::PathBuf, process::ExitCode};

use crate::{command, failure::Failure, places};
use programs::{Program, installed};
use room::Room;

/// Arguments of `cargo xtask corpus`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only these programs
    #[arg(value_name = "PROGRAM")]
    only: Vec<String>,
    /// We are in the namespace, and everything is installed
    #[arg(long, hide = true)]
    within: bool,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let all = Program::all()?;
    if let Some(unknown) = arguments.only.iter().find(|name| all.iter().all(|program| program.name != **name)) {
        return Err(Failure::new(format!("No program of the corpus is called {unknown}.")));
    }
    let chosen = || all.iter().filter(|program| arguments.only.is_empty() || arguments.only.contains(&program.name));
    if !arguments.within {
        installed(&chosen().collect::<Vec<_>>())?;
        let myself =
            std::env::current_exe().map_err(|error| Failure::new(format!("Our own binary could not be found: {error}.")))?;
        let mut within = command::program("unshare", ["--net"]);
        if !command::is_root() {
            within.arg("--map-root-user");
        }
        within.arg(&myself).args(["corpus", "--within"]).args(&arguments.only);
        return command::run(within).map(|()| ExitCode::SUCCESS);
    }
    command::run(command::program("ip", ["link", "set", "lo", "up"]))?;
    // A Redis that is asked by another address than loopback.
    command::run(command::program("ip", ["address", "add", "10.77.0.1/32", "dev", "lo"]))?;
    let (mut texts, mut silent) = (0, Vec::new());
    for program in chosen() {
        let recorded = program.recorded(&Room::new()?)?;
        texts += recorded.texts;
        silent.extend(recorded.silent);
        if recorded.texts > 0 {
            places::write(&folder().join(format!("{}.txt", program.name)), &recorded.file)?;
        }
        println!("{}: {} texts", program.name, recorded.texts);
    }
    for situation in &silent {
        println!("SKIPPED {situation}: it printed nothing, or is not installed");
    }
    println!("{texts} texts of {} programs", chosen().count());
    Ok(ExitCode::SUCCESS)
}

/// Where the texts are kept.
fn folder() -> PathBuf {
    places::root().join("crates/checks/corpus/recorded")
}
