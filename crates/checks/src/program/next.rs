//! Next.js, by its own command.

use super::{Kind, Program, Way};

pub(super) const PROGRAMS: &[Program] = &[Program {
    told: Way::Flags(&["-p", "{}"]),
    address: "next dev -H HOST",
    allows: "allowedDevOrigins: ['HOST']",
    files: &["next.config."],
    seen: &[("next dev", "next dev -p 20300"), ("pnpm exec next dev", "pnpm exec next dev -p 20300")],
    ..Program::named("next next-server*", Kind::DevServer)
}];
