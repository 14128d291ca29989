//! `README.md`: the table of ports in it is compared with what the project declares.

use super::Kind;

pub(super) const KIND: Kind = Kind {
    reads: "The table that `portward ports --markdown` printed, by its first line, in the README at the project's root. Nothing else in it is a port.",
    ..Kind::of("readme", "README.md", &["README.md"], |_, _| ())
};
