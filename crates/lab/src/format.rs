//! The file of a lab: the types that it is read into. Anything that is not named here is refused.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One fault, as its file declares it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lab {
    /// Its name, which is the file's name; by custom the code of the cause, with more behind it where a cause has several labs.
    pub name: String,
    /// What is wrong, in a few words, without giving the cause away.
    pub title: String,
    /// What it looks like from outside.
    pub group: Group,
    /// The code of the cause that the doctor should name, in kebab-case.
    pub cause: String,
    /// What the learner wants to do.
    pub question: Question,
    /// Where: `127.0.0.1:3000`, `[::1]:3000`, `localhost:3000`, or `unix:/run/app.sock`.
    pub target: String,
    /// What the client of the scene says once it is connected.
    #[serde(default)]
    pub ask: Ask,
    /// Text that a right answer contains; where it is left out any answer of the right protocol will do.
    pub wants: Option<String>,
    /// What the client of the scene meets in the fault. Tests hold the scene against it.
    pub symptom: Sight,
    /// What a well-known program prints at this fault.
    pub paste: Option<String>,
    /// What happened, in one or two sentences, as the learner would tell it to a colleague.
    pub story: String,
    /// The processes of the scene, in the order in which they start.
    #[serde(default, rename = "service")]
    pub services: Vec<Service>,
    /// The rules of the scene.
    #[serde(default)]
    pub world: World,
    /// Three hints, from vague to exact.
    pub hints: Vec<String>,
    /// How a right repair is recognised.
    #[serde(default)]
    pub repair: Repair,
    /// A shell command that repairs it. Tests run it.
    pub solution: String,
    /// The same scene, healthy.
    pub twin: Twin,
}

/// What a fault looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Connection refused.
    Refused,
    /// Nothing comes back.
    Hangs,
    /// A bind finds the address in use.
    InUse,
    /// A rule, an address or a name forbids it.
    Denied,
    /// It connects, then goes wrong.
    AfterConnect,
}

/// What the learner wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Reach a server.
    Connect,
    /// Be one: bind, and listen. The try binds with `SO_REUSEADDR` unless [`Repair::plain_bind`] is set, and never listens.
    Listen,
}

/// What the client of a scene says once it is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Nothing: being connected is all that it wants.
    Nothing,
    /// An HTTP request; an answer is right when its status is below 400 and no redirection.
    #[default]
    Http,
    /// A TLS greeting; an answer is right when it is one, too.
    Tls,
    /// Nothing, but it wants to hear something.
    Banner,
}

/// What a try meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sight {
    /// A right answer; with [`Ask::Nothing`], a connection.
    Answers,
    /// An answer that is not what a client of this kind wants.
    Wrong,
    /// Of sixteen tries (and of both families, for `localhost`), some find a right answer and some do not.
    Mixed,
    /// A connection, and then nothing.
    Silent,
    /// A connection that the other side ends without an answer.
    Closed,
    /// A connection that the other side tears down.
    Reset,
    /// `ECONNREFUSED`.
    Refused,
    /// No connection in time.
    Timeout,
    /// `ENETUNREACH` or `EHOSTUNREACH`.
    Unreachable,
    /// `EADDRNOTAVAIL`.
    NotAvailable,
    /// `EACCES`.
    Denied,
    /// `EPERM`.
    NotPermitted,
    /// `ENOENT`: no such Unix path.
    Missing,
    /// The name means no address.
    Unresolved,
    /// `EADDRINUSE`.
    InUse,
    /// The bind succeeds.
    Bound,
    /// Any other error.
    Failed,
}

/// One process of a scene: this program in a role, or a real program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Its name in the scene, and the command that starts and stops it inside: `web start`.
    #[serde(rename = "as")]
    pub name: String,
    /// What it does: the name of a role.
    pub role: String,
    /// What its command line shows; its name where it is left out. The process's short name follows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// False for one that runs only once somebody starts it.
    #[serde(default = "yes")]
    pub start: bool,
    /// The state that it is put into when it is ready.
    #[serde(default)]
    pub state: State,
    /// In a network namespace of its own, with `lo` up, that nothing else joins.
    #[serde(default)]
    pub apart: bool,
    /// The most descriptors that it may hold (`RLIMIT_NOFILE`).
    pub descriptors: Option<u32>,
    /// What its role is told, such as `listen = "127.0.0.1:3000"`. The roles say what they take.
    #[serde(flatten)]
    pub settings: BTreeMap<String, toml::Value>,
}

fn yes() -> bool {
    true
}

/// The state of a service that is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It runs.
    #[default]
    Running,
    /// It is stopped (`SIGSTOP`).
    Stopped,
    /// Another process traces it and has stopped it, as a debugger does at a breakpoint.
    Traced,
}

/// The rules of a scene, in force before its first process starts. Everything is private to the scene.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// `lo` is left down.
    pub loopback_down: bool,
    /// Settings of the network, such as `net.ipv4.ip_unprivileged_port_start`.
    pub sysctl: BTreeMap<String, String>,
    /// What `/etc/hosts` holds; the machine's own where it is left out.
    pub hosts: Option<String>,
    /// Programs that the commands need, such as `nft`. The lab names the Debian package where one is missing.
    pub needs: Vec<String>,
    /// Shell commands, such as `nft add rule ...` or `ip link set lo mtu 1000`. Run before the services start.
    pub commands: Vec<String>,
    /// Shell commands that run when all services are ready.
    pub after: Vec<String>,
    /// Capabilities that the try, the learner's shell and their programs lack, such as `net_bind_service`; `all` for an ordinary
    /// user's powers.
    pub without: Vec<String>,
    /// What the sandbox of the scene is made of. The try runs in it, and inside the command `sandbox PROGRAM...` runs a program in it.
    /// The file `policy` says what it denies: with Landlock the ports to which a TCP connection is allowed, with seccomp the system
    /// calls that are refused, in words.
    pub sandbox: Option<Sandbox>,
    /// Processes of others are hidden (`hidepid=2`); say `without = ["all"]` too, for who may trace sees all.
    pub hide_processes: bool,
    /// Variables of the learner's shell and its programs.
    pub environment: BTreeMap<String, String>,
    /// Files below `/tmp/lab`, where the services run.
    pub files: BTreeMap<String, String>,
}

/// What makes a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sandbox {
    /// Landlock, landlock(7): a denied connection fails with `EACCES`.
    Landlock,
    /// A system-call filter, seccomp(2): a denied call fails with `EPERM`.
    Seccomp,
}

/// How a right repair is recognised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Repair {
    /// What the try must meet: `answers` for a client, `bound` for a server, where it is left out.
    pub sight: Option<Sight>,
    /// Services that must be alive and running, so that ending them is no repair.
    pub alive: Vec<String>,
    /// The try to bind does not set `SO_REUSEADDR`.
    pub plain_bind: bool,
}

/// The same scene, healthy: what differs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Twin {
    /// Services that are left out.
    pub without: Vec<String>,
    /// Services whose settings differ, by name: `change.web = { listen = "0.0.0.0:3000" }`. A `state` can only become `running`.
    pub change: BTreeMap<String, BTreeMap<String, toml::Value>>,
    /// Rules that hold instead of the lab's; the lab's own where it is left out.
    pub world: Option<World>,
    /// Services more.
    #[serde(rename = "service")]
    pub services: Vec<Service>,
}

impl Service {
    /// Changes one of its settings, of its own or of its role.
    pub fn set(&mut self, key: &str, value: toml::Value) {
        match (key, &value) {
            ("start", toml::Value::Boolean(start)) => self.start = *start,
            ("apart", toml::Value::Boolean(apart)) => self.apart = *apart,
            ("descriptors", toml::Value::Integer(most)) => self.descriptors = u32::try_from(*most).ok(),
            ("state", _) => self.state = State::Running,
            _ => {
                self.settings.insert(key.to_owned(), value);
            }
        }
    }
}

impl Lab {
    /// Reads a lab from its file's text.
    pub fn read(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// What the try must meet once the lab is repaired, or in its twin.
    pub fn healthy(&self) -> Sight {
        self.repair.sight.unwrap_or(match self.question {
            Question::Connect => Sight::Answers,
            Question::Listen => Sight::Bound,
        })
    }

    /// The same scene, healthy: this lab with its twin's settings.
    #[must_use]
    pub fn into_twin(mut self) -> Self {
        let twin = std::mem::take(&mut self.twin);
        self.services.retain(|service| !twin.without.contains(&service.name));
        for service in &mut self.services {
            for (key, value) in twin.change.get(&service.name).into_iter().flatten() {
                service.set(key, value.clone());
            }
        }
        if let Some(world) = twin.world {
            self.world = world;
        }
        self.services.extend(twin.services);
        self.symptom = self.healthy();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{Lab, Sight};

    const LAB: &str = r#"
        name = "no-listener"
        title = "t"
        group = "refused"
        cause = "no-listener"
        question = "connect"
        target = "127.0.0.1:3000"
        symptom = "refused"
        story = "s"
        hints = ["a", "b", "c"]
        solution = "web start"
        [[service]]
        as = "web"
        role = "http"
        start = false
        listen = "127.0.0.1:3000"
        [twin.change.web]
        start = true
        listen = "0.0.0.0:3000"
    "#;

    #[test]
    fn a_file_is_read_and_has_a_healthy_twin() {
        let lab = Lab::read(LAB).unwrap();
        assert!(!lab.services[0].start);
        let twin = lab.into_twin();
        assert!(twin.services[0].start);
        assert_eq!(twin.services[0].settings["listen"].as_str(), Some("0.0.0.0:3000"));
        assert_eq!(twin.symptom, Sight::Answers);
    }

    #[test]
    fn what_has_no_name_is_refused() {
        assert!(Lab::read(&format!("colour = 1\n{LAB}")).is_err());
        assert!(Lab::read(&LAB.replace("hints", "hint")).is_err());
        assert!(Lab::read(&format!("{LAB}\n[world]\nsysctls = {{}}")).is_err());
    }
}
