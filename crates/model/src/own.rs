//! Portward's own processes, as their arguments tell them.
//!
//! Each is this program started once more with a word of its own. Whoever makes a list says what they are; a program that takes such
//! arguments on purpose gains nothing by it but a name.

use crate::{Process, Text};

/// What a process of Portward is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// It supervises the programs of a session, and holds its ports.
    Session,
    /// It lends real ports to a project.
    Front,
    /// It passes on what arrives at one place to another, as `portward forward` does.
    Forward,
    /// It keeps the services of a project.
    Keeper,
    /// It does what root was asked to do with a user's things.
    Hands,
    /// It stands in for a program that was started in a session, or is any other command of Portward.
    Command,
}

impl Own {
    /// What the kernel calls a process of it, and the end of its program's path as it is called.
    pub const NAME: &'static str = "portward";
    /// The first argument of a supervisor, hidden from help.
    pub const SUPERVISES: &'static str = "session-supervisor";
    /// The first argument of the forwarder.
    pub const LENDS: &'static str = "front-forwarder";
    /// The first argument of a forward that was left to a process of its own.
    pub const FORWARDS: &'static str = "forward-keeper";
    /// The command that is one while it runs.
    const FORWARD: &'static str = "forward";
    /// The first argument of what makes sockets in another network namespace.
    pub const SOCKETS: &'static str = "namespace-sockets";
    /// The first argument of the keeper of a project's services.
    pub const KEEPS: &'static str = "project-keeper";
    /// The first argument of a user's hands.
    pub const HANDS: &'static str = "user-hands";
    /// The first argument of what makes an engine's data and becomes its server.
    pub const MAKES: &'static str = "engine-maker";
    /// The first argument of what starts a service of Compose files and follows its container.
    pub const COMPOSES: &'static str = "compose-follower";

    /// What a process of Portward is there for; `None` for every other program.
    pub fn of(process: &Process) -> Option<Self> {
        Self::of_arguments(process.argv.known()?.arguments())
    }

    fn of_arguments(argv: &[Text]) -> Option<Self> {
        let program = argv.first().map(Text::raw).and_then(|path| path.rsplit(|byte| *byte == b'/').next());
        if program != Some(Self::NAME.as_bytes()) {
            return None;
        }
        let word = argv.get(1).map(Text::raw).unwrap_or_default();
        let words = [
            (Self::SUPERVISES, Self::Session),
            (Self::LENDS, Self::Front),
            (Self::FORWARDS, Self::Forward),
            (Self::FORWARD, Self::Forward),
            (Self::KEEPS, Self::Keeper),
            (Self::HANDS, Self::Hands),
            (Self::SOCKETS, Self::Hands),
        ];
        Some(words.into_iter().find(|(own, _)| own.as_bytes() == word).map_or(Self::Command, |(_, own)| own))
    }

    /// What a list calls it; `None` for one that goes by its program's name.
    pub(crate) fn title(self) -> Option<&'static str> {
        match self {
            Self::Session => Some("session"),
            Self::Front => Some("front"),
            Self::Forward => Some("forward"),
            Self::Keeper => Some("keeper"),
            Self::Hands | Self::Command => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Own;
    use crate::Text;

    #[test]
    fn portwards_own_are_known_by_their_arguments() {
        for (words, own) in [
            (&["portward", "session-supervisor", "7", "npm", "run", "dev"][..], Some(Own::Session)),
            (&["portward", "front-forwarder", ""], Some(Own::Front)),
            (&["portward", "forward-keeper", "3", "{}"], Some(Own::Forward)),
            (&["portward", "forward", "web", "8080"], Some(Own::Forward)),
            (&["portward", "project-keeper", "3", "/home/ana/shop"], Some(Own::Keeper)),
            (&["/usr/local/bin/portward", "run", "npm", "run", "dev"], Some(Own::Command)),
            (&["node", "session-supervisor"], None),
            (&["portward-shop", "front-forwarder"], None),
            (&[], None),
        ] {
            let argv: Vec<Text> = words.iter().copied().map(Text::from).collect();
            assert_eq!(Own::of_arguments(&argv), own, "{words:?}");
        }
    }
}
