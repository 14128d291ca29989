//! A project's ports, for its supervisor: which port is which, in the store and where that is in other hands.
//!
//! A program's call waits for the answer. So the store is waited for so long only, and then a port is given without it, the same that it
//! would have given; it is written down as soon as the store can be had.
//!
//! What is the project's for good, and what the session's alone, is said in [`crate::lent`].

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use portward_model::{Failure, PortRange, ProjectIdentity, Socket, Text};
use portward_session::{Given, NoPort, Ports};
use portward_store::{ProjectId, Stamp, Store, hurried};
use portward_sys::{Acts, Clock, Context};

use crate::{
    lent::{Lent, MOST_LASTING, MOST_SERVED},
    patience::Patience,
    runs::{is_alive, process_at},
    siblings::{Looked, Of, Siblings},
};

/// A project's ports, as its supervisor asks for them.
pub(crate) struct ProjectPorts<'h> {
    store: Store<'h>,
    clock: &'h dyn Clock,
    identity: Option<ProjectIdentity>,
    /// Its number in this store; `None` until it could be written down.
    project: Option<ProjectId>,
    /// Its blocks.
    blocks: Vec<PortRange>,
    known: BTreeMap<u16, u16>,
    /// Asked ports of those that are lent to a session, this one or another.
    passing: BTreeSet<u16>,
    lent: Lent,
    /// A session of the project gives ports that only it knows.
    lends: bool,
    /// What it had in a store that was replaced by this one, as far as nobody else has it now.
    carried: BTreeMap<u16, u16>,
    /// What was given without the store, and is to be written down.
    unrecorded: BTreeMap<u16, u16>,
    /// Every port of the project, those of names as well.
    own: BTreeSet<u16>,
    /// Ports of its blocks that are given as long as this session lives, and leased for nothing.
    spares: BTreeSet<u16>,
    /// When these were read.
    read: Option<Stamp>,
    siblings: Siblings<'h>,
    /// Patience with them.
    others: Patience,
    patience: Patience,
}

impl<'h> ProjectPorts<'h> {
    /// The ports of the project with this identity.
    pub(crate) fn open(cx: &Context<'h, Acts>, identity: Option<ProjectIdentity>) -> Result<Self, Failure> {
        let mut patience = Patience::default();
        let supervisor = process_at(cx.machine, cx.machine.facts()?.pid).map(|process| process.id);
        let supervisor = supervisor.ok_or_else(|| Failure::system("The supervisor's own process cannot be read in /proc."))?;
        let (mut store, known) = Store::open_or_read(cx, identity.as_ref())?;
        let mut place = |store: &mut Store<'_>| known.clone().map_or_else(|| store.project(identity.as_ref()), Ok);
        let (project, block) = match patience.while_busy((cx.clock, A_WHILE), &mut store, &mut place) {
            (Some(Ok(row)), _) => (Some(row.id), row.block),
            (Some(Err(failure)), false) => return Err(failure),
            (_, _) => (None, store.place_of(identity.as_ref())?),
        };
        let _ = patience.hurried(cx.clock, Duration::ZERO, || store.forget_gone(&|holder| !is_alive(cx.machine, holder)));
        let (known, carried, unrecorded) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (blocks, own, spares, siblings) =
            (vec![block], BTreeSet::new(), BTreeSet::new(), Siblings::new(cx.machine, cx.caller));
        let (passing, lent) = (BTreeSet::new(), Lent::to(supervisor));
        let (clock, read) = (cx.clock, None);
        Ok(Self {
            store,
            clock,
            identity,
            project,
            blocks,
            known,
            passing,
            lent,
            lends: false,
            carried,
            unrecorded,
            own,
            spares,
            read,
            siblings,
            others: Patience::default(),
            patience,
        })
    }

    /// The project's first block.
    pub(crate) fn place(&self) -> Option<PortRange> {
        self.blocks.first().copied()
    }

    fn root(&self) -> Option<Text> {
        self.identity.as_ref().map(|identity| identity.project.root.clone())
    }

    /// Goes on in the store that has taken the place of this one, where the project may have another number.
    fn follow(&mut self) -> Result<(), Failure> {
        let Some(mut next) = self.store.successor()? else { return Ok(()) };
        let project = next.project(self.identity.as_ref())?.id;
        self.carried.append(&mut self.known);
        (self.store, self.project, self.read) = (next, Some(project), None);
        Ok(())
    }

    /// The project's number, written down by now.
    fn project(&mut self) -> Result<ProjectId, Failure> {
        if let Some(project) = self.project {
            return Ok(project);
        }
        let row = self.store.project_in(self.identity.as_ref(), self.place())?;
        self.project = Some(row.id);
        Ok(row.id)
    }

    /// Reads the mapping again where another process may have written.
    fn refresh(&mut self) {
        let mut stamp = self.store.stamp();
        if self.read == Some(stamp) {
            return;
        }
        // None is made only to be read.
        if !self.store.is_gone() && self.follow().is_ok() {
            stamp = self.store.stamp();
        }
        let Some(project) = self.project.filter(|_| self.read != Some(stamp)) else { return };
        // What was known stays where the store cannot be read now.
        if let (Ok(mapping), Ok(own)) = (self.store.terms(project), self.store.ports(project)) {
            self.passing = mapping.iter().filter(|(_, _, lasting)| !lasting).map(|(asked, ..)| *asked).collect();
            self.known = mapping.into_iter().map(|(asked, port, _)| (asked, port)).collect();
            self.own = own;
            if let Ok(blocks) = self.store.blocks(project) {
                self.blocks = blocks;
            }
            self.lends = self.store.lends_blocks(project).unwrap_or(false);
            if !self.carried.is_empty() {
                let rows = self.store.all().unwrap_or_default();
                self.carried.retain(|_, port| !rows.iter().any(|row| row.port == *port && row.id != project));
                self.own.extend(self.carried.values());
            }
            self.own.extend(self.unrecorded.values());
            self.read = Some(stamp);
        }
    }

    /// The port for one that was asked for, with the store.
    fn given(&mut self, asked: u16) -> Result<u16, NoPort> {
        self.refresh();
        if let Some(at_hand) = self.at_hand(asked) {
            return Ok(at_hand);
        }
        self.follow().map_err(because)?;
        let project = self.project().map_err(because)?;
        if !self.lent.is_spent()
            && let Some(lease) = self.store.lend(project, asked, self.lent.holder).map_err(because)?
        {
            self.known.insert(asked, lease.port);
            self.own.insert(lease.port);
            if !lease.lasting {
                self.passing.insert(asked);
            }
            if lease.new {
                self.lent.waiting.insert(asked, self.clock.now());
            }
            return Ok(lease.port);
        }
        self.given_in_memory(project, asked)
    }

    /// The port for one that was asked for, of a block that this session is lent.
    fn given_in_memory(&mut self, project: ProjectId, asked: u16) -> Result<u16, NoPort> {
        // Who goes on asking for more than there are must not hold up the calls of others.
        if self.lent.spent.is_some_and(|at| self.clock.now().saturating_duration_since(at) < BETWEEN_TRIES) {
            return Err(NoPort::Quota);
        }
        loop {
            if !self.lent.is_full {
                // A program of an earlier version may lease in it.
                let taken = self.own.iter().copied().chain(self.lent.ports()).collect();
                if let Some(port) = self.store.unused(asked, &self.lent.blocks, &taken) {
                    self.lent.give(asked, port);
                    return Ok(port);
                }
                self.lent.is_full = true;
            }
            let store = &self.store;
            if let Some(port) = self.lent.give_anew(asked, &|port| store.is_bound(port)) {
                return Ok(port);
            }
            let lent = self.store.lend_block(project, self.lent.holder).map_err(because)?;
            let Some(block) = lent else {
                // What is left of connections keeps few servers from a port.
                let taken = self.own.iter().copied().chain(self.lent.ports()).collect();
                if let Some(port) = self.store.unrecorded(asked, &self.lent.blocks, &taken) {
                    self.lent.give(asked, port);
                    return Ok(port);
                }
                let store = &self.store;
                let anew = self.lent.give_anew(asked, &|port| store.is_held(port));
                self.lent.spent = anew.is_none().then(|| self.clock.now());
                return anew.ok_or(NoPort::Quota);
            };
            self.lent.blocks.push(block);
            self.lent.is_full = false;
        }
    }

    /// What needs no store: a port that is known.
    fn at_hand(&self, asked: u16) -> Option<u16> {
        let port = self.known.get(&asked).or_else(|| self.unrecorded.get(&asked)).copied();
        // A program that was told its own port, as by PORT, means that one.
        port.or_else(|| self.lent.find(asked)).or_else(|| self.own.contains(&asked).then_some(asked))
    }

    /// Writes down for good what was listened on.
    fn keep(&mut self) -> Result<(), Failure> {
        let Some(project) = self.project else { return Ok(()) };
        while let Some(asked) = self.lent.listened.iter().copied().find(|asked| !self.unrecorded.contains_key(asked)) {
            if let Some(port) = self.known.get(&asked).copied().filter(|_| !self.lent.at_random) {
                if self.lent.kept.len() >= MOST_LASTING {
                    self.loosen(project)?;
                } else if self.store.adopt(project, asked, port, None)? {
                    self.lent.waiting.remove(&asked);
                    self.lent.kept.push(asked);
                    self.passing.remove(&asked);
                }
            }
            self.lent.listened.remove(&asked);
        }
        Ok(())
    }

    /// A program binds at random: of what became the project's, only what is served now stays so.
    fn loosen(&mut self, project: ProjectId) -> Result<(), Failure> {
        let mut served = 0;
        let mut others = Vec::new();
        for asked in &self.lent.kept {
            let is_served = served < MOST_SERVED && self.known.get(asked).is_some_and(|port| self.store.is_held(*port));
            if is_served { served += 1 } else { others.push(*asked) }
        }
        self.store.loosen(project, &others, self.lent.holder)?;
        self.passing.extend(&others);
        self.lent.kept.clear();
        self.lent.at_random = true;
        Ok(())
    }

    /// Gives back what this session was lent some time ago and nobody serves.
    fn give_back(&mut self) -> Result<(), Failure> {
        let Some(project) = self.project else { return Ok(()) };
        let port = |asked: &u16| self.known.get(asked).copied();
        let mut overdue = self.lent.overdue(self.clock.now());
        overdue.retain(|asked| port(asked).is_none_or(|port| !self.store.is_bound(port)));
        if overdue.is_empty() {
            return Ok(());
        }
        self.store.give_back(project, &overdue, self.lent.holder)?;
        for asked in overdue {
            self.lent.waiting.remove(&asked);
            self.passing.remove(&asked);
            if let Some(port) = self.known.remove(&asked) {
                self.own.remove(&port);
            }
        }
        self.read = None;
        Ok(())
    }

    /// The port for one that was asked for, without the store.
    fn given_unrecorded(&mut self, asked: u16) -> Option<u16> {
        let taken = self.own.union(&self.spares).copied().collect();
        let port = self.store.unrecorded(asked, &self.blocks, &taken)?;
        self.unrecorded.insert(asked, port);
        self.own.insert(port);
        Some(port)
    }

    /// Writes down what was given without the store. What cannot be the project's is the session's alone.
    fn record(&mut self) -> Result<(), Failure> {
        if self.unrecorded.is_empty() && self.project.is_some() {
            return Ok(());
        }
        let project = self.project()?;
        while let Some((asked, port)) = self.unrecorded.first_key_value().map(|(asked, port)| (*asked, *port)) {
            let is_own = self.store.adopt(project, asked, port, Some(self.lent.holder))?;
            self.unrecorded.remove(&asked);
            if is_own {
                self.known.insert(asked, port);
                self.passing.insert(asked);
                self.lent.waiting.insert(asked, self.clock.now());
            } else {
                self.carried.insert(asked, port);
            }
        }
        self.read = None;
        Ok(())
    }

    /// Does something with the store, in a moment; gives true beside its answer where another program keeps it to itself.
    fn hurried<T>(&mut self, most: Duration, body: impl FnOnce(&mut Self) -> T) -> (Option<T>, bool) {
        let mut patience = std::mem::take(&mut self.patience);
        let answer = patience.hurried(self.clock, most, || body(self));
        self.patience = patience;
        answer
    }

    /// Asks other sessions, in a moment. One of them that is slow to answer is no word about the store.
    fn asking<T>(&mut self, body: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let mut patience = std::mem::take(&mut self.others);
        let answer = patience.hurried(self.clock, A_MOMENT, || body(self));
        self.others = patience;
        answer.0
    }
}

impl Ports for ProjectPorts<'_> {
    fn lease(&mut self, asked: u16) -> Result<Given, NoPort> {
        let recorded = |port| Given { port, recorded: true };
        match self.hurried(A_MOMENT, |own| own.given(asked)) {
            (Some(Ok(port)), _) => Ok(recorded(port)),
            (Some(Err(no_port)), false) => Err(no_port),
            (_, _) => match self.at_hand(asked) {
                Some(at_hand) => Ok(recorded(at_hand)),
                None => self.given_unrecorded(asked).map(|port| Given { port, recorded: false }).ok_or_else(nothing_left),
            },
        }
    }

    fn find(&mut self, asked: u16) -> Option<u16> {
        let _ = self.hurried(A_MOMENT, Self::refresh);
        let known = [&self.unrecorded, &self.known, &self.carried].into_iter().find_map(|ports| ports.get(&asked)).copied();
        let own = known.or_else(|| self.lent.find(asked));
        if own.is_some() || !self.lends {
            return own;
        }
        let asked = SocketAddr::from((Ipv4Addr::LOCALHOST, asked));
        self.elsewhere(asked).into_iter().next()
    }

    fn listened(&mut self, asked: u16) {
        if self.passing.contains(&asked) || self.unrecorded.contains_key(&asked) {
            self.lent.listened.insert(asked);
            let _ = self.hurried(A_MOMENT, Self::keep);
        }
    }

    fn all(&mut self) -> Vec<u16> {
        // Nobody is waiting for this one, and calls wait behind it.
        let _ = self.hurried(Duration::ZERO, |own| {
            own.refresh();
            own.record()?;
            own.keep()?;
            own.give_back()
        });
        let passing: BTreeSet<u16> = self.passing.iter().filter_map(|asked| self.known.get(asked).copied()).collect();
        self.own.difference(&passing).copied().collect()
    }

    fn is_own(&mut self, server: &Socket) -> bool {
        let root = self.root();
        match self.siblings.look(root.as_ref(), server) {
            Looked::Own => true,
            Looked::Others(pids) => {
                let place = Of { id: self.project, root: root.as_ref(), read: self.read };
                self.asking(|own| own.siblings.is_anothers((&own.store, place), &pids, server)).unwrap_or(false)
            }
        }
    }

    fn spare(&mut self, asked: u16) -> Option<u16> {
        let _ = self.hurried(A_MOMENT, Self::refresh);
        if self.spares.len() >= MOST_SPARES {
            return None;
        }
        let taken = self.own.union(&self.spares).copied().collect();
        // Not next to the leased one, whose neighbours have digits that programs ask for.
        let port = self.store.unrecorded(asked % 100 + 50, &self.blocks, &taken)?;
        self.spares.insert(port);
        Some(port)
    }

    fn elsewhere(&mut self, asked: SocketAddr) -> Vec<u16> {
        let root = self.root();
        let place = Of { id: self.project, root: root.as_ref(), read: self.read };
        self.asking(|own| own.siblings.elsewhere((&own.store, place), asked)).unwrap_or_default()
    }
}

impl Drop for ProjectPorts<'_> {
    fn drop(&mut self) {
        // What nobody could write down is forgotten, and given anew by the same rule.
        let _ = hurried(AT_THE_END, || {
            self.record()?;
            self.keep()?;
            self.store.end_holder(self.lent.holder)
        });
    }
}

/// The end of the sentence in which a refused call is told.
fn because(failure: Failure) -> NoPort {
    let mut sentence = failure.message;
    sentence.truncate(sentence.trim_end_matches('.').len());
    NoPort::Because(sentence)
}

fn nothing_left() -> NoPort {
    NoPort::Because("another program keeps the lease store to itself, and the project's block has no port left".to_owned())
}

/// Ports that one session gets beside those that are leased: half a block.
const MOST_SPARES: usize = 50;
/// How long the store is waited for at the end.
const AT_THE_END: Duration = Duration::from_secs(1);
/// From a port that could not be given to the next look for one.
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
/// How long a store to which nobody writes is waited for at the start: on a machine that is busy its writer needs a turn.
const A_WHILE: Duration = Duration::from_secs(1);
/// How long a call waits for the store.
const A_MOMENT: Duration = Duration::from_millis(150);

#[cfg(test)]
mod tests;
