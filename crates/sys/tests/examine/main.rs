//! Close readings against the real kernel: connections, counters, processes, settings, files.
// A test's way to fail is to panic.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod dial;
mod files;
mod firewall;
mod inside;
mod network;
mod observe;
mod vitals;
