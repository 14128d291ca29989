//! placeholder
use crate::failure::Failure;
use std::process::ExitCode;
/// Arguments
#[derive(clap::Args)]
pub(crate) struct Arguments {}
pub(crate) fn run(_arguments: &Arguments) -> Result<ExitCode, Failure> {
    Ok(ExitCode::SUCCESS)
}
pub(crate) fn prove() -> Result<(), Failure> {
    Ok(())
}
