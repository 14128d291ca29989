//! Real faults of local connections, each built in private namespaces from one short file.
//!
//! A lab is `labs/NAME.toml`, and one line in [`labs`](mod@labs). Its parts are the fields of [`Lab`], each with its meaning in
//! `format.rs`; anything else is refused. `labs/no-listener.toml` is the example to begin with.
//!
//! - **The scene.** A lab runs in its own user, network, mount, process and host-name namespaces, which any user may
//!   make. `lo` is up, `/proc`, `/run` and `/tmp` are fresh, `/etc/hosts` is a copy: everything in them may be changed. Inside,
//!   whoever started it is called root and may use `ip`, `nft` and `sysctl -w`, which change the scene alone.
//! - **The processes.** `[[service]]` is this very program in a role: one file each in `linux/role/`, which says what settings
//!   it takes. Inside, each service is a command of its name: `web start`, `web stop`, `web restart listen=0.0.0.0:3000`;
//!   settings that are given replace the lab's. `web pid` prints its process id.
//! - **The rules.** `[world]` has the network's settings, commands, the hosts file, capabilities to do without.
//! - **The try.** The client of the scene does what `question`, `target`, `ask` and `wants` say and meets a [`Sight`]. In the
//!   fault that is `symptom`, once repaired it is `answers` or `bound` (or what `[repair]` says), and in the twin from the start.
//! - **The repair.** `solution` is a shell command that repairs the scene from within.
//!
//! Tests start every lab and every twin, so a new lab is a file, its line, and no more.
//!
//! This crate touches only namespaces that it has made itself, and has no words for people but its errors. The program
//! that links it hands its arguments to [`entrance`] first, for it is started again as the scene's first process and its
//! services.
#![warn(unsafe_code)]

mod answer;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod error;
mod format;
pub mod labs;
#[cfg(target_os = "linux")]
mod linux;
pub mod tour;

pub use answer::{Checked, Hinted, Tried};
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Scene, Tour, check, entrance, hint};
pub use error::LabError;
pub use format::{Ask, Group, Lab, Question, Repair, Sandbox, Service, Sight, State, Twin, World};
#[cfg(target_os = "linux")]
pub use linux::{Scene, Tour, check, entrance, hint};
pub use tour::{TourSight, TourStep};
