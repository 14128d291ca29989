//! This program once more, apart from everything around it: for what goes on after its starter has ended.

use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

/// Starts this program with these arguments in a session of its own (`setsid(2)`), without terminal, standard streams,
/// descriptors or any variables but these, in the root folder.
pub fn start_apart(arguments: &[&str], variables: impl Iterator<Item = (OsString, OsString)>) -> io::Result<Child> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("portward").args(arguments).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env_clear().envs(variables);
    // SAFETY: between fork and exec the closure makes two system calls with constants, and nothing that allocates.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            // Descriptors that this process itself was handed would go on to the other one: a lock, or a pipe whose end
            // somebody waits for. Before Linux 5.11 they do.
            libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC.cast_signed());
            Ok(())
        });
    }
    command.spawn()
}
