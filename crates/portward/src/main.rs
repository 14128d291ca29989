//! `portward`: see `portward --help`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    portward::run(std::env::args_os().collect())
}
