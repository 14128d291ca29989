//! `bin/www`: what starts an application that Express's generator has made.

use super::{Kind, program::listeners};

pub(super) const KIND: Kind = Kind {
    reads: "`PORT || '3000'` and `listen(3000)`, where a script runs it.",
    ..Kind::of("www", "bin/www", &["bin/www"], listeners)
};
