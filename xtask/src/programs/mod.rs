//! `cargo xtask programs`: runs real programs twice at once in private localhosts, and writes how each did to docs/programs.md.
//!
//! The programs are entries of `listed.toml`, beside the tests that run them; what each needs is installed here, below `target/`
//! or by apt. The table is dated by the day on which a row was made: rows of programs that were not asked for stay.

mod entries;
mod outcomes;
mod table;

use std::process::ExitCode;

use entries::Entry;
pub(crate) use entries::{core, folder_of, installed};
use outcomes::Outcomes;

use crate::{command, failure::Failure, places};

/// Arguments of `cargo xtask programs`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only these programs
    #[arg(value_name = "NAME")]
    only: Vec<String>,
    /// Install nothing
    #[arg(long)]
    no_install: bool,
    /// Leave docs/programs.md as it is
    #[arg(long)]
    dry_run: bool,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let all = Entry::all()?;
    if let Some(unknown) = arguments.only.iter().find(|name| all.iter().all(|entry| entry.name != **name)) {
        let names: Vec<&str> = all.iter().map(|entry| entry.name.as_str()).collect();
        return Err(Failure::new(format!("No listed program is called {unknown}.")).hint(format!("one of {}", names.join(" "))));
    }
    let chosen: Vec<&Entry> =
        all.iter().filter(|entry| arguments.only.is_empty() || arguments.only.contains(&entry.name)).collect();
    let mut troubles = Vec::new();
    if !arguments.no_install {
        troubles = entries::install(&chosen)?;
    }
    for trouble in &troubles {
        println!("SKIPPED {trouble}");
    }
    let outcomes = Outcomes::of(&chosen)?;
    let today = today()?;
    let page = places::root().join("docs/programs.md");
    let before = if page.exists() { places::read(&page)? } else { String::new() };
    let after = table::page(&before, &all, &chosen, &outcomes, &today);
    if !arguments.dry_run {
        places::write(&page, &after)?;
    }
    let failed = chosen.iter().filter(|entry| outcomes.failed(entry)).count();
    for entry in &chosen {
        let [user, root] = outcomes.words(entry);
        println!("{:<26} as a user: {user:<12} as root: {root}", entry.name);
    }
    println!("{} programs, {failed} failed; what they said is in {}", chosen.len(), Outcomes::folder().display());
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn today() -> Result<String, Failure> {
    Ok(command::output(command::program("date", ["--utc", "+%Y-%m-%d"]))?.trim().to_owned())
}
