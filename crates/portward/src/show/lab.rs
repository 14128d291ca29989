//! The bench: labs by what they look like, the scene of one that starts, hints and checks.

use std::io;

use portward_ops::op::lab::{CheckDocument, EndDocument, Group, HintDocument, OnBench, PacketDocument, Started, StepDocument};

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for OnBench {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        let mut group = None;
        let width = self.labs.iter().map(|lab| lab.name.len()).max().unwrap_or(0);
        for lab in &self.labs {
            if group.replace(lab.group) != Some(lab.group) {
                let words = screen.paint(Tone::Label, words_of(lab.group));
                screen.line(&words)?;
            }
            screen.line(&format!("  {:width$}  {}", lab.name, lab.title))?;
        }
        if !self.labs.is_empty() {
            screen.remark("", "portward lab tour    begins at the beginning")?;
        }
        if let Some(started) = &self.started {
            begin(started, screen)?;
        }
        if let Some(step) = &self.step {
            walked(step, screen)?;
        }
        if let Some(hint) = &self.hint {
            given(hint, screen)?;
        }
        if let Some(check) = &self.check {
            judged(check, screen)?;
        }
        super::gaps(screen, &self.gaps)
    }
}

/// With a program of the learner's own, standard output is that program's.
fn begin(started: &Started, screen: &mut Screen) -> io::Result<()> {
    if !started.shell {
        return screen.remark(&format!("Lab {}: {}", started.name, started.saw), ());
    }
    screen.labelled("lab", &format!("{}: {}", started.name, started.title))?;
    screen.labelled("story", &started.story)?;
    screen.labelled("try", &started.saw)?;
    if let Some(paste) = &started.paste {
        screen.labelled("printed", paste)?;
    }
    if !started.services.is_empty() {
        let commands: Vec<String> = started.services.iter().map(|name| format!("{name} start|stop|restart")).collect();
        screen.labelled("commands", &commands.join(", "))?;
    }
    screen.labelled("next", "portward lab hint, portward lab check; exit ends the lab and all in it")
}

/// A step of the tour: what it means, what was called, and what the kernel says now.
fn walked(step: &StepDocument, screen: &mut Screen) -> io::Result<()> {
    let room = screen.width().unwrap_or(PAGE).min(PAGE);
    let title = screen.paint(Tone::Label, &format!("{}/{}  {}", step.number, step.of, step.title));
    screen.line(&title)?;
    for line in textwrap::wrap(&step.text, room) {
        screen.line(&line)?;
    }
    screen.listed(Tone::Plain, "calls", step.calls.iter().map(|call| format!("{}  {}", call.who, call.call)))?;
    screen.listed(Tone::Plain, "packets", step.packets.iter().map(packet))?;
    let route = step.interface.iter().map(|interface| format!("local 127.0.0.1 dev {interface}"));
    screen.listed(Tone::Plain, "route", route)?;
    if let Some(sockets) = &step.sockets {
        let mut lines: Vec<String> = sockets.iter().map(end).collect();
        if lines.is_empty() {
            lines.push("none that the kernel lists".to_owned());
        }
        screen.listed(Tone::Plain, "sockets", lines)?;
    }
    if step.number == step.of {
        screen.labelled("next", "portward lab start time-wait    and the other labs")?;
    }
    screen.line("")
}

fn packet(packet: &PacketDocument) -> String {
    let acknowledgement = packet.acknowledgement.map(|number| format!("  ack {number}")).unwrap_or_default();
    let length = if packet.length == 0 { String::new() } else { format!("  {} bytes", packet.length) };
    let (from, to) = (packet.from.name(), packet.from.other().name());
    format!("{from} to {to}  {:<8}  seq {}{acknowledgement}{length}", packet.flags.join(" "), packet.sequence)
}

fn end(socket: &EndDocument) -> String {
    // As RFC 9293 spells them: FIN-WAIT-2.
    let state = socket.state.name().replace("wait1", "wait_1").replace("wait2", "wait_2").replace('_', "-").to_uppercase();
    let port = |place: &str| place.rsplit_once(':').map_or_else(|| place.to_owned(), |(_, port)| format!(":{port}"));
    let ends = match &socket.remote {
        Some(remote) => format!("{} to {}", port(&socket.local), port(remote)),
        None => socket.local.clone(),
    };
    let queue = match (socket.backlog, socket.waiting) {
        (Some(backlog), waiting) => format!("  queue {waiting} of {backlog}"),
        (None, 0) => String::new(),
        (None, waiting) => format!("  {waiting} unread"),
    };
    let holder = socket.pid.map_or_else(|| "  no process".to_owned(), |pid| format!("  pid {pid}"));
    format!("{}  {state:<11}  {ends}{queue}{holder}", socket.who.name())
}

/// Text is read at no more than this width.
const PAGE: usize = 100;

fn given(hint: &HintDocument, screen: &mut Screen) -> io::Result<()> {
    screen.labelled(&format!("hint {}/{}", hint.number, hint.of), &hint.text)
}

fn judged(check: &CheckDocument, screen: &mut Screen) -> io::Result<()> {
    if check.repaired {
        screen.labelled_in(Tone::Good, "repaired", &check.saw)?;
        return screen.labelled("next", "exit ends the lab; portward lab names others");
    }
    screen.labelled_in(Tone::Notice, "not yet", &check.saw)?;
    for service in &check.missing {
        screen.labelled("and", &format!("{service} does not run"))?;
    }
    screen.labelled("next", "portward lab hint")
}

fn words_of(group: Group) -> &'static str {
    match group {
        Group::Refused => "Refused: the connection is turned away at once",
        Group::Hangs => "Hangs: nothing comes back",
        Group::InUse => "In use: a server cannot have its address",
        Group::Denied => "Denied: a rule, an address or a name forbids it",
        Group::AfterConnect => "After connecting: an answer, and the wrong one",
    }
}
