//! The cause, the proof, the fix, and what was ruled out.

use std::io;

use portward_checks::doctor::Verdict;
use portward_model::{Effect, Evidence, Finding, Likelihood, Means};
use portward_ops::op::doctor::{Addition, Became, Examined, Read};

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for Examined {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if let Some(at) = &self.at {
            // The time of day is what a person compares with a log; the date stands in the JSON.
            screen.line(&format!("{}Z", at.get(11..23).unwrap_or(at)))?;
        }
        if let Some(read) = &self.read {
            screen.labelled("read", &read_words(read))?;
            screen.line("")?;
        }
        if self.examined.is_some() {
            every(self, screen)?;
            return super::gaps(screen, &self.gaps);
        }
        match self.causes.split_first() {
            None => {
                screen.paragraph(tone(self.verdict), &self.summary.to_string())?;
                proof(screen, &self.healthy)?;
            }
            Some((first, rest)) => {
                cause(screen, first)?;
                // Beside a certain cause, what would explain it too is named and not told.
                let told = |other: &&Finding| first.likelihood > Likelihood::Certain || other.likelihood < Likelihood::Possible;
                for other in rest.iter().filter(told) {
                    screen.line("")?;
                    cause(screen, other)?;
                }
                let named = rest.iter().filter(|other| !told(other));
                let named: Vec<_> = named.map(|other| (other.summary.to_string(), other.code.clone())).collect();
                attributed(screen, Tone::Quiet, "possible", &named)?;
            }
        }
        probes(self, screen)?;
        let declined = self.declined.iter().map(|declined| format!("{}: {}", declined.what, declined.because));
        screen.listed(Tone::Quiet, "not done", declined)?;
        ruled_out(self, screen)?;
        kin(self, screen)?;
        fixed(self, screen)?;
        screen.listed(Tone::Quiet, "also read", self.others.iter().map(read_words))?;
        screen.listed(Tone::Plain, "note", self.notes.iter().map(ToString::to_string))?;
        screen.labelled_in(Tone::Quiet, "", &format!("{} ms", self.took_ms))?;
        if let Some(Addition { what, command }) = &self.addition {
            screen.remark(&format!("To say more, add {what}"), command.clone())?;
        }
        super::gaps(screen, &self.gaps)
    }
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Healthy => Tone::Good,
        Verdict::Fault => Tone::Alarm,
        Verdict::Unknown => Tone::Notice,
    }
}

/// `connect ECONNREFUSED 127.0.0.1:5173   from node, line 3`
fn read_words(read: &Read) -> String {
    let program = read.program.as_ref().map(|program| format!("from {program}, ")).unwrap_or_default();
    format!("{}   {program}line {}", read.text.trim(), read.line)
}

fn cause(screen: &mut Screen, cause: &Finding) -> io::Result<()> {
    let code = format!("{}, {}", cause.code, cause.likelihood.word());
    let summary = cause.summary.to_string();
    let fits = screen.width().is_some_and(|width| summary.chars().count() + code.chars().count() + 3 <= width);
    if fits {
        let width = screen.width().unwrap_or(0);
        let room = width - summary.chars().count() - code.chars().count();
        let summary = screen.paint(Tone::Alarm, &summary);
        let code = screen.paint(Tone::Quiet, &code);
        screen.line(&format!("{summary}{}{code}", " ".repeat(room)))?;
    } else {
        screen.paragraph(Tone::Alarm, &summary)?;
        screen.labelled_in(Tone::Quiet, "cause", &code)?;
    }
    proof(screen, &cause.evidence)?;
    let mut label = "fix";
    for remedy in &cause.remedies {
        let effect = match (remedy.effect, remedy.edits()) {
            (Effect::Read, _) => "",
            (Effect::Change, None) => " (changes something)",
            (Effect::Change, Some(_)) => " (changes a file)",
            (Effect::Destroy, _) => " (ends something)",
        };
        // The command stands last, so that it is easily copied.
        match &remedy.means {
            Means::Advice { words } => screen.labelled(label, &format!("{}{effect}: {words}", remedy.title))?,
            Means::Operation { command, .. } | Means::Edit { command, .. } | Means::Command { command } => {
                screen.repair(label, &format!("{}{effect}", remedy.title), command)?;
            }
        }
        if let Some(edit) = remedy.edits() {
            screen.labelled("", &format!("  {}:{}", edit.file, edit.line))?;
            screen.labelled("", &format!("  - {}", edit.now.shown().trim()))?;
            for line in &edit.then {
                screen.labelled("", &format!("  + {}", line.shown().trim()))?;
            }
        }
        label = "";
    }
    Ok(())
}

fn proof(screen: &mut Screen, evidence: &[Evidence]) -> io::Result<()> {
    let rows: Vec<_> = evidence.iter().map(|evidence| (evidence.fact.to_string(), evidence.source.to_string())).collect();
    attributed(screen, Tone::Plain, "proof", &rows)
}

fn attributed(screen: &mut Screen, tone: Tone, label: &str, rows: &[(String, String)]) -> io::Result<()> {
    screen.attributed(tone, label, rows.iter().map(|(words, source)| (words.as_str(), source.as_str())))
}

fn probes(examined: &Examined, screen: &mut Screen) -> io::Result<()> {
    let planned = examined.probes.iter().filter(|probe| probe.met.is_none()).map(|probe| {
        let said = probe.said.map(|said| format!(", saying {}", said_words(said))).unwrap_or_default();
        format!("{}{said}: {}", probe.to, probe.purpose.clone().unwrap_or_default())
    });
    screen.listed(Tone::Plain, "would try", planned)
}

fn said_words(said: portward_model::Said) -> &'static str {
    match said {
        portward_model::Said::Nothing => "nothing",
        portward_model::Said::Http => "one request",
        portward_model::Said::HttpByLocalhost => "one request by the name localhost",
        portward_model::Said::Upgrade => "one request for an upgrade to WebSocket",
        portward_model::Said::Proxied => "one request behind the header of the PROXY protocol",
        portward_model::Said::Tls => "one ClientHello",
        portward_model::Said::Greeting => "the first words of its protocol",
    }
}

fn ruled_out(examined: &Examined, screen: &mut Screen) -> io::Result<()> {
    if examined.ruled_out.is_empty() {
        return Ok(());
    }
    let codes: Vec<&str> = examined.ruled_out.iter().map(|out| out.code.as_str()).collect();
    screen.labelled_in(Tone::Quiet, "ruled out", &codes.join(", "))
}

fn kin(examined: &Examined, screen: &mut Screen) -> io::Result<()> {
    let named = examined.kin.iter().take(MOST_KIN).map(|kin| (kin.summary.to_string(), kin.code.clone()));
    attributed(screen, Tone::Plain, "may be", &named.collect::<Vec<_>>())?;
    let more = examined.kin.len().saturating_sub(MOST_KIN);
    if more > 0 {
        screen.labelled_in(Tone::Quiet, "", &format!("and {more} more"))?;
    }
    Ok(())
}

fn fixed(examined: &Examined, screen: &mut Screen) -> io::Result<()> {
    for fix in &examined.fixed {
        let because = fix.because.as_ref().map(|because| format!(" ({because})")).unwrap_or_default();
        let became = match fix.became {
            Became::Done => "done",
            Became::Failed => "not done",
            Became::Yours => "yours",
            Became::Declined => "declined",
        };
        screen.labelled(became, &format!("{}: {}{because}", fix.title, fix.command))?;
    }
    Ok(())
}

fn every(examined: &Examined, screen: &mut Screen) -> io::Result<()> {
    for wrong in &examined.wrong {
        screen.line(&format!("{}   {}", wrong.target, wrong.owner))?;
        for one in &wrong.causes {
            cause(screen, one)?;
        }
        screen.line("")?;
    }
    screen.paragraph(tone(examined.verdict), &examined.summary.to_string())?;
    screen.labelled_in(Tone::Quiet, "", &format!("{} ms", examined.took_ms))
}

/// Causes of a family that are named; the others are counted.
const MOST_KIN: usize = 12;
