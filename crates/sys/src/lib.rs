//! The kernel behind three rights.
//!
//! [`Look`], [`Dial`] and [`Act`] are everything that Portward may ask of a machine or do to it. They have a Linux body, a
//! [`Recorded`] one that plays back a snapshot file, and [`Flaky`], which makes the n-th call of either fail.
//! This crate reads and acts; it does not decide and it has no words for people.
#![warn(unsafe_code)]

mod dialling;
mod error;
mod flaky;
mod host;
#[cfg(target_os = "linux")]
mod linux;
mod machine;
mod private_file;
mod recorded;
mod state;

pub use dialling::{Dialled, Dialling, Talk};
pub use error::SysError;
pub use flaky::Flaky;
pub use host::{
    Ask, Beyond, Depth, FilterHold, FilterTable, Hold, Holders, Pinned, Probe, ProbeAnswer, Reading, Released, Signal,
    Transports, Which,
};
#[cfg(target_os = "linux")]
pub use linux::{Lookup, device, loopback_up, unotify, write_at_once};
pub use machine::{Act, Dial, Look};
pub use portward_wire::netlink::{PortFilter, StateSet};
pub use private_file::write_private;
pub use recorded::Recorded;
pub use state::{FileMark, StateFolder, Turn};

/// The machine that this program runs on.
#[cfg(target_os = "linux")]
pub fn this_machine() -> Result<Box<dyn Act>, SysError> {
    Ok(Box::new(linux::Linux::new()))
}

/// Writes what the stream takes. Elsewhere than on Linux it may wait for its reader.
#[cfg(not(target_os = "linux"))]
pub fn write_at_once(mut stream: impl std::io::Write, bytes: &[u8]) -> std::io::Result<usize> {
    stream.write(bytes)
}

/// The machine that this program runs on.
#[cfg(not(target_os = "linux"))]
pub fn this_machine() -> Result<Box<dyn Act>, SysError> {
    Err(SysError::Unsupported {
        what: "reading this system's sockets; Portward reads Linux, or a snapshot file anywhere".to_owned(),
    })
}
