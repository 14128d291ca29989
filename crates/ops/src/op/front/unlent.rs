//! Why a real port is not lent, and what follows from that.

use portward_model::{ShellLine, Text, hint};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FrontPort, FrontState};

portward_model::reasons! {
    /// Why a real port is not lent.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    pub enum Unlent {
        "the system refuses it: {error}" Refused { error: String },
        "it is leased to {project}" Leased { project: Text },
        "it is leased to another project" LeasedElsewhere,
        "UDP is not forwarded" Udp,
        "its service has {address} to itself, and localhost is 127.0.0.1 and ::1" Apart { address: String },
        "this user may have ports from {first} on (net.ipv4.ip_unprivileged_port_start)" Privileged { first: u16, project: Text },
        "a rule of this machine forbids it to this user" Forbidden,
        "a program held it a moment ago" HeldUntilNow,
        "another program has it by now" Taken,
        "{holder} holds it and keeps it" HeldUnseen { holder: String },
        "{holder}, which is no session, holds it and keeps it" HeldOutside { holder: String },
        "{holder} of {project} holds it, on the port itself, and keeps it" HeldInSession { holder: String, project: Text },
        "{holder} of another session holds it, and keeps it" HeldInAnotherSession { holder: String },
    }
}

impl FrontPort {
    /// Notes why it is not lent.
    pub(super) fn keep(&mut self, why: Unlent) {
        let port = self.port;
        let (state, need) = match &why {
            Unlent::Refused { .. } => (FrontState::Failed, None),
            Unlent::Leased { .. } | Unlent::LeasedElsewhere => (FrontState::Leased, None),
            Unlent::Udp => (FrontState::Udp, None),
            Unlent::Apart { .. } => (FrontState::Apart, None),
            Unlent::Privileged { project, .. } => (
                FrontState::Denied,
                Some(ShellLine::from("sudo portward front").operand(project).then("--low").word(port).into()),
            ),
            Unlent::Forbidden => (FrontState::Denied, None),
            Unlent::HeldUntilNow | Unlent::Taken => (FrontState::Held, None),
            Unlent::HeldUnseen { .. }
            | Unlent::HeldOutside { .. }
            | Unlent::HeldInSession { .. }
            | Unlent::HeldInAnotherSession { .. } => (FrontState::Held, Some(hint!("portward free {}", port))),
        };
        (self.state, self.need, self.because, self.why) = (state, need, Some(why.words()), Some(why));
    }
}
