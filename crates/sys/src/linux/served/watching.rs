//! What changes below a folder that is served (`inotify(7)`).

use std::{
    collections::HashMap,
    io,
    mem::MaybeUninit,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fd::{AsFd, AsRawFd, OwnedFd},
    fs::inotify,
    io::Errno,
};

use super::{Met, Served, Sort};
use crate::linux::timespec;

/// A watch over a folder and those below it.
pub struct Watching<'s> {
    served: &'s Served,
    notify: OwnedFd,
    folders: HashMap<i32, Vec<u8>>,
    /// Folders that are not watched: there are too many, or the system has no more of these.
    pub left_out: usize,
}

impl<'s> Watching<'s> {
    /// Begins to watch.
    ///
    /// # Errors
    /// Where the system has no more watches, or the file system none.
    pub fn new(served: &'s Served) -> io::Result<Self> {
        let notify = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        let mut own = Self { served, notify, folders: HashMap::new(), left_out: 0 };
        let root = served.root().map_err(|_| Errno::NOENT)?;
        own.add(&root, Vec::new())?;
        if served.only().is_none() {
            own.add_below(Vec::new());
        }
        Ok(own)
    }

    /// Waits until something changes, and then until nothing has for a moment; gives the paths, empty where the time is over. What a
    /// listing leaves out is not watched.
    pub fn wait(&mut self, time: Duration) -> Vec<Vec<u8>> {
        let mut changed: Vec<Vec<u8>> = Vec::new();
        let mut end = Instant::now() + time;
        let latest = end + LONGEST_BURST;
        while self.is_ready(end.min(latest)) {
            self.read(&mut changed);
            if !changed.is_empty() {
                end = Instant::now() + CALM;
            }
        }
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    fn is_ready(&self, end: Instant) -> bool {
        let left = end.saturating_duration_since(Instant::now());
        matches!(poll(&mut [PollFd::new(&self.notify, PollFlags::IN)], Some(&timespec(left))), Ok(1..))
    }

    fn read(&mut self, changed: &mut Vec<Vec<u8>>) {
        let mut buffer = [MaybeUninit::<u8>::uninit(); 8192];
        let (mut news, mut made) = (Vec::new(), Vec::new());
        {
            let mut reader = inotify::Reader::new(self.notify.as_fd(), &mut buffer);
            while let Ok(event) = reader.next() {
                let Some(folder) = self.folders.get(&event.wd()) else { continue };
                if event.events().contains(inotify::ReadFlags::IGNORED) {
                    self.folders.remove(&event.wd());
                    continue;
                }
                let name = event.file_name().map(std::ffi::CStr::to_bytes).unwrap_or_default();
                if is_passed_over(name) || self.served.only().is_some_and(|only| only != name) {
                    continue;
                }
                let path = joined(folder, name);
                if event.events().contains(inotify::ReadFlags::ISDIR)
                    && event.events().intersects(inotify::ReadFlags::CREATE | inotify::ReadFlags::MOVED_TO)
                {
                    made.push(path.clone());
                }
                news.push(path);
            }
        }
        changed.extend(news);
        for path in made {
            self.add_below(path);
        }
    }

    /// Watches a folder, and those below it.
    fn add_below(&mut self, path: Vec<u8>) {
        let mut next = vec![path];
        while let Some(path) = next.pop() {
            let Ok(met) = self.served.find(&path, false) else { continue };
            if met.facts.sort != Sort::Folder {
                continue;
            }
            if self.folders.len() >= MOST_FOLDERS || self.add(&met, path.clone()).is_err() {
                self.left_out += 1;
                continue;
            }
            // A link may lead back up; what is watched once is not looked into again.
            let Ok((entries, _)) = met.entries(self.served, &path, MOST_FOLDERS) else { continue };
            let folders = entries.into_iter().filter(|entry| entry.facts.sort == Sort::Folder && !is_passed_over(&entry.name));
            next.extend(folders.filter(|entry| !entry.is_link).map(|entry| joined(&path, &entry.name)));
        }
    }

    fn add(&mut self, met: &Met, path: Vec<u8>) -> io::Result<()> {
        use inotify::WatchFlags;
        let what = WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        // Held by its number, so that this very folder is meant.
        let own = format!("/proc/self/fd/{}", met.handle.as_raw_fd());
        let number = inotify::add_watch(&self.notify, own, what)?;
        self.folders.insert(number, path);
        Ok(())
    }
}

/// What tools keep beside the files, and write to all the time.
fn is_passed_over(name: &[u8]) -> bool {
    name == b"node_modules" || name.starts_with(b".") || name.ends_with(b"~")
}

fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    match (folder, name) {
        (folder, []) => folder.to_vec(),
        ([], name) => name.to_vec(),
        (folder, name) => [folder, b"/", name].concat(),
    }
}

/// Folders that are watched at most.
const MOST_FOLDERS: usize = 8192;
/// So long nothing changes before it is told.
const CALM: Duration = Duration::from_millis(50);
/// What never ends is told after this time.
const LONGEST_BURST: Duration = Duration::from_secs(1);
