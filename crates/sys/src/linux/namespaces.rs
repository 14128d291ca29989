//! Network namespaces: which there are, and entering one.

use std::{io, mem::MaybeUninit, os::unix::fs::MetadataExt, path::Path};

use portward_model::{Gap, Lack, Namespace, Need, Text};
use portward_wire::procfs::inode_of_link;
use rustix::{
    fd::AsFd,
    fs::readlinkat_raw,
    io::Errno,
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use super::{
    files::Mounts,
    kernel, namespace_inode,
    paths::{self, Part},
    processes,
};
use crate::{Partial, SysError, Which, path_of};

/// The reader's own namespace first, then the others that `which` names.
pub(super) fn read(which: &Which) -> Result<Partial<Vec<Namespace>>, SysError> {
    let inode = namespace_inode("/proc/self/ns/net", "net").unwrap_or(0);
    let own = Namespace { inode, name: None, pid: None, own: true };
    if *which == Which::Own {
        return Ok(Partial { value: vec![own], gaps: Vec::new() });
    }
    let mut found = vec![own];
    add_named(&mut found);
    let mut hidden = 0u32;
    let root = processes::root()?;
    for pid in processes::pids()? {
        let mut path = paths::Path::default();
        let mut link = [MaybeUninit::uninit(); 64];
        match readlinkat_raw(&root, path.of(&[pid.into(), Part::Name(b"/ns/net")]), &mut link) {
            Ok((target, _)) => {
                let Some(inode) = inode_of_link(target, b"net") else { continue };
                match found.iter_mut().find(|namespace| namespace.inode == inode) {
                    Some(known) => {
                        known.pid.get_or_insert(pid);
                    }
                    None => found.push(Namespace { inode, name: None, pid: Some(pid), own: false }),
                }
            }
            Err(Errno::ACCESS | Errno::PERM) => hidden += 1,
            Err(_) => {}
        }
    }
    let mut gaps = Vec::new();
    if hidden > 0 {
        gaps.push(Gap {
            lack: Lack::NamespacesOf { processes: hidden },
            need: if rustix::process::geteuid().is_root() { Need::Platform } else { Need::Root },
            error: None,
        });
    }
    if let Which::Named(name) = which {
        found.retain(|namespace| {
            namespace.name.as_ref().is_some_and(|own| own.raw() == name.as_bytes()) || namespace.inode.to_string() == *name
        });
    }
    Ok(Partial { value: found, gaps })
}

/// Names that `ip-netns(8)` keeps under `/run/netns`.
fn add_named(found: &mut Vec<Namespace>) {
    let mounts = Mounts::now();
    let Ok(folder) = mounts.find(Path::new(NAMED)) else { return };
    for name in folder.names(MOST_NAMED) {
        let Ok(place) = folder.find(Path::new(&name)) else { continue };
        // A namespace that was named in another mount namespace leaves a plain file here.
        if !place.is_on(NSFS_MAGIC) {
            continue;
        }
        let (name, inode) = (Some(Text::new(name.as_encoded_bytes())), place.facts().stx_ino);
        match found.iter_mut().find(|namespace| namespace.inode == inode) {
            Some(known) => known.name = name,
            None => found.push(Namespace { inode, name, pid: None, own: false }),
        }
    }
}

/// Moves the calling thread into a namespace; meant for a thread that ends right after.
pub(super) fn enter(namespace: &Namespace) -> Result<(), SysError> {
    let failed = |source: io::Error| SysError::Enter { inode: namespace.inode, source };
    let path = match (&namespace.name, namespace.pid) {
        (_, Some(pid)) => format!("/proc/{pid}/ns/net").into(),
        (Some(name), None) => Path::new(NAMED).join(path_of(name)),
        (None, None) => return Err(failed(io::ErrorKind::NotFound.into())),
    };
    let file = kernel::open(path).map_err(failed)?;
    // The process may have ended since, and its pid may now stand for another namespace.
    if file.metadata().map_err(failed)?.ino() != namespace.inode {
        return Err(failed(io::ErrorKind::NotFound.into()));
    }
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|error| failed(error.into()))
}

const NAMED: &str = "/run/netns";
/// `linux/magic.h`
/// More than anybody names.
const MOST_NAMED: usize = 65_536;
const NSFS_MAGIC: rustix::fs::FsWord = 0x6e73_6673;
