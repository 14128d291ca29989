//! Close readings against the real kernel: connections, counters, processes, settings, files.

mod dial;
mod files;
mod firewall;
mod inside;
mod network;
mod observe;
mod vitals;
