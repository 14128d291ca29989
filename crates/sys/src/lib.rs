//! The kernel behind three rights.
//!
//! [`Look`], [`Dial`] and [`Act`] are everything that Portward may ask of a machine or do to it, one door each. They have a
//! Linux body, a [`Tape`] that plays back a snapshot file, a [`Recording`] that makes one, and [`Flaky`], of which the n-th
//! call fails.
//! This crate reads and acts; it does not decide and it has no words for people.
#![warn(unsafe_code)]
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod beside;
mod caller;
mod clock;
mod context;
mod dialling;
mod digest;
mod error;
mod flaky;
mod host;
#[cfg(target_os = "linux")]
mod linux;
mod machine;
#[cfg(not(target_os = "linux"))]
mod private_file;
mod reading;
mod recording;
mod sources;
mod state;
mod tape;

pub use beside::{Beside, End};
pub use caller::{path_of, text_of, this_caller};
pub use clock::{Clock, SystemClock};
pub use context::{Acts, Cancel, Context, Dials, Looks, Machine, Nobody, Prompt, Rights};
pub use dialling::{Dialled, Dialling, Secured, Talk, Tls, TlsFault, Trust};
pub use digest::{digest, fingerprint};
pub use error::SysError;
pub use flaky::Flaky;
pub use host::{Ask, Beyond, Depth, FilterHold, FilterTable, Hold, Holders, LO, Partial, Pinned, Released, Transports, Which};
#[cfg(target_os = "linux")]
pub use linux::{
    Elsewhere, Hands, Lookup, User, device, fence, loopback_up, lost_datagrams, make_sockets, on_behalf_of, on_request_to_end,
    on_requests_to_end, read_given, read_of_project, requested_end, runtime, served, trusting, unotify, works, write_at_once,
    write_private,
};
pub use machine::{Act, Deed, Dial, Done};
pub use portward_model::Signal;
pub use portward_wire::netlink::{PortFilter, StateSet};
#[cfg(not(target_os = "linux"))]
pub use private_file::{read_given, read_of_project, write_private};
pub use reading::{Answer, Look, Reading, noted};
pub use recording::{Entry, Recording};
pub use sources::{SourceFile, Sources, Unread};
pub use state::{FileMark, StateFolder, Turn, step_aside};
pub use tape::Tape;

/// The machine that this program runs on.
#[cfg(target_os = "linux")]
pub fn this_machine() -> Result<Box<dyn Act>, SysError> {
    Ok(Box::new(linux::Linux::new()))
}

/// Becomes a process that reads for another one, if this one was started for that; everybody else goes on.
///
/// To be called before arguments are read.
pub fn entrance(arguments: &[std::ffi::OsString]) -> Option<std::process::ExitCode> {
    #[cfg(target_os = "linux")]
    return linux::reader::entrance(arguments);
    #[cfg(not(target_os = "linux"))]
    return None.filter(|_: &std::process::ExitCode| arguments.is_empty());
}

/// Elsewhere than on Linux nobody is asked to end in order.
#[cfg(not(target_os = "linux"))]
pub fn on_request_to_end(_: std::sync::Arc<std::sync::atomic::AtomicBool>) {}

/// Elsewhere than on Linux nobody is asked to end in order.
#[cfg(not(target_os = "linux"))]
pub fn on_requests_to_end(_: [std::sync::Arc<std::sync::atomic::AtomicBool>; 2]) {}

/// Elsewhere than on Linux nobody is asked to end in order.
#[cfg(not(target_os = "linux"))]
pub fn requested_end() -> Option<i32> {
    None
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
