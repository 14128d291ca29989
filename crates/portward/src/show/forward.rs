//! What a forward does: one line for each connection; and which forwards there are.

use std::io;

use portward_model::{Transport, hint, plural};
use portward_ops::op::forward::{ForwardEnd, ForwardHappened, ForwardLine, ForwardList, ForwardRow, Forwarded};

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for ForwardLine {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if self.kind == ForwardHappened::Listening {
            let target = self.target.as_deref().unwrap_or_default();
            screen.line(&format!("{} -> {target}", self.listens.join(", ")))?;
            for note in &self.notes {
                screen.remark(&note.to_string(), ())?;
            }
            return Ok(());
        }
        let number = self.number.map(|number| format!("#{number}  ")).unwrap_or_default();
        let (tone, what) = match (self.kind, self.how) {
            (ForwardHappened::Opened, _) => (Tone::Good, "opened"),
            (ForwardHappened::Closed, Some(ForwardEnd::Refused | ForwardEnd::Silent)) => (Tone::Notice, "failed"),
            (ForwardHappened::Closed | ForwardHappened::Listening, _) => (Tone::Quiet, "closed"),
            (ForwardHappened::TurnedAway, _) => (Tone::Notice, "turned away"),
            (ForwardHappened::NoRoom, _) => (Tone::Notice, "no room"),
            (ForwardHappened::LeftOut, _) => (Tone::Quiet, "left out"),
        };
        let client = match (&self.client, self.pid) {
            (Some(client), _) => client.clone(),
            (None, Some(pid)) => format!("pid {pid}"),
            (None, None) => String::new(),
        };
        let because = self.because.as_ref().map(ToString::to_string).unwrap_or_default();
        let ended = match (self.how, self.sent_bytes, self.received_bytes) {
            (Some(how), Some(sent), Some(received)) if because.is_empty() => {
                let lasted = self.lasted_ms.map(lasted).unwrap_or_default();
                format!("{} there, {} back, {lasted}: {}", bytes(sent), bytes(received), end(how))
            }
            _ => because,
        };
        let what = screen.paint(tone, what);
        let told = [client, ended].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ");
        screen.line(&format!("{}Z  {number}{what}  {told}", self.at.time()))
    }
}

impl Show for Forwarded {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        let ForwardRow { total, sent_bytes, received_bytes, transport, pid, at, .. } = &self.forward;
        if self.detached {
            screen.remark(&format!("Process {pid} forwards it from now on."), hint!("portward forward remove {}", at))?;
        } else {
            let what = if is_datagram(*transport) { "client" } else { "connection" };
            let total = plural(usize::try_from(*total).unwrap_or(usize::MAX), what);
            screen.remark(&format!("{total}; {} there, {} back.", bytes(*sent_bytes), bytes(*received_bytes)), ())?;
        }
        super::gaps(screen, &self.gaps)
    }
}

impl Show for ForwardList {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        for row in &self.forwards {
            let said = if self.removed { "ended, with " } else { "" };
            screen.paragraph(if self.removed { Tone::Quiet } else { Tone::Plain }, &words(row, said))?;
        }
        for row in &self.refused {
            screen.paragraph(
                Tone::Notice,
                &format!("{} -> {} (pid {}) has not ended.", row.listens.join(", "), row.target, row.pid),
            )?;
        }
        if self.forwards.is_empty() && self.unknown.is_none() && self.refused.is_empty() {
            screen.line(if self.removed { "Nothing was forwarded." } else { "Nothing is forwarded." })?;
        }
        if let Some(word) = &self.unknown {
            let word = portward_model::Text::from(word.as_str());
            screen.remark(
                &format!("No forward is called {word}: it goes by where it listens, its target, or its pid."),
                "portward forward list",
            )?;
        }
        for row in &self.lost {
            let words = format!(
                "The forward of {} to {} (pid {}) had ended without a word; nothing is left of it.",
                row.listens.join(", "),
                row.target,
                row.pid
            );
            screen.remark(&words, ())?;
        }
        super::gaps(screen, &self.gaps)
    }
}

fn words(row: &ForwardRow, said: &str) -> String {
    let what = if is_datagram(row.transport) { "client" } else { "connection" };
    let open = match row.connections {
        Some(open) => format!("{said}{} open", plural(usize::try_from(open).unwrap_or(usize::MAX), what)),
        None => "does not answer".to_owned(),
    };
    let only = row.only_uid.map(|uid| format!(", for user {uid} alone")).unwrap_or_default();
    let how = if row.detached { "" } else { ", in a terminal" };
    let traffic = format!("{} there, {} back", bytes(row.sent_bytes), bytes(row.received_bytes));
    format!("{} -> {}  pid {}{how}{only}: {open}, {} in all, {traffic}", row.listens.join(", "), row.target, row.pid, row.total)
}

fn is_datagram(transport: Transport) -> bool {
    matches!(transport, Transport::Udp | Transport::UnixDatagram)
}

fn end(how: ForwardEnd) -> &'static str {
    match how {
        ForwardEnd::Whole => "both sides ended",
        ForwardEnd::ClientGone => "the client was gone",
        ForwardEnd::TargetGone => "the target was gone",
        ForwardEnd::Refused => "the target refused",
        ForwardEnd::Silent => "the target did not answer",
        ForwardEnd::Cut => "cut off here",
        ForwardEnd::Idle => "nothing was sent for a while",
        ForwardEnd::Crowded => "it made room for another client",
    }
}

/// `312 B`, `5.1 kB`, `1.2 GB`.
fn bytes(number: u64) -> String {
    #[allow(clippy::cast_precision_loss)] // Two digits are shown.
    let scaled = |unit: u64| number as f64 / unit as f64;
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{:.1} kB", scaled(1_000)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", scaled(1_000_000)),
        _ => format!("{:.1} GB", scaled(1_000_000_000)),
    }
}

fn lasted(milliseconds: u64) -> String {
    if milliseconds < 1_000 {
        format!("{milliseconds} ms")
    } else {
        format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100)
    }
}
