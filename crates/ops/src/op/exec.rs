//! `portward exec`

use clap::Args;
use portward_reading::project::load;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::run::{Ran, Run};
use crate::{
    Acts, Context, Failure, Op, Sink,
    project::{allowed, environment, service},
};

/// Run a program with this project's variables, in this project's own localhost
///
/// It is given what `portward env` prints, and runs as `portward run` runs it: what it asks for at localhost is the project's own where
/// the project serves that. So `portward exec -- psql` speaks to the database of this checkout and to no other. Its exit code is
/// the program's own; 125 where it could not be started.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// Give it what this service is given
    #[arg(long, value_name = "SERVICE")]
    #[serde(default)]
    pub service: Option<String>,
    /// Tell of no listeners and refused calls
    #[arg(long)]
    #[serde(default)]
    pub quiet: bool,
    /// The program and its arguments
    #[arg(value_name = "CMD", required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

impl Op for Exec {
    declare! { "exec", Change at Caller with Acts, emits Ran, answers Ran;
    "portward exec -- psql" => "psql, with PGHOST and PGPORT as portward.toml derives them",
    "portward exec --service web -- printenv" => "what web is given" }
    const YIELDS_STDOUT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, out: &mut Sink<'_, Ran>) -> Result<Ran, Failure> {
        let values = self.values(cx).map_err(Failure::before_start)?;
        let variables = values.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Run::plain(self.command, self.quiet).given(cx, out, variables)
    }
}

impl Exec {
    fn values(&self, cx: &Context<'_, Acts>) -> Result<Vec<(String, String)>, Failure> {
        let loaded = load(cx)?;
        allowed(cx, &loaded)?;
        let service = self.service.as_deref().map(|name| service(&loaded, name)).transpose()?;
        environment(cx, &loaded, service)
    }
}
