//! This program once more, apart from everything around it: for what goes on after its starter has ended.

use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use rustix::{
    fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    io::FdFlags,
};

/// Starts this program with these arguments in a session of its own (`setsid(2)`), without terminal, standard streams,
/// descriptors or any variables but these, in the root folder. Descriptors that are handed over keep their numbers.
pub fn start_apart(
    arguments: &[&str],
    variables: impl Iterator<Item = (OsString, OsString)>,
    handed: &[BorrowedFd<'_>],
) -> io::Result<Child> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("portward").args(arguments).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env_clear().envs(variables);
    let handed: Vec<RawFd> = handed.iter().map(AsRawFd::as_raw_fd).collect();
    // SAFETY: between fork and exec the closure makes system calls with numbers, and nothing that allocates.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(move || {
            rustix::process::setsid()?;
            // Descriptors that this process itself was handed would go on to the other one: a lock, or a pipe whose end
            // somebody waits for. Before Linux 5.11 they do.
            libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC.cast_signed());
            for descriptor in &handed {
                if libc::fcntl(*descriptor, libc::F_SETFD, 0) < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        });
    }
    command.spawn()
}

/// Sockets by their numbers, as one argument.
pub fn numbers_of(sockets: &[OwnedFd]) -> String {
    sockets.iter().map(|socket| socket.as_raw_fd().to_string()).collect::<Vec<_>>().join(",")
}

/// The sockets that this process was handed at these numbers; none where one of them is no socket. To be called once, before
/// anything else is opened.
pub fn handed_over(numbers: &str) -> Option<Vec<OwnedFd>> {
    let mut numbers: Vec<RawFd> =
        numbers.split(',').filter(|number| !number.is_empty()).map(|number| number.parse().ok()).collect::<Option<_>>()?;
    numbers.sort_unstable();
    numbers.dedup();
    let socket = |number: RawFd| {
        let path = std::fs::read_link(format!("/proc/self/fd/{number}")).ok()?;
        if number <= 2 || !path.to_string_lossy().starts_with("socket:") {
            return None;
        }
        // SAFETY: it is open, this process was started with it, and nothing here has taken it before: each number comes once.
        #[allow(unsafe_code)]
        let socket = unsafe { OwnedFd::from_raw_fd(number) };
        rustix::io::fcntl_setfd(&socket, FdFlags::CLOEXEC).ok()?;
        Some(socket)
    };
    numbers.into_iter().map(socket).collect()
}
