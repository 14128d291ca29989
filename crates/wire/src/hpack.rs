//! Header fields of HTTP/2 (HPACK, RFC 7541): written as plain literals, read in every form that a server may choose.
//!
//! What is written never touches the other side's table. What is read may: a block is understood with the table that the
//! blocks before it have filled, so one [`Fields`] reads all blocks of a connection, in order.

use std::collections::VecDeque;

/// Header fields, names and values as bytes, in the order in which they came.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Appends one field as a literal that is kept in no table, RFC 7541 section 6.2.2.
pub fn literal(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(0);
    for text in [name, value] {
        integer(out, text.len());
        out.extend_from_slice(text.as_bytes());
    }
}

/// Appends a length without Huffman coding, RFC 7541 section 5.1 with a prefix of seven bits.
fn integer(out: &mut Vec<u8>, value: usize) {
    let Some(mut rest) = value.checked_sub(0x7f) else {
        out.push(u8::try_from(value).unwrap_or(0x7e));
        return;
    };
    out.push(0x7f);
    while rest >= 0x80 {
        out.push(u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80);
        rest >>= 7;
    }
    out.push(u8::try_from(rest).unwrap_or(0));
}

/// The reader's side of a connection's table.
#[derive(Debug)]
pub struct Fields {
    /// The newest first.
    table: VecDeque<(Vec<u8>, Vec<u8>)>,
    limit: usize,
}

impl Default for Fields {
    fn default() -> Self {
        Self { table: VecDeque::new(), limit: TABLE }
    }
}

impl Fields {
    /// The fields of one whole block; `None` for bytes that are none.
    pub fn read(&mut self, mut block: &[u8]) -> Option<Pairs> {
        let mut pairs = Pairs::new();
        while let Some(first) = block.first().copied() {
            if first & 0x80 != 0 {
                let index = take_integer(&mut block, 7)?;
                pairs.push(self.at(index)?);
            } else if first & 0xe0 == 0x20 {
                self.limit = take_integer(&mut block, 5)?.min(TABLE);
                self.shrink();
            } else {
                let keeps = first & 0x40 != 0;
                let index = take_integer(&mut block, if keeps { 6 } else { 4 })?;
                let name = if index == 0 { take_text(&mut block)? } else { self.at(index)?.0 };
                let value = take_text(&mut block)?;
                if keeps {
                    self.table.push_front((name.clone(), value.clone()));
                    self.shrink();
                }
                pairs.push((name, value));
            }
            if pairs.len() > MOST {
                return None;
            }
        }
        Some(pairs)
    }

    fn at(&self, index: usize) -> Option<(Vec<u8>, Vec<u8>)> {
        let index = index.checked_sub(1)?;
        match STATIC.get(index) {
            Some((name, value)) => Some((name.as_bytes().to_vec(), value.as_bytes().to_vec())),
            None => self.table.get(index - STATIC.len()).cloned(),
        }
    }

    /// Entries leave in the order in which they came, RFC 7541 section 4.3; each counts 32 bytes more than it has.
    fn shrink(&mut self) {
        let size = |table: &VecDeque<(Vec<u8>, Vec<u8>)>| table.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
        while !self.table.is_empty() && self.limit < size(&self.table) {
            self.table.pop_back();
        }
    }
}

fn take_integer(bytes: &mut &[u8], prefix: u8) -> Option<usize> {
    let (first, mut rest) = bytes.split_first()?;
    let mask = (1u8 << prefix) - 1;
    let mut value = usize::from(first & mask);
    if value == usize::from(mask) {
        for shift in [0u32, 7, 14, 21] {
            let (next, after) = rest.split_first()?;
            rest = after;
            value += usize::from(next & 0x7f) << shift;
            if next & 0x80 == 0 {
                *bytes = rest;
                return Some(value);
            }
        }
        return None;
    }
    *bytes = rest;
    Some(value)
}

fn take_text(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let is_coded = bytes.first()? & 0x80 != 0;
    let length = take_integer(bytes, 7)?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    if is_coded { unpacked(text) } else { Some(text.to_vec()) }
}

/// Undoes the Huffman code of RFC 7541 appendix B. It is canonical: the lengths alone say which code a byte has.
fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut code, mut length) = (0u32, 0usize);
    for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| u32::from(byte >> at & 1))) {
        code = code << 1 | bit;
        length += 1;
        let row = CODE.rows.get(length)?;
        if let Some(place) = code.checked_sub(row.first).filter(|place| *place < row.count) {
            let symbol = CODE.symbols.get(row.offset + usize::try_from(place).ok()?)?;
            // The end of all texts is no part of one.
            out.push(u8::try_from(*symbol).ok()?);
            (code, length) = (0, 0);
        }
    }
    // What fills the last byte is the beginning of that end: ones, and fewer than eight.
    (length < 8 && code + 1 == 1 << length).then_some(out)
}

/// The codes of one length.
#[derive(Clone, Copy)]
struct Row {
    first: u32,
    count: u32,
    /// Where its symbols begin.
    offset: usize,
}

struct Code {
    rows: [Row; 31],
    symbols: [u16; 257],
}

const CODE: Code = {
    let mut rows = [Row { first: 0, count: 0, offset: 0 }; 31];
    let mut symbols = [0u16; 257];
    let (mut code, mut at, mut length) = (0u32, 0usize, 1usize);
    while length < 31 {
        code <<= 1;
        rows[length].first = code;
        rows[length].offset = at;
        let mut symbol = 0u16;
        while symbol < 257 {
            if LENGTHS[symbol as usize] as usize == length {
                symbols[at] = symbol;
                at += 1;
                code += 1;
                rows[length].count += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    Code { rows, symbols }
};

/// Bytes that a table has where nobody said otherwise, RFC 9113 section 6.5.2.
const TABLE: usize = 4096;
/// Fields of one block; a server's answer has a few dozen.
const MOST: usize = 512;

/// How many bits each byte takes, and the end, RFC 7541 appendix B.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

/// RFC 7541 appendix A.
#[rustfmt::skip]
const STATIC: [(&str, &str); 61] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"),
    (":path", "/index.html"), (":scheme", "http"), (":scheme", "https"), (":status", "200"),
    (":status", "204"), (":status", "206"), (":status", "304"), (":status", "400"),
    (":status", "404"), (":status", "500"), ("accept-charset", ""), ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""), ("accept-ranges", ""), ("accept", ""), ("access-control-allow-origin", ""),
    ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
    ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""),
    ("date", ""), ("etag", ""), ("expect", ""), ("expires", ""),
    ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""),
    ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""), ("last-modified", ""),
    ("link", ""), ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""),
    ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""),
    ("retry-after", ""), ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""),
    ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::{Fields, Pairs, literal};

    fn pairs(all: &[(&str, &str)]) -> Pairs {
        all.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let long = "x".repeat(1000);
        let mut block = Vec::new();
        for (name, value) in [("te", "trailers"), ("x-long", &long), ("", "")] {
            literal(&mut block, name, value);
        }
        assert_eq!(Fields::default().read(&block), Some(pairs(&[("te", "trailers"), ("x-long", &long), ("", "")])));
    }

    /// RFC 7541 appendix C.6: answers, Huffman coded, with a table of 256 bytes that entries leave.
    #[test]
    fn the_answers_of_the_specification() {
        let mut fields = Fields { limit: 256, ..Fields::default() };
        let first = fields.read(&bytes(
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
        ));
        let date = ("date", "Mon, 21 Oct 2013 20:13:21 GMT");
        let location = ("location", "https://www.example.com");
        assert_eq!(first, Some(pairs(&[(":status", "302"), ("cache-control", "private"), date, location])));
        let second = fields.read(&bytes("4883640effc1c0bf"));
        assert_eq!(second, Some(pairs(&[(":status", "307"), ("cache-control", "private"), date, location])));
        let third = fields.read(&bytes(
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ));
        let cookie = ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
        let later = ("date", "Mon, 21 Oct 2013 20:13:22 GMT");
        let gzip = ("content-encoding", "gzip");
        assert_eq!(third, Some(pairs(&[(":status", "200"), ("cache-control", "private"), later, location, gzip, cookie])));
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for wrong in [
            &b"\x80"[..],                     // index 0
            b"\xff\xff\xff\xff\xff\x7f",      // a number without an end
            b"\xbe",                          // an entry that nobody made
            b"\x00\x05ab",                    // cut short
            b"\x00\x01a\x84\xff\xff\xff\xff", // the end of all texts within one
            b"\x00\x01a\x81\x00",             // filled up with zeros
        ] {
            assert_eq!(Fields::default().read(wrong), None, "{}", wrong.escape_ascii());
        }
    }
}
