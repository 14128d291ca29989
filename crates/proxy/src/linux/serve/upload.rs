//! Files that are taken in: one by PUT, several by a form.

use std::io::{self, ErrorKind, Read, Write};

use portward_sys::served::{Met, Miss, Sort};
use portward_wire::http::{Form, Framing, Head, Part, Tag, Target, Verdict, boundary, encoded, judge};

use super::{
    guard::takes_html,
    page::refusal,
    reply::{Body, Reply},
    site::Site,
};

/// What is taken in, once its body is read.
pub(super) enum Wanted {
    /// One file of this name, in the folder.
    File {
        folder: Met,
        name: Vec<u8>,
        /// Where it will be.
        place: String,
    },
    /// The files of a form.
    Form {
        folder: Met,
        boundary: Vec<u8>,
        /// Where the folder is.
        place: String,
        /// A person sent it, and is shown the folder.
        is_page: bool,
    },
}

/// What a request would put where, or why it is refused; nothing of its body has been read.
pub(super) fn wanted(site: &Site, head: &Head<'_>, target: &Target<'_>) -> Reply {
    let refuse = |status, sentence: &str| refusal(status, Some(head), sentence);
    let Some(rule) = site.plan.uploads.filter(|_| site.served.only().is_none()) else {
        return refuse(403, "One file is served here, and nothing is taken in.");
    };
    match head.framing {
        Framing::Length(length) if length > rule.limit => {
            return refuse(413, &format!("{length} bytes are more than the {} that are taken in.", rule.limit));
        }
        Framing::None if head.method == "PUT" && head.field("content-length").is_none() => {
            return refuse(411, "How long the file is, or that it comes in chunks, has to be said.");
        }
        Framing::None | Framing::Length(_) | Framing::Chunked => {}
    }
    if target.is_hidden && !site.plan.hidden {
        return refuse(403, "Names that begin with a dot are not served here.");
    }
    if head.field("content-range").is_some() || head.field("content-encoding").is_some() {
        return refuse(400, "A file is taken in whole and as it is.");
    }
    if head.method == "POST" {
        let Some(boundary) = head.field("content-type").and_then(boundary) else {
            return refuse(415, "Files are taken in from a form (multipart/form-data), or by PUT.");
        };
        return match site.served.find(&target.path, false) {
            Ok(folder) if folder.facts.sort == Sort::Folder => {
                let place = if target.path.is_empty() { "/".to_owned() } else { format!("/{}/", encoded(&target.path)) };
                Reply::new(200, Body::Upload(Wanted::Form { folder, boundary, place, is_page: takes_html(head) }))
            }
            Ok(_) => refuse(409, "Files go into a folder, and this is none."),
            Err(miss) => missed(head, &miss),
        };
    }
    let cut = target.path.iter().rposition(|byte| *byte == b'/');
    let (parent, name) = match cut {
        Some(at) => (target.path.get(..at).unwrap_or_default(), target.path.get(at + 1..).unwrap_or_default()),
        None => (&b""[..], &target.path[..]),
    };
    if target.is_folder || name.is_empty() {
        return refuse(409, "A folder cannot be put; the name of a file stands at the end.");
    }
    let there = match site.served.find(&target.path, false) {
        Ok(met) if met.facts.sort == Sort::Folder => return refuse(409, "A folder has this name."),
        Ok(met) => Some(met),
        Err(Miss::Absent) => None,
        // A link that leads nowhere, or out of the folder, is replaced like a file and never followed.
        Err(Miss::Outside) if rule.overwrite => None,
        Err(miss) => return missed(head, &miss),
    };
    let tag = there.as_ref().map(super::site::tag_of);
    let own = there
        .as_ref()
        .zip(tag.as_ref())
        .map(|(met, tag)| Tag { etag: tag, changed: u64::try_from(met.facts.changed.0).unwrap_or(0) });
    if judge(head, own) != Verdict::Go {
        return refuse(412, "It is not what the condition of the request says.");
    }
    if there.is_some() && !rule.overwrite {
        return refuse(409, "A file has this name. portward serve --upload --overwrite replaces it.");
    }
    match site.served.find(parent, false) {
        Ok(folder) if folder.facts.sort == Sort::Folder => {
            let place = format!("/{}", encoded(&target.path));
            Reply::new(201, Body::Upload(Wanted::File { folder, name: name.to_vec(), place }))
        }
        Ok(_) => refuse(409, "What is above it is no folder."),
        Err(Miss::Absent) => refuse(409, "The folder that it would be in is not there."),
        Err(miss) => missed(head, &miss),
    }
}

fn missed(head: &Head<'_>, miss: &Miss) -> Reply {
    match miss {
        Miss::Absent => refusal(404, Some(head), "Nothing is here."),
        Miss::Denied => refusal(403, Some(head), "The user who serves this may not."),
        Miss::Outside => refusal(403, Some(head), "A link leads out of the folder that is served, and is not followed."),
        Miss::Later | Miss::Failed(_) => refusal(500, Some(head), "It cannot be looked at."),
    }
}

/// Takes in what was wanted from the body.
///
/// # Errors
/// Where the body ends before its end: nobody is there to be answered.
pub(super) fn take(site: &Site, head: &Head<'_>, wanted: Wanted, body: &mut dyn Read) -> io::Result<Reply> {
    let Some(rule) = site.plan.uploads else { return Ok(refusal(403, Some(head), "Nothing is taken in here.")) };
    let mut body = Bounded { body, left: rule.limit };
    let done = match wanted {
        Wanted::File { folder, name, place } => file(site, &folder, &name, &mut body, rule.overwrite).map(|replaced| {
            if replaced { Reply::new(204, Body::None) } else { Reply::new(201, Body::Bytes(Vec::new())).with("Location", &place) }
        }),
        Wanted::Form { folder, boundary, place, is_page } => {
            form(site, &folder, &boundary, &mut body, rule.overwrite).map(|files| match (files, is_page) {
                (0, _) => refusal(400, Some(head), "The form has no file in it."),
                (_, true) => Reply::new(303, Body::Bytes(Vec::new())).with("Location", &place),
                (files, false) => {
                    let text = format!("{files} taken in.\n").into_bytes();
                    Reply::new(201, Body::Bytes(text)).with("Content-Type", "text/plain; charset=utf-8").with("Location", &place)
                }
            })
        }
    };
    done.or_else(|error| {
        let (status, sentence) = match error.kind() {
            ErrorKind::FileTooLarge => (413, format!("More than the {} bytes came that are taken in.", rule.limit)),
            ErrorKind::AlreadyExists => {
                (409, "A file has this name. portward serve --upload --overwrite replaces it.".to_owned())
            }
            ErrorKind::IsADirectory | ErrorKind::DirectoryNotEmpty => (409, "A folder has this name.".to_owned()),
            ErrorKind::InvalidInput => (400, "That is no name of a file here.".to_owned()),
            ErrorKind::InvalidData => (400, "The body cannot be read.".to_owned()),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                (403, "The user who serves this may not write here.".to_owned())
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (507, "The disk is full.".to_owned()),
            _ => return Err(error),
        };
        Ok(refusal(status, Some(head), &sentence))
    })
}

fn file(site: &Site, folder: &Met, name: &[u8], body: &mut dyn Read, overwrite: bool) -> io::Result<bool> {
    let mut receiving = site.served.receive(folder, name)?;
    let mut piece = vec![0; PIECE];
    loop {
        match body.read(&mut piece)? {
            0 => return receiving.keep(overwrite),
            read => receiving.file.write_all(piece.get(..read).unwrap_or_default())?,
        }
    }
}

/// Takes in every file of a form. Each is there whole as soon as its part has come; what comes after one that is refused is not read.
fn form(site: &Site, folder: &Met, boundary: &[u8], body: &mut dyn Read, overwrite: bool) -> io::Result<usize> {
    let (mut form, mut files, mut receiving) = (Form::new(boundary), 0, None);
    let mut bytes = Vec::new();
    let mut piece = vec![0; PIECE];
    loop {
        let used = match form.next(&bytes).ok_or(ErrorKind::InvalidData)? {
            Part::Frame(length) => length,
            Part::Begins(length, name) => {
                // A field without a file, or one in which no file was chosen, is passed over.
                receiving = match name.filter(|name| !name.is_empty()) {
                    Some(name) if name.starts_with(b".") && !site.plan.hidden => return Err(ErrorKind::InvalidInput.into()),
                    Some(name) => Some(site.served.receive(folder, &name)?),
                    None => None,
                };
                length
            }
            Part::Data(length) => {
                if let Some(receiving) = &mut receiving {
                    receiving.file.write_all(bytes.get(..length).unwrap_or_default())?;
                }
                length
            }
            Part::Ends(length) => {
                if let Some(receiving) = receiving.take() {
                    receiving.keep(overwrite)?;
                    files += 1;
                }
                length
            }
            Part::More => {
                let read = body.read(&mut piece)?;
                if read == 0 {
                    return Err(ErrorKind::InvalidData.into());
                }
                bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
                0
            }
            Part::Over => {
                // What stands behind the end is nothing (RFC 2046 section 5.1.1), and has to be read for the next request.
                while body.read(&mut piece)? > 0 {}
                return Ok(files);
            }
        };
        bytes.drain(..used);
    }
}

/// A body that may not be longer than this.
struct Bounded<'b> {
    body: &'b mut dyn Read,
    left: u64,
}

impl Read for Bounded<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(bytes)?;
        self.left = self.left.checked_sub(read as u64).ok_or(ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}

/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;
