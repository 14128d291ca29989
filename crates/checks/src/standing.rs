//! Which sockets stand behind a Unix path.
//!
//! A Unix socket is bound to a file, and a path only leads there: by a link, from another folder, in another mount namespace it is
//! another path, and the name that the kernel keeps is what the server once wrote. So a socket is known by its file, device and
//! inode (`unix_diag(7)`), in whatever network namespace. Numbers that differ prove nothing where a file system makes its own;
//! then whether any socket is bound to the file decides, and a name alone makes none certain.

use portward_model::{FileKind, PathFacts, Snapshot, Socket, SocketState, Text};

/// A Unix path, with what stands there for the reader where somebody looked.
#[derive(Clone, Copy, Debug)]
pub struct UnixPath<'a> {
    /// The path, or `@name`.
    pub path: &'a Text,
    /// What stands there.
    pub facts: Option<&'a PathFacts>,
}

/// The sockets behind a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// Their positions.
    pub sockets: Vec<usize>,
    /// True where it is these, by their file; false where only the name says so.
    pub sure: bool,
}

impl<'a> UnixPath<'a> {
    /// True for a name without a file.
    pub fn is_abstract(&self) -> bool {
        self.path.raw().starts_with(b"@")
    }

    /// What stands there, where that is known.
    fn known(&self) -> Option<&'a PathFacts> {
        self.facts.filter(|facts| !facts.closed)
    }

    /// True where it is known that nothing stands at the path.
    pub fn is_vacant(&self) -> bool {
        !self.is_abstract() && self.known().is_some_and(|facts| facts.kind.is_none())
    }

    /// Whether a socket is bound to what stands there; `None` where that is not known.
    pub fn is_bound(&self) -> Option<bool> {
        match self.known()?.kind {
            Some(FileKind::Socket) => self.known()?.bound,
            Some(FileKind::File | FileKind::Folder | FileKind::Other) | None => Some(false),
        }
    }

    /// The sockets that are bound to what stands there, in every state: the connections of a listener have its file, too.
    pub fn behind(&self, snapshot: &Snapshot) -> Behind {
        let own = |socket: &Socket| snapshot.namespaces.get(usize::from(socket.netns)).is_none_or(|namespace| namespace.own);
        let named = || positions(snapshot, |socket| own(socket) && socket.path() == Some(self.path));
        if self.is_abstract() {
            return Behind { sockets: named(), sure: true };
        }
        if self.known().is_none() {
            return Behind { sockets: named(), sure: false };
        }
        if self.is_bound() == Some(false) {
            return Behind { sockets: Vec::new(), sure: true };
        }
        let file = self.known().and_then(|facts| facts.file);
        let same = positions(snapshot, |socket| file.is_some() && socket.file() == file);
        if same.is_empty() {
            return Behind { sockets: named(), sure: false };
        }
        self.told_apart(snapshot, same)
    }

    /// One file has one socket that serves. Where several have its numbers, as in subvolumes of btrfs, its path tells which, or its
    /// last name.
    fn told_apart(&self, snapshot: &Snapshot, same: Vec<usize>) -> Behind {
        let serving = |indices: &[usize]| indices.iter().filter(|index| serves(snapshot, **index)).count();
        match serving(&same) {
            // Connections alone: the kernel makes a server's end in its client's network namespace (`unix_stream_connect`), and who
            // serves is in another one.
            0 => return Behind { sockets: same, sure: false },
            1 => return Behind { sockets: same, sure: true },
            _ => {}
        }
        let real = self.known().map_or(self.path, |facts| if facts.real.is_empty() { self.path } else { &facts.real });
        let path_of = |index: &usize| snapshot.sockets.get(*index).and_then(|socket| socket.path());
        let only = |fits: &dyn Fn(&Text) -> bool| {
            let called: Vec<usize> = same.iter().copied().filter(|index| path_of(index).is_some_and(fits)).collect();
            (serving(&called) == 1).then_some(called)
        };
        let called = only(&|path| path == real || path == self.path).or_else(|| only(&|path| last(path) == last(real)));
        let sure = called.is_some();
        Behind { sockets: called.unwrap_or(same), sure }
    }

    /// Sockets that serve by this very name, though what stands at the path is not theirs: their file was
    /// removed, renamed or replaced, or their path is another mount namespace's.
    pub fn namesakes(&self, snapshot: &Snapshot) -> Vec<usize> {
        let behind = self.behind(snapshot);
        let named = positions(snapshot, |socket| socket.path() == Some(self.path) && socket.state.serves());
        named.into_iter().filter(|index| !self.is_abstract() && !behind.sockets.contains(index)).collect()
    }
}

/// Whose path it is that a namesake has, by what stands there below its holder's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// Its file stands there: another mount namespace, or another root.
    InItsRoot,
    /// Nothing stands there any more: it was removed or renamed.
    Removed,
    /// Another file stands there: it was replaced.
    Replaced,
    /// Its holder's root may not be looked into.
    Unknown,
}

impl Elsewhere {
    /// Where a namesake's file is, `below` being what its holder sees at the path.
    pub fn of(socket: &Socket, below: Option<&PathFacts>) -> Self {
        match below.filter(|facts| !facts.closed) {
            None => Self::Unknown,
            Some(facts) if facts.kind.is_none() => Self::Removed,
            Some(facts) if socket.file().is_some() && facts.file == socket.file() => Self::InItsRoot,
            Some(_) if socket.file().is_none() => Self::Unknown,
            Some(_) => Self::Replaced,
        }
    }
}

fn positions(snapshot: &Snapshot, fits: impl Fn(&Socket) -> bool) -> Vec<usize> {
    let unix = snapshot.sockets.iter().enumerate().filter(|(_, socket)| socket.transport.is_unix() && fits(socket));
    unix.map(|(index, _)| index).collect()
}

fn serves(snapshot: &Snapshot, index: usize) -> bool {
    snapshot.sockets.get(index).is_some_and(|socket| matches!(socket.state, SocketState::Listen | SocketState::Bound))
}

fn last(path: &Text) -> &[u8] {
    path.raw().rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use portward_model::{FileKind, PathFacts, Snapshot, Socket, SocketFile, SocketName, SocketState, Text};

    use super::{Behind, Elsewhere, UnixPath};
    use crate::fixture::{unix, world};

    fn bound(path: &str, device: u32, inode: u32) -> Socket {
        let name = SocketName::Unix { path: Some(Box::new(Text::from(path))), peer: 0, file: Some(SocketFile { device, inode }) };
        Socket { name, ..unix(Some(path), SocketState::Listen) }
    }

    fn stands(kind: Option<FileKind>, file: Option<(u32, u32)>, bound: Option<bool>) -> PathFacts {
        let file = file.map(|(device, inode)| SocketFile { device, inode });
        PathFacts { kind, file, bound, ..PathFacts::default() }
    }

    fn behind(path: &str, facts: Option<&PathFacts>, snapshot: &Snapshot) -> Behind {
        UnixPath { path: &Text::from(path), facts }.behind(snapshot)
    }

    fn all(sockets: Vec<Socket>) -> Snapshot {
        world(sockets, Vec::new(), Vec::new())
    }

    #[test]
    fn a_socket_is_known_by_its_file() {
        let here = stands(Some(FileKind::Socket), Some((8, 10)), Some(true));
        let sure = |sockets: &[usize]| Behind { sockets: sockets.to_vec(), sure: true };
        // Through a link, by a relative path, renamed afterwards.
        for name in ["/run/x.sock", "x.sock", "/run/x.sock.tmp"] {
            assert_eq!(behind("/var/run/x.sock", Some(&here), &all(vec![bound(name, 8, 10)])), sure(&[0]), "{name}");
        }
        // One that was replaced has the name, and another mount namespace's has it too.
        let replaced = all(vec![bound("/run/x.sock", 8, 9), bound("/run/x.sock", 8, 10), bound("/run/x.sock", 9, 10)]);
        assert_eq!(behind("/run/x.sock", Some(&here), &replaced), sure(&[1]));
        // In another network namespace.
        let mut away = all(vec![bound("/x.sock", 8, 10)]);
        away.namespaces[0].own = false;
        assert_eq!(behind("/run/x.sock", Some(&here), &away), sure(&[0]));
    }

    #[test]
    fn numbers_that_differ_make_a_name_unsure_and_nobody_stale() {
        let other = || all(vec![bound("/run/x.sock", 99, 3)]);
        for known in [Some(true), None] {
            let here = stands(Some(FileKind::Socket), Some((8, 10)), known);
            assert_eq!(behind("/run/x.sock", Some(&here), &other()), Behind { sockets: vec![0], sure: false });
        }
        let left = stands(Some(FileKind::Socket), Some((8, 10)), Some(false));
        assert_eq!(behind("/run/x.sock", Some(&left), &other()), Behind { sockets: Vec::new(), sure: true });
        let nothing = stands(None, None, None);
        let vacant = Text::from("/run/x.sock");
        let vacant = UnixPath { path: &vacant, facts: Some(&nothing) };
        assert_eq!((vacant.behind(&other()).sockets, vacant.namesakes(&other()), vacant.is_vacant()), (vec![], vec![0], true));
        let closed = PathFacts { closed: true, ..PathFacts::default() };
        assert_eq!(behind("/run/x.sock", Some(&closed), &other()), Behind { sockets: vec![0], sure: false });
    }

    #[test]
    fn connections_that_a_server_of_another_namespace_took_are_not_the_server() {
        let here = stands(Some(FileKind::Socket), Some((8, 10)), Some(true));
        let taken = Socket { state: SocketState::Established, ..bound("/run/x.sock", 8, 10) };
        assert_eq!(behind("/run/x.sock", Some(&here), &all(vec![taken])), Behind { sockets: vec![0], sure: false });
    }

    #[test]
    fn numbers_that_two_files_have_are_told_apart_by_name() {
        let here = stands(Some(FileKind::Socket), Some((8, 10)), Some(true));
        let two = all(vec![bound("/snap/a/x.sock", 8, 10), bound("/snap/b/y.sock", 8, 10)]);
        assert_eq!(behind("/run/y.sock", Some(&here), &two), Behind { sockets: vec![1], sure: true });
        assert_eq!(behind("/run/z.sock", Some(&here), &two), Behind { sockets: vec![0, 1], sure: false });
        let linked = PathFacts { real: Text::from("/snap/a/x.sock"), ..here.clone() };
        assert_eq!(behind("/run/z.sock", Some(&linked), &two), Behind { sockets: vec![0], sure: true });
        let alike = all(vec![bound("/snap/a/x.sock", 8, 10), bound("/snap/b/x.sock", 8, 10)]);
        assert_eq!(behind("/run/z.sock", Some(&linked), &alike), Behind { sockets: vec![0], sure: true });
    }

    #[test]
    fn where_a_namesakes_file_is() {
        let socket = bound("/run/x.sock", 8, 10);
        let below = |kind, file| Elsewhere::of(&socket, Some(&stands(kind, file, None)));
        assert_eq!(below(Some(FileKind::Socket), Some((8, 10))), Elsewhere::InItsRoot);
        assert_eq!(below(Some(FileKind::Socket), Some((8, 11))), Elsewhere::Replaced);
        assert_eq!(below(None, None), Elsewhere::Removed);
        assert_eq!(Elsewhere::of(&socket, None), Elsewhere::Unknown);
    }
}
