//! Which project this is: the one that stands in the store already, wherever its folder has gone since.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use portward_model::{Failure, PortRange, PortRules, ProjectIdentity, Seen, Text, Transport, hint};
use portward_sys::{Acts, Context, Look, Rights};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Durable, ProjectId, ProjectRow, Store, error::StoreError, rules};

impl<'h> Store<'h> {
    /// Opens the caller's store for reading and writing; where nothing can be written down, as on a full disk, for reading alone, with
    /// the project that is known there.
    ///
    /// # Errors
    /// Those of [`Store::open`], where the project is not known.
    pub fn open_or_read(
        cx: &Context<'h, Acts>,
        identity: Option<&ProjectIdentity>,
    ) -> Result<(Self, Option<ProjectRow>), Failure> {
        let failure = match Self::open(cx) {
            Ok(store) => return Ok((store, None)),
            Err(failure) => failure,
        };
        let Ok(Some(store)) = Self::reading(cx) else { return Err(failure) };
        match store.known_project(identity) {
            Ok(Some(row)) => Ok((store, Some(row))),
            _ => Err(failure),
        }
    }
}

impl Store<'_> {
    /// The project with this identity, with a block of its own; `None` stands for what this user does outside any project.
    /// The same project is found again after its folder was renamed, and after `git worktree move`.
    ///
    /// # Errors
    /// Where every block is taken, and where the store cannot be written to.
    pub fn project(&mut self, identity: Option<&ProjectIdentity>) -> Result<ProjectRow, Failure> {
        self.project_in(identity, None)
    }

    /// The same; one that is new gets this block, unless somebody else has it: ports of it were given already.
    pub fn project_in(&mut self, identity: Option<&ProjectIdentity>, place: Option<PortRange>) -> Result<ProjectRow, Failure> {
        self.stay_current()?;
        let known = Known::of(identity);
        let host = self.host;
        let gone = |root: &Text| matches!(host.path_exists(root), Seen::Known(false));
        let settled = |store: &Connection| match find(store, &known, &gone)? {
            Some(found) if found.exact || !may_follow(&known, &found, &gone) => row(store, found.id),
            _ => Ok(None),
        };
        if let Some(row) = settled(&self.connection).map_err(|error| self.told(error))? {
            return Ok(row);
        }
        let rules = self.port_rules()?;
        let sockets = Sockets::new(host, &rules);
        let ground = rules::Ground { rules: &rules, held: &|port| sockets.hold(port) };
        let seed = known.seed(host.facts()?.uid);
        let at = self.now().0;
        self.found_or_written(Durable::Now, settled, |store| {
            if let Some(found) = find(store, &known, &gone)? {
                if may_follow(&known, &found, &gone) {
                    follow(store, &known, &found)?;
                }
                return row(store, found.id)?.ok_or(StoreError::Vanishing);
            }
            store.execute(
                "INSERT INTO projects (name, root, common, worktree, folder, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![known.name.raw(), known.root.raw(), known.common.raw(), known.worktree.raw(), known.folder, at],
            )?;
            let id = ProjectId(store.last_insert_rowid());
            add_block(store, id, (at, None), (seed, place), &ground)?;
            row(store, id)?.ok_or(StoreError::Vanishing)
        })
    }

    /// The block that the project with this identity has, or would get now; nothing is written.
    pub fn place_of(&self, identity: Option<&ProjectIdentity>) -> Result<PortRange, Failure> {
        if let Some(row) = self.known_project(identity)? {
            return Ok(row.block);
        }
        let rules = self.port_rules()?;
        let sockets = Sockets::new(self.host, &rules);
        let ground = rules::Ground { rules: &rules, held: &|port| sockets.hold(port) };
        let taken = taken(&self.connection).map_err(|error| self.told(error))?;
        let seed = Known::of(identity).seed(self.host.facts()?.uid);
        let place = rules::block_for(seed, &taken, &ground).map(rules::block);
        place.ok_or_else(|| exhausted(&self.connection, taken.len(), &ground))
    }

    /// The project with this identity, where it is in the store.
    pub fn known_project(&self, identity: Option<&ProjectIdentity>) -> Result<Option<ProjectRow>, Failure> {
        let gone = |root: &Text| matches!(self.host.path_exists(root), Seen::Known(false));
        let found = find(&self.connection, &Known::of(identity), &gone);
        let found = found.and_then(|found| found.map_or(Ok(None), |found| row(&self.connection, found.id)));
        found.map_err(|error| self.told(error))
    }

    /// Every project, in the order of their first blocks.
    pub fn projects(&self) -> Result<Vec<ProjectRow>, Failure> {
        let read = || -> Result<Vec<ProjectRow>, StoreError> {
            let mut statement = self.connection.prepare("SELECT project FROM blocks WHERE number = 0 ORDER BY first")?;
            let ids = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
            ids.into_iter().filter_map(|id| row(&self.connection, ProjectId(id)).transpose()).collect()
        };
        read().map_err(|error| self.told(error))
    }

    /// Every block of a project, its first one first.
    pub fn blocks(&self, project: ProjectId) -> Result<Vec<PortRange>, Failure> {
        let firsts = blocks(&self.connection, project).map_err(|error| self.told(error))?;
        Ok(firsts.into_iter().map(rules::block).collect())
    }
}

/// What sockets have now, port by port, each tried once: a bind of a socket that is closed at once, which costs a few
/// microseconds, where asking the kernel for all sockets of a busy machine costs milliseconds.
pub(super) struct Sockets<'h> {
    host: &'h dyn Look,
    /// A socket on `[::]` leaves IPv4 alone.
    apart: bool,
    /// A port is had that is only bound, too, and one of which a connection is left.
    strictly: bool,
    tried: RefCell<BTreeMap<u16, bool>>,
}

impl<'h> Sockets<'h> {
    pub(super) fn new(host: &'h dyn Look, rules: &PortRules) -> Self {
        Self { host, apart: rules.bind_v6_only, strictly: false, tried: RefCell::default() }
    }

    /// The same, of whoever would not share a port.
    pub(super) fn strictly(host: &'h dyn Look, rules: &PortRules) -> Self {
        Self { strictly: true, ..Self::new(host, rules) }
    }

    /// True when a server that asks for the port on every address would be refused. What is left of an ended connection
    /// keeps nobody from the port who asks with `SO_REUSEADDR`, and what cannot be tried is not avoided.
    pub(super) fn hold(&self, port: u16) -> bool {
        if let Some(held) = self.tried.borrow().get(&port) {
            return *held;
        }
        let bind = |transport, address: IpAddr| {
            let answer = self.host.try_bind(transport, SocketAddr::new(address, port), !self.strictly);
            answer.map(|refusal| refusal.map(|(code, _)| code == IN_USE))
        };
        // A socket for both families, or one for each where this kernel keeps them apart or has only one.
        let either = |transport| match bind(transport, Ipv6Addr::UNSPECIFIED.into()) {
            Ok(Some(true)) => true,
            Ok(None) if !self.apart => false,
            _ => matches!(bind(transport, Ipv4Addr::UNSPECIFIED.into()), Ok(Some(true))),
        };
        let held = either(Transport::Tcp) || either(Transport::Udp);
        self.tried.borrow_mut().insert(port, held);
        held
    }
}

/// The project of the directory that the caller stands in; `None` outside any.
pub fn here<R: Rights>(cx: &Context<'_, R>) -> Result<Option<ProjectIdentity>, Failure> {
    // A directory that was removed under it belongs to nothing.
    let Some(directory) = &cx.caller.cwd else { return Ok(None) };
    Ok(cx.look().project_at(&portward_sys::path_of(directory))?)
}

/// An identity as it is stored. Everything is empty for what belongs to no project.
struct Known {
    name: Text,
    root: Text,
    common: Text,
    worktree: Text,
    folder: String,
}

impl Known {
    /// Where the search for a block begins.
    fn seed(&self, uid: u32) -> u64 {
        rules::seed([&uid.to_le_bytes()[..], self.common.raw(), self.root.raw()])
    }

    fn of(identity: Option<&ProjectIdentity>) -> Self {
        let Some(identity) = identity else {
            return Self {
                name: Text::default(),
                root: Text::default(),
                common: Text::default(),
                worktree: Text::default(),
                folder: String::new(),
            };
        };
        Self {
            name: identity.title(),
            root: identity.project.root.clone(),
            common: identity.common.clone().unwrap_or_default(),
            worktree: identity.project.worktree.clone().unwrap_or_default(),
            folder: identity.folder.map(|mark| format!("{}:{}", mark.inode, mark.born_ns)).unwrap_or_default(),
        }
    }
}

/// A project that was found, and how.
struct Found {
    id: ProjectId,
    root: Text,
    /// The store has all of it as it is now.
    exact: bool,
}

/// The project's row: by its place; else by its folder, which was renamed; else by its worktree, which was moved to
/// another disk.
fn find(store: &Connection, known: &Known, gone: &dyn Fn(&Text) -> bool) -> Result<Option<Found>, StoreError> {
    let found = |exact| {
        move |row: &rusqlite::Row<'_>| Ok(Found { id: ProjectId(row.get(0)?), root: Text::new(row.get::<_, Vec<u8>>(1)?), exact })
    };
    let place = "SELECT id, root, folder = ?3 AND name = ?4 FROM projects WHERE root = ?1 AND common = ?2";
    let here = store
        .query_row(place, params![known.root.raw(), known.common.raw(), known.folder, known.name.raw()], |row| {
            found(row.get(2)?)(row)
        })
        .optional()?;
    if here.is_some() || known.root.is_empty() {
        return Ok(here);
    }
    if !known.folder.is_empty() {
        let same = "SELECT id, root FROM projects WHERE folder = ?1 ORDER BY id LIMIT 1";
        let renamed = store.query_row(same, params![known.folder], found(false)).optional()?;
        if renamed.is_some() {
            return Ok(renamed);
        }
    }
    if known.worktree.is_empty() {
        return Ok(None);
    }
    let same = "SELECT id, root FROM projects WHERE common = ?1 AND worktree = ?2 ORDER BY id LIMIT 1";
    let moved = store.query_row(same, params![known.common.raw(), known.worktree.raw()], found(false)).optional()?;
    // A copy of a worktree beside the original is another holder.
    Ok(moved.filter(|moved| gone(&moved.root)))
}

/// True when a row is to be brought up to date. A root that still stands is kept: the same folder is seen by two ways.
fn may_follow(known: &Known, found: &Found, gone: &dyn Fn(&Text) -> bool) -> bool {
    !found.exact && (found.root == known.root || gone(&found.root))
}

/// Brings a row up to date with its project.
fn follow(store: &Connection, known: &Known, found: &Found) -> Result<(), StoreError> {
    store.execute(
        "UPDATE projects SET name = ?2, root = ?3, common = ?4, worktree = ?5, folder = ?6 WHERE id = ?1",
        params![found.id.0, known.name.raw(), known.root.raw(), known.common.raw(), known.worktree.raw(), known.folder],
    )?;
    Ok(())
}

fn row(store: &Connection, id: ProjectId) -> Result<Option<ProjectRow>, StoreError> {
    let select = "SELECT name, root, first FROM projects JOIN blocks ON project = id WHERE id = ?1 AND number = 0";
    let row = store.query_row(select, params![id.0], |row| {
        let root = Text::new(row.get::<_, Vec<u8>>(1)?);
        let name = Text::new(row.get::<_, Vec<u8>>(0)?);
        Ok(ProjectRow { id, name, root: Some(root).filter(|root| !root.is_empty()), block: rules::block(row.get(2)?) })
    });
    Ok(row.optional()?)
}

/// First ports of a project's blocks, without those that are lent to a session.
pub(super) fn blocks(store: &Connection, project: ProjectId) -> Result<Vec<u16>, StoreError> {
    let mut statement = store.prepare("SELECT first FROM blocks WHERE project = ?1 AND holder IS NULL ORDER BY number")?;
    Ok(statement.query_map(params![project.0], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// First ports of all blocks that somebody has.
fn taken(store: &Connection) -> Result<BTreeSet<u16>, StoreError> {
    let mut statement = store.prepare("SELECT first FROM blocks")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Gives a project one block more: that place if it is free, or one that is searched for from the seed on.
pub(super) fn add_block(
    store: &Connection,
    project: ProjectId,
    (at, holder): (i64, Option<i64>),
    (seed, place): (u64, Option<PortRange>),
    ground: &rules::Ground<'_>,
) -> Result<u16, StoreError> {
    let taken = taken(store)?;
    let place = place.map(|place| place.first).filter(|first| !taken.contains(first));
    let first = place.or_else(|| rules::block_for(seed, &taken, ground));
    let Some(first) = first else { return Err(exhausted(store, taken.len(), ground).into()) };
    let number = "SELECT coalesce(max(number) + 1, 0) FROM blocks WHERE project = ?2";
    store.execute(
        &format!("INSERT INTO blocks (first, project, number, created_at, holder) VALUES (?1, ?2, ({number}), ?3, ?4)"),
        params![first, project.0, at, holder],
    )?;
    Ok(first)
}

/// `EADDRINUSE` on Linux.
const IN_USE: i32 = 98;

fn exhausted(store: &Connection, taken: usize, ground: &rules::Ground<'_>) -> Failure {
    let ephemeral = ground.rules.ephemeral;
    if taken == 0 {
        return Failure::system(format!(
            "No hundred ports lie outside this kernel's ephemeral range {ephemeral} and its reserved ports, so none can be leased."
        ))
        .hint("sudo sysctl net.ipv4.ip_local_port_range='32768 60999'    is the usual range");
    }
    let all = format!("All blocks of a hundred ports outside the ephemeral range {ephemeral} are leased, {taken} of them");
    let Ok(Some((name, root, blocks))) = fattest(store) else {
        return Failure::system(format!("{all}.")).hint("portward lease prune    gives back those of projects that are gone");
    };
    let (who, root) = if root.is_empty() { ("what belongs to no project".to_owned(), "/".into()) } else { (name.shown(), root) };
    Failure::system(format!("{all}; most has {who}, {}.", portward_model::plural(blocks, "block"))).hint(hint!(
        "cd {} && portward lease release --all    gives them back; portward lease prune those of projects that are gone",
        root
    ))
}

/// The project with the most blocks, and of those with equally many the one that was not used for the longest time.
fn fattest(store: &Connection) -> Result<Option<(Text, Text, usize)>, StoreError> {
    let select = "SELECT name, root, count(*) AS blocks,
                      coalesce((SELECT max(last_used_at) FROM leases WHERE leases.project = id), projects.created_at) AS used
                  FROM projects JOIN blocks ON project = id GROUP BY id ORDER BY blocks DESC, used LIMIT 1";
    let found = store.query_row(select, [], |row| {
        let blocks: u32 = row.get(2)?;
        let text = |bytes: Vec<u8>| Text::new(bytes);
        Ok((text(row.get(0)?), text(row.get(1)?), usize::try_from(blocks).unwrap_or(usize::MAX)))
    });
    Ok(found.optional()?)
}
