//! What is done to the data of a service that does not run, and what a kill leaves behind at any moment of that.
//!
//! Whoever changes the data has the service's turn, so that no start goes on beside it. Reading a dump takes a service that runs: meanwhile
//! what it held before stands in `data.before`, and whoever reads holds `restoring`. A kill leaves one of few states, and the next start
//! or the next who changes something puts it right, without losing anything, and says so.

use std::{io, time::Duration};

use portward_model::Failure;
use portward_sys::{StateFolder, Turn};

use super::{ASIDE, DATA, Grounds, PATIENCE, RECORD, SAVED, unusable, write};

impl Grounds {
    /// The turn to read a dump, which is had for as long as that takes.
    ///
    /// # Errors
    /// Where another one has it for minutes.
    pub fn restoring(&self) -> Result<Turn, Failure> {
        self.have(RESTORING, "Another restore of it is under way")
    }

    /// Puts the data of a service that does not run aside, so that it is made anew.
    ///
    /// # Errors
    /// Where it cannot be moved.
    pub fn set_aside(&self) -> Result<(), Failure> {
        let _turn = self.alone()?;
        self.folder.place(DATA, BEFORE).map_err(|error| unusable(&self.folder, &error))
    }

    /// Puts what was set aside in its place again.
    ///
    /// # Errors
    /// Where it cannot be moved.
    pub fn bring_back(&self) -> Result<(), Failure> {
        let _turn = self.alone()?;
        let done = self.folder.discard(DATA).and_then(|()| self.folder.place(BEFORE, DATA));
        done.map_err(|error| unusable(&self.folder, &error))
    }

    /// Takes away what was set aside: from here on the dump is what it holds.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn forget_aside(&self) -> Result<(), Failure> {
        let done = self.folder.discard(BEFORE).and_then(|()| self.folder.discard(HALF));
        done.map_err(|error| unusable(&self.folder, &error))
    }

    /// Takes all data away. Saved ones stay, and so do the password and the ports.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn reset(&mut self) -> Result<(), Failure> {
        let _turn = self.alone()?;
        let done = [ASIDE, BACK, BEFORE, HALF, DATA].iter().try_for_each(|name| self.folder.discard(name));
        done.map_err(|error| unusable(&self.folder, &error))?;
        self.record.major = None;
        write(&self.folder, RECORD, &self.record)
    }

    /// Copies the data of a service that does not run.
    ///
    /// # Errors
    /// Where it cannot be copied.
    pub fn copy(&self, name: &str) -> Result<(), Failure> {
        let _turn = self.alone()?;
        self.folder.copy_folder(DATA, &format!("{SAVED}/{name}")).map_err(|error| unusable(&self.folder, &error))
    }

    /// Puts a copy in the place of the data of a service that does not run.
    ///
    /// # Errors
    /// Where it cannot be copied.
    pub fn put_back(&self, name: &str) -> Result<(), Failure> {
        let _turn = self.alone()?;
        let failed = |error: io::Error| unusable(&self.folder, &error);
        self.folder.discard(BACK).map_err(failed)?;
        // Once it has this name it is whole, and takes the place of the data even where nobody is left to do it.
        self.folder.copy_folder(&format!("{SAVED}/{name}"), BACK).map_err(failed)?;
        self.folder.discard(DATA).map_err(failed)?;
        self.folder.place(BACK, DATA).map_err(failed)
    }

    /// True where something that was done to it was cut off, or goes on now.
    pub fn is_unfinished(&self) -> bool {
        self.folder.has_folder(BEFORE) || (self.folder.has_folder(BACK) && !self.is_made())
    }

    /// True where something that was done to it was cut off.
    ///
    /// # Errors
    /// Where its folder cannot be used.
    pub fn is_cut_off(&self) -> Result<bool, Failure> {
        Ok(self.is_unfinished() && !is_under_way(&self.folder)?)
    }

    /// Puts right what was cut off, of a service that does not run; what that was.
    ///
    /// # Errors
    /// Where it cannot be moved.
    pub fn mend(&self) -> Result<Option<&'static str>, Failure> {
        let _turn = self.alone()?;
        mend(&self.folder).map_err(|error| unusable(&self.folder, &error))
    }

    fn alone(&self) -> Result<Turn, Failure> {
        self.have(TURN, "A start of it is under way")
    }

    fn have(&self, turn: &str, who: &str) -> Result<Turn, Failure> {
        let turn = self.folder.turn(turn, PATIENCE, &|| false).map_err(|error| unusable(&self.folder, &error))?;
        turn.ok_or_else(|| {
            Failure::system(format!("{who}, and has had {} for {} s.", self.folder.path.display(), PATIENCE.as_secs()))
        })
    }
}

/// True where somebody reads a dump.
pub(super) fn is_under_way(folder: &StateFolder) -> Result<bool, Failure> {
    let turn = folder.turn(RESTORING, Duration::ZERO, &|| false).map_err(|error| unusable(folder, &error))?;
    Ok(turn.is_none())
}

/// Puts right what a kill left behind, in the turn of the service, which does not run; nobody reads a dump.
pub(super) fn mend(folder: &StateFolder) -> io::Result<Option<&'static str>> {
    let told = if folder.has_folder(BEFORE) {
        if folder.has_folder(DATA) {
            // Somebody may have written to it since.
            folder.discard(HALF)?;
            folder.place(DATA, HALF)?;
        }
        folder.place(BEFORE, DATA)?;
        Some(UNDONE)
    } else if folder.has_folder(BACK) {
        let is_replaced = !folder.has_folder(DATA);
        if is_replaced {
            folder.place(BACK, DATA)?;
        }
        Some(if is_replaced { FINISHED } else { UNTOUCHED })
    } else {
        None
    };
    // Of these nothing is wanted any more, and each may be large.
    for left in [ASIDE, BACK, "data.gone", "data.before.gone", "data.new.gone", "data.half.gone", "back.gone", "back.new"] {
        if folder.has_folder(left) {
            folder.discard(left)?;
        }
    }
    Ok(told)
}

const UNDONE: &str = "A restore was cut off before its dump was read. What was held before is in its place again; what was read of the dump, if \
     any, is kept beside it in data.half.";
const FINISHED: &str = "A restore was cut off when its copy was whole. It was finished: the copy is in its place.";
const UNTOUCHED: &str = "A restore was cut off before it replaced anything.";
/// The lock of whoever changes or makes the data.
pub(super) const TURN: &str = "turn";
/// The lock of whoever reads a dump.
const RESTORING: &str = "restoring";
const BEFORE: &str = "data.before";
const HALF: &str = "data.half";
const BACK: &str = "back";

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use portward_sys::{StateFolder, this_caller};

    use super::{Grounds, is_under_way, mend};
    use crate::grounds::Record;

    fn grounds() -> (tempfile::TempDir, Grounds) {
        let directory = tempfile::tempdir().unwrap();
        let folder = StateFolder::at(directory.path().join("db"), this_caller().uid);
        folder.prepare().unwrap();
        let record = Record { engine: "redis".to_owned(), root: None, mark: None, password: String::new(), major: None };
        (directory, Grounds { folder, run: "/nowhere".into(), record })
    }

    fn put(at: &Path, folders: &str) {
        for (name, what) in folders.split_whitespace().filter_map(|word| word.split_once('=')) {
            fs::create_dir_all(at.join(name)).unwrap();
            fs::write(at.join(name).join("rows"), what).unwrap();
        }
    }

    fn seen(at: &Path) -> String {
        let mut seen: Vec<String> = fs::read_dir(at)
            .unwrap()
            .flatten()
            .filter(|entry| entry.path().is_dir() && entry.file_name() != "saved")
            .map(|entry| {
                let what = fs::read_to_string(entry.path().join("rows")).unwrap_or_default();
                format!("{}={what}", entry.file_name().to_string_lossy())
            })
            .collect();
        seen.sort();
        seen.join(" ")
    }

    /// Every state that a kill can leave: when it came, what stands there then, what stands there after the next start's look, and what is
    /// said.
    const KILLS: &[(&str, &str, &str, &str)] = &[
        ("nothing was made yet", "", "", ""),
        ("while the first data was made", "data.new=half", "", ""),
        ("while the first data was made anew", "data.new=half data.new.gone=half", "", ""),
        ("nothing was going on", "data=old", "data=old", ""),
        ("a dump: what was held was set aside", "data.before=old", "data=old", "in its place again"),
        ("a dump: an empty one was being made", "data.before=old data.new=half", "data=old", "in its place again"),
        ("a dump: it was being read", "data.before=old data=half", "data.half=half data=old", "in its place again"),
        (
            "a dump: the same for the second time",
            "data.before=old data=half data.half=first",
            "data.half=half data=old",
            "data.half",
        ),
        ("a dump: it was read", "data=new data.before.gone=old", "data=new", ""),
        ("a dump: it could not be read, and was thrown away", "data.before=old data.gone=half", "data=old", "in its place again"),
        ("a copy: it was being copied", "data=old back.new=half", "data=old", ""),
        ("a copy: it was whole", "data=old back=new", "data=old", "before it replaced anything"),
        ("a copy: what was held was thrown away", "data.gone=old back=new", "data=new", "It was finished"),
        ("a copy: of one that held nothing", "back=new", "data=new", "It was finished"),
        ("a copy: it was in its place", "data=new data.gone=old", "data=new", ""),
        ("a reset: the data was thrown away", "data.gone=old", "", ""),
        ("a save: it was being copied", "data=old saved/one.new=half", "data=old", ""),
    ];

    #[test]
    fn whatever_a_kill_leaves_is_put_right_and_nothing_is_lost() {
        for (when, before, after, said) in KILLS {
            let (_directory, grounds) = grounds();
            let at = grounds.folder.path.clone();
            put(&at, before);
            let unfinished = grounds.is_cut_off().unwrap();
            let told = mend(&grounds.folder).unwrap().unwrap_or_default();
            assert_eq!(seen(&at), *after, "{when}");
            assert!(told.contains(said) && said.is_empty() == told.is_empty(), "{when}: {told}");
            // What would be taken for an empty one is seen before it is.
            assert!(
                unfinished || before.contains("data=") || !before.contains("old") || before.starts_with("data.gone"),
                "{when}"
            );
            assert!(!grounds.is_cut_off().unwrap() && mend(&grounds.folder).unwrap().is_none(), "{when}: it is whole then");
        }
    }

    #[test]
    fn whoever_reads_a_dump_is_not_taken_for_one_that_was_cut_off() {
        let (_directory, grounds) = grounds();
        put(&grounds.folder.path, "data=old");
        let restoring = grounds.restoring().unwrap();
        grounds.set_aside().unwrap();
        assert!(is_under_way(&grounds.folder).unwrap() && grounds.is_unfinished() && !grounds.is_cut_off().unwrap());
        drop(restoring);
        assert!(grounds.is_cut_off().unwrap());
        assert!(grounds.mend().unwrap().is_some());
        assert_eq!(seen(&grounds.folder.path), "data=old");
    }

    #[test]
    fn what_is_put_back_and_reset() {
        let (_directory, mut grounds) = grounds();
        let at = grounds.folder.path.clone();
        put(&at, "data=old");
        grounds.prepare_saved().unwrap();
        grounds.copy("one").unwrap();
        fs::write(at.join("data/rows"), "more").unwrap();
        grounds.put_back("one").unwrap();
        assert_eq!(seen(&at), "data=old");
        put(&at, "data.before=older data.half=half back=copy");
        grounds.reset().unwrap();
        assert_eq!((seen(&at).as_str(), grounds.saved()), ("", vec!["one".to_owned()]));
        assert!(mend(&grounds.folder).unwrap().is_none(), "what was reset does not come back");
    }
}
