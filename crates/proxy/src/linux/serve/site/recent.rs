//! Files that were opened a moment ago, so that the next request for one of them does not open it again.
//!
//! A file is the same as long as its inode is, which is held, and nothing about it was touched, its mode neither. What it holds is read
//! anew each time.

use std::{collections::HashMap, fs::File, io::IoSliceMut};

use portward_sys::served::{Met, Miss};
use rustix::{
    fs::fstatfs,
    io::{Errno, ReadWriteFlags, pread, preadv2},
};

/// The files of one thread.
#[derive(Default)]
pub(in super::super) struct Recent {
    files: HashMap<(u32, u32, u64), Opened>,
    turn: u64,
}

struct Opened {
    file: File,
    touched: (i64, u32),
    /// The last turn in which it was asked for.
    used: u64,
    /// Its file system is all in memory, and cannot say that something would have to be waited for.
    in_memory: bool,
}

impl Recent {
    /// Lets go of what nobody has asked for lately.
    pub(in super::super) fn sweep(&mut self) {
        let turn = self.turn;
        self.files.retain(|_, opened| opened.used == turn);
        self.turn += 1;
    }

    /// Bytes of a file, if the kernel has them in memory; fewer where the file has become shorter.
    pub(super) fn read(&mut self, met: &Met, from: u64, length: u64) -> Result<Vec<u8>, Miss> {
        let key = met.facts.inode;
        if self.files.get(&key).is_none_or(|opened| opened.touched != met.facts.touched) {
            if self.files.len() >= MOST {
                self.files.clear();
            }
            let file = met.open()?;
            self.files.insert(key, Opened { file, touched: met.facts.touched, used: 0, in_memory: false });
        }
        let turn = self.turn;
        let Some(opened) = self.files.get_mut(&key) else { return Err(Miss::Later) };
        opened.used = turn;
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| Miss::Later)?];
        let mut have = 0;
        while let Some(rest) = bytes.get_mut(have..).filter(|rest| !rest.is_empty()) {
            let at = from + have as u64;
            let read = if opened.in_memory {
                pread(&opened.file, rest, at)
            } else {
                preadv2(&opened.file, &mut [IoSliceMut::new(rest)], at, ReadWriteFlags::NOWAIT)
            };
            match read {
                Ok(0) => break,
                Ok(read) => have += read,
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP | Errno::NOTSUP) if !opened.in_memory && is_at_hand(&opened.file) => opened.in_memory = true,
                Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS) => return Err(Miss::Later),
                Err(error) => return Err(Miss::Failed(error)),
            }
        }
        bytes.truncate(have);
        Ok(bytes)
    }
}

/// True for file systems that are in memory, or a view of one that is on this machine's own disks.
fn is_at_hand(file: &File) -> bool {
    fstatfs(file).is_ok_and(|system| AT_HAND.contains(&system.f_type))
}

/// `TMPFS_MAGIC`, `RAMFS_MAGIC` and `OVERLAYFS_SUPER_MAGIC` (statfs(2)).
const AT_HAND: [rustix::fs::FsWord; 3] = [0x0102_1994, 0x8584_58f6, 0x794c_7630];
/// Files that are held open at most.
const MOST: usize = 64;
