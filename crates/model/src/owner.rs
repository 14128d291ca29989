//! Who holds a socket, what that process belongs to, and why it runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Text;

/// How an owner came by a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// It opened the socket itself.
    Opened,
    /// Its parent, or an ancestor, opened it and it kept the descriptor.
    Inherited,
    /// Another process sent it the descriptor.
    Passed,
    /// A supervisor opened the socket and started the program for it (`sd_listen_fds(3)`).
    Activated,
}

/// One descriptor of one process that refers to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Position of the socket in [`crate::Snapshot::sockets`].
    pub socket: u32,
    /// The process.
    pub pid: u32,
    /// The thread, where the descriptor is in a table of that thread's own.
    pub tid: Option<u32>,
    /// The descriptor's number; of a socket that only a ring holds, the ring's.
    pub fd: u32,
    /// True where the descriptor is an `io_uring(7)`, and the socket one of the files that are registered with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ring: bool,
}

/// A directory that a process works for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Project {
    /// The directory itself: a git worktree's root, or the folder of a manifest.
    pub root: Text,
    /// A short name: the folder's name, or the main worktree's for a linked worktree.
    pub name: Text,
    /// The branch that is checked out; `null` outside git and for a detached head.
    pub branch: Option<Text>,
    /// The name of the linked worktree; `null` in the main one.
    pub worktree: Option<Text>,
    /// The package script, compose service or command that the process was started by, such as `npm run dev`.
    pub script: Option<Text>,
}

/// A container that a process runs in, or that a proxy process serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Container {
    /// The program that made it: `docker`, `podman`, `containerd`, `kubernetes`, `lxc`, `systemd-nspawn`.
    pub runtime: String,
    /// Its id, as the runtime prints it; at least its first 12 digits.
    pub id: String,
    /// Its name; `null` where it could not be read.
    pub name: Option<Text>,
    /// Its image; `null` where it could not be read.
    pub image: Option<Text>,
    /// The compose project and service, `shop/web`; `null` outside compose.
    pub service: Option<Text>,
    /// The port inside the container, for a proxy that publishes it.
    pub inner_port: Option<u16>,
    /// Its addresses on the runtime's networks; empty where they could not be read.
    pub addresses: Vec<std::net::IpAddr>,
}

/// What keeps a process running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SupervisorKind {
    /// A systemd unit.
    Systemd,
    /// A container runtime.
    Container,
    /// A process manager: pm2, supervisord, nodemon, foreman and the like.
    Manager,
    /// A session of `portward run`; nothing that ends in one is started again by it.
    Session,
    /// An editor or IDE.
    Editor,
    /// A package script: npm, yarn, pnpm, make, cargo, gradle.
    Script,
    /// An interactive shell, or a terminal multiplexer.
    Shell,
    /// A remote login.
    Ssh,
    /// pid 1 or a subreaper: what started it has ended.
    Orphan,
}

/// What started a process and, for some kinds, would start it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Supervisor {
    /// What kind of thing it is.
    pub kind: SupervisorKind,
    /// Its name: `postgresql@15-main.service`, `npm run dev`, `zsh`.
    pub name: Text,
    /// Its pid, where it is a process.
    pub pid: Option<u32>,
    /// True when it is known to start its programs again after they end.
    pub restarts: bool,
    /// The command that stops the program for good.
    pub stop: Option<crate::ShellLine>,
}

/// One step of the chain of parents, nearest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ancestor {
    /// The parent's pid.
    pub pid: u32,
    /// The parent's name, as a person would say it.
    pub name: Text,
}
