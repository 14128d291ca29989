//! `portward service NAME shell`.

use clap::Args;
use portward_model::{Failure, Text, hint};
use portward_reading::project::load;
use portward_session::{Program, become_program};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Held, Subject};
use crate::{Acts, Context, Never, Op, Sink};

/// Open the engine's own client on a service of the project's own
///
/// psql, mariadb, redis-cli, mongosh: on this worktree's database and on no other, without a password to type.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shell {
    /// The service, as portward.toml calls it
    #[arg(value_name = "NAME")]
    pub name: String,
}

impl Op for Shell {
    declare! { "service.shell", Change at Caller with Acts, emits Never, answers Held;
    "portward service db shell" => "psql, on this worktree's database" }
    const YIELDS_STDOUT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Held, Failure> {
        let loaded = load(cx).map_err(Failure::before_start)?;
        let mut subject = Subject::of(cx, &loaded, &self.name).map_err(Failure::before_start)?;
        let (title, name) = (subject.own.engine.title, Text::from(self.name.as_str()));
        let Some(shell) = subject.own.engine.shell else {
            return Err(Failure::not_started(format!("{title} has no client for the terminal that is known here."))
                .hint("portward env    prints what its clients are told"));
        };
        if !subject.is_up(cx) {
            return Err(Failure::not_started(format!("{name} is not up.")).hint(hint!("portward up --detach {}", self.name)));
        }
        subject.own.found().map_err(Failure::before_start)?;
        let order = shell(&subject.own.site);
        let mut words = order.words.into_iter();
        let client = words.next().unwrap_or_default();
        let program = Program {
            name: client.clone().into(),
            arguments: words.map(Into::into).collect(),
            environment: order.environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        };
        let error = become_program(&program);
        Err(Failure::not_started(format!("{} could not be started: {error}.", Text::from(client.as_str())))
            .hint(hint!("it comes with the package {}", subject.own.engine.package)))
    }
}
