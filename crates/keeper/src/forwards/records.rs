//! What forwards have left beside the leases: each while it runs, and one that was killed until somebody was told of it.

use std::time::Duration;

use portward_model::{Caller, ProcessId};
use portward_sys::StateFolder;

use super::Forward;

/// Every forward that was recorded and has not said that it ended. What cannot be read is none.
pub(super) fn recorded(caller: &Caller) -> Vec<Forward> {
    read(&StateFolder::find(caller))
}

fn read(folder: &StateFolder) -> Vec<Forward> {
    let content = folder.read(FILE).ok().flatten();
    content.and_then(|content| serde_json::from_slice(&content).ok()).unwrap_or_default()
}

/// Records a forward that begins. Where that cannot be done, it runs all the same.
pub(super) fn record(caller: &Caller, forward: &Forward) {
    change(caller, |all| all.push(forward.clone()));
}

/// Takes the record of a forward away that has ended.
pub fn forget_forward(caller: &Caller, process: ProcessId) {
    change(caller, |all| all.retain(|forward| forward.process != process));
}

fn change(caller: &Caller, change: impl FnOnce(&mut Vec<Forward>)) {
    let folder = StateFolder::find(caller);
    if folder.prepare().is_err() {
        return;
    }
    if let Ok(Some(_turn)) = folder.turn(LOCK, A_MOMENT, &|| false) {
        let mut all = read(&folder);
        let before = all.clone();
        change(&mut all);
        if all != before
            && let Ok(bytes) = serde_json::to_vec(&all)
        {
            let _ = folder.replace_soon(FILE, &bytes);
        }
    }
}

/// Every forward, beside the leases.
const FILE: &str = "forwards.json";
/// Held while that is changed.
const LOCK: &str = "forwards.lock";
/// How long another process may have it.
const A_MOMENT: Duration = Duration::from_secs(2);
