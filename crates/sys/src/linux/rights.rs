//! Whose rights a look is taken with.

use std::{cell::Cell, sync::OnceLock};

use super::{kernel, users::User};

use rustix::{
    io::Errno,
    process::{Gid, getegid, geteuid, getgroups},
    thread::set_thread_groups,
};

/// On whose word something is what it is: who could have put it where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Root's and this process's own.
    Own,
    /// Another user's.
    User(u32),
    /// Several users', of whom none has a right that all have.
    Nobody,
}

impl Word {
    /// True where whatever it says may be done with this process's rights: it is not root, or the word is its own.
    pub(super) fn can_be_trusted(self) -> bool {
        self == Self::Own || !geteuid().is_root()
    }

    /// True where nothing is looked into with more rights than that: this process is root, or the word is its own.
    pub(super) fn can_be_taken(self) -> bool {
        self == Self::Own || geteuid().is_root()
    }

    /// This word where something of `owner` is met on the way; `None` where that is a third one's.
    pub(super) fn and(self, owner: u32) -> Option<Self> {
        let own = owner == 0 || owner == geteuid().as_raw() || is_nobodys(owner);
        match self {
            Self::Own if own => Some(Self::Own),
            // What is not root's is not followed by a process that cannot take its owner's rights.
            Self::Own => Some(Self::User(owner)),
            Self::User(uid) if own || uid == owner => Some(self),
            Self::User(_) | Self::Nobody => None,
        }
    }
}

/// True for the number that stands for every user who has none in this user namespace (`user_namespaces(7)`): over what is theirs
/// root of the namespace has no more rights than anybody, and the machine's own root is among them.
fn is_nobodys(owner: u32) -> bool {
    static UNMAPPED: OnceLock<bool> = OnceLock::new();
    owner == NOBODY
        && *UNMAPPED.get_or_init(|| {
            let map = kernel::read_to_string("/proc/self/uid_map").unwrap_or_default();
            let holds = |line: &str| {
                let mut numbers = line.split_whitespace().map_while(|number| number.parse::<u32>().ok());
                let (first, _, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
                Some(NOBODY.checked_sub(first).is_some_and(|at| at < count))
            };
            !map.is_empty() && !map.lines().any(|line| holds(line) == Some(true))
        })
}

thread_local! {
    /// Whose rights this thread looks with now.
    static TAKEN: Cell<Word> = const { Cell::new(Word::Own) };
}

/// Does something with the rights of whose word it rests on, where this process is root; with its own otherwise. They are the
/// thread's alone (`setfsuid(2)`), and without groups.
///
/// # Errors
/// `EPERM` where those rights cannot be taken.
pub(super) fn with_rights<T>(word: Word, body: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    let before = TAKEN.get();
    if word == before || word == Word::Own || !geteuid().is_root() {
        return body();
    }
    let _back = Taken::take(word)?;
    body()
}

/// A user's rights, until dropped.
pub(super) struct Taken {
    before: Word,
    groups: Vec<Gid>,
}

impl Taken {
    /// Takes the rights of a word for this thread, without any group.
    pub(super) fn take(word: Word) -> Result<Self, Errno> {
        let uid = match word {
            Word::Own => 0,
            Word::User(uid) => uid,
            Word::Nobody => NOBODY,
        };
        Self::rights(word, uid, NOBODY, &[])
    }

    /// The same with the groups that the user has, for what is written.
    pub(super) fn whole(word: Word) -> Result<Self, Errno> {
        match word {
            Word::User(uid) if geteuid().is_root() => match User::of(uid) {
                Some(user) => {
                    let groups: Vec<Gid> = user.groups.iter().map(|group| Gid::from_raw(*group)).collect();
                    Self::rights(word, uid, user.gid, &groups)
                }
                // In a container, a folder of the machine may be that of a user whom nobody knows here.
                None => Self::take(word),
            },
            Word::Own | Word::User(_) | Word::Nobody => Self::take(word),
        }
    }

    fn rights(word: Word, uid: u32, gid: u32, groups: &[Gid]) -> Result<Self, Errno> {
        let before = TAKEN.get();
        if before != Word::Own {
            return Err(Errno::PERM);
        }
        let taken = Self { before, groups: getgroups()? };
        if word != Word::Own && geteuid().is_root() {
            set_thread_groups(groups)?;
            TAKEN.set(word);
            become_user(uid, gid)?;
        }
        Ok(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if TAKEN.get() != self.before {
            TAKEN.set(self.before);
            let _ = become_user(geteuid().as_raw(), getegid().as_raw());
            let _ = set_thread_groups(&self.groups);
        }
    }
}

fn become_user(uid: u32, gid: u32) -> Result<(), Errno> {
    // SAFETY: both calls take a number and touch no memory. They answer with the number before and never with an error,
    // so that each is asked again, with one that no user has, for what it is now.
    #[allow(unsafe_code)]
    let (group, user) = unsafe {
        libc::setfsgid(gid);
        libc::setfsuid(uid);
        (libc::setfsgid(u32::MAX), libc::setfsuid(u32::MAX))
    };
    if (user.cast_unsigned(), group.cast_unsigned()) == (uid, gid) { Ok(()) } else { Err(Errno::PERM) }
}

/// The user and the group of nobody (`id 65534`), whom nothing belongs to.
const NOBODY: u32 = 65534;
