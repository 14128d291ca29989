//! This process, as the caller that a face hands over.

use std::{
    env,
    path::{Path, PathBuf},
};

use portward_model::{Caller, ProcessId, Text};

/// This process as a caller: read once, by the face that it typed to.
pub fn this_caller() -> Caller {
    let text = |name: &str| Some(Text::new(env::var_os(name)?.as_encoded_bytes()));
    Caller {
        process: own_process(),
        uid: own_uid(),
        cwd: env::current_dir().ok().map(|directory| text_of(&directory)),
        environment: Caller::variables().filter_map(|name| Some((name.to_owned(), text(name)?))).collect(),
        session: text(Caller::SESSION),
    }
}

/// A path as a text.
pub fn text_of(path: &Path) -> Text {
    Text::new(path.as_os_str().as_encoded_bytes())
}

/// A text as the path that it is.
#[cfg(unix)]
pub fn path_of(text: &Text) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(text.raw()).into()
}

/// A text as the path that it is.
#[cfg(not(unix))]
pub fn path_of(text: &Text) -> PathBuf {
    String::from_utf8_lossy(text.raw()).into_owned().into()
}

#[cfg(target_os = "linux")]
fn own_process() -> ProcessId {
    let stat = crate::linux::kernel_file("/proc/self/stat").unwrap_or_default();
    let started_ticks = portward_wire::procfs::stat(&stat).map_or(0, |stat| stat.started_ticks);
    ProcessId { pid: std::process::id(), started_ticks }
}

#[cfg(not(target_os = "linux"))]
fn own_process() -> ProcessId {
    ProcessId { pid: std::process::id(), started_ticks: 0 }
}

#[cfg(target_os = "linux")]
fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(not(target_os = "linux"))]
fn own_uid() -> u32 {
    0
}

#[cfg(test)]
mod tests {
    use super::{path_of, this_caller};

    #[test]
    fn this_process_is_who_it_is() {
        let caller = this_caller();
        assert_eq!(caller.process.pid, std::process::id());
        assert_eq!(path_of(caller.cwd.as_ref().unwrap()), std::env::current_dir().unwrap());
    }
}
