//! What a project's files say, gathered: the files that are known by their names, what they would start, and what of them could
//! not be read.

use portward_checks::lint::{
    File, Life, Listener, Project,
    planned::{Planned, planned},
};
use portward_model::{Failure, Gap, PortRange, ProjectIdentity, Sentence, SocketState, Text, Transport};
use portward_sys::{Context, Rights, StateSet, Transports, path_of};
use portward_wire::source::kind_of;

use crate::{Look, compose};

/// What was gathered.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// Which project it is; `None` outside any, where the caller's folder was looked through.
    pub identity: Option<ProjectIdentity>,
    /// Its files, and what they say.
    pub project: Project,
    /// What they would start, each service once, with where it comes from and what a person has to decide.
    pub planned: Planned,
    /// What could not be read or understood.
    pub unread: Vec<Unread>,
}

/// A file or folder that could not be read, or a place in it that could not be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Where it is, below the project's root; empty for the root itself.
    pub path: Text,
    /// The line, where it is one.
    pub line: Option<u32>,
    /// Why, as the end of a sentence.
    pub why: Sentence,
}

/// The known files of the caller's project.
///
/// # Errors
/// Where the caller has no folder, or its project's root cannot be looked into.
pub fn gather<R: Rights>(cx: &Context<'_, R>) -> Result<Gathered, Failure> {
    let Some(folder) = &cx.caller.cwd else {
        return Err(Failure::usage("The folder that this was started in is gone.").hint("cd into a project"));
    };
    let identity = cx.look().project_at(&path_of(folder))?;
    let root = identity.as_ref().map_or(folder, |identity| &identity.project.root).clone();
    let sources = cx.look().sources(&path_of(&root))?;
    let unread = |file: portward_sys::Unread| Unread { path: file.path, line: None, why: file.why.into() };
    let mut unread: Vec<Unread> = sources.unread.into_iter().map(unread).collect();
    let mut files = Vec::new();
    for file in &sources.files {
        cx.still_wanted()?;
        // A name that is no text is of no kind; what stands beside a file was looked at when it was found.
        let Some((path, kind)) = file.path.plain().and_then(|path| Some((path, kind_of(path, &|_| true)?))) else { continue };
        match File::read(path, kind, file.text.raw()) {
            Ok(file) => {
                let flaw = |flaw: &portward_wire::source::Flaw| Unread {
                    path: Text::from(file.path.as_str()),
                    line: (flaw.line > 0).then_some(flaw.line),
                    why: flaw.words.clone().into(),
                };
                unread.extend(file.found.flaws.iter().map(flaw));
                files.push(file);
            }
            Err(why) => unread.push(Unread { path: file.path.clone(), line: None, why: why.into() }),
        }
    }
    let (open, environment) = (compose::named(cx, &path_of(&root)), compose::environment(cx));
    let (project, flaws) = Project::with(root, files, &environment, &open);
    unread.extend(flaws.into_iter().map(|flaw| Unread {
        path: Text::from(flaw.file.as_str()),
        line: (flaw.line > 0).then_some(flaw.line),
        why: flaw.words.into(),
    }));
    let planned = planned(&project);
    Ok(Gathered { identity, project, planned, unread })
}

/// What is known of the machine for the rules: its own port rules, and what the project's programs listen on. What a session has moved
/// is left out: it is pinned to loopback, or in the project's own block. What could not be seen comes with it.
pub fn life<R: Rights>(cx: &Context<'_, R>, root: &Text, block: Option<PortRange>) -> (Life, Vec<Gap>) {
    let transports = Transports { tcp: true, udp: false, unix: false };
    let look = Look { transports, states: StateSet::Serving, clients: false, interfaces: false, rules: true, ..Look::serving() };
    let view = look.take(cx.look());
    let mut listeners: Vec<Listener> = Vec::new();
    for (index, socket) in view.snapshot.sockets.iter().enumerate() {
        let Some(port) = socket.port().filter(|port| block.is_none_or(|block| !block.contains(*port))) else { continue };
        if socket.state != SocketState::Listen || socket.transport != Transport::Tcp || socket.interface != 0 {
            continue;
        }
        let process = view.first_owner(index).and_then(|pid| view.snapshot.process(pid));
        let Some((process, cwd)) = process.and_then(|process| Some((process, process.cwd.known()?))) else { continue };
        let Some(folder) = below(root, cwd) else { continue };
        let holder = format!("{} (pid {})", process.title(), process.id.pid);
        if !listeners.iter().any(|known| known.port == port && known.folder == folder) {
            listeners.push(Listener { port, folder, holder });
        }
    }
    (Life { rules: view.snapshot.rules, listeners }, view.snapshot.gaps)
}

/// Where a folder is below a root; `None` where it is not.
fn below(root: &Text, folder: &Text) -> Option<String> {
    let rest = folder.raw().strip_prefix(root.raw())?;
    let rest = if rest.is_empty() { rest } else { rest.strip_prefix(b"/")? };
    std::str::from_utf8(rest).ok().map(str::to_owned)
}
