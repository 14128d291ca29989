//! What could not be seen, and what would reveal it.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Text, Transport};

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
    Command(String),
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
            Self::Command(command) => command.clone(),
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
    pub fn what(&self) -> Cow<'static, str> {
        self.lack.words().0
    }

    /// What its absence does to the answer: `their processes are not named`, and the system's reason.
    pub fn effect(&self) -> String {
        let (_, effect) = self.lack.words();
        match (&self.error, &self.lack) {
            (None, Lack::Dump { .. }) => "the table changed while it was read: single sockets may be missing".to_owned(),
            (Some(error), _) => format!("{effect}: {error}"),
            (None, _) => effect.into_owned(),
        }
    }
}

/// What a reading could not see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Lack {
    /// The name of the machine and the rights of its reader.
    Reader,
    /// Every socket.
    Sockets,
    /// The sockets of one transport; without an error, single ones of a table that changed while it was read.
    Dump {
        /// Theirs.
        transport: Transport,
    },
    /// What netlink tells of sockets beside their addresses, and Unix sockets.
    SocketDetails,
    /// The sockets of another network namespace.
    SocketsOf {
        /// Its inode.
        netns: u64,
    },
    /// What a wider look would have seen: other namespaces, other transports.
    Elsewhere {
        /// What that look lacked.
        lack: Box<Lack>,
    },
    /// All network namespaces but the reader's own.
    Namespaces,
    /// The network namespaces of processes that may not be looked into.
    NamespacesOf {
        /// How many there are.
        processes: u32,
    },
    /// Interfaces and their addresses.
    Interfaces,
    /// The kernel's settings for ports.
    PortRules,
    /// Connections, and so the clients of listeners.
    Connections,
    /// The holders of every socket.
    AllOwners,
    /// The holders of some sockets.
    Owners {
        /// How many sockets.
        sockets: u32,
        /// How many processes may not be looked into.
        processes: u32,
    },
    /// The processes that hold sockets.
    Processes,
    /// All other processes.
    OtherProcesses,
    /// Names of users.
    UserNames,
    /// Projects.
    Projects,
    /// Project files.
    ProjectFiles,
    /// Containers.
    Containers,
    /// The names of containers.
    ContainerNames {
        /// The socket of the runtime that knows them.
        at: Text,
    },
    /// Control groups.
    ControlGroups,
    /// Whether processes are stopped, stuck or short of something.
    Vitals,
    /// The file of a Unix socket.
    SocketFile,
    /// What a connection meets.
    Connection,
    /// What goes on while one watches.
    Future,
    /// Tables of the packet filter.
    FilterTables,
    /// Which ports are leased.
    Leases,
    /// What a run had to say.
    Lines {
        /// How many lines.
        lines: u32,
    },
    /// A folder for leases that outlasts this run of the machine.
    LastingFolder {
        /// Why there is none.
        why: String,
        /// Where they stand instead.
        folder: Text,
    },
    /// Told in sentences alone, as by older versions.
    Told {
        /// What is missing.
        what: String,
        /// What that does to the answer.
        effect: String,
    },
}

impl Lack {
    /// What is missing, and what that does to an answer.
    fn words(&self) -> (Cow<'static, str>, Cow<'static, str>) {
        let (what, effect) = match self {
            Self::Dump { transport } => return (format!("{} sockets", transport.name()).into(), "they are not listed".into()),
            Self::SocketsOf { netns } => {
                return (format!("sockets of network namespace {netns}").into(), "they are not listed".into());
            }
            Self::Elsewhere { lack } => return ("sockets of other namespaces and transports".into(), lack.words().1),
            Self::NamespacesOf { processes } => {
                let effect = "sockets in other namespaces are not listed";
                return (format!("network namespaces of {}", counted(*processes, "process", "es")).into(), effect.into());
            }
            Self::Owners { sockets, processes } => {
                let what =
                    if *sockets == 1 { "the owner of 1 socket".to_owned() } else { format!("owners of {sockets} sockets") };
                let hidden = counted(*processes, "process", "es");
                let effect = format!("{hidden} may not be looked into; user and control group are shown instead");
                return (what.into(), effect.into());
            }
            Self::Lines { lines } => {
                let effect = "not said, since nobody read standard error";
                return (format!("{} of this run", counted(*lines, "line", "s")).into(), effect.into());
            }
            Self::ContainerNames { at } => {
                return (format!("names of containers at {at}").into(), "containers are named by their id".into());
            }
            Self::LastingFolder { why, folder } => {
                let effect = format!("they stand in {folder} and end with this run of the machine");
                return (format!("a lasting place for leases: {why}").into(), effect.into());
            }
            Self::Told { what, effect } => return (what.clone().into(), effect.clone().into()),
            Self::Reader => ("this machine's name and the reader's rights", "other processes may be named as hidden"),
            Self::Sockets => ("sockets", "they are not listed"),
            Self::SocketDetails => (
                "socket details and Unix sockets",
                "/proc/net was read instead, which tells no IPV6_V6ONLY, device or control group",
            ),
            Self::Namespaces => ("network namespaces", "only this one is read"),
            Self::Interfaces => ("interfaces", "who can reach a wildcard bind is not known"),
            Self::PortRules => ("the kernel's port settings", "the ephemeral and reserved ranges are not known"),
            Self::Connections => ("connections", "clients are not counted"),
            Self::AllOwners => ("owners of all sockets", "their processes are not named"),
            Self::Processes => ("processes", "owners are known by pid only"),
            Self::OtherProcesses => ("processes", "whether one is starting or has crashed is not known"),
            Self::UserNames => ("user names", "users are shown by number"),
            Self::Projects => ("projects", "owners are not placed in a project"),
            Self::ProjectFiles => ("project files", "which of them names the port is not known"),
            Self::Containers => ("containers", "they are known by id only"),
            Self::ControlGroups => ("control groups", "units of hidden owners are not named"),
            Self::FilterTables => ("tables of the packet filter", "what one of them closes is shown as open"),
            Self::Leases => ("which ports are leased", "the port may belong to a project"),
            Self::Vitals => ("how processes fare", "whether they are stopped or stuck is not known"),
            Self::SocketFile => ("the socket's file", "whether it exists and may be used is not known"),
            Self::Connection => ("a connection", "what a client meets is not known"),
            Self::Future => ("what happens next", "whether something is starting or crashing is not known"),
        };
        (what.into(), effect.into())
    }

    /// Those without a number or name of their own, which older versions told by their sentences.
    const PLAIN: [Self; 19] = [
        Self::Reader,
        Self::Sockets,
        Self::SocketDetails,
        Self::Namespaces,
        Self::Interfaces,
        Self::PortRules,
        Self::Connections,
        Self::AllOwners,
        Self::Processes,
        Self::OtherProcesses,
        Self::UserNames,
        Self::Projects,
        Self::ProjectFiles,
        Self::Containers,
        Self::ControlGroups,
        Self::Vitals,
        Self::SocketFile,
        Self::Connection,
        Self::Future,
    ];
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
        let (what, effect) = (gap.what().into_owned(), gap.effect());
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
        let told = Lack::PLAIN.into_iter().find_map(|lack| {
            let (own, plain) = lack.words();
            let error = effect.strip_prefix(plain.as_ref()).filter(|_| what == own)?.strip_prefix(": ").map(str::to_owned);
            Some((lack, error))
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
        for lack in Lack::PLAIN {
            let gap = Gap { lack, need: Need::Capability("CAP_SYS_PTRACE".to_owned()), error: Some("no: not now".to_owned()) };
            let older = serde_json::json!({ "what": gap.what(), "need": gap.need, "effect": gap.effect() });
            assert_eq!(serde_json::from_value::<Gap>(older).unwrap(), gap);
        }
        let odd = serde_json::json!({ "what": "owners of 3 sockets", "need": { "setting": "hidepid" }, "effect": "so it is" });
        let odd: Gap = serde_json::from_value(odd).unwrap();
        assert_eq!((odd.what().as_ref(), odd.effect().as_str()), ("owners of 3 sockets", "so it is"));
        assert_eq!(odd.need.phrase(), "hidepid");
    }
}
