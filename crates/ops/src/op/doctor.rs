//! `portward doctor`

mod document;
mod every;
mod fixes;
mod follow;

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use clap::Args;
use portward_checks::doctor::{Asked as Target, Depth, Inquiry, Question, Verdict, Words, understand};
use portward_model::{Declined, Endpoint, EndpointHost, Gap, Lack, Moved, Observed};
use portward_reading::{NamesOf, inquire};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Acts, Context, Dials, Failure, Looks, Meant, Op, Prompt, Sink, Span, named::Known};

pub use document::{Addition, Became, Examined, Fixed, Kin, Probe, Read, Wrong};
pub(crate) use fixes::diff;

/// Name the cause of a connection or bind that fails, prove it, and give the fix
///
/// Takes an endpoint, a URL, unix:PATH or a service's name; or the error message itself, in quotes or on standard
/// input with `-`. It looks before it connects and never connects where that would be an event: debuggers,
/// one-shot and socket-activated listeners, logins that wait for their callback, ports that store what they are sent;
/// there `--connect` makes it connect all the same. In a project a bare 3000 is the project's, wherever its session serves it, and
/// localhost:3000 the real one.
#[derive(Args)]
pub struct Doctor {}

/// An input of the doctor: a question, and how it is to be answered.
macro_rules! question {
    ($(#[$doc:meta])* $Name:ident { $($own:tt)* }) => {
        $(#[$doc])*
        #[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $Name {
            /// An endpoint, a service's name, a pasted error message, or - for a log on standard input
            #[arg(value_name = "TARGET")]
            pub target: Option<String>,
            /// What the program printed, beside a target
            #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
            pub text: Option<String>,
            /// Ask why a server cannot listen there, not why a client cannot connect
            #[arg(long)]
            pub bind: bool,
            /// The project whose ports are meant, and with --all whose listeners: its name, or its folder
            #[arg(long, value_name = "PROJECT")]
            pub project: Option<String>,
            $($own)*
        }
    };
}

question! {
    /// Name the cause of a connection or bind that fails, and prove it
    Ask {
        /// List the connections that would be made, and make none
        #[arg(long)]
        pub explain_probes: bool,
        /// Connect even where that may use up or disturb what listens: a debugger, the callback of a login
        #[arg(long)]
        pub connect: bool,
    }
}

question! {
    /// Offer the fixes one by one, do what was agreed to, and ask again
    Fix {
        /// With --fix: agree to every fix that ends or removes nothing
        #[arg(long, short)]
        pub yes: bool,
    }
}

question! {
    /// Follow the endpoint until it is healthy, and tell the story
    Follow {
        /// With --watch: follow it until it fails
        #[arg(long)]
        pub until_broken: bool,
        /// With --watch: stop after this time; with --as: end the command after it
        #[arg(long, value_name = "TIME")]
        pub timeout: Option<Span>,
    }
}

/// Examine every listener of this machine without connecting, and tell only what is wrong
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct All {
    /// With --all: only listeners of this project: a folder, or its name
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
}

/// Run your own client, and examine what it really dialled
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Run your own client, and examine what it really dialled
    #[arg(id = "as", long = "as", value_name = "COMMAND", required = true)]
    #[serde(rename = "as")]
    pub client: String,
    /// An endpoint, a service's name, a pasted error message, or - for a log on standard input
    #[arg(value_name = "TARGET")]
    #[serde(default)]
    pub target: Option<String>,
    /// Ask why a server cannot listen there, not why a client cannot connect
    #[arg(long)]
    #[serde(default)]
    pub bind: bool,
    /// Offer the fixes one by one, do what was agreed to, and ask again
    #[arg(long)]
    #[serde(default)]
    pub fix: bool,
    /// With --fix: agree to every fix that ends or removes nothing
    #[arg(long, short, requires = "fix")]
    #[serde(default)]
    pub yes: bool,
    /// With --watch: stop after this time; with --as: end the command after it
    #[arg(long, value_name = "TIME")]
    #[serde(default)]
    pub timeout: Option<Span>,
    /// List the connections that would be made, and make none
    #[arg(long)]
    #[serde(default)]
    pub explain_probes: bool,
}

impl Op for Ask {
    declare! { "doctor.ask", Read at Anywhere with Dials, emits Examined, answers Examined;
    "portward doctor 3000" => "why does nobody answer on 3000",
    "portward doctor 'connect ECONNREFUSED 127.0.0.1:5173'" => "the message as it was printed",
    "npm test 2>&1 | portward doctor -" => "the first cause in a whole log",
    "portward doctor 8080 --bind" => "why a server cannot listen on 8080" }

    fn run(self, cx: &Context<'_, Dials>, _: &mut Sink<'_, Examined>) -> Result<Examined, Failure> {
        let began = cx.now();
        let asked = asked(cx, self.target, self.text, self.bind, self.project.as_deref())?;
        let depth = Depth { on_demand: self.connect, ..THOROUGH };
        if self.explain_probes {
            explain_probes(cx, asked, Depth { probe: false, ..depth }, began)
        } else {
            examine(cx, asked, depth, began)
        }
    }
}

impl Op for Fix {
    declare! { "doctor.fix", Destroy at Machine with Acts, emits Examined, answers Examined;
    "portward doctor 3000 --fix" => "offer the repairs, one by one" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Examined>) -> Result<Examined, Failure> {
        let began = cx.now();
        let asked = asked(&cx.dials(), self.target, self.text, self.bind, self.project.as_deref())?;
        fixes::examine_and_offer(cx, asked, self.yes, began)
    }
}

impl Op for Follow {
    declare! { "doctor.watch", Read at Anywhere with Dials, emits Examined, answers Examined;
    "portward doctor 3000 --watch" => "until it is healthy, with what changes on the way" }

    fn run(self, cx: &Context<'_, Dials>, out: &mut Sink<'_, Examined>) -> Result<Examined, Failure> {
        let began = cx.now();
        let asked = asked(cx, self.target, self.text, self.bind, self.project.as_deref())?;
        // There is nothing to follow where no endpoint is known.
        if asked.question.asked.is_nowhere() {
            return examine(cx, asked, THOROUGH, began);
        }
        follow::follow(cx, &asked, self.until_broken, self.timeout, out)
    }
}

impl Op for All {
    declare! { "doctor.all", Read at Anywhere with Looks, emits Examined, answers Examined;
    "portward doctor --all" => "every listener of this machine that is in trouble" }

    fn run(self, cx: &Context<'_>, _: &mut Sink<'_, Examined>) -> Result<Examined, Failure> {
        Ok(every::examine(cx, self.project.as_deref(), cx.now()))
    }
}

impl Op for Client {
    declare! { "doctor.as", Destroy at Caller with Acts, emits Examined, answers Examined;
    "portward doctor --as 'psql -h localhost shop'" => "what this client really dials, and why it fails" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Examined>) -> Result<Examined, Failure> {
        let began = cx.now();
        let asked = self.asked(cx)?;
        match (self.explain_probes, self.fix) {
            (true, _) => explain_probes(&cx.dials(), asked, Depth { probe: false, ..THOROUGH }, began),
            (false, true) => fixes::examine_and_offer(cx, asked, self.yes, began),
            (false, false) => examine(&cx.dials(), asked, THOROUGH, began),
        }
    }
}

/// What was asked, with what is read from standard input.
fn asked(
    cx: &Context<'_, Dials>,
    target: Option<String>,
    text: Option<String>,
    bind: bool,
    project: Option<&str>,
) -> Result<Asked, Failure> {
    let mut words = heard(cx.prompt, Words { target, text: text.map(String::into_bytes), bind })?;
    let known = Known::of(cx, project)?;
    // A text speaks of the port that its program asked for.
    let bare = words.target.as_deref().filter(|_| words.text.is_none()).and_then(|target| target.parse::<Endpoint>().ok());
    let meant = bare.and_then(|endpoint| known.meant_here(cx, &endpoint));
    if let Some(meant) = &meant {
        words.target = Some(meant.endpoint().to_string());
    }
    Ok(Asked { meant, unseen: unseen(&known), ..understood(cx, &words, None)? })
}

/// What says that sessions could not be looked for.
fn unseen(known: &Known) -> Option<Gap> {
    known.gaps.iter().find(|gap| gap.lack == Lack::Sessions).cloned()
}

/// The words, with those of standard input in the place of `-`.
fn heard(prompt: &dyn Prompt, mut words: Words) -> Result<Words, Failure> {
    if words.target.as_deref() == Some("-") {
        words.target = None;
        words.text = Some(prompt.pasted().map_err(|error| Failure::system(format!("Standard input cannot be read: {error}.")))?);
    }
    Ok(words)
}

fn understood(cx: &Context<'_, Dials>, words: &Words, observed: Option<Observed>) -> Result<Asked, Failure> {
    Ok(Asked { question: understand(words, &NamesOf(cx.machine))?, observed, meant: None, unseen: None })
}

impl Client {
    /// What was asked, with what the client dialled and printed.
    fn asked(&self, cx: &Context<'_, Acts>) -> Result<Asked, Failure> {
        let mut words = heard(cx.prompt, Words { target: self.target.clone(), text: None, bind: self.bind })?;
        let command = split(&self.client)?;
        let patience = self.timeout.map_or(Duration::from_secs(20), |timeout| timeout.0);
        let observed = cx.machine.observe(&command, patience)?;
        let dialled = observed.connects.iter().rev().find(|connect| connect.errno != Some(0)).or(observed.connects.last());
        if words.target.is_none() {
            words.target = dialled.map(|connect| Endpoint::from(&connect.at).to_string());
        }
        words.text = Some(observed.printed.raw().to_vec()).filter(|text| portward_checks::read_paste(text).is_some());
        if words.target.is_none() && words.text.is_none() {
            let client = &self.client;
            return Err(Failure::usage(format!("`{client}` dialled nothing and printed no error that Portward knows."))
                .hint("name the endpoint as well: portward doctor 3000 --as '...'"));
        }
        understood(&cx.dials(), &words, Some(observed))
    }
}

/// What was asked, with what the caller's own client did where it was run.
#[derive(Clone)]
struct Asked {
    question: Question,
    observed: Option<Observed>,
    /// The project's port that a bare number meant.
    meant: Option<Meant>,
    /// Why not every session was seen.
    unseen: Option<Gap>,
}

/// Everything that answers a question once.
const THOROUGH: Depth = Depth { probe: true, watch: true, on_demand: false };

/// Asks and answers once.
fn examine(cx: &Context<'_, Dials>, asked: Asked, depth: Depth, began: Instant) -> Result<Examined, Failure> {
    inquired(cx, asked, depth, began).map(|(_, examined)| examined)
}

/// The same, with the inquiry that it came from.
fn inquired(cx: &Context<'_, Dials>, asked: Asked, depth: Depth, began: Instant) -> Result<(Inquiry, Examined), Failure> {
    let meant = asked.meant;
    let unseen = RefCell::new(asked.unseen);
    let (inquiry, diagnosis) = inquire(cx, asked.question, asked.observed, &|asked| moved_to(cx, asked, &unseen), depth);
    cx.still_wanted()?;
    let mut examined = Examined::of(&inquiry, diagnosis, cx.now().saturating_duration_since(began));
    examined.notes.extend(meant.as_ref().map(Meant::sentence));
    examined.notes.extend(crate::project::stale(cx));
    examined.gaps.extend(unseen.into_inner());
    examined.meant = meant;
    Ok((inquiry, examined))
}

/// Where sessions have moved a port: this user's, and those of the user who called root.
fn moved_to(cx: &Context<'_, Dials>, asked: &Target, lost: &RefCell<Option<Gap>>) -> Vec<Moved> {
    let known = Known::of(cx, None).unwrap_or_default();
    if let Some(gap) = unseen(&known) {
        lost.replace(Some(gap));
    }
    let endpoint = Endpoint::at(asked.transport, EndpointHost::Any, asked.port);
    known.elsewhere(&endpoint).into_iter().map(|meant| known.moved(meant)).collect()
}

/// The probes that would be made, as they would be listed.
fn explain_probes(cx: &Context<'_, Dials>, asked: Asked, depth: Depth, began: Instant) -> Result<Examined, Failure> {
    let (inquiry, mut examined) = inquired(cx, asked, depth, began)?;
    if inquiry.asked().is_nowhere() {
        return Ok(examined);
    }
    let planned = inquiry.plan();
    examined.probes = planned.dials.iter().map(Probe::planned).collect();
    if examined.causes.is_empty() {
        let many = planned.dials.len();
        let count = if many == 1 { "1 connection".to_owned() } else { format!("{many} connections") };
        examined.verdict = Verdict::Unknown;
        examined.summary = format!("{} would be examined with {count}; none was made.", inquiry.asked().text).into();
    }
    if planned.dials.is_empty() && examined.declined.is_empty() {
        examined.declined.push(Declined {
            what: "any connection".into(),
            because: "the question is answered from the kernel's tables and rules".into(),
            on_demand: false,
        });
    }
    Ok(examined)
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
