//! HTTP/1.1 as a server meets it (RFC 9110 and 9112): heads, targets, conditions, ranges, codings, forms and types, from bytes to
//! values. What an answer is made of is decided elsewhere.

mod chunked;
mod coding;
mod condition;
mod form;
mod head;
mod kind;
mod range;
mod target;

pub use chunked::{Chunks, Piece};
pub use coding::{Coding, accepted};
pub use condition::{Tag, Verdict, judge, still};
pub use form::{Form, Part, boundary};
pub use head::{Fault, Framing, Head, LONGEST_HEAD};
pub use kind::{is_packable, of_extension, with_charset};
pub use range::{Ranges, ranges};
pub use target::{BadTarget, Target, encoded};
