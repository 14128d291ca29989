//! The workshop: every task that works on this repository, as `cargo xtask TASK`.
//!
//! It links none of Portward's crates, so that it starts at once and also when Portward does not compile.
//! What it needs from Portward it asks the built binary.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task's terminal is its only reader")]

mod bench;
mod command;
mod corpus;
mod failure;
mod fuzz;
mod generate;
mod load;
mod new;
mod picture;
mod places;
mod programs;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Work on Portward.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Workshop {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the tests need and run everything
    Test(test::Arguments),
    /// Write the generated reference, schemas, man pages and completions
    Gen(generate::Arguments),
    /// Check the rules of the house: arrows, forgotten files, companions, words
    Tidy,
    /// Write the skeleton of a capability, a cause, a protocol, a program or a lab, and its registry line
    New(new::Arguments),
    /// Measure Portward against its peers
    Bench(bench::Arguments),
    /// Feed noise to every entrance that takes bytes or text
    Fuzz(fuzz::Arguments),
    /// Run other people's programs, make them fail, and keep what they print
    Corpus(corpus::Arguments),
    /// Run real programs twice at once in private localhosts, and write docs/programs.md
    Programs(programs::Arguments),
    /// Draw docs/picture.svg from real output
    Picture(picture::Arguments),
    /// Hold sockets for a benchmark until killed
    #[command(hide = true)]
    Load(load::Arguments),
    /// Be the program that a session is measured with
    #[command(hide = true)]
    Actor(bench::session::actor::Arguments),
}

fn main() -> ExitCode {
    let done = match Workshop::parse().task {
        Task::Test(arguments) => Ok(test::run(&arguments)),
        Task::Gen(arguments) => generate::run(&arguments),
        Task::Tidy => tidy::run(),
        Task::New(arguments) => new::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Corpus(arguments) => corpus::run(&arguments),
        Task::Programs(arguments) => programs::run(&arguments),
        Task::Picture(arguments) => picture::run(&arguments),
        Task::Load(arguments) => load::run(&arguments),
        Task::Actor(arguments) => bench::session::actor::run(&arguments),
    };
    match done {
        Ok(code) => code,
        Err(Failure { sentence, hint }) => {
            eprintln!("{sentence}");
            if let Some(hint) = hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(2)
        }
    }
}
