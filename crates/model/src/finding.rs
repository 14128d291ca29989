//! What reasoning concludes: causes, their evidence and their fixes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Hint, Sentence, ShellLine, Text};

/// What an operation does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Only looks.
    Read,
    /// Changes something that can be changed back.
    Change,
    /// Ends or removes something.
    Destroy,
}

crate::worded! {
    /// How sure a cause is.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Likelihood {
        /// The kernel's own facts leave no other explanation.
        Certain = "certain",
        /// The facts point here, and something could not be seen.
        Likely = "likely",
        /// It would explain what is seen, as would other things.
        Possible = "possible",
    }
    /// The same in a word.
    fn word
}

/// One fact, and where it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Where it was read: `sock_diag`, `/proc/sys/net/ipv4/ip_local_port_range`, `bind(2)`.
    pub source: Sentence,
    /// What was read there.
    pub fact: Sentence,
}

impl Evidence {
    /// A fact and its source.
    pub fn new(source: impl Into<Sentence>, fact: impl Into<Sentence>) -> Self {
        Self { source: source.into(), fact: fact.into() }
    }
}

/// A repair: what it does, and how it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// What it does, in words.
    pub title: String,
    /// What it does to the world.
    pub effect: Effect,
    /// How it is done.
    #[serde(flatten)]
    pub means: Means,
}

/// How a repair is done, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Means {
    /// By Portward: a call of one of its operations.
    Operation {
        /// Its name.
        operation: String,
        /// Its input.
        input: serde_json::Value,
        /// The command line that a person types for it.
        #[serde(flatten, with = "typed")]
        #[schemars(with = "Typed")]
        command: ShellLine,
    },
    /// By Portward: a line of a file, where the project's files prove that it is the one.
    Edit {
        /// The line.
        edit: Edit,
        /// The command line that writes it.
        #[serde(flatten, with = "typed")]
        #[schemars(with = "Typed")]
        command: ShellLine,
    },
    /// By a person in a shell.
    Command {
        /// The command line.
        #[serde(flatten, with = "typed")]
        #[schemars(with = "Typed")]
        command: ShellLine,
    },
    /// By a person, where no shell reaches: in a program's code, in its settings, in another window.
    Advice {
        /// What to do there.
        #[serde(rename = "command")]
        words: String,
    },
}

impl Remedy {
    /// A call of an operation; the command line says the same to a person.
    pub fn operation(
        title: impl Into<String>,
        effect: Effect,
        operation: &str,
        input: serde_json::Value,
        command: impl Into<ShellLine>,
    ) -> Self {
        let operation = operation.to_owned();
        Self::typed(title, effect, command, |command| Means::Operation { operation, input, command })
    }

    /// A line of a file, written by this command.
    pub fn edit(title: impl Into<String>, edit: Edit, command: impl Into<ShellLine>) -> Self {
        Self::typed(title, Effect::Change, command, |command| Means::Edit { edit, command })
    }

    /// A command line for a shell that only looks.
    pub fn look(title: impl Into<String>, command: impl Into<ShellLine>) -> Self {
        Self::typed(title, Effect::Read, command, |command| Means::Command { command })
    }

    /// One that changes something.
    pub fn change(title: impl Into<String>, command: impl Into<ShellLine>) -> Self {
        Self { effect: Effect::Change, ..Self::look(title, command) }
    }

    /// One that ends or removes something.
    pub fn end(title: impl Into<String>, command: impl Into<ShellLine>) -> Self {
        Self { effect: Effect::Destroy, ..Self::look(title, command) }
    }

    /// By a line, where it can be typed. One with a name in it that no line can show is a matter of words: what would be copied
    /// would name another thing.
    fn typed(
        title: impl Into<String>,
        effect: Effect,
        command: impl Into<ShellLine>,
        means: impl FnOnce(ShellLine) -> Means,
    ) -> Self {
        match command.into().typeable() {
            Some(command) => Self { title: title.into(), effect, means: means(command) },
            None => Self::advice(title, UNTYPED, effect),
        }
    }

    /// What no command does, in words.
    pub fn advice(title: impl Into<String>, words: impl Into<String>, effect: Effect) -> Self {
        Self { title: title.into(), effect, means: Means::Advice { words: words.into() } }
    }

    /// The same with `sudo ` before its command line, or with nothing.
    #[must_use]
    pub fn behind(mut self, sudo: &'static str) -> Self {
        match &mut self.means {
            Means::Operation { command, .. } | Means::Edit { command, .. } | Means::Command { command } => {
                *command = std::mem::take(command).behind(sudo);
            }
            Means::Advice { .. } => {}
        }
        self
    }

    /// What to type, or to do: the end of its sentence.
    pub fn line(&self) -> &str {
        match &self.means {
            Means::Operation { command, .. } | Means::Edit { command, .. } | Means::Command { command } => command.line(),
            Means::Advice { words } => words,
        }
    }

    /// The operation that it calls.
    pub fn calls(&self) -> Option<&str> {
        match &self.means {
            Means::Operation { operation, .. } => Some(operation),
            Means::Edit { .. } | Means::Command { .. } | Means::Advice { .. } => None,
        }
    }

    /// The line of a file that it writes.
    pub fn edits(&self) -> Option<&Edit> {
        match &self.means {
            Means::Edit { edit, .. } => Some(edit),
            Means::Operation { .. } | Means::Command { .. } | Means::Advice { .. } => None,
        }
    }
}

/// A line of a file, and what should stand there. It is written only where the line is still what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Edit {
    /// The file.
    pub file: Text,
    /// Its line, from 1.
    pub line: u32,
    /// What stands there now: the whole line, without its end.
    pub now: Text,
    /// The lines to write instead, without their ends.
    pub then: Vec<Text>,
    /// What to run afterwards, so that a running program reads the file again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Hint>,
}

/// A command line as it is written: as a person types it, and as the arguments that arrive.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Typed {
    /// The command line, quoted for a shell.
    command: ShellLine,
    /// The arguments that arrive, the program's name first; absent where the line is more than one command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    argv: Vec<String>,
}

mod typed {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{ShellLine, Typed};

    pub(super) fn serialize<S: Serializer>(command: &ShellLine, serializer: S) -> Result<S::Ok, S::Error> {
        Typed { command: command.clone(), argv: command.argv().to_vec() }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ShellLine, D::Error> {
        Typed::deserialize(deserializer).map(|typed| typed.command.with_arguments(&typed.argv))
    }
}

/// What is said of a command with a name in it that cannot be typed.
const UNTYPED: &str = "by hand: its name holds characters that no command line can show";

/// What a check concludes: why an endpoint fails, what is wrong with a configuration, who can reach what should be closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable slug that reads as what was found: `port-held-by-process`.
    pub code: String,
    /// What became of the question.
    #[serde(flatten)]
    pub status: Status,
    /// How sure it is.
    pub likelihood: Likelihood,
    /// How bad it is, where it is a matter of risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// What it is about, where that is not what was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Text>,
    /// One sentence.
    pub summary: Sentence,
    /// The facts that prove it.
    pub evidence: Vec<Evidence>,
    /// What repairs it.
    #[serde(rename = "fixes")]
    pub remedies: Vec<Remedy>,
    /// Where it stands.
    #[serde(flatten)]
    pub place: Option<Place>,
}

/// What became of the question that a check asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// It is so.
    Found,
    /// It could have been, and a fact says that it is not.
    RuledOut {
        /// The fact.
        because: Sentence,
    },
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Of little harm.
    Low,
    /// Of some harm.
    Medium,
    /// Of great harm.
    High,
    /// To be mended at once.
    Critical,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The file.
    pub file: Text,
    /// Its line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl Finding {
    /// Something that is so, with its proof and what repairs it.
    pub fn new(
        code: impl Into<String>,
        likelihood: Likelihood,
        summary: impl Into<Sentence>,
        evidence: Vec<Evidence>,
        remedies: Vec<Remedy>,
    ) -> Self {
        let (code, summary, status) = (code.into(), summary.into(), Status::Found);
        Self { code, status, likelihood, severity: None, subject: None, summary, evidence, remedies, place: None }
    }

    /// Something that could have been and is not, by this fact.
    pub fn ruled_out(code: impl Into<String>, summary: impl Into<Sentence>, because: impl Into<Sentence>) -> Self {
        let status = Status::RuledOut { because: because.into() };
        Self { status, ..Self::new(code, Likelihood::Certain, summary, Vec::new(), Vec::new()) }
    }

    /// The fact that rules it out.
    pub fn because(&self) -> Option<&Sentence> {
        match &self.status {
            Status::Found => None,
            Status::RuledOut { because } => Some(because),
        }
    }
}

/// A group of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// The user that runs it.
    SameUser,
    /// Every other user of this machine.
    OtherUser,
    /// Containers on this machine.
    Container,
    /// Machines on the local network.
    Lan,
    /// Machines on a private overlay network.
    Vpn,
    /// Anyone, by a public address of this machine.
    Internet,
    /// A page open in this machine's browser.
    WebPage,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Edit, Effect, Evidence, Finding, Likelihood, Place, Remedy, Severity};

    fn remedies() -> Vec<Remedy> {
        let edit = Edit { file: "/etc/hosts".into(), line: 3, now: "a".into(), then: vec!["b".into()], after: None };
        vec![
            Remedy::operation("Stop it", Effect::Destroy, "free", json!({ "endpoints": ["3000"] }), "portward free 3000"),
            Remedy::edit("Write it", edit, "portward doctor 3000 --fix"),
            Remedy::change("Wake it", "kill -CONT 12").behind("sudo "),
            Remedy::advice("Ask for more", "listen(fd, 1024) instead of 128", Effect::Change).behind("sudo "),
        ]
    }

    #[test]
    fn a_finding_crosses_json_without_loss() {
        let found = Finding::new("x", Likelihood::Likely, "X.", vec![Evidence::new("a", "b")], remedies());
        let whole = Finding {
            severity: Some(Severity::High),
            subject: Some("tcp/3000".into()),
            place: Some(Place { file: "portward.toml".into(), line: Some(7) }),
            ..found.clone()
        };
        for finding in [found, whole, Finding::ruled_out("y", "y", "z")] {
            let json = serde_json::to_value(&finding).unwrap();
            assert_eq!(serde_json::from_value::<Finding>(json).unwrap(), finding);
        }
    }

    #[test]
    fn what_a_finding_lacks_is_not_written() {
        let json = serde_json::to_value(Finding::new("x", Likelihood::Certain, "X.", Vec::new(), remedies())).unwrap();
        let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["code", "evidence", "fixes", "likelihood", "status", "summary"]);
        let told = |at: usize, key: &str| json["fixes"][at].get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let kinds: Vec<String> = (0..4).map(|at| told(at, "kind")).collect();
        assert_eq!(kinds, ["operation", "edit", "command", "advice"]);
        assert_eq!(
            (told(2, "command").as_str(), told(3, "command").as_str()),
            ("sudo kill -CONT 12", "listen(fd, 1024) instead of 128")
        );
    }
}
