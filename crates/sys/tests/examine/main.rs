//! Close readings against the real kernel: connections, counters, processes, files.

mod dial;
