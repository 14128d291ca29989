//! An answer: its status, its fields and where its body comes from.

use std::{fs::File, io::Write};

use portward_wire::http::Coding;

use super::{moment::add_date, upload::Wanted};

/// An answer that is decided and not sent.
pub(super) struct Reply {
    pub(super) status: u16,
    /// Lines of its head, each with its end, without what frames the body.
    pub(super) fields: Vec<u8>,
    pub(super) body: Body,
    /// True where the body is not sent: HEAD.
    pub(super) bodiless: bool,
}

/// Where a body comes from.
pub(super) enum Body {
    /// There can be none: 304, and 204.
    None,
    /// These bytes.
    Bytes(Vec<u8>),
    /// So many bytes of a file, from this one on.
    File { file: File, from: u64, length: u64 },
    /// Pieces of a file, each with what stands before it, and what stands at the end.
    Pieces { file: File, pieces: Vec<(Vec<u8>, u64, u64)>, end: Vec<u8> },
    /// A file, packed while it is sent.
    Packed { file: File, length: u64, coding: Coding },
    /// A stream of changes, which has no end.
    Changes,
    /// The body of the request is read first.
    Upload(Wanted),
}

impl Reply {
    pub(super) fn new(status: u16, body: Body) -> Self {
        Self { status, fields: Vec::new(), body, bodiless: false }
    }

    /// The same with one more field.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.add(name, value);
        self
    }

    pub(super) fn add(&mut self, name: &str, value: &str) {
        // What could begin a line of its own never stands in one.
        if !value.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            self.fields.extend_from_slice(name.as_bytes());
            self.fields.extend_from_slice(b": ");
            self.fields.extend_from_slice(value.as_bytes());
            self.fields.extend_from_slice(b"\r\n");
        }
    }

    /// The length of the body, where it is known before it is sent.
    pub(super) fn length(&self) -> Option<u64> {
        match &self.body {
            Body::None | Body::Packed { .. } | Body::Changes | Body::Upload(_) => None,
            Body::Bytes(bytes) => u64::try_from(bytes.len()).ok(),
            Body::File { length, .. } => Some(*length),
            Body::Pieces { pieces, end, .. } => {
                let each = |(before, _, length): &(Vec<u8>, u64, u64)| before.len() as u64 + length;
                Some(pieces.iter().map(each).sum::<u64>() + end.len() as u64)
            }
        }
    }

    /// True where the body is sent in chunks, to whom understands that.
    pub(super) fn is_streamed(&self) -> bool {
        matches!(self.body, Body::Packed { .. } | Body::Changes)
    }

    /// The head as it is sent.
    pub(super) fn head(&self, common: &[u8], is_current: bool, keeps_open: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(320 + self.fields.len() + common.len());
        let _ = write!(out, "HTTP/1.1 {} {}\r\nDate: ", self.status, reason(self.status));
        add_date(&mut out);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.fields);
        out.extend_from_slice(common);
        if let Some(length) = self.length() {
            let _ = write!(out, "Content-Length: {length}\r\n");
        } else if self.is_streamed() && is_current {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        let connection: &[u8] = match (keeps_open, is_current) {
            (false, _) => b"Connection: close\r\n\r\n",
            (true, true) => b"\r\n",
            (true, false) => b"Connection: keep-alive\r\n\r\n",
        };
        out.extend_from_slice(connection);
        out
    }
}

/// The words behind a status.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        303 => "See Other",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => "Answer",
    }
}
