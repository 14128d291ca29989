//! `portward doctor`

mod document;
mod every;
mod fixes;
mod follow;

use std::time::{Duration, Instant};

use clap::Args;
use portward_checks::{
    Paste,
    doctor::{Depth, Misunderstood, Question, Understood, Verdict, Words, understand},
};
use portward_model::{Declined, Observed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Cx, Effect, Failure, Op, Sink, Span, Where,
    document::GapDocument,
    failure::capitalised,
    inquiry::{NamesOf, inquire},
};

pub use document::{Examined, Fixed, Kin, Probe, Read, Wrong};

/// Name the cause of a connection or bind that fails, prove it, and give the fix
///
/// Takes an endpoint, a URL, unix:PATH or a service's name; or the error message itself, in quotes or on standard
/// input with `-`. It looks before it connects and never connects where that would be an event: debuggers,
/// one-shot and socket-activated listeners, ports that store what they are sent.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Doctor {
    /// An endpoint, a service's name, a pasted error message, or - for a log on standard input
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
    /// What the program printed, beside a target
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub text: Option<String>,
    /// Ask why a server cannot listen there, not why a client cannot connect
    #[arg(long)]
    pub bind: bool,
    /// Offer the fixes one by one, do what was agreed to, and ask again
    #[arg(long)]
    pub fix: bool,
    /// With --fix: agree to every fix that ends or removes nothing
    #[arg(long, short, requires = "fix")]
    pub yes: bool,
    /// Examine every listener of this machine without connecting, and tell only what is wrong
    #[arg(long, conflicts_with_all = ["target", "text", "bind", "fix", "watch", "client"])]
    pub all: bool,
    /// With --all: only listeners of this project: a folder, or its name
    #[arg(long, value_name = "PROJECT", requires = "all")]
    pub project: Option<String>,
    /// Follow the endpoint until it is healthy, and tell the story
    #[arg(long, conflicts_with = "fix")]
    pub watch: bool,
    /// With --watch: follow it until it fails
    #[arg(long, requires = "watch")]
    pub until_broken: bool,
    /// With --watch: stop after this time; with --as: end the command after it
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Span>,
    /// Run your own client, and examine what it really dialled
    #[arg(long = "as", value_name = "COMMAND", conflicts_with_all = ["watch", "text"])]
    #[serde(rename = "as")]
    pub client: Option<String>,
    /// List the connections that would be made, and make none
    #[arg(long)]
    pub explain_probes: bool,
}

impl Op for Doctor {
    const NAME: &'static str = "doctor";
    const EFFECT: Effect = Effect::Read;
    const WHERE: Where = Where::Anywhere;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("portward doctor 3000", "why does nobody answer on 3000"),
        ("portward doctor 'connect ECONNREFUSED 127.0.0.1:5173'", "the message as it was printed"),
        ("npm test 2>&1 | portward doctor -", "the first cause in a whole log"),
        ("portward doctor 8080 --bind", "why a server cannot listen on 8080"),
        ("portward doctor 3000 --fix", "offer the repairs, one by one"),
        ("portward doctor --all", "every listener of this machine that is in trouble"),
        ("portward doctor --as 'psql -h localhost shop'", "what this client really dials, and why it fails"),
    ];
    type Item = Examined;
    type Output = Examined;

    async fn run(self, cx: &Cx<'_>, out: &mut Sink<'_, Examined>) -> Result<Examined, Failure> {
        let began = Instant::now();
        if self.all {
            return Ok(every::examine(cx, self.project.as_deref(), began));
        }
        let (words, observed) = self.words(cx)?;
        let question = match understand(&words, &NamesOf(cx.host))? {
            Understood::Question(question) => Asked { question: *question, observed },
            Understood::WithoutAddress(paste) => return Ok(without_address(&paste, began)),
        };
        if self.watch {
            return follow::follow(cx, &question, self.until_broken, self.timeout, out);
        }
        let depth = Depth { probe: !self.explain_probes, watch: true };
        if self.explain_probes {
            return Ok(explain_probes(cx, question, depth, began));
        }
        let mut examined = examine(cx, question.clone(), depth, began);
        if self.fix && examined.verdict != Verdict::Healthy {
            examined = fixes::offer(cx, question, examined, self.yes).await?;
        }
        Ok(examined)
    }
}

impl Doctor {
    /// What was asked, with what is read from standard input or from a client that is run.
    fn words(&self, cx: &Cx<'_>) -> Result<(Words, Option<Observed>), Failure> {
        let mut words = Words { target: self.target.clone(), text: self.text.clone().map(String::into_bytes), bind: self.bind };
        let mut seen = None;
        if words.target.as_deref() == Some("-") {
            words.target = None;
            words.text =
                Some(cx.prompt.pasted().map_err(|error| Failure::system(format!("Standard input cannot be read: {error}.")))?);
        }
        if let Some(client) = &self.client {
            let command = split(client)?;
            let patience = self.timeout.map_or(Duration::from_secs(20), |timeout| timeout.0);
            let observed = cx.host.observe(&command, patience)?;
            let dialled = observed.connects.iter().rev().find(|connect| connect.errno != Some(0)).or(observed.connects.last());
            if words.target.is_none() {
                words.target = dialled.map(|connect| match &connect.at {
                    portward_model::DialTarget::Inet(address) => address.to_string(),
                    portward_model::DialTarget::Unix(path) => format!("unix:{path}"),
                });
            }
            words.text = Some(observed.printed.raw().to_vec()).filter(|text| portward_checks::read_paste(text).is_some());
            seen = Some(observed);
            if words.target.is_none() && words.text.is_none() {
                return Err(Failure::usage(format!("`{client}` dialled nothing and printed no error that Portward knows."))
                    .hint("name the endpoint as well: portward doctor 3000 --as '...'"));
            }
        }
        Ok((words, seen))
    }
}

/// What was asked, with what the caller's own client did where it was run.
#[derive(Clone)]
struct Asked {
    question: Question,
    observed: Option<Observed>,
}

impl From<Misunderstood> for Failure {
    fn from(why: Misunderstood) -> Self {
        match why {
            Misunderstood::NoEndpoint(error) => Self::from(error)
                .hint("give an endpoint, a service's name, or the whole error message: portward doctor 'the message'"),
            Misunderstood::NoError { lines } => {
                Self::usage(format!("Nothing in the text ({lines} lines) is an error that Portward knows."))
                    .hint("name the endpoint as well: portward doctor 127.0.0.1:3000 --text '...'")
            }
            Misunderstood::Unresolved(why) => {
                Self::system(format!("{}.", capitalised(&why))).hint("give an address, or a name that this machine knows")
            }
            Misunderstood::Nothing => Self::usage("There is nothing to examine.")
                .hint("give an endpoint or an error message: portward doctor 3000, or pipe a log: ... | portward doctor -"),
        }
    }
}

/// Asks and answers once.
fn examine(cx: &Cx<'_>, asked: Asked, depth: Depth, began: Instant) -> Examined {
    let (inquiry, diagnosis) = inquire(cx, asked.question, asked.observed, depth);
    Examined::of(&inquiry, diagnosis, began.elapsed())
}

/// The probes that would be made, as they would be listed.
fn explain_probes(cx: &Cx<'_>, asked: Asked, depth: Depth, began: Instant) -> Examined {
    let (inquiry, diagnosis) = inquire(cx, asked.question, asked.observed, depth);
    let planned = inquiry.plan();
    let mut examined = Examined::of(&inquiry, diagnosis, began.elapsed());
    examined.probes = planned.dials.iter().map(Probe::planned).collect();
    if examined.causes.is_empty() {
        let many = planned.dials.len();
        let count = if many == 1 { "1 connection".to_owned() } else { format!("{many} connections") };
        examined.verdict = Verdict::Unknown;
        examined.summary = format!("{} would be examined with {count}; none was made.", inquiry.asked().text);
    }
    if planned.dials.is_empty() && examined.declined.is_empty() {
        examined.declined.push(Declined {
            what: "any connection".to_owned(),
            because: "the question is answered from the kernel's tables and rules".to_owned(),
        });
    }
    examined
}

/// An error without an address: the causes that such an error has, and what to add.
fn without_address(paste: &Paste, began: Instant) -> Examined {
    Examined::without_address(paste, began.elapsed())
}

/// A command line as a shell would split it, without expanding anything.
fn split(command: &str) -> Result<Vec<String>, Failure> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut open = false;
    let mut letters = command.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, '\'' | '"') => {
                quote = Some(letter);
                open = true;
            }
            (Some(mark), _) if mark == letter => quote = None,
            (None | Some('"'), '\\') => {
                word.extend(letters.next());
                open = true;
            }
            (None, _) if letter.is_whitespace() => {
                if open {
                    words.push(std::mem::take(&mut word));
                    open = false;
                }
            }
            (_, _) => {
                word.push(letter);
                open = true;
            }
        }
    }
    if quote.is_some() {
        return Err(Failure::usage(format!("A quote in `{command}` is not closed.")).hint("close it, or leave it away"));
    }
    if open {
        words.push(word);
    }
    if words.is_empty() {
        return Err(Failure::usage("--as names no command.").hint("portward doctor --as 'curl -s localhost:3000'"));
    }
    Ok(words)
}

/// The gaps of a reading, as documents.
fn gaps(snapshot: &portward_model::Snapshot) -> Vec<GapDocument> {
    snapshot.gaps.iter().map(GapDocument::from).collect()
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_command_is_split_as_a_shell_would() {
        assert_eq!(split("psql -h localhost 'my shop'").unwrap(), ["psql", "-h", "localhost", "my shop"]);
        assert_eq!(split(r#"sh -c "a \"b\" c" d\ e ''"#).unwrap(), ["sh", "-c", "a \"b\" c", "d e", ""]);
        assert!(split("curl 'x").is_err());
        assert!(split("  ").is_err());
    }
}
