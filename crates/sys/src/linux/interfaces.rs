//! Interfaces, their addresses, and routes.

use std::{io, net::IpAddr};

use portward_model::{Interface, Route, Text};
use portward_wire::netlink::{
    Progress, address_request, link_request, read_address, read_link, read_messages, read_route, route_request,
};

use rustix::net::netdevice::index_to_name_inlined;

use super::netlink::Connection;
use crate::SysError;

pub(super) fn read() -> Result<Vec<Interface>, SysError> {
    let mut connection = Connection::to(NETLINK_ROUTE, "interface")?;
    let mut interfaces: Vec<Interface> = Vec::new();
    collect(&mut connection, &link_request(), "interface", &mut |kind, body| {
        interfaces.extend(read_link(kind, body)?);
        Ok(())
    })?;
    collect(&mut connection, &address_request(), "address", &mut |kind, body| {
        if let Some((index, address)) = read_address(kind, body)?
            && let Some(interface) = interfaces.iter_mut().find(|interface| interface.index == index)
        {
            interface.addresses.push(address);
        }
        Ok(())
    })?;
    Ok(interfaces)
}

/// How a packet would be routed; a network that is unreachable is an error.
pub(super) fn route(target: IpAddr, interface: u32) -> Result<Route, SysError> {
    let mut connection = Connection::to(NETLINK_ROUTE, "route")?;
    let mut found = None;
    collect(&mut connection, &route_request(target, interface), "route", &mut |kind, body| {
        found = read_route(kind, body)?.or(found);
        Ok(())
    })?;
    let Some(reply) = found else {
        return Err(SysError::Netlink { what: "route", source: io::ErrorKind::NetworkUnreachable.into() });
    };
    // One call, where a dump would name every interface.
    let name = index_to_name_inlined(&connection.socket, reply.interface).ok();
    let interface = name.map(|name| Text::new(name.as_bytes()));
    Ok(Route { local: reply.local, interface, gateway: reply.gateway, source: reply.source })
}

pub(super) type Each<'a> = &'a mut dyn FnMut(u16, &[u8]) -> Result<(), portward_wire::Truncated>;

/// Collects the messages of one answer; a question that is no dump is answered by one message.
pub(super) fn collect(
    connection: &mut Connection,
    request: &[u8],
    what: &'static str,
    mut each: Each<'_>,
) -> Result<(), SysError> {
    let is_dump = request.get(6..8).is_some_and(|flags| {
        u16::from_ne_bytes([flags.first().copied().unwrap_or(0), flags.get(1).copied().unwrap_or(0)]) & 0x300 != 0
    });
    connection.ask(request, what, &mut |chunk| match read_messages(chunk, &mut each) {
        Ok(Progress::More) => Ok(is_dump),
        Ok(Progress::Done { .. }) => Ok(false),
        Ok(Progress::Refused(code)) => Err(io::Error::from_raw_os_error(code)),
        Err(error) => Err(io::Error::other(error)),
    })
}

/// The routing family is protocol 0, which a socket call writes as none.
pub(super) const NETLINK_ROUTE: Option<rustix::net::Protocol> = None;
