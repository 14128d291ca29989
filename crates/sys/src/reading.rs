//! Every reading of a machine, declared once: its question, its answer, and the call that asks.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use portward_model::{
    CommandLine, Container, Counters, Errand, Gap, Holding, HostFacts, Interface, Learnt, Mention, Namespace, Need, PathFacts,
    PortRules, Process, ProcessId, Project, ProjectIdentity, ProxySetting, Route, Seen, Socket, SocketOptions, Text, Told, Topic,
    Transport, Users, Vitals, topics,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Ask, Beyond, Depth, FilterTable, Holders, Partial, Sources, SysError, Which};

/// The call of one reading. Where a failure would tell no more than a value does, `or` names that value.
macro_rules! call {
    ($(#[$doc:meta])* $name:ident $Name:ident ($($arg:ident: $kind:ty),*) $answer:ty, ) => {
        $(#[$doc])*
        #[allow(clippy::extra_unused_lifetimes)] // Of a question that borrows nothing.
        fn $name<'a>(&self, $($arg: $kind),*) -> Result<$answer, SysError> {
            match self.read(&Reading::$Name($($arg),*), &mut |_| ())? {
                Answer::$Name(answer) => Ok(answer),
                _ => Err(SysError::mismatch(stringify!($name))),
            }
        }
    };
    ($(#[$doc:meta])* $name:ident $Name:ident ($($arg:ident: $kind:ty),*) $answer:ty, or $otherwise:expr) => {
        $(#[$doc])*
        #[allow(clippy::extra_unused_lifetimes)] // Of a question that borrows nothing.
        fn $name<'a>(&self, $($arg: $kind),*) -> $answer {
            match self.read(&Reading::$Name($($arg),*), &mut |_| ()) {
                Ok(Answer::$Name(answer)) => answer,
                _ => $otherwise,
            }
        }
    };
    ($(#[$doc:meta])* $name:ident $Name:ident ($($arg:ident: $kind:ty),*) $answer:ty, to $each:ident) => {
        $(#[$doc])*
        fn $name<'a>(&self, $($arg: $kind,)* $each: &mut dyn FnMut(Socket)) -> Result<$answer, SysError> {
            match self.read(&Reading::$Name($($arg),*), $each)? {
                Answer::$Name(answer) => Ok(answer),
                _ => Err(SysError::mismatch(stringify!($name))),
            }
        }
    };
}

/// One line for each reading: what it is called among people, its call, its variant, its answer.
macro_rules! readings {
    (
        topics { $($called:literal $topic:ident $Topic:ident -> $learnt:ty;)* }
        $(
            $(#[$doc:meta])*
            $words:literal $name:ident $Name:ident ($($arg:ident: $kind:ty),*) -> $answer:ty $(, $how:ident $extra:tt)?;
        )*
    ) => {
        /// A question to a machine.
        #[derive(Clone, Copy, Debug)]
        pub enum Reading<'a> {
            $($(#[$doc])* $Name($($kind),*),)*
            /// What concerns the machine as a whole.
            Topic(Topic),
        }

        /// What a machine answers; each [`Reading`] has the variant of its own name.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Answer {
            $($(#[$doc])* $Name($answer),)*
            $(#[doc = $called] $Topic($learnt),)*
        }

        impl Reading<'_> {
            /// The name of its call.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$Name(..) => stringify!($name),)*
                    $(Self::Topic(Topic::$Topic) => stringify!($topic),)*
                }
            }

            /// What it is called among people: `the route to an address`.
            pub fn words(&self) -> &'static str {
                match self {
                    $(Self::$Name(..) => $words,)*
                    $(Self::Topic(Topic::$Topic) => $called,)*
                }
            }
        }

        /// A machine that may be read. Nothing here changes it, and nobody else can notice: to wait is to look later, and a
        /// socket that is bound in order to see whether it can be never listens and is closed at once.
        ///
        /// Every reading goes through [`Look::read`], so that a recorder, a tape and a test that makes the n-th one fail are
        /// one function each.
        pub trait Look: Send + Sync {
            /// The door: answers one question. Sockets are handed to `each` as they are decoded, and never kept.
            fn read(&self, reading: &Reading<'_>, each: &mut dyn FnMut(Socket)) -> Result<Answer, SysError>;

            /// What is read beside the machine and belongs into its recording all the same, such as the user's own leases:
            /// found here, noted by a recorder, and told by a tape without looking; null where a tape has none.
            fn noted(&self, _what: &str, find: &mut dyn FnMut() -> Value) -> Value {
                find()
            }

            $(call!($(#[$doc])* $name $Name ($($arg: $kind),*) $answer, $($how $extra)?);)*

            $(
                #[doc = $called]
                fn $topic(&self) -> Result<$learnt, SysError> {
                    match self.read(&Reading::Topic(Topic::$Topic), &mut |_| ())? {
                        Answer::$Topic(learnt) => Ok(learnt),
                        _ => Err(SysError::mismatch(stringify!($topic))),
                    }
                }
            )*

            /// What it has to say of a topic.
            fn learn(&self, topic: Topic) -> Result<Learnt, SysError> {
                match topic { $(Topic::$Topic => self.$topic().map(Learnt::$Topic),)* }
            }
        }
    };
}

topics! { readings! {
    /// The machine and the reader.
    "name of its machine" facts Facts() -> HostFacts;

    /// Time since some moment before this program began, never set back.
    "time" elapsed Elapsed() -> Duration, or {Duration::ZERO};

    /// Network namespaces, the reader's own first. `which` limits the search to what will be read.
    "network namespaces" namespaces Namespaces(which: &'a Which) -> Partial<Vec<Namespace>>;

    /// Sockets of the namespaces, each handed to `each` as it is decoded.
    "sockets" sockets Sockets(ask: &'a Ask, namespaces: &'a [Namespace]) -> Vec<Gap>, to each;

    /// What the kernel's own counters say of TCP sockets that do not listen, given how many do in the reader's
    /// namespace. A table that holds none need not be walked.
    "counters of sockets" beyond_listeners BeyondListeners(listeners: usize) -> Beyond, or {Beyond::UNKNOWN};

    /// Who holds these sockets.
    "owners of sockets" holders Holders(sockets: &'a [Socket], depth: Depth) -> Holders;

    /// The processes with these pids and all their ancestors; those that vanished are left out.
    "processes" processes Processes(pids: &'a [u32]) -> Vec<Process>;

    /// The processes with these pids alone; those that vanished are left out.
    "processes" alone Alone(pids: &'a [u32]) -> Vec<Process>;

    /// Those of these processes that have not ended, by one small file each.
    "lives of processes" living Living(processes: &'a [ProcessId]) -> Vec<ProcessId>;

    /// The arguments as they are, of those of these processes whose user the reader is; of all where the reader is root. A
    /// recording has none, and makes none.
    "unmasked arguments" arguments Arguments(processes: &'a [ProcessId]) -> Vec<(ProcessId, CommandLine)>;

    /// Every process that this reader can see, with command lines where they are readable.
    "all processes" every_process EveryProcess() -> Vec<Process>;

    /// Pids of processes whose parent, by any number of steps, is `root`, nearest first.
    "process trees" descendants Descendants(root: u32) -> Vec<u32>;

    /// Interfaces of the reader's namespace with their addresses.
    "interfaces" interfaces Interfaces() -> Vec<Interface>;

    /// The kernel's port rules in the reader's namespace.
    "port rules" port_rules PortRules() -> PortRules;

    /// User names.
    "user names" users Users() -> Users;

    /// The project of each directory that belongs to one. Pairs are the pid that the directory was read from, and the directory. A
    /// file system that does not answer in time is a gap.
    "projects" projects Projects(directories: &'a [(u32, Text)]) -> Partial<Vec<(Text, Project)>>;

    /// The project that a directory of this machine belongs to, with what makes it the same one again.
    "projects of directories" project_at ProjectAt(directory: &'a Path) -> Option<ProjectIdentity>;

    /// Containers by the runtimes whose sockets are named; a runtime that does not answer in time is a gap.
    "containers" containers Containers(runtimes: &'a [Text]) -> Partial<Vec<Container>>;

    /// Paths of version 2 control groups by id.
    "control groups" cgroups Cgroups(ids: &'a [u64]) -> Vec<(u64, Text)>;

    /// What a name means here, first choice first.
    "answer of its resolver" resolve Resolve(name: &'a str) -> Vec<IpAddr>;

    /// The same, by this time: `TimedOut` while the resolver still looks, and whoever asks for the name again goes on with that search.
    "answer of its resolver" resolve_soon ResolveSoon(name: &'a str, patience: Duration) -> Vec<IpAddr>;

    /// How a packet to an address would be sent.
    "route" route Route(target: IpAddr, interface: u32) -> Route;

    /// Options of a socket, read from a copy of its holder's descriptor.
    "socket options" options Options(holding: &'a Holding) -> Seen<SocketOptions>, or {Seen::Hidden(Need::Root)};

    /// True when a supervisor opened the process's sockets and started it for them (`LISTEN_PID`, `LISTEN_FDS`).
    "word of a supervisor" activated Activated(pid: u32) -> Seen<bool>, or {Seen::Hidden(Need::Root)};

    /// True when a file stands at this path.
    "paths" path_exists PathExists(path: &'a Text) -> Seen<bool>, or {Seen::Unsupported};

    /// True when this reader could make a file at this path: its folder is there and writable.
    "rights in folders" may_create MayCreate(path: &'a Text) -> Seen<bool>, or {Seen::Unsupported};

    /// Tries to bind a throw-away socket, with or without `SO_REUSEADDR`, and closes it at once; never listens.
    /// `Ok(None)` when the bind succeeded, otherwise the system's error number and words.
    "bind" try_bind TryBind(transport: Transport, address: SocketAddr, reuse: bool) -> Option<(i32, String)>;

    /// The packet filter's tables of the family `inet` whose names begin like this, in the network namespace that this
    /// process is in.
    "packet filter tables" filter_tables FilterTables(prefix: &'a str) -> Vec<FilterTable>;

    /// How these processes fare; those that vanished are left out. With `over`, processor time is compared
    /// across that time.
    "word of how processes fare" vitals Vitals(pids: &'a [u32], over: Duration) -> Vec<Vitals>;

    /// The counters of the reader's network namespace (`/proc/net/snmp`, `snmp6`, `netstat`).
    "counters" counters Counters() -> Counters;

    /// Proxies that the reader's environment names, without their credentials.
    "proxies" proxies Proxies() -> Vec<ProxySetting>, or {Vec::new()};

    /// What stands at a path.
    "paths" path Path(path: &'a Text) -> PathFacts;

    /// What stands at a path as a process sees it, below its own root.
    "paths of other processes" path_below PathBelow(pid: u32, path: &'a Text) -> PathFacts;

    /// Lines that name one of these ports in the well-known files of these folders and in systemd units.
    "project files" mentions Mentions(folders: &'a [Text], ports: &'a [u16]) -> Vec<Mention>;

    /// The files below this folder that are known by their names, with what they say. A recording has none, and makes none: there
    /// are secrets in them.
    "files of a project" sources Sources(root: &'a Path) -> Sources;

    /// Which of these processes were told to serve this port, by their environments and the scripts that they run. Of an
    /// environment nothing else is kept. Processes that may not be looked into are left out.
    "word of what processes were told" told Told(processes: &'a [Process], port: u16) -> Vec<Told>;

    /// Which of these processes serve one client and end, by the scripts that they run.
    "scripts of processes" errands Errands(processes: &'a [Process]) -> Vec<Errand>;

    /// Waits until all these processes have ended, or the time is over. Returns those that live.
    "ends of processes" wait_for_exit WaitForExit(processes: &'a [ProcessId], timeout: Duration) -> Vec<ProcessId>;

    /// Waits until a socket closes, a Unix path in `directories` changes, or the time is over.
    "changes" wait_for_change WaitForChange(directories: &'a [PathBuf], timeout: Duration) -> ();

    /// Waits. A recorded machine does not.
    "waiting" pause Pause(time: Duration) -> (), or {};
} }

/// What is found beside a machine, noted as [`Look::noted`] says; the default where a tape has none.
pub fn noted<T: Serialize + DeserializeOwned + Default>(machine: &dyn Look, what: &str, find: impl Fn() -> T) -> T {
    let value = machine.noted(what, &mut || serde_json::to_value(find()).unwrap_or_default());
    serde_json::from_value(value).unwrap_or_default()
}

impl Reading<'_> {
    /// The question as a tape keeps it: equal for equal questions, on every machine. Sockets and processes stand for
    /// themselves by what identifies them.
    pub(crate) fn question(&self) -> String {
        let name = self.name();
        match self {
            Self::Sockets(ask, namespaces) => {
                let inodes: Vec<u64> = namespaces.iter().map(|namespace| namespace.inode).collect();
                format!("{name}({ask:?}, {inodes:?})")
            }
            Self::Holders(sockets, depth) => {
                let ids: Vec<(u64, u64)> = sockets.iter().map(|socket| (socket.inode, socket.cookie)).collect();
                format!("{name}({ids:?}, {depth:?})")
            }
            Self::Told(processes, port) => {
                let pids: Vec<u32> = processes.iter().map(|process| process.id.pid).collect();
                format!("{name}({pids:?}, {port})")
            }
            Self::Errands(processes) => {
                let pids: Vec<u32> = processes.iter().map(|process| process.id.pid).collect();
                format!("{name}({pids:?})")
            }
            Self::Topic(_) => format!("{name}()"),
            _ => {
                let debugged = format!("{self:?}");
                let arguments = debugged.find('(').and_then(|at| debugged.get(at..)).unwrap_or("()");
                format!("{name}{arguments}")
            }
        }
    }
}
