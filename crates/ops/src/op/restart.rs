//! `portward restart`

use clap::Args;
use portward_keeper::hand_over;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Failure, Never, Op, Sink,
    op::up::{Prepared, Services, settle},
};

/// End services of this project and start them again, by what its file says now
///
/// What needs them goes on meanwhile. One that does not run is started, with what it waits for.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// The services
    #[arg(value_name = "SERVICE", required = true)]
    pub services: Vec<String>,
    /// Agree to what would be started where no file declares it
    #[arg(long, short)]
    #[serde(default)]
    pub yes: bool,
}

impl Op for Restart {
    declare! { "restart", Change at Caller with Acts, emits Never, answers Services;
    "portward restart web" => "comes back when it is ready" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Services, Failure> {
        let mut prepared = Prepared::of(cx, &self.services, self.yes)?;
        prepared.order.again.extend(self.services.iter().cloned());
        let (keeper, _) = hand_over(cx, prepared.project, &prepared.root, &prepared.order)?;
        settle(cx, &keeper, &prepared.place(), &self.services, &prepared.order)
    }
}
