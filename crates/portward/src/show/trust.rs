//! Where the local authority is believed.

use std::io;

use portward_model::Hint;
use portward_ops::op::trust::{Opinion, Outcome, Step, StoreKind, TriedVerifier, TrustAnswer, Trusted};

use super::Show;
use crate::screen::{Screen, Tone};

impl Show for TrustAnswer {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        if self.asked == Trusted::Check {
            believed(self, screen)?;
            return super::gaps(screen, &self.gaps);
        }
        for authority in &self.authorities {
            screen.line(&format!("{}   {}", authority.name, authority.certified.certificate))?;
            screen.line(&format!("SHA-256 {}", authority.certified.fingerprint))?;
        }
        if self.authorities.is_empty() {
            let words = match self.asked {
                Trusted::Remove | Trusted::LookRemove => "There is no certificate authority of yours: nothing to remove.",
                Trusted::Trust | Trusted::Look | Trusted::Check => {
                    "There is no certificate authority of yours yet; it would be made."
                }
            };
            screen.line(words)?;
        }
        for step in &self.steps {
            step_line(self.asked, step, screen)?;
        }
        if self.asked == Trusted::Trust {
            screen.remark(
                "Browsers that run see it once they are started anew.",
                "portward trust --check    has each program say what it believes",
            )?;
        }
        super::gaps(screen, &self.gaps)
    }
}

fn step_line(asked: Trusted, step: &Step, screen: &mut Screen) -> io::Result<()> {
    let removes = matches!(asked, Trusted::Remove | Trusted::LookRemove);
    let (tone, word) = match step.outcome {
        Outcome::Done if removes => (Tone::Good, "removed"),
        Outcome::Done => (Tone::Good, "done"),
        Outcome::WasDone => (Tone::Good, "was done"),
        Outcome::Would if removes => (Tone::Notice, "would be removed"),
        Outcome::Would => (Tone::Notice, "would be done"),
        Outcome::NotThere => (Tone::Plain, "not there"),
        Outcome::CouldNot => (Tone::Alarm, "could not be done"),
    };
    let what = match step.kind {
        StoreKind::System => "system",
        StoreKind::Nss => "browser",
        StoreKind::Java => "java",
        StoreKind::Variables => "run and up",
        StoreKind::Key => "its key",
    };
    let why = step.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let word = screen.paint(tone, word);
    screen.line(&format!("{what}   {}   {word}{why}", step.place))?;
    match &step.command {
        Some(command) => screen.remark("", Hint::from(command)),
        None => Ok(()),
    }
}

/// What each program believes.
fn believed(answer: &TrustAnswer, screen: &mut Screen) -> io::Result<()> {
    let Some(authority) = answer.authorities.first() else {
        screen.line("There is no certificate authority of yours yet.")?;
        return screen.remark("", "portward trust    makes it, and has programs believe it");
    };
    screen.line(&format!("{}   SHA-256 {}", authority.name, authority.certified.fingerprint))?;
    for tried in &answer.verifiers {
        tried.show(screen)?;
    }
    let careless = answer.verifiers.iter().filter(|tried| tried.foreign == Opinion::Accepts);
    let careless: Vec<&str> = careless.map(|tried| tried.name.as_str()).collect();
    if !careless.is_empty() {
        let words = format!(
            "{} would believe your authority for example.com, too: who has its key could be any site to it.",
            careless.join(", ")
        );
        screen.remark(&words, ())?;
    }
    if authority.certified.trusted { Ok(()) } else { screen.remark("Your authority is not trusted yet.", "portward trust") }
}

impl Show for TriedVerifier {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        let (tone, said) = match (self.outside, self.inside) {
            (Opinion::Accepts, _) => (Tone::Good, "believes it".to_owned()),
            (_, Some(Opinion::Accepts)) => (Tone::Good, "believes it in portward run and up".to_owned()),
            (Opinion::Refuses, _) => (Tone::Alarm, format!("refuses it: {}", reason(self))),
            (Opinion::Unknown, _) => (Tone::Notice, format!("could not be asked: {}", reason(self))),
        };
        let foreign = match self.foreign {
            Opinion::Accepts => "; and for example.com, too",
            Opinion::Refuses | Opinion::Unknown => "",
        };
        let said = screen.paint(tone, &said);
        screen.line(&format!("{}   {said}{foreign}", self.name))
    }
}

/// Why a program did not believe it, in its own words.
fn reason(tried: &TriedVerifier) -> String {
    tried.why.as_ref().map_or_else(|| "without a word".to_owned(), ToString::to_string)
}
