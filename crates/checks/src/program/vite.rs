//! Vite, the development server of most front ends, and of what is built on it.

use super::{Kind, Program, Way};

pub(super) const PROGRAMS: &[Program] = &[Program {
    speaks: "http",
    ports: &[
        (5173, "Vite development server"),
        (5174, "Vite development server, second instance"),
        (4173, "Vite preview"),
        (24678, "Vite hot reload"),
    ],
    // Strict: a port that is taken ends it instead of moving it on.
    told: Way::Flags(&["--port", "{}", "--strictPort"]),
    address: "vite --host HOST",
    allows: "server.allowedHosts: ['HOST']",
    files: &["vite.config.", "svelte.config."],
    seen: &[
        ("node /w/node_modules/.bin/vite --host", "node /w/node_modules/.bin/vite --host --port 20300 --strictPort"),
        ("npx vite dev", "npx vite dev --port 20300 --strictPort"),
    ],
    ..Program::named("vite", Kind::DevServer)
}];
