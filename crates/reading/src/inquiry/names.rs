//! What names mean on this machine: hosts, and programs or services that listen.

use std::net::IpAddr;

use portward_checks::doctor::Names;
use portward_model::{Endpoint, SocketState, Text, Transport};
use portward_sys::Look as Machine;

use crate::{Look, holder_words};

/// The names of one machine.
pub struct NamesOf<'a>(pub &'a dyn Machine);

impl Names for NamesOf<'_> {
    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        self.0.resolve(name).map_err(|error| error.to_string())
    }

    fn listening(&self, pid: u32) -> Option<(Endpoint, String)> {
        let view = Look { clients: false, interfaces: false, ..Look::serving() }.take(self.0);
        let snapshot = &view.snapshot;
        let serves = |index: usize| snapshot.holders(index).iter().any(|holding| holding.pid == pid);
        let listening = snapshot.sockets.iter().enumerate().filter(|(_, socket)| socket.state == SocketState::Listen);
        let (index, socket) = listening
            .filter(|(index, _)| serves(*index))
            .min_by_key(|(_, socket)| (socket.transport != Transport::Tcp, socket.port()))?;
        Some((Endpoint::of(socket)?, holder_words(&view, index)))
    }

    fn named_in(&self, file: &Text) -> Option<u32> {
        self.0.path(file).ok()?.pid
    }

    fn outward(&self) -> Option<IpAddr> {
        let interfaces = self.0.interfaces().ok()?;
        let bridged =
            |name: &Text| ["docker", "podman", "br-", "cni"].iter().any(|start| name.raw().starts_with(start.as_bytes()));
        let mut far: Vec<_> = interfaces.iter().filter(|interface| !interface.loopback).collect();
        far.sort_by_key(|interface| !bridged(&interface.name));
        far.iter().flat_map(|interface| &interface.addresses).map(|own| own.address).find(IpAddr::is_ipv4)
    }

    fn is_contained(&self) -> bool {
        self.0.network().is_ok_and(|network| network.container.is_some())
    }

    fn serving(&self, wanted: &str) -> Option<(Endpoint, String)> {
        let view = Look { clients: false, interfaces: false, ..Look::serving() }.take(self.0);
        let listening = view.snapshot.sockets.iter().enumerate().filter(|(_, socket)| socket.state == SocketState::Listen);
        let named = listening.filter(|(index, _)| {
            let process = view.first_owner(*index).and_then(|pid| view.snapshot.process(pid));
            let story = process.and_then(|process| view.story(process.id.pid));
            process.is_some_and(|process| process.title().eq_ignore_ascii_case(wanted))
                || story.is_some_and(|story| story.is_of(wanted))
        });
        let (index, socket) = named.min_by_key(|(_, socket)| (socket.transport != Transport::Tcp, socket.port()))?;
        Some((Endpoint::of(socket)?, holder_words(&view, index)))
    }
}
