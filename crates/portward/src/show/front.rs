//! Who has the front, and what became of each real port.

use std::io;

use portward_model::{Text, Transport};
use portward_ops::op::front::{FrontPort, FrontProject, FrontState, Lent};

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for Lent {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        let before = self.before.as_ref().map(name);
        match (&self.front, &before) {
            (Some(front), before) => {
                let root = front.root.as_ref().map(|root| format!(", in {root}")).unwrap_or_default();
                let from = before.as_ref().map(|before| format!("; {before} had it until now")).unwrap_or_default();
                screen.paragraph(Tone::Plain, &format!("{} has the front{root}{from}.", name(front)))?;
            }
            (None, Some(before)) => {
                screen.paragraph(Tone::Plain, &format!("Nobody has the front; {before} had it until now."))?;
            }
            (None, None) => screen.line("Nobody has the front.")?,
        }
        for port in &self.ports {
            let (tone, words) = words(port);
            let number = if port.transport == Transport::Udp { format!("udp/{}", port.port) } else { port.port.to_string() };
            screen.labelled_in(tone, &number, &words)?;
        }
        if !self.reserved.is_empty() {
            let ports: Vec<String> = self.reserved.iter().map(ToString::to_string).collect();
            let words = format!("Bound for the front, and lent when a service of it asks for them: {}.", ports.join(", "));
            screen.paragraph(Tone::Plain, &words)?;
        }
        if self.front.is_some() && self.forwarder.is_some() && !self.ports.iter().any(|port| port.transport == Transport::Tcp) {
            let words = "Nothing of it listens, so no real port is held; each is lent when its service starts.";
            screen.paragraph(Tone::Plain, words)?;
        }
        if self.overtaken {
            screen.remark("Another command gave the front away at the same moment, and came last.", ())?;
        }
        if let Some(lost) = self.lost {
            let next = match (&self.front, self.forwarder) {
                (None, _) => "it held nothing any more",
                (Some(_), Some(_)) => "another one was started",
                (Some(_), None) => "no port is lent",
            };
            screen.remark(&format!("The forwarder (pid {lost}) had ended without a word; {next}."), ())?;
        }
        if self.front.is_some() && self.forwarder.is_none() {
            screen.remark("", "the same command in a shell outside `portward run` starts a forwarder")?;
        }
        if let Some(open @ 1..) = self.connections {
            let words = if open == 1 { "1 connection goes".to_owned() } else { format!("{open} connections go") };
            screen.remark(&format!("{words} on to where it was made, to its end."), ())?;
        }
        for need in self.ports.iter().filter_map(|port| port.need.clone()) {
            screen.remark("", need)?;
        }
        super::gaps(screen, &self.gaps)
    }
}

fn name(front: &FrontProject) -> String {
    front.project.as_ref().map_or_else(|| "What belongs to no project".to_owned(), Text::shown)
}

fn words(port: &FrontPort) -> (Tone, String) {
    let service = port.service.as_deref().map_or_else(|| "the project".to_owned(), |name| Text::from(name).shown());
    let serves = port.serves.as_ref().map(|serves| format!(" at {serves}")).unwrap_or_default();
    let because = port.because.clone().unwrap_or_else(|| "it is not lent".into());
    match port.state {
        FrontState::Lent => (Tone::Good, format!("is lent to {service}{serves}")),
        FrontState::Held => (Tone::Notice, format!("is waited for: {because}")),
        FrontState::Udp | FrontState::Apart => (Tone::Quiet, format!("is not lent: {because}; {service} serves{serves}")),
        FrontState::Free => (Tone::Plain, "is free".to_owned()),
        FrontState::Denied | FrontState::Failed | FrontState::Leased => (Tone::Notice, format!("is not lent: {because}")),
    }
}
