//! A file as an answer: its tag and date, its type, what of it is wanted, and how it is packed.

use std::{fmt::Write, io::Read};

use portward_sys::served::{Met, Miss, Sort};
use portward_wire::http::{
    Coding, Head, Ranges, Tag, Verdict, accepted, is_packable, judge, of_extension, ranges, still, with_charset,
};
use rustix::rand::{GetRandomFlags, getrandom};

use super::{Later, Recent, Site};
use crate::linux::serve::{
    live::with_script,
    moment::date,
    page::refusal,
    reply::{Body, Reply},
};

impl Site {
    /// A file, with this status where nothing else is the matter.
    pub(super) fn file(
        &self,
        head: &Head<'_>,
        path: &[u8],
        mut met: Met,
        status: u16,
        recent: Option<&mut Recent>,
    ) -> Result<Reply, Later> {
        if met.facts.sort != Sort::File {
            return Ok(refusal(403, Some(head), "It is a pipe, a socket or a device, and no file."));
        }
        let kind = of_extension(path);
        let gets_script = self.plan.reload && kind == "text/html" && met.facts.size <= LONGEST_PAGE;
        if recent.is_some() && (gets_script || met.facts.size > SMALL) {
            return Err(Later);
        }
        let varies = is_packable(kind) && !gets_script;
        let is_whole = head.field("range").is_none() || status != 200;
        let mut packing = None;
        if varies && is_whole {
            let codings = accepted(head.all("accept-encoding"));
            match self.packed_before(path, &met, &codings, recent.is_some())? {
                Some((sibling, coding)) => {
                    if recent.is_some() && sibling.facts.size > SMALL {
                        return Err(Later);
                    }
                    met = sibling;
                    packing = Some((coding, true));
                }
                None if self.plan.compress && met.facts.size >= WORTH_PACKING => {
                    packing = codings.first().map(|coding| (*coding, false));
                }
                None => {}
            }
        }
        let tag = tag(&met, packing.map(|(coding, _)| coding), gets_script);
        let changed = u64::try_from(met.facts.changed.0).unwrap_or(0);
        let own = Tag { etag: &tag, changed };
        let mut reply = Reply::new(status, Body::None);
        reply.add("ETag", &tag);
        reply.add("Last-Modified", &date(changed));
        if varies {
            reply.add("Vary", "Accept-Encoding");
        }
        match if status == 200 { judge(head, Some(own)) } else { Verdict::Go } {
            Verdict::Same => {
                reply.status = 304;
                return Ok(reply);
            }
            Verdict::Failed => return Ok(refusal(412, Some(head), "It is not what the condition of the request says.")),
            Verdict::Go => {}
        }
        let encoding = packing.map(|(coding, _)| coding.name()).or_else(|| path.ends_with(b".svgz").then_some("gzip"));
        if let Some(encoding) = encoding {
            reply.add("Content-Encoding", encoding);
        }
        let kind = with_charset(kind);
        let size = met.facts.size;
        if packing.is_none() && !gets_script && status == 200 {
            reply.add("Accept-Ranges", "bytes");
            let field = head.field("range").filter(|_| head.method == "GET" && still(head, own));
            match field.map_or(Ranges::Whole, |field| ranges(field, size)) {
                Ranges::Whole => {}
                Ranges::Nothing => {
                    let none = refusal(416, Some(head), "The file has no such bytes.");
                    return Ok(none.with("Content-Range", &format!("bytes */{size}")));
                }
                Ranges::Pieces(pieces) => return pieces_of(head, &met, (&pieces, size), &kind, reply, recent.is_some()),
            }
        }
        reply.add("Content-Type", &kind);
        if let Some(recent) = recent {
            if packing.is_some_and(|(_, before)| !before) {
                return Err(Later);
            }
            return match recent.read(&met, 0, size) {
                Ok(bytes) => Ok(Reply { body: Body::Bytes(bytes), ..reply }),
                Err(miss) => opened(head, &miss),
            };
        }
        let file = match met.open() {
            Ok(file) => file,
            Err(miss) => return opened(head, &miss),
        };
        reply.body = match packing {
            Some((coding, false)) => Body::Packed { file, length: size, coding },
            _ if gets_script => {
                let mut page = Vec::new();
                if let Err(error) = file.take(LONGEST_PAGE + 1).read_to_end(&mut page) {
                    return Ok(refusal(500, Some(head), &format!("It cannot be read: {error}.")));
                }
                Body::Bytes(with_script(page))
            }
            _ => Body::File { file, from: 0, length: size },
        };
        Ok(reply)
    }

    /// The file beside this one that has it packed, in a coding that the client takes. One that is older than the file is no longer the same.
    fn packed_before(&self, path: &[u8], met: &Met, codings: &[Coding], at_once: bool) -> Result<Option<(Met, Coding)>, Later> {
        for coding in codings {
            match self.served.find(&[path, coding.suffix().as_bytes()].concat(), at_once) {
                Ok(sibling) if sibling.facts.sort == Sort::File && sibling.facts.changed >= met.facts.changed => {
                    return Ok(Some((sibling, *coding)));
                }
                Err(Miss::Later) => return Err(Later),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(None)
    }
}

/// Why a file that is there could not be opened.
fn opened(head: &Head<'_>, miss: &Miss) -> Result<Reply, Later> {
    match miss {
        Miss::Later => Err(Later),
        Miss::Absent => Ok(refusal(404, Some(head), "It has just gone.")),
        Miss::Failed(error) => Ok(refusal(500, Some(head), &format!("It cannot be read: {error}."))),
        Miss::Denied | Miss::Outside => Ok(refusal(403, Some(head), "The user who serves this may not read it.")),
    }
}

fn pieces_of(
    head: &Head<'_>,
    met: &Met,
    (pieces, size): (&[(u64, u64)], u64),
    kind: &str,
    mut reply: Reply,
    at_once: bool,
) -> Result<Reply, Later> {
    if at_once {
        return Err(Later);
    }
    let file = match met.open() {
        Ok(file) => file,
        Err(miss) => return opened(head, &miss),
    };
    reply.status = 206;
    let place = |from: u64, length: u64| format!("bytes {from}-{}/{size}", from + length - 1);
    if let [(from, length)] = *pieces {
        reply.add("Content-Type", kind);
        reply.add("Content-Range", &place(from, length));
        reply.body = Body::File { file, from, length };
        return Ok(reply);
    }
    let mut random = [0_u8; 16];
    let _ = getrandom(&mut random, GetRandomFlags::empty());
    let mark = format!("portward-{:032x}", u128::from_ne_bytes(random));
    reply.add("Content-Type", &format!("multipart/byteranges; boundary={mark}"));
    let before = |from: u64, length: u64| {
        format!("\r\n--{mark}\r\nContent-Type: {kind}\r\nContent-Range: {}\r\n\r\n", place(from, length)).into_bytes()
    };
    let pieces = pieces.iter().map(|(from, length)| (before(*from, *length), *from, *length)).collect();
    reply.body = Body::Pieces { file, pieces, end: format!("\r\n--{mark}--\r\n").into_bytes() };
    Ok(reply)
}

/// What a file as it is is known by.
pub(in super::super) fn tag_of(met: &Met) -> String {
    tag(met, None, false)
}

/// What a file is known by, as long as nobody writes to it. What is packed, or has our script in it, is another thing.
fn tag(met: &Met, coding: Option<Coding>, gets_script: bool) -> String {
    let (seconds, nanos) = met.facts.changed;
    let mut tag = format!("\"{seconds:x}.{nanos:x}-{:x}-{:x}", met.facts.size, met.facts.inode.2);
    if let Some(coding) = coding {
        let _ = write!(tag, "-{}", coding.name());
    }
    if gets_script {
        tag.push_str("-live");
    }
    tag.push('"');
    tag
}

/// Bytes that are answered at once, from memory.
pub(super) const SMALL: u64 = 64 * 1024;
/// A page that gets a script is held in memory whole.
const LONGEST_PAGE: u64 = 4 * 1024 * 1024;
/// Below this, packing makes nothing faster.
const WORTH_PACKING: u64 = 1024;
