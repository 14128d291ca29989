//! Cases for tests, built a fact at a time.

use std::net::SocketAddr;

use portward_model::{
    Attempt, DialTarget, Ended, Examination, Exchange, FileKind, FirewallRule, Mention, MentionKind, Met, Moved, PathFacts,
    Queue, Removal, RuleVerdict, Said, Sample, Seen, Snapshot, Text, Thread, Told, Transport, Vitals,
};

use super::{Asked, Asking, Case};
use crate::{BindAnswer, BindQuestion, Paste, Symptom, bind, fixture::machine};

/// An owned case.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) snapshot: Snapshot,
    pub(crate) exam: Examination,
    pub(crate) asked: Asked,
    pub(crate) paste: Option<Paste>,
    pub(crate) bind: Option<BindAnswer>,
}

impl Scene {
    /// "Why can I not connect to this address", on a machine with nothing on it.
    pub(crate) fn connect(target: &str) -> Self {
        Self::on(machine(), target)
    }

    /// The same, on this machine.
    /// About a text that names no endpoint of this machine.
    pub(crate) fn nowhere() -> Self {
        Self::connect("127.0.0.1:1").but(|scene| scene.asked = Asked::nowhere(Asking::Connect))
    }

    pub(crate) fn on(snapshot: Snapshot, target: &str) -> Self {
        let address: SocketAddr = target.parse().unwrap();
        let asked = Asked {
            asking: Asking::Connect,
            text: target.to_owned(),
            transport: Transport::Tcp,
            name: None,
            addresses: vec![address.ip()],
            host_given: true,
            port: address.port(),
            path: None,
            scheme: None,
            resource: None,
        };
        Self { snapshot, exam: Examination { every_process: true, ..Examination::default() }, asked, paste: None, bind: None }
    }

    /// "Why can I not listen on this address", on this machine, for a program that sets `SO_REUSEADDR` or not.
    pub(crate) fn listen(snapshot: Snapshot, target: &str, reuse: bool) -> Self {
        let mut scene = Self::on(snapshot, target);
        scene.asked.asking = Asking::Listen;
        let mut question = BindQuestion::new(Transport::Tcp, scene.asked.addresses[0], scene.asked.port);
        question.options.reuse_address = reuse;
        scene.bind = Some(bind(&scene.snapshot, &question));
        scene
    }

    /// A path instead of an address.
    pub(crate) fn unix(snapshot: Snapshot, path: &str) -> Self {
        let mut scene = Self::on(snapshot, "127.0.0.1:1");
        scene.asked = Asked {
            text: path.to_owned(),
            transport: Transport::Unix,
            addresses: Vec::new(),
            port: 0,
            path: Some(Text::from(path)),
            ..scene.asked
        };
        scene
    }

    /// A name that was resolved to these addresses.
    pub(crate) fn named(mut self, name: &str, addresses: &[&str]) -> Self {
        self.asked.name = Some(name.to_owned());
        self.asked.text = format!("{name}:{}", self.asked.port);
        self.asked.addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self
    }

    /// With what a program printed, as it was read.
    pub(crate) fn said(mut self, symptom: Symptom, says: Option<&'static str>, line: &str) -> Self {
        self.paste = Some(Paste { says, ..Paste::new(symptom, Text::from(line), 1) });
        self
    }

    /// With a connection that was tried to the first address, or to the path.
    pub(crate) fn tried(mut self, met: Met) -> Self {
        self.exam.attempts.push(self.attempt(met));
        self
    }

    /// With a connection that was tried to another place.
    pub(crate) fn tried_at(mut self, at: &str, met: Met) -> Self {
        let at = DialTarget::Inet(at.parse().expect("an address"));
        self.exam.attempts.push(Attempt { at, ..self.attempt(met) });
        self
    }

    /// The same, with what was said on it.
    pub(crate) fn talked(mut self, said: Said, heard: &[u8], ended: Ended) -> Self {
        let mut attempt = self.attempt(Met::Connected);
        attempt.exchange = Some(Exchange { said, line: None, heard: Text::new(heard), ended, first_ms: 1 });
        attempt.accepted = Some(true);
        self.exam.attempts.push(attempt);
        self
    }

    /// A connection to the first address, or to the path.
    pub(crate) fn attempt(&self, met: Met) -> Attempt {
        let at = match (&self.asked.path, self.asked.addresses.first()) {
            (Some(path), _) => DialTarget::Unix(path.clone()),
            (None, Some(address)) => DialTarget::Inet(SocketAddr::new(*address, self.asked.port)),
            (None, None) => panic!("the scene has no address"),
        };
        Attempt {
            at,
            met,
            took_us: 120,
            rose: [("Tcp.ActiveOpens".to_owned(), 1)].into(),
            meanwhile: Vec::new(),
            queue: None,
            accepted: None,
            exchange: None,
            from: None,
        }
    }

    /// With counters that rose while the last connection was tried.
    pub(crate) fn rose(mut self, counters: &[(&str, u64)]) -> Self {
        let last = self.exam.attempts.last_mut().unwrap();
        last.rose.extend(counters.iter().map(|(name, by)| ((*name).to_owned(), *by)));
        self
    }

    /// With the listener's queue before and after the last connection, as (used, limit, drops).
    pub(crate) fn queue(mut self, before: (u32, u32, u32), after: (u32, u32, u32)) -> Self {
        let queue = |(used, limit, drops)| Queue { used, limit, drops };
        self.exam.attempts.last_mut().unwrap().queue = Some((queue(before), queue(after)));
        self
    }

    /// With anything else changed.
    pub(crate) fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The last connection was not taken by the program.
    pub(crate) fn untaken(mut self) -> Self {
        self.exam.attempts.last_mut().unwrap().accepted = Some(false);
        self
    }

    /// With how a process fares.
    pub(crate) fn vitals(mut self, vitals: Vitals) -> Self {
        self.exam.vitals.push(vitals);
        self
    }

    /// With a line of a file that names a port.
    pub(crate) fn mention(mut self, kind: MentionKind, file: &str, line: u32, text: &str, port: u16) -> Self {
        let whole = Some(Text::from(text));
        self.exam.mentions.push(Mention { file: Text::from(file), line, text: Text::from(text), whole, kind, port });
        self
    }

    /// With what stands at the asked path: its kind, mode, and whether the reader may write to it.
    pub(crate) fn stands(mut self, kind: Option<FileKind>, mode: u32, writable: bool) -> Self {
        let path = self.asked.path.clone().unwrap();
        self.exam.paths.push(PathFacts {
            path,
            kind,
            inode: 77,
            file: None,
            bound: None,
            real: Text::default(),
            closed: false,
            mode,
            uid: 0,
            gid: 998,
            writable,
            stops_at: None,
            nearby: Vec::new(),
            folders: Vec::new(),
            pid: None,
        });
        self
    }

    /// With a packet filter rule: its hook, text, verdict, port and packets.
    pub(crate) fn rule(mut self, hook: &str, text: &str, verdict: RuleVerdict, port: Option<u16>, packets: Option<u64>) -> Self {
        let chain = Text::new(format!("inet filter {hook}"));
        let removal = Removal::new(["sudo", "nft", "delete", "rule", "inet", "filter", hook, "handle", "4"]);
        let (hook, text) = (Text::from(hook), Text::from(text));
        let (last_port, interface, narrowed) = (None, None, false);
        let rule = FirewallRule { chain, hook, text, verdict, packets, port, last_port, interface, narrowed, removal };
        match &mut self.exam.firewall {
            Some(Seen::Known(rules)) => rules.push(rule),
            other => *other = Some(Seen::Known(vec![rule])),
        }
        self
    }

    /// With looks at the endpoint over time: whether it listens, and (parent, child) of what names it, one second apart.
    pub(crate) fn watched(mut self, looks: &[(bool, &[(u32, u32)])]) -> Self {
        self.exam.samples = looks
            .iter()
            .zip(0u64..)
            .map(|((listening, children), second)| Sample {
                at_ms: second * 1000,
                listeners: Vec::new(),
                listening: *listening,
                children: children.to_vec(),
            })
            .collect();
        self
    }

    /// A process was told the port beside its arguments.
    pub(crate) fn told(mut self, pid: u32, source: &str, text: &str) -> Self {
        self.exam.told.push(Told { pid, source: Text::from(source), text: Text::from(text) });
        self
    }

    /// A program of a project asked for the port, and serves this one outside.
    pub(crate) fn moved(mut self, port: u16, service: &str, project: &str) -> Self {
        let text = |text: &str| Text::from(text);
        let root = text(if project.is_empty() { "" } else { "/home/ana/project" });
        self.exam.moved.push(Moved { port, service: text(service), project: text(project), root, pid: None, here: false });
        self
    }

    pub(crate) fn case(&self) -> Case<'_> {
        Case {
            snapshot: &self.snapshot,
            exam: &self.exam,
            asked: &self.asked,
            paste: self.paste.as_ref(),
            bind: self.bind.as_ref(),
        }
    }
}

/// A process with one thread, in good health: asleep in `epoll_wait`.
pub(crate) fn well(pid: u32) -> Vitals {
    Vitals {
        pid,
        threads: vec![thread(pid, 'S', "do_epoll_wait")],
        tracer: 0,
        descriptors: Seen::Known(12),
        descriptor_limit: Seen::Known(1024),
        frozen: Some(false),
        frozen_group: None,
        no_new_privileges: false,
        seccomp: 0,
        binds_low_ports: false,
        groups: Vec::new(),
        label: None,
        busy_ms: 0,
        over_ms: 0,
        wanted_ms: 0,
        memory: None,
    }
}

/// A thread in a state, asleep in a kernel function.
pub(crate) fn thread(tid: u32, state: char, waits_in: &str) -> Thread {
    Thread { tid, state, waits_in: Seen::Known(Text::from(waits_in)), syscall: Seen::Unsupported, argument: None }
}
