//! TCP segments in IPv4 packets, as a capture without link-layer headers holds them (RFC 791 section 3.1, RFC 9293 section 3.1).

use std::net::Ipv4Addr;

use crate::{Reader, Truncated};

/// A TCP segment, with the ends of its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The sender's address and port.
    pub from: (Ipv4Addr, u16),
    /// The receiver's address and port.
    pub to: (Ipv4Addr, u16),
    /// Number of its first byte; of a SYN, the number before the first byte.
    pub sequence: u32,
    /// The next byte that the sender expects; meaningless without ACK.
    pub acknowledgement: u32,
    /// Its control bits.
    pub flags: u8,
    /// The room that the sender has, before scaling.
    pub window: u16,
    /// Bytes that it carries.
    pub length: u16,
}

impl Segment {
    /// The names of its control bits, in the order in which people say them.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        let flags = self.flags;
        FLAGS.iter().filter(move |(bit, _)| flags & bit != 0).map(|(_, name)| *name)
    }

    /// True when it begins a count of bytes.
    pub fn begins(&self) -> bool {
        self.flags & SYN != 0
    }

    /// True when it says what its sender has.
    pub fn acknowledges(&self) -> bool {
        self.flags & ACK != 0
    }
}

/// The TCP segment that a packet holds; `None` where it holds something else, a later fragment, or is cut short in its headers.
pub fn segment(packet: &[u8]) -> Option<Segment> {
    whole(packet).ok().flatten()
}

fn whole(packet: &[u8]) -> Result<Option<Segment>, Truncated> {
    let mut ip = Reader::new(packet);
    let first = ip.u8()?;
    let header = u16::from(first & 0x0f) * WORD;
    if first >> 4 != 4 || header < IP_HEADER {
        return Ok(None);
    }
    let _service = ip.u8()?;
    let total = ip.u16_be()?;
    let _identification = ip.u16_be()?;
    let fragment = ip.u16_be()?;
    let _time_to_live = ip.u8()?;
    let protocol = ip.u8()?;
    let _checksum = ip.u16_be()?;
    let (source, target) = (Ipv4Addr::from(ip.array::<4>()?), Ipv4Addr::from(ip.array::<4>()?));
    if protocol != TCP || fragment & OFFSET != 0 {
        return Ok(None);
    }
    ip.take(usize::from(header - IP_HEADER))?;
    let mut tcp = ip;
    let (from, to) = (tcp.u16_be()?, tcp.u16_be()?);
    let sequence = u32::from_be_bytes(tcp.array()?);
    let acknowledgement = u32::from_be_bytes(tcp.array()?);
    let offset = u16::from(tcp.u8()? >> 4) * WORD;
    let flags = tcp.u8()?;
    let window = tcp.u16_be()?;
    let Some(length) = total.checked_sub(header).and_then(|rest| rest.checked_sub(offset)) else { return Ok(None) };
    Ok((offset >= TCP_HEADER).then_some(Segment {
        from: (source, from),
        to: (target, to),
        sequence,
        acknowledgement,
        flags,
        window,
        length,
    }))
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;
const URG: u8 = 32;
const FLAGS: &[(u8, &str)] = &[(SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (URG, "URG"), (ACK, "ACK")];

/// Header lengths are counted in words of four bytes.
const WORD: u16 = 4;
const IP_HEADER: u16 = 20;
const TCP_HEADER: u16 = 20;
/// The protocol's number in an IPv4 header.
const TCP: u8 = 6;
/// The bits of a fragment's offset.
const OFFSET: u16 = 0x1fff;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{Segment, segment};

    /// 127.0.0.1:40002 to 127.0.0.1:3000, PSH and ACK, "hello".
    fn packet() -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 45, 0, 1, 0x40, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1];
        bytes.extend([0x9c, 0x42, 0x0b, 0xb8, 0, 0, 0, 7, 0, 0, 1, 0, 0x50, 0x18, 2, 0, 0, 0, 0, 0]);
        bytes.extend(b"hello");
        bytes
    }

    #[test]
    fn a_segment_is_read() {
        let read = segment(&packet()).unwrap();
        let localhost = Ipv4Addr::LOCALHOST;
        let wanted = Segment {
            from: (localhost, 40002),
            to: (localhost, 3000),
            sequence: 7,
            acknowledgement: 256,
            flags: 0x18,
            window: 512,
            length: 5,
        };
        assert_eq!(read, wanted);
        assert_eq!(read.flags().collect::<Vec<_>>(), ["PSH", "ACK"]);
        assert!(read.acknowledges() && !read.begins());
    }

    #[test]
    fn what_is_no_segment_is_none() {
        for (at, byte) in [(0, 0x65), (0, 0x44), (9, 17), (7, 1), (32, 0x40), (3, 39)] {
            let mut bytes = packet();
            bytes[at] = byte;
            assert_eq!(segment(&bytes), None, "byte {at}");
        }
        for length in 0..36 {
            assert_eq!(segment(&packet()[..length]), None, "{length} bytes");
        }
    }
}
