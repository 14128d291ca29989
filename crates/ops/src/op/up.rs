//! `portward up`

mod cause;
mod document;
mod follow;
mod found;
mod prepare;

use clap::Args;
use portward_keeper::{Attached, hand_over};
use portward_model::Text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Acts, Context, Failure, Never, Op, Sink};

pub use document::{Service, ServiceLine, Services, State, Told};
pub(crate) use follow::{Following, answer, now, settle};
pub(crate) use prepare::{Prepared, place};

/// Start this project's services in order, each in the project's own localhost, and show what they write until Ctrl-C ends them
///
/// A service starts when all that it waits for is ready, and is ready when it listens and answers as its protocol should, or as its
/// `ready` in portward.toml says. One that ends by accident is started again, after a rest that doubles; one that does so again and
/// again is given up, with its last lines and the cause. Ctrl-C, or a terminal that closes, ends them all in reverse order; a second
/// Ctrl-C kills them. With --detach they are left to the project's keeper once they are ready.
///
/// A file that was not allowed is not run: `portward allow`. Without a file it shows what the project has to run, and asks once.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Up {
    /// Services, with all that they wait for; all of the project's where none is named
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Agree to what would be started where no file declares it
    #[arg(long, short)]
    pub yes: bool,
}

/// Start services, wait until they are ready, and leave them to the project's keeper
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Apart {
    /// Services, with all that they wait for; all of the project's where none is named
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Agree to what would be started where no file declares it
    #[arg(long, short)]
    pub yes: bool,
    /// Start services, wait until they are ready, and leave them to the project's keeper
    #[arg(long, short)]
    pub detach: bool,
}

impl Op for Up {
    declare! { "up", Change at Caller with Acts, emits Told, answers Services;
    "portward up" => "all services, with what they write; Ctrl-C ends them",
    "portward up web" => "one, with what it waits for",
    "portward up --detach" => "comes back when they are ready, and leaves them to the keeper" }
    const ENDS_IN_ORDER: bool = true;

    fn run(self, cx: &Context<'_, Acts>, out: &mut Sink<'_, Told>) -> Result<Services, Failure> {
        let mut prepared = Prepared::of(cx, &self.services, self.yes)?;
        let mut following = Following::of(cx, &prepared, true);
        let services = if self.services.is_empty() { Vec::new() } else { prepared.names() };
        prepared.order.attached = Some(Attached { process: cx.caller.process, services });
        let (keeper, _) = hand_over(cx, prepared.project, &prepared.root, &prepared.order)?;
        following.until_over(cx, keeper, &prepared, out)
    }
}

impl Op for Apart {
    declare! { "up.apart", Change at Caller with Acts, emits Never, answers Services;
    "portward up --detach" => "comes back when all are ready, and leaves them to the project's keeper" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Services, Failure> {
        let prepared = Prepared::of(cx, &self.services, self.yes)?;
        let (keeper, _) = hand_over(cx, prepared.project, &prepared.root, &prepared.order)?;
        settle(cx, &keeper, &prepared.place(), &prepared.names(), &prepared.order)
    }
}

/// Where services are: the project's number, root and name.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) project: i64,
    pub(crate) root: Text,
}
