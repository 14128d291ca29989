//! A folder that is served from the caller's own process, at a leased port: told of like a service, to whoever asks what runs.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    sync::mpsc::Receiver,
    time::{Duration, UNIX_EPOCH},
};

use portward_model::{Failure, Kind, Moment, ProjectIdentity, Text, Transport, hint};
use portward_proxy::serve::{Doors, Identity, Plan, ServedRequest, Server, open_doors};
use portward_store::Store;
use portward_sys::{Acts, Context, served::Served};

use crate::{
    certified::{Secure, Signed, authority},
    control::Desk,
    moved::listeners,
    record::{Record, asked},
    runs::{RunListener, RunService, around, process_at},
    taken,
};

/// The word by which a process of this program is known that serves a folder.
pub const SERVES: &[u8] = b"serve";

/// What is served, and where that was wanted.
pub struct Site {
    /// The folder, or the file.
    pub served: Served,
    /// The project that it belongs to; `None` outside any.
    pub identity: Option<ProjectIdentity>,
    /// What it is called.
    pub name: String,
    /// The name of its lease, which no other folder has.
    pub lease: String,
    /// How it is served.
    pub plan: Plan,
    /// A port that was asked for, in place of the leased one.
    pub port: Option<u16>,
    /// How it speaks TLS.
    pub secure: Secure,
    /// Whether requests are told, and the failed ones alone.
    pub told: (bool, bool),
}

/// Where it is served.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The port.
    pub port: u16,
    /// True where it speaks TLS.
    pub is_secure: bool,
    /// Who signed what it shows, where that is the caller's own authority.
    pub signed: Option<Signed>,
    /// Leased ports that others have, each with who that is.
    pub held: Vec<(u16, String)>,
    /// Folders that are not watched for changes.
    pub unwatched: usize,
}

/// A folder that is being served.
pub struct Serving {
    server: Server,
    requests: Option<Receiver<ServedRequest>>,
    /// Where it is.
    pub chosen: Chosen,
    /// Others find it here as long as it lives.
    _desk: Option<Desk<Record>>,
}

/// Begins to serve.
///
/// # Errors
/// Where the port is held by somebody else, and no other was free; where the certificate cannot be used.
pub fn serve(cx: &Context<'_, Acts>, site: Site) -> Result<Serving, Failure> {
    let Site { served, identity, name, lease, mut plan, port, secure, told } = site;
    let (tls, signed) = tls(cx, secure)?;
    let exposed = plan.exposed;
    // In a session the port that is asked for is one of the session's to give, and its supervisor tells of it.
    let inside = around(cx)?.is_some();
    let mut held = Vec::new();
    let (doors, block) = if inside {
        let port = port.unwrap_or(USUAL);
        // It is the front's, too, where the project has that.
        plan.ports.push(port);
        (open_doors(port, exposed, true).map_err(|error| unopened(cx, port, &error))?, None)
    } else if let Some(port) = port {
        (open_doors(port, exposed, false).map_err(|error| unopened(cx, port, &error))?, None)
    } else {
        let mut store = Store::open(cx)?;
        let project = store.project(identity.as_ref())?;
        (leased(cx, &mut store, project.id, &lease, exposed, &mut held)?, Some(project.block))
    };
    let (port, is_secure) = (doors.port, tls.is_some());
    let desk = if inside { None } else { announce(cx, (identity, block), &name, (port, is_secure, !exposed))? };
    let (server, requests) = Server::start(served, plan, doors, tls, told)
        .map_err(|error| Failure::system(format!("The folder cannot be served: {error}.")))?;
    let chosen = Chosen { port, is_secure, signed, held, unwatched: server.unwatched };
    Ok(Serving { server, requests, chosen, _desk: desk })
}

/// What it shows of itself, and who signed that.
fn tls(cx: &Context<'_, Acts>, secure: Secure) -> Result<(Option<Identity>, Option<Signed>), Failure> {
    let failed = |words: String| Failure::usage(format!("HTTPS cannot be served: {words}."));
    match secure {
        Secure::No => Ok((None, None)),
        Secure::Given(certificates, key) => {
            let config = portward_proxy::serve::identity(&certificates, &key);
            Ok((Some(config.map_err(|words| failed(words).hint("--cert FILE --key FILE, both in PEM"))?), None))
        }
        Secure::Own => {
            let (authority, signed) = authority(cx)?;
            Ok((Some(authority.server().map_err(failed)?), Some(signed)))
        }
    }
}

/// The leased port, or the next lease of the same name where somebody else has it.
fn leased(
    cx: &Context<'_, Acts>,
    store: &mut Store<'_>,
    project: portward_store::ProjectId,
    lease: &str,
    exposed: bool,
    held: &mut Vec<(u16, String)>,
) -> Result<Doors, Failure> {
    for turn in 1..=MOST_LEASES {
        let name = if turn == 1 { lease.to_owned() } else { format!("{lease}-{turn}") };
        let port = store.named(project, &name)?.port;
        match open_doors(port, exposed, false) {
            Ok(doors) => return Ok(doors),
            Err(error) if error.kind() == ErrorKind::AddrInUse && turn < MOST_LEASES => {
                held.push((port, holder(cx, port)));
            }
            Err(error) => return Err(unopened(cx, port, &error)),
        }
    }
    Err(Failure::system("No leased port was free."))
}

/// Who has a port, as it is shown.
fn holder(cx: &Context<'_, Acts>, port: u16) -> String {
    listeners(cx.look(), port)
        .first()
        .map_or_else(|| "a program that does not listen".to_owned(), |socket| taken::holder(cx.look(), socket))
}

fn unopened(cx: &Context<'_, Acts>, port: u16, error: &std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::AddrInUse => Failure::system(format!("Port {port} is held by {}.", holder(cx, port)))
            .hint(hint!("portward serve without --port takes a port of its own; portward free {} ends what has it", port)),
        ErrorKind::PermissionDenied => {
            let failure = Failure::system(format!("Port {port} may be bound by root alone: {error}."));
            Failure { kind: Kind::Denied, ..failure }.hint("portward serve without --port; no port of its own needs rights")
        }
        _ => Failure::system(format!("Port {port} cannot be listened at: {error}."))
            .hint(hint!("portward explain {} --bind", port)),
    }
}

/// Tells whoever asks that this is served, until what is given back is dropped.
fn announce(
    cx: &Context<'_, Acts>,
    (identity, block): (Option<ProjectIdentity>, Option<portward_model::PortRange>),
    name: &str,
    (port, is_secure, pinned): (u16, bool, bool),
) -> Result<Option<Desk<Record>>, Failure> {
    let facts = cx.machine.facts()?;
    let Some(own) = process_at(cx.machine, facts.pid).map(|process| process.id) else { return Ok(None) };
    let since = cx.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    let host = if pinned { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
    let record = Record {
        supervisor: own,
        identity,
        block,
        rules: None,
        started_at: Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
        services: vec![RunService { process: own, name: name.to_owned(), ended: false }],
        listeners: vec![RunListener {
            pid: own.pid,
            service: name.to_owned(),
            transport: Transport::Tcp,
            asked: None,
            serves: SocketAddr::from((host, port)),
            pinned,
            from: None,
            is_secure,
        }],
        kept: None,
    };
    let mut desk = Desk::open(cx.caller, own, record);
    desk.attend(cx.caller.clone(), own, asked);
    Ok(Some(desk))
}

impl Serving {
    /// The next request that was answered; `None` where there was none in this time.
    pub fn next(&self, time: Duration) -> Option<ServedRequest> {
        self.requests.as_ref()?.recv_timeout(time).ok()
    }

    /// True where requests are told.
    pub fn tells(&self) -> bool {
        self.requests.is_some()
    }

    /// Takes nobody in any more, and waits for what is in flight until `enough`. True where all of it was answered.
    pub fn stop(&self, enough: impl FnMut() -> bool) -> bool {
        self.server.stop(enough)
    }

    /// Requests that were not told of, because whoever reads was too slow.
    pub fn untold(&self) -> u64 {
        self.server.untold()
    }
}

/// What a folder that belongs to no project is called in the leases: no other folder has that name.
pub fn lease_of(name: &str, folder: &Text) -> String {
    let seed = portward_store::seed([folder.raw()]);
    format!("{}-{:04x}", name.get(..50).unwrap_or(name), seed & 0xffff)
}

/// The port that is asked for in a session, which gives one of its own for it.
const USUAL: u16 = 8080;
/// Leases of one name that are tried.
const MOST_LEASES: usize = 9;
