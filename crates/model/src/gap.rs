//! What could not be seen, and what would reveal it.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Hint, Sentence, Text, Transport};

/// A value, or the reason why there is none.
///
/// Portward never prints a guess as a fact: where a fact is out of reach this says so, and [`Need`] says
/// what would bring it into reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen<T> {
    /// The value was read.
    Known(T),
    /// The value exists, and the reader may not see it.
    Hidden(Need),
    /// The thing vanished while it was read.
    Gone,
    /// This kernel or system has no such fact.
    Unsupported,
}

impl<T> Seen<T> {
    /// The value, if it was read.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Hidden(_) | Self::Gone | Self::Unsupported => None,
        }
    }

    /// The same reason, or the value changed by `f`.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::Known(value) => Seen::Known(f(value)),
            Self::Hidden(need) => Seen::Hidden(need),
            Self::Gone => Seen::Gone,
            Self::Unsupported => Seen::Unsupported,
        }
    }
}

/// What would reveal a hidden fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Run as root.
    Root,
    /// Hold this capability (`capabilities(7)`), for example `CAP_SYS_PTRACE`.
    Capability(String),
    /// Change this setting or mount, for example `/proc mounted without hidepid`.
    Setting(String),
    /// Ask again with this command.
    Command(Hint),
    /// Nothing on this system can reveal it.
    Platform,
}

impl Need {
    /// The need as a short phrase, such as `root` or `CAP_SYS_PTRACE`.
    pub fn phrase(&self) -> String {
        match self {
            Self::Root => "root".to_owned(),
            Self::Capability(name) => name.clone(),
            Self::Setting(setting) => setting.clone(),
            Self::Command(command) => command.words().to_owned(),
            Self::Platform => "another system".to_owned(),
        }
    }
}

/// One thing that a reading could not see.
///
/// What is lacking is a value, on which decisions are made; its sentences are made last, and written beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Gap {
    /// What is lacking.
    pub lack: Lack,
    /// What would reveal it.
    pub need: Need,
    /// The system's reason, where it gave one.
    pub error: Option<String>,
}

impl Gap {
    /// What is missing, with its number: `owners of 12 sockets`.
    pub fn what(&self) -> Sentence {
        self.lack.words().0.into()
    }

    /// What its absence does to the answer: `their processes are not named`, and the system's reason.
    pub fn effect(&self) -> Sentence {
        let (_, effect) = self.lack.words();
        match (&self.error, &self.lack) {
            (None, Lack::Dump { .. }) => "the table changed while it was read: single sockets may be missing".into(),
            (Some(error), _) => format!("{effect}: {error}").into(),
            (None, _) => effect.into(),
        }
    }
}

/// Declares what may be lacking: what is missing, and what that does to an answer.
macro_rules! lacks {
    (
        plain { $($plain:ident $missing:literal, $does:literal;)* }
        $(#[doc = $about:literal] $name:ident { $($field:ident: $type:ty),* } $what:expr, $effect:expr;)*
    ) => {
        /// What a reading could not see.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum Lack {
            $(#[doc = $missing] $plain,)*
            $(#[doc = $about] $name { $(#[doc = concat!("`", stringify!($field), "` of:", $about)] $field: $type),* },)*
        }

        impl Lack {
            /// Those without a number or name of their own, which older versions told by their sentences.
            const PLAIN: &[Self] = &[$(Self::$plain),*];

            /// What is missing, and what that does to an answer.
            fn words(&self) -> (Cow<'static, str>, Cow<'static, str>) {
                match self {
                    $(Self::$plain => ($missing.into(), $does.into()),)*
                    $(Self::$name { $($field),* } => ($what.into(), $effect.into()),)*
                }
            }
        }
    };
}

lacks! {
    plain {
        Reader "this machine's name and the reader's rights", "other processes may be named as hidden";
        Sockets "sockets", "they are not listed";
        SocketDetails "socket details and Unix sockets",
            "/proc/net was read instead, which tells no IPV6_V6ONLY, device or control group";
        Namespaces "network namespaces", "only this one is read";
        Interfaces "interfaces", "who can reach a wildcard bind is not known";
        PortRules "the kernel's port settings", "the ephemeral and reserved ranges are not known";
        Connections "connections", "clients are not counted";
        AllOwners "owners of all sockets", "their processes are not named";
        Processes "processes", "owners are known by pid only";
        Arguments "arguments", "what is masked in them is not shown";
        OtherProcesses "processes", "whether one is starting or has crashed is not known";
        UserNames "user names", "users are shown by number";
        Projects "projects", "owners are not placed in a project";
        ProjectFiles "project files", "which of them names the port is not known";
        Containers "containers", "they are known by id only";
        ControlGroups "control groups", "units of hidden owners are not named";
        Sessions "sessions", "those that do not answer at a socket of theirs are not told of";
        Vitals "how processes fare", "whether they are stopped or stuck is not known";
        SocketFile "the socket's file", "whether it exists and may be used is not known";
        Connection "a connection", "what a client meets is not known";
        Future "what happens next", "whether something is starting or crashing is not known";
        FilterTables "tables of the packet filter", "what one of them closes is shown as open";
        Leases "which ports are leased", "the port may belong to a project";
    }
    /// The sockets of one transport; without an error, single ones of a table that changed while it was read.
    Dump { transport: Transport } format!("{} sockets", transport.name()), "they are not listed";
    /// The sockets of another network namespace, by its inode.
    SocketsOf { netns: u64 } format!("sockets of network namespace {netns}"), "they are not listed";
    /// What a wider look would have seen, other namespaces and transports, and what that look lacked.
    Elsewhere { lack: Box<Lack> } "sockets of other namespaces and transports", lack.words().1;
    /// The network namespaces of so many processes, which may not be looked into.
    NamespacesOf { processes: u32 } format!("network namespaces of {}", counted(*processes, "process", "es")),
        "sockets in other namespaces are not listed";
    /// The holders of so many sockets, for so many processes that may not be looked into.
    Owners { sockets: u32, processes: u32 }
        if *sockets == 1 { "the owner of 1 socket".to_owned() } else { format!("owners of {sockets} sockets") },
        format!("{} may not be looked into; user and control group are shown instead", counted(*processes, "process", "es"));
    /// The names of containers, which the runtime behind this socket knows.
    ContainerNames { at: Text } format!("names of containers at {at}"), "containers are named by their id";
    /// What a run had to say, in so many lines.
    Lines { lines: u32 } format!("{} of this run", counted(*lines, "line", "s")), "not said, since nobody read standard error";
    /// A folder for leases that outlasts this run of the machine: why there is none, and where they stand instead.
    LastingFolder { why: Sentence, folder: Text } format!("a lasting place for leases: {why}"),
        format!("they stand in {folder} and end with this run of the machine");
    /// What a session does whose supervisor lives and does not answer.
    Session { pid: u32 } format!("the session of supervisor {pid}"),
        "it does not answer, and what it serves is not known; its programs are told as the kernel knows them";
    /// Told in sentences alone, as by older versions.
    Told { what: String, effect: String } what.clone(), effect.clone();
}

/// `1 process`, `12 processes`.
fn counted(number: u32, noun: &str, ending: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { ending })
}

/// A gap as it is written: the sentences, and the values that they were made of.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Gap")]
struct Written {
    /// What is missing.
    what: String,
    /// What would reveal it.
    need: NeedWords,
    /// What its absence does to the answer.
    effect: String,
    /// What is missing, as a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lack: Option<Lack>,
    /// What would reveal it, as a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    needs: Option<Need>,
    /// The system's reason, where it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The phrase of a need; in snapshots of older versions the need itself.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum NeedWords {
    Value(Need),
    Phrase(String),
}

impl JsonSchema for NeedWords {
    fn schema_name() -> Cow<'static, str> {
        "NeedWords".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

impl From<Gap> for Written {
    fn from(gap: Gap) -> Self {
        let (what, effect) = (gap.what().to_string(), gap.effect().to_string());
        let Gap { lack, need, error } = gap;
        Self { what, need: NeedWords::Phrase(need.phrase()), effect, lack: Some(lack), needs: Some(need), error }
    }
}

impl From<Written> for Gap {
    fn from(written: Written) -> Self {
        let Written { what, need, effect, lack, needs, error } = written;
        let need = needs.unwrap_or(match need {
            NeedWords::Value(need) => need,
            NeedWords::Phrase(phrase) => Need::Setting(phrase),
        });
        if let Some(lack) = lack {
            return Self { lack, need, error };
        }
        let told = Lack::PLAIN.iter().find_map(|lack| {
            let (own, plain) = lack.words();
            let error = effect.strip_prefix(plain.as_ref()).filter(|_| what == own)?.strip_prefix(": ").map(str::to_owned);
            Some((lack.clone(), error))
        });
        let (lack, error) = told.unwrap_or((Lack::Told { what, effect }, None));
        Self { lack, need, error }
    }
}

impl JsonSchema for Gap {
    fn schema_name() -> Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Written::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::{Gap, Lack, Need};

    #[test]
    fn a_gap_is_read_back_from_what_it_is_made_of() {
        let owners = Gap { lack: Lack::Owners { sockets: 12, processes: 1 }, need: Need::Root, error: None };
        let written = serde_json::to_value(&owners).unwrap();
        assert_eq!(written["what"], "owners of 12 sockets");
        assert_eq!(written["need"], "root");
        assert_eq!(written["effect"], "1 process may not be looked into; user and control group are shown instead");
        assert_eq!(written["lack"]["sockets"], 12);
        assert_eq!(serde_json::from_value::<Gap>(written).unwrap(), owners);
    }

    #[test]
    fn gaps_of_older_snapshots_are_read() {
        for lack in Lack::PLAIN.iter().cloned() {
            let gap = Gap { lack, need: Need::Capability("CAP_SYS_PTRACE".to_owned()), error: Some("no: not now".to_owned()) };
            let older = serde_json::json!({ "what": gap.what(), "need": gap.need, "effect": gap.effect() });
            assert_eq!(serde_json::from_value::<Gap>(older).unwrap(), gap);
        }
        let odd = serde_json::json!({ "what": "owners of 3 sockets", "need": { "setting": "hidepid" }, "effect": "so it is" });
        let odd: Gap = serde_json::from_value(odd).unwrap();
        assert_eq!((odd.what().to_string().as_str(), odd.effect().to_string().as_str()), ("owners of 3 sockets", "so it is"));
        assert_eq!(odd.need.phrase(), "hidepid");
    }
}
