//! What an endpoint is, from the answer down to the proof.

use std::io;

use portward_model::{Text, hint};
use portward_ops::{Proof, age, op::explain::Explained};

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for Explained {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if let Some(page) = &self.page {
            return page.trim().lines().try_for_each(|line| screen.paragraph(Tone::Plain, line));
        }
        screen.paragraph(Tone::Plain, &self.summary.to_string())?;
        screen.line("")?;
        let value = self.address.value.as_deref().map(|value| format!("{value}: ")).unwrap_or_default();
        screen.labelled("address", &format!("{value}{}", self.address.text))?;
        if let Some(number) = self.port.number {
            let number = std::iter::once(format!("{number}: ")).chain(std::iter::repeat(String::new()));
            screen.listed(Tone::Plain, "port", number.zip(&self.port.text).map(|(number, text)| number + text))?;
        }
        if !self.resolves.is_empty() {
            let addresses: Vec<String> = self.resolves.iter().map(ToString::to_string).collect();
            screen.labelled("name", &format!("resolves to {} here, in that order", addresses.join(", then ")))?;
        }
        if let Some(note) = &self.resolves_note {
            screen.labelled("", &note.to_string())?;
        }
        holders(self, screen)?;
        clients(self, screen)?;
        reach(self, screen)?;
        bind(self, screen)?;
        let nearby = self.nearby.iter().map(|near| {
            let owner = near.owner.as_deref().map(|owner| format!(" {owner}")).unwrap_or_default();
            format!("{}{owner}: {}", near.endpoint, near.how)
        });
        screen.listed(Tone::Plain, "nearby", nearby)?;
        let mut label = "path";
        for (at, step) in self.steps.iter().enumerate() {
            let tone = if step.holds == Some(false) { Tone::Quiet } else { Tone::Plain };
            screen.labelled_in(tone, label, &format!("{} {} - {}", at + 1, step.text, step.now))?;
            label = "";
        }
        hint(self, screen)?;
        super::gaps(screen, &self.gaps)
    }
}

fn holders(explained: &Explained, screen: &mut Screen) -> io::Result<()> {
    let mut label = "held by";
    for socket in &explained.sockets {
        let mut said = false;
        for owner in socket.owners.iter().flatten() {
            let process = owner.process.as_ref();
            let Some(started) = process.started_at else { continue };
            let place = if owner.ring { "among the registered files of its io_uring, fd" } else { "as fd" };
            let mut parts = vec![format!("{} (pid {}) {place} {}", process.title, owner.pid, owner.fd)];
            parts.extend(owner.tid.map(|tid| format!("in the own table of thread {tid}")));
            parts.extend(owner.via.map(|via| format!("{via:?}").to_lowercase()));
            parts.push(format!("user {}", process.user));
            parts.push(format!("started {} ago", age(started.age_s(explained.now))));
            parts.extend(process.why.as_ref().map(ToString::to_string));
            if process.exe_deleted {
                parts.push("its program was deleted or replaced since".to_owned());
            }
            screen.labelled(label, &format!("{}: {}", socket.endpoint(), parts.join(", ")))?;
            if let Some(argv) = process.argv.as_ref().filter(|argv| explained.asked_for_arguments && !argv.is_empty()) {
                screen.labelled("", &format!("its arguments: {}", argv.iter().map(Text::shown).collect::<Vec<_>>().join(" ")))?;
            }
            label = "";
            said = true;
        }
        if !said {
            let why = socket.owners_gap.as_ref().map(|gap| gap.text.to_string()).unwrap_or_default();
            screen.labelled(label, &format!("{}: {why}", socket.endpoint()))?;
            label = "";
        }
        let set = [("SO_REUSEADDR", socket.reuse_address), ("SO_REUSEPORT", socket.reuse_port)];
        let mut options: Vec<&str> = set.into_iter().filter(|(_, set)| *set == Some(true)).map(|(name, _)| name).collect();
        if socket.reuse_address.is_some() {
            match socket.v6_only {
                Some(true) => options.push("IPV6_V6ONLY"),
                Some(false) if socket.is_wildcard() => options.push("dual-stack"),
                _ => {}
            }
        }
        if !options.is_empty() {
            screen.labelled_in(Tone::Quiet, "", &format!("options {}", options.join(", ")))?;
        }
    }
    Ok(())
}

fn clients(explained: &Explained, screen: &mut Screen) -> io::Result<()> {
    let named = explained.clients.iter().take(SHOWN).map(|client| {
        let from = client
            .address
            .as_deref()
            .zip(client.port)
            .map(|(address, port)| format!("{address} port {port}"))
            .unwrap_or_default();
        let name = match (&client.name, client.pid) {
            (Some(name), Some(pid)) => format!("{name} (pid {pid})"),
            _ => "a process that is not seen from here".to_owned(),
        };
        format!("{name} from {from}, {}", client.state.name().replace('_', " "))
    });
    screen.listed(Tone::Plain, "clients", named)?;
    let more = explained.clients.len().saturating_sub(SHOWN);
    if more > 0 {
        screen.labelled("", &format!("and {more} more"))?;
    }
    Ok(())
}

fn reach(explained: &Explained, screen: &mut Screen) -> io::Result<()> {
    let texts = explained.reach.iter().enumerate().map(|(at, reach)| {
        let who = match reach.who {
            portward_model::Who::SameUser => "this user",
            portward_model::Who::OtherUser => "other users",
            portward_model::Who::Container => "containers",
            portward_model::Who::Lan => "the local network",
            portward_model::Who::Vpn => "the private network",
            portward_model::Who::Internet => "the internet",
            portward_model::Who::WebPage => "web pages",
        };
        let would = if explained.sockets.is_empty() && at == 0 { "would be: " } else { "" };
        format!("{would}{who}: {}", reach.because())
    });
    screen.listed(Tone::Plain, "reach", texts)
}

fn bind(explained: &Explained, screen: &mut Screen) -> io::Result<()> {
    // For an endpoint in use the holder is the whole answer, unless a bind was asked about.
    if !explained.asked_to_bind
        && (explained.elsewhere.is_some() || !explained.sockets.is_empty() || explained.bind.because.is_empty())
    {
        return Ok(());
    }
    let proof = if explained.bind.proof == Proof::Tried { " (tried on a throw-away socket)" } else { "" };
    let verdict = match explained.bind.possible {
        Some(true) if !explained.bind.because.is_empty() => {
            format!("would succeed now with SO_REUSEADDR, and be refused without it{proof}")
        }
        Some(true) => format!("would succeed now{proof}"),
        Some(false) => format!("would be refused{proof}"),
        None => "may be refused; it depends on what cannot be seen".to_owned(),
    };
    screen.labelled("bind", &verdict)?;
    for cause in &explained.bind.because {
        let sure = cause.likelihood.word();
        screen.labelled("", &format!("{} ({}, {sure})", cause.summary, cause.code))?;
        let mut label = "proof";
        for evidence in &cause.evidence {
            screen.labelled_in(Tone::Quiet, label, &format!("{}: {}", evidence.source, evidence.fact))?;
            label = "";
        }
        let fixes = cause.remedies.iter().map(|remedy| format!("{}: {}", remedy.title, remedy.line()));
        screen.listed(Tone::Plain, "fix", fixes)?;
    }
    Ok(())
}

fn hint(explained: &Explained, screen: &mut Screen) -> io::Result<()> {
    let hint = match (explained.sockets.is_empty(), explained.asked_to_bind) {
        (_, true) => return Ok(()),
        (true, false) if explained.elsewhere.is_some() => {
            hint!("portward doctor {}    asks whether anybody answers there", explained.endpoint)
        }
        (true, false) => hint!("portward wait {}    tells you when something listens", explained.endpoint),
        (false, false) => hint!("portward free {}    stops what holds it", explained.endpoint),
    };
    screen.remark("", hint)
}

/// Clients that are named one by one.
const SHOWN: usize = 12;
