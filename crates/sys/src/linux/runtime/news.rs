//! What has changed among the processes that answer, by times alone: nobody is asked.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use portward_model::{Caller, ProcessId};
use rustix::{
    fs::{AtFlags, Timespec, Timestamps, futimens, stat, statat},
    time::{ClockId, clock_gettime},
};

use super::{Opened, RuntimeFolder, identity, name_of};

/// What changes whenever a process of the caller's has news, is there or is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News(Vec<(ProcessId, i64, i64)>);

/// The news of the moment, by one `stat` for each process that answers.
pub fn news(asker: &Caller) -> News {
    let mut found = Vec::new();
    for opened in RuntimeFolder::all(asker).iter().flat_map(|folder| folder.open(false)) {
        for process in opened.processes() {
            if let Ok(file) = statat(&opened.folder, name_of(process), AtFlags::SYMLINK_NOFOLLOW) {
                #[allow(clippy::unnecessary_cast, clippy::cast_possible_wrap)] // Their kinds differ between processors.
                found.push((process, file.st_mtime as i64, file.st_mtime_nsec as i64));
            }
        }
    }
    found.sort_unstable();
    News(found)
}

/// Looks for news again and again, as cheaply as before every connection of a program: by one `stat` for each folder, whose time whoever
/// has news sets ([`super::Doorway::mark`]). Processes of the release before this one set that of their sockets alone, which is read once
/// in a while.
#[derive(Debug)]
pub struct Lookout {
    folders: Vec<PathBuf>,
    marks: Vec<Option<Mark>>,
    news: News,
    read: Option<Instant>,
    changes: u64,
}

/// A folder, and when it was changed or somebody in it had news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    folder: (u64, u64),
    at: (i64, i64),
}

impl Lookout {
    /// Looks in the folders of this caller.
    pub fn new(asker: &Caller) -> Self {
        let folders = RuntimeFolder::all(asker).into_iter().map(|folder| folder.path).collect();
        Self { folders, marks: Vec::new(), news: News::default(), read: None, changes: 0 }
    }

    /// A number that is another one whenever a process of the caller's may have had news since the look before.
    pub fn look(&mut self, asker: &Caller) -> u64 {
        let marks: Vec<Option<Mark>> = self.folders.iter().map(mark_of).collect();
        let is_due = self.read.is_none_or(|read| read.elapsed() >= EVERY);
        if self.marks != marks {
            self.changes += 1;
            self.marks = marks;
        }
        if is_due {
            self.read = Some(Instant::now());
            let news = news(asker);
            if self.news != news {
                self.changes += 1;
                self.news = news;
            }
        }
        self.changes
    }
}

fn mark_of(path: &PathBuf) -> Option<Mark> {
    let found = stat(path).ok()?;
    #[allow(clippy::unnecessary_cast, clippy::cast_possible_wrap)] // Their kinds differ between processors.
    Some(Mark { folder: identity(&found), at: (found.st_mtime as i64, found.st_mtime_nsec as i64) })
}

/// Shows that there is news in a folder. The kernel's own time of a change is that of its last tick, in which others may have had news
/// as well; this one is exact.
pub(super) fn show(opened: &Opened) {
    let now = clock_gettime(ClockId::Realtime);
    let now = Timespec { tv_sec: now.tv_sec, tv_nsec: now.tv_nsec };
    let _ = futimens(&opened.folder, &Timestamps { last_access: now, last_modification: now });
}

/// From a look at every socket to the next.
const EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::Lookout;
    use crate::linux::runtime::{
        Bell, Doorway,
        tests::{caller, process},
    };

    #[test]
    fn whoever_comes_goes_or_has_news_is_seen_by_the_times_of_folders() {
        let folder = tempfile::tempdir().unwrap();
        let (caller, bell) = (caller(folder.path()), Bell::new().unwrap());
        let mut lookout = Lookout::new(&caller);
        let mut last = lookout.look(&caller);
        let mut is_news = |what: &str, expected: bool| {
            let now = lookout.look(&caller);
            assert_eq!(now != std::mem::replace(&mut last, now), expected, "{what}");
        };
        is_news("nothing", false);
        let one = Doorway::open(&caller, process(1), &bell).unwrap();
        is_news("one is there", true);
        is_news("nothing more", false);
        // In one tick of the kernel's clock.
        for turn in 0..50 {
            one.mark();
            is_news(&format!("it has news, {turn}"), true);
        }
        is_news("and no more", false);
        let two = Doorway::open(&caller, process(2), &bell).unwrap();
        is_news("another is there", true);
        drop(one);
        is_news("the first has gone", true);
        drop(two);
        is_news("the other one, too", true);
    }
}
