//! What a case knows of the Unix path that is asked about.

use portward_model::Socket;

use super::Case;
use crate::{Elsewhere, UnixPath};

impl<'a> Case<'a> {
    /// The Unix path that is asked about, with what stands there.
    pub fn unix(&self) -> Option<UnixPath<'a>> {
        let path = self.asked.path.as_ref()?;
        Some(UnixPath { path, facts: self.exam.path(path) })
    }

    /// Sockets that serve by the name of the asked Unix path and have another file, each with where that is.
    pub fn namesakes(&self) -> Vec<(usize, &'a Socket, Elsewhere)> {
        let found = self.unix().map(|path| path.namesakes(self.snapshot)).unwrap_or_default();
        let told = |index: usize| {
            let socket = self.snapshot.sockets.get(index)?;
            let pids = self.snapshot.holders(index).iter().map(|holding| holding.pid);
            let mut below = pids.filter_map(|pid| self.exam.below.iter().find(|(of, _)| *of == pid));
            Some((index, socket, Elsewhere::of(socket, below.next().map(|(_, facts)| facts))))
        };
        found.into_iter().filter_map(told).collect()
    }
}
