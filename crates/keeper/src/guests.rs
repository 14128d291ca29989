//! Programs that serve in the session of another project: what a background process starts (PM2, gradle, nx, watchman, tmux) runs where
//! that was started first, whoever asked it.

use std::time::Duration;

use portward_model::{Caller, Process, ProcessId, Seen, Text};
use portward_sys::{Look, path_of};

use crate::{
    asking::answering,
    runs::{RunListener, process_at},
};

/// The root of the project that a process works in, where that is another one than this session's and not inside it.
pub(crate) fn root_of(host: &dyn Look, own: Option<&Text>, process: &Process) -> Option<Text> {
    let Seen::Known(cwd) = &process.cwd else { return None };
    let own = own?;
    if is_in(cwd, own) {
        return None;
    }
    let other = host.project_at(&path_of(cwd)).ok()??.project.root;
    // A checkout inside of the project is the project's.
    (other != *own && !is_in(&other, own)).then_some(other)
}

/// The newest listener that works in this project and serves in the session of another one, among those that began in the life of this
/// session, with that session's project.
pub(crate) fn serving_elsewhere(
    host: &dyn Look,
    caller: &Caller,
    (own, root): (ProcessId, &Text),
) -> Option<(Text, RunListener)> {
    let others = answering(host, (caller, own), PATIENCE);
    let guests = others.iter().flat_map(|run| run.listeners.iter().map(move |row| (run, row)));
    let fresh = |row: &RunListener| process_at(host, row.pid).is_some_and(|it| it.id.started_ticks >= own.started_ticks);
    let mut found = guests.filter(|(_, row)| row.from.as_ref() == Some(root) && fresh(row));
    let title =
        |run: &crate::record::Record| run.identity.as_ref().map(portward_model::ProjectIdentity::title).unwrap_or_default();
    found.next_back().map(|(run, row)| (title(run), row.clone()))
}

/// True for a program that has a background process do its work, as far as its words tell.
pub(crate) fn asks_another(process: &Process) -> bool {
    let Seen::Known(argv) = &process.argv else { return false };
    let base = |word: &Text| word.raw().rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
    argv.arguments().iter().take(WORDS).any(|word| ASKING.iter().any(|name| base(word) == name.as_bytes()))
}

/// True where nothing of a run is left but its supervisor, so that no call waits for it.
pub(crate) fn is_alone(host: &dyn Look, own: ProcessId) -> bool {
    host.descendants(own.pid).is_ok_and(|below| below.is_empty())
}

/// True for a path in a folder, or the folder itself.
pub(crate) fn is_in(path: &Text, folder: &Text) -> bool {
    let rest = path.raw().strip_prefix(folder.raw());
    !folder.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
}

/// Programs that leave their work to a process in the background, which the first of them starts.
const ASKING: &[&str] = &[
    "pm2",
    "gradle",
    "gradlew",
    "nx",
    "watchman",
    "turbo",
    "bazel",
    "bazelisk",
    "buck2",
    "mvnd",
    "tmux",
    "screen",
    "emacsclient",
];
/// Words of a command line in which such a name is looked for: `node /usr/bin/pm2 start`, `npx pm2 start`.
const WORDS: usize = 3;
/// How long other sessions have to answer: the calls of this one's programs wait behind it.
const PATIENCE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::fs;

    use portward_model::{Seen, Text};
    use portward_sys::text_of;

    use super::root_of;
    use crate::runs::process_at;

    #[test]
    fn a_guest_works_in_another_project() {
        let folder = tempfile::tempdir().unwrap();
        for project in ["shop", "shop/vendor/lib", "shop-old"] {
            fs::create_dir_all(folder.path().join(project).join("src")).unwrap();
            fs::write(folder.path().join(project).join("portward.toml"), "").unwrap();
        }
        fs::create_dir(folder.path().join("data")).unwrap();
        let host = portward_sys::this_machine().unwrap();
        let mut process = process_at(host.as_ref(), portward_sys::this_caller().process.pid).unwrap();
        let own = text_of(&folder.path().join("shop"));
        let mut from = |place: &str| {
            process.cwd = Seen::Known(text_of(&folder.path().join(place)));
            root_of(host.as_ref(), Some(&own), &process)
        };
        assert_eq!(from("shop-old/src"), Some(text_of(&folder.path().join("shop-old"))));
        for own in ["shop", "shop/src", "shop/vendor/lib/src", "data", ""] {
            assert_eq!(from(own), None, "{own}");
        }
        process.cwd = Seen::Known(Text::from("/nonexistent"));
        assert_eq!(root_of(host.as_ref(), Some(&own), &process), None);
        assert_eq!(root_of(host.as_ref(), None, &process), None, "outside of projects everything may run");
    }
}
