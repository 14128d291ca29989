//! Users as the system knows them, by whichever database it asks (`nsswitch.conf(5)`).

use std::{
    ffi::{CStr, CString},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
};

/// A user, with what a process of theirs begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The number.
    pub uid: u32,
    /// The group that files of theirs get.
    pub gid: u32,
    /// Every group that they are in, that one included.
    pub groups: Vec<u32>,
    /// The name.
    pub name: CString,
    /// The home folder.
    pub home: PathBuf,
}

impl User {
    /// The user with this number; `None` where the system knows none.
    pub fn of(uid: u32) -> Option<Self> {
        // SAFETY: `entry`, `room` and `found` live until the call returns, and `room` is as long as is said.
        #[allow(unsafe_code)]
        Self::found(&|entry, room, found| unsafe { libc::getpwuid_r(uid, entry, room.as_mut_ptr(), room.len(), found) })
    }

    /// The user of this name; `None` where the system knows none.
    pub fn named(name: &[u8]) -> Option<Self> {
        let name = CString::new(name).ok()?;
        // SAFETY: as above; `name` ends with a zero and lives until the call returns.
        #[allow(unsafe_code)]
        Self::found(&|entry, room, found| unsafe { libc::getpwnam_r(name.as_ptr(), entry, room.as_mut_ptr(), room.len(), found) })
    }

    fn found(ask: &dyn Fn(&mut libc::passwd, &mut [libc::c_char], &mut *mut libc::passwd) -> libc::c_int) -> Option<Self> {
        let mut room = vec![0; LONGEST_ENTRY];
        // SAFETY: an entry of zeros is a valid one, of null pointers and numbers.
        #[allow(unsafe_code)]
        let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
        let mut found = std::ptr::null_mut();
        if ask(&mut entry, &mut room, &mut found) != 0 || found.is_null() {
            return None;
        }
        // SAFETY: an entry that was found points to texts in `room`, which end with a zero.
        #[allow(unsafe_code)]
        let (name, home) = unsafe { (CStr::from_ptr(entry.pw_name).to_owned(), CStr::from_ptr(entry.pw_dir).to_owned()) };
        let home = PathBuf::from(std::ffi::OsStr::from_bytes(home.to_bytes()));
        let groups = groups_of(&name, entry.pw_gid);
        Some(Self { uid: entry.pw_uid, gid: entry.pw_gid, groups, name, home })
    }
}

fn groups_of(name: &CStr, gid: u32) -> Vec<u32> {
    let mut groups = vec![0; MOST_GROUPS];
    let mut count = libc::c_int::try_from(groups.len()).unwrap_or(0);
    // SAFETY: `name` ends with a zero, and `groups` has room for `count` numbers; fewer are never written beyond it.
    #[allow(unsafe_code)]
    let answer = unsafe { libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &raw mut count) };
    let known = usize::try_from(count).unwrap_or(0);
    // With more groups than that the user has rights that are not taken, and none too many.
    groups.truncate(if answer < 0 { groups.len() } else { known });
    groups
}

const LONGEST_ENTRY: usize = 16 * 1024;
/// `NGROUPS_MAX` is higher; nobody is in that many.
const MOST_GROUPS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::User;

    #[test]
    fn users_by_number_and_name() {
        let root = User::of(0).unwrap();
        assert_eq!((root.uid, root.gid, root.name.to_bytes()), (0, 0, &b"root"[..]));
        assert!(root.groups.contains(&0) && root.home.is_absolute());
        assert_eq!(User::named(b"root"), Some(root));
        assert_eq!(User::of(4_000_000_123), None);
        assert_eq!(User::named(b"no user has\nsuch a name"), None);
    }
}
