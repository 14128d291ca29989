//! A project's ports, for its supervisor: which port is which, in the store and where that is in other hands.
//!
//! A program's call waits for the answer. So the store is waited for so long only, and then a port is given without it, the same that it
//! would have given; it is written down as soon as the store can be had.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use portward_model::{Failure, PortRange, ProjectIdentity};
use portward_session::{Given, NoPort, Ports};
use portward_store::{MOST_LEASES, ProjectId, Stamp, Store, hurried};
use portward_sys::{Acts, Clock, Context};

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
    /// What it had in a store that was replaced by this one, as far as nobody else has it now.
    carried: BTreeMap<u16, u16>,
    /// What was given without the store, and is to be written down.
    unrecorded: BTreeMap<u16, u16>,
    /// Every port of the project, those of names as well.
    own: BTreeSet<u16>,
    /// When these were read.
    read: Option<Stamp>,
    patience: Patience,
}

/// How long a supervisor waits for the store: a moment, and not again for a while where that was in vain.
#[derive(Debug, Default)]
pub(crate) struct Patience(Option<Instant>);

impl Patience {
    /// Does something with the store; gives true beside its answer where another program keeps it to itself.
    pub(crate) fn hurried<T>(&mut self, clock: &dyn Clock, most: Duration, body: impl FnOnce() -> T) -> (T, bool) {
        let is_spent = self.0.is_some_and(|at| clock.now().saturating_duration_since(at) < BETWEEN_WAITS);
        let (answer, in_vain) = hurried(if is_spent { Duration::ZERO } else { most }, body);
        match (in_vain, is_spent) {
            // Not to wait at all says little.
            (true, false) if !most.is_zero() => self.0 = Some(clock.now()),
            (true, _) => {}
            (false, _) => self.0 = None,
        }
        (answer, in_vain)
    }
}

impl<'h> ProjectPorts<'h> {
    /// The ports of the project with this identity.
    pub(crate) fn open(cx: &Context<'h, Acts>, identity: Option<ProjectIdentity>) -> Result<Self, Failure> {
        let mut patience = Patience::default();
        let mut store = Store::open(cx)?;
        let (row, in_vain) = patience.hurried(cx.clock, A_MOMENT, || store.project(identity.as_ref()));
        let (project, block) = match row {
            Ok(row) => (Some(row.id), row.block),
            Err(_) if in_vain => (None, store.place_of(identity.as_ref())?),
            Err(failure) => return Err(failure),
        };
        let (known, carried, unrecorded) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (blocks, own, clock) = (vec![block], BTreeSet::new(), cx.clock);
        Ok(Self { store, clock, identity, project, blocks, known, carried, unrecorded, own, read: None, patience })
    }

    /// The project's first block.
    pub(crate) fn place(&self) -> Option<PortRange> {
        self.blocks.first().copied()
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
        // None is made only to be read.
        if !self.store.is_gone() {
            let _ = self.follow();
        }
        let stamp = self.store.stamp();
        let Some(project) = self.project.filter(|_| self.read != Some(stamp)) else { return };
        // What was known stays where the store cannot be read now.
        if let (Ok(mapping), Ok(own)) = (self.store.mapping(project), self.store.ports(project)) {
            self.known = mapping.into_iter().collect();
            self.own = own;
            if let Ok(blocks) = self.store.blocks(project) {
                self.blocks = blocks;
            }
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
        let because = |failure: Failure| NoPort::Because(failure.message);
        let followed = self.follow();
        self.refresh();
        if let Some(port) = self.known.get(&asked).or_else(|| self.unrecorded.get(&asked)) {
            return Ok(*port);
        }
        // A program that was told its own port, as by PORT, means that one.
        if self.own.contains(&asked) {
            return Ok(asked);
        }
        if self.own.len() >= MOST_LEASES {
            return Err(NoPort::Quota);
        }
        followed.map_err(because)?;
        let project = self.project().map_err(because)?;
        let lease = self.store.lease(project, asked).map_err(because)?;
        self.known.insert(asked, lease.port);
        self.own.insert(lease.port);
        Ok(lease.port)
    }

    /// The port for one that was asked for, without the store.
    fn given_unrecorded(&mut self, asked: u16) -> Option<u16> {
        let port = self.store.unrecorded(asked, &self.blocks, &self.own)?;
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
            let is_own = self.store.adopt(project, asked, port)?;
            self.unrecorded.remove(&asked);
            if is_own { &mut self.known } else { &mut self.carried }.insert(asked, port);
        }
        self.read = None;
        Ok(())
    }

    /// Does something with the store, in a moment; gives true beside its answer where another program keeps it to itself.
    fn hurried<T>(&mut self, most: Duration, body: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        let mut patience = std::mem::take(&mut self.patience);
        let answer = patience.hurried(self.clock, most, || body(self));
        self.patience = patience;
        answer
    }
}

impl Ports for ProjectPorts<'_> {
    fn lease(&mut self, asked: u16) -> Result<Given, NoPort> {
        match self.hurried(A_MOMENT, |own| own.given(asked)) {
            (Ok(port), _) => Ok(Given { port, recorded: true }),
            (Err(NoPort::Because(because)), true) => match self.given_unrecorded(asked) {
                Some(port) => Ok(Given { port, recorded: false }),
                None => Err(NoPort::Because(because)),
            },
            (Err(no_port), _) => Err(no_port),
        }
    }

    fn find(&mut self, asked: u16) -> Option<u16> {
        let _ = self.hurried(A_MOMENT, Self::refresh);
        [&self.unrecorded, &self.known, &self.carried].into_iter().find_map(|ports| ports.get(&asked)).copied()
    }

    fn all(&mut self) -> Vec<u16> {
        // Nobody is waiting for this one, and calls wait behind it.
        let _ = self.hurried(Duration::ZERO, |own| {
            own.refresh();
            own.record()
        });
        self.own.iter().copied().collect()
    }
}

impl Drop for ProjectPorts<'_> {
    fn drop(&mut self) {
        // What nobody could write down is forgotten, and given anew by the same rule.
        let _ = hurried(AT_THE_END, || self.record());
    }
}

/// How long the store is waited for at the end.
const AT_THE_END: Duration = Duration::from_secs(1);
/// How long a call waits for the store.
const A_MOMENT: Duration = Duration::from_millis(150);
/// From a wait in vain to the next wait.
const BETWEEN_WAITS: Duration = Duration::from_secs(5);
