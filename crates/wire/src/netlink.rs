//! Netlink: the frame that every message shares (`netlink(7)`, `linux/netlink.h`).

mod inet;
mod route;
mod unix;

pub use inet::{InetAsk, PortFilter, StateSet, inet_lookup, inet_lookup_connection, inet_request};
pub use route::{
    RouteReply, RuleReply, address_request, link_request, read_address, read_link, read_route, read_rule, route_request,
    rule_before_local, rule_request,
};
pub use unix::unix_request;

use portward_model::{Socket, Transport};

use crate::{Reader, Truncated};

/// What a chunk of replies amounted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More replies follow.
    More,
    /// The dump is complete; `torn` when the kernel says the table changed under it (`NLM_F_DUMP_INTR`).
    Done {
        /// Entries may be missing or doubled.
        torn: bool,
    },
    /// The kernel refused, with this error number.
    Refused(i32),
}

/// Reads one chunk of socket replies (`SOCK_DIAG_BY_FAMILY`) and hands each socket to `each`.
///
/// A reply does not say which transport was asked for, nor where, so `transport` (of an internet socket) and
/// `netns` are written into every socket. A reply that is cut short ends the chunk with [`Truncated`];
/// sockets before it have been handed over.
pub fn read_sockets(
    chunk: &[u8],
    transport: Transport,
    netns: u16,
    each: &mut impl FnMut(Socket),
) -> Result<Progress, Truncated> {
    read_messages(chunk, &mut |kind, body| {
        if kind != SOCK_DIAG_BY_FAMILY && kind != TCPDIAG_GETSOCK {
            return Ok(());
        }
        let socket = match body.first() {
            Some(&AF_INET | &AF_INET6) => inet::read_inet(body, transport, netns)?,
            Some(&AF_UNIX) => unix::read_unix(body, netns)?,
            _ => None,
        };
        if let Some(socket) = socket {
            each(socket);
        }
        Ok(())
    })
}

/// Walks the messages of one chunk; `each` gets the type and the body of every data message.
pub fn read_messages(chunk: &[u8], each: &mut impl FnMut(u16, &[u8]) -> Result<(), Truncated>) -> Result<Progress, Truncated> {
    let mut rest = Reader::new(chunk);
    let mut torn = false;
    while rest.rest().len() >= HEADER {
        let mut header = rest;
        let length = usize::try_from(header.u32()?).map_err(|_| Truncated)?;
        let kind = header.u16()?;
        let flags = header.u16()?;
        let message = rest.take(length)?;
        let body = message.get(HEADER..).ok_or(Truncated)?;
        let _ = rest.take(length.next_multiple_of(4) - length);
        torn |= flags & NLM_F_DUMP_INTR != 0;
        match kind {
            NLMSG_DONE => {
                let code = Reader::new(body).array().map_or(0, i32::from_ne_bytes);
                return Ok(if code < 0 { Progress::Refused(code.saturating_neg()) } else { Progress::Done { torn } });
            }
            NLMSG_ERROR => {
                let code = Reader::new(body).array().map(i32::from_ne_bytes)?;
                return Ok(if code == 0 { Progress::Done { torn } } else { Progress::Refused(code.saturating_neg()) });
            }
            NLMSG_NOOP | NLMSG_OVERRUN => {}
            data => each(data, body)?,
        }
    }
    Ok(Progress::More)
}

/// Walks the attributes of a message (`struct nlattr`: length, type, value padded to four bytes).
fn read_attributes<'a>(bytes: &'a [u8], each: &mut impl FnMut(u16, &'a [u8]) -> Result<(), Truncated>) -> Result<(), Truncated> {
    let mut rest = Reader::new(bytes);
    while rest.rest().len() >= 4 {
        let mut header = rest;
        let length = usize::from(header.u16()?);
        let kind = header.u16()? & NLA_TYPE_MASK;
        let attribute = rest.take(length)?;
        let _ = rest.take(length.next_multiple_of(4) - length);
        each(kind, attribute.get(4..).ok_or(Truncated)?)?;
    }
    Ok(())
}

/// A message: header, body, sequence number 1, from this process.
fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(HEADER + body.len());
    out.extend(length.to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend((NLM_F_REQUEST | flags).to_ne_bytes());
    out.extend(1u32.to_ne_bytes());
    out.extend(0u32.to_ne_bytes());
    out.extend(body);
    out
}

/// An attribute, padded to four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut out = Vec::with_capacity(8 + value.len());
    out.extend(length.to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

const HEADER: usize = 16;
const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLA_TYPE_MASK: u16 = 0x3fff;
/// `linux/sock_diag.h`
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `linux/inet_diag.h`
const TCPDIAG_GETSOCK: u16 = 18;
const AF_UNIX: u8 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

#[cfg(test)]
mod tests {
    use portward_model::Transport;

    use super::{Progress, message, read_messages, read_sockets};

    #[test]
    fn a_refusal_carries_its_number() {
        let mut body = (-13i32).to_ne_bytes().to_vec();
        body.extend([0; 16]);
        let chunk = message(super::NLMSG_ERROR, 0, &body);
        assert_eq!(read_sockets(&chunk, Transport::Tcp, 0, &mut |_| ()), Ok(Progress::Refused(13)));
    }

    #[test]
    fn every_cut_is_refused_or_harmless() {
        let mut chunk = message(20, 0, &[2; 80]);
        chunk.extend(message(20, 0, &[1; 40]));
        for length in 0..chunk.len() {
            let _ = read_sockets(&chunk[..length], Transport::Tcp, 0, &mut |_| ());
        }
        // A length below the header's own would never advance.
        let mut loops = message(20, 0, &[]);
        loops[0] = 0;
        assert!(read_messages(&loops, &mut |_, _| Ok(())).is_err());
    }
}
