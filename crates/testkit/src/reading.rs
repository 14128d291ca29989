//! A `list` answer as tests ask about it.

use std::collections::BTreeSet;

use serde_json::Value;

/// The sockets of a JSON answer that has a `sockets` list.
pub struct Reading {
    document: Value,
}

impl Reading {
    /// Wraps a document.
    #[track_caller]
    pub fn new(document: Value) -> Self {
        assert!(document["sockets"].is_array(), "no list of sockets in {document:#}");
        Self { document }
    }

    /// The whole document.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Every socket.
    pub fn sockets(&self) -> &[Value] {
        self.document["sockets"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// The sockets that `wanted` accepts.
    pub fn matching(&self, wanted: impl Fn(&Value) -> bool) -> Vec<&Value> {
        self.sockets().iter().filter(|socket| wanted(socket)).collect()
    }

    /// The sockets whose local port this is.
    pub fn on_port(&self, port: u16) -> Vec<&Value> {
        self.matching(|socket| socket["local"]["port"] == port)
    }

    /// The one socket whose local port this is.
    #[track_caller]
    pub fn only(&self, port: u16) -> &Value {
        match self.on_port(port).as_slice() {
            [socket] => socket,
            found => panic!("{} sockets on port {port} in {:#}", found.len(), self.document),
        }
    }

    /// The socket with this inode.
    #[track_caller]
    pub fn inode(&self, inode: u64) -> &Value {
        match self.matching(|socket| socket["inode"] == inode).as_slice() {
            [socket] => socket,
            found => panic!("{} sockets with inode {inode} in {:#}", found.len(), self.document),
        }
    }

    /// The pids of a socket's owners, in order, each once.
    pub fn owners_of(&self, socket: &Value) -> Vec<u64> {
        let pids: BTreeSet<u64> = owners(socket).iter().filter_map(|owner| owner["pid"].as_u64()).collect();
        pids.into_iter().collect()
    }

    /// The owner of a socket with this pid.
    #[track_caller]
    pub fn owner<'a>(&self, socket: &'a Value, pid: u64) -> &'a Value {
        owners(socket).iter().find(|owner| owner["pid"] == pid).unwrap_or_else(|| panic!("pid {pid} is no owner of {socket:#}"))
    }
}

fn owners(socket: &Value) -> &[Value] {
    socket["owners"].as_array().map(Vec::as_slice).unwrap_or_default()
}
