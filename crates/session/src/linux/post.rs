//! The supervisor's post: how the front starts this program once more to supervise, and what that process begins with.

use std::{
    cell::Cell,
    ffi::{OsStr, OsString},
    io,
    os::unix::process::CommandExt,
    process::Command,
    time::Duration,
};

use rustix::{
    fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
    io::FdFlags,
    process::Pid,
};

use super::{
    channel::{Channel, Failure, News},
    front::{block_signals, mask_of, numbers_of, restore_signals, stand_in},
};
use crate::{Ended, SUPERVISES, StartError};

/// Starts this program with `words` to supervise, and stands in for the program that it runs until that has ended. What the
/// supervisor says of the run is handed to `said`. A socket that is handed over keeps its number, which [`Post::take`] gives back.
///
/// The `order` may hold what is nobody else's business, such as a proxy's password: it stands in the supervisor's environment
/// (`proc_pid_environ(5)`), and not among its arguments, which every user can read.
///
/// # Errors
///
/// Where the program could not be started; it has not run then.
pub fn stand_before(
    program: &OsStr,
    order: &str,
    words: &[OsString],
    handed: Option<&OwnedFd>,
    said: &mut dyn FnMut(&[u8]),
) -> Result<Ended, StartError> {
    let (ours, theirs) = Channel::pair().map_err(|error| StartError::Session(format!("No socket pair: {error}.")))?;
    let mask = block_signals();
    let stood = begin(order, words, &theirs, handed, &mask).and_then(|()| {
        drop(theirs);
        stand_in(&ours, &program.to_string_lossy(), said)
    });
    restore_signals(&mask);
    stood
}

fn begin(
    order: &str,
    words: &[OsString],
    channel: &OwnedFd,
    handed: Option<&OwnedFd>,
    mask: &libc::sigset_t,
) -> Result<(), StartError> {
    let no_process = |error: io::Error| StartError::Session(format!("No process for the supervisor: {error}."));
    let front = rustix::process::getpid().as_raw_nonzero().get();
    let mut command = supervisor(order, words, front, (channel, handed), &numbers_of(mask));
    let kept: Vec<RawFd> = [Some(channel), handed].into_iter().flatten().map(AsRawFd::as_raw_fd).collect();
    // SAFETY: between fork and exec the closure makes system calls with numbers and sets of its own, and nothing that allocates.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(move || {
            // The standard library has opened the mask by now; what the terminal sends is for the program alone.
            block_signals();
            for descriptor in &kept {
                if libc::fcntl(*descriptor, libc::F_SETFD, 0) < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        });
    }
    command.spawn().map(|_| ()).map_err(no_process)
}

/// What starts a supervisor: this program once more. A negative `front` is one that may end before the program does.
pub(super) fn supervisor(
    order: &str,
    words: &[OsString],
    front: i32,
    (channel, handed): (&OwnedFd, Option<&OwnedFd>),
    mask: &[i32],
) -> Command {
    let number = |socket: Option<&OwnedFd>| socket.map_or(-1, AsRawFd::as_raw_fd).to_string();
    let signals: Vec<String> = mask.iter().map(ToString::to_string).collect();
    let mut command = Command::new("/proc/self/exe");
    command.arg0("portward").arg(SUPERVISES);
    command.args([front.to_string(), number(Some(channel)), number(handed), signals.join(",")]).args(words);
    command.env(ORDER, order);
    command
}

/// What a supervisor begins with.
pub struct Post {
    channel: Channel,
    inherited: Inherited,
    /// The socket for the program, at its number.
    handed: io::Result<Option<OwnedFd>>,
}

/// Says something of a run to its front.
pub struct Herald {
    channel: Channel,
    /// The front has taken what was said last, or was not asked to yet.
    is_heard: Cell<bool>,
}

impl Herald {
    /// False where nobody takes it, or not now. A front that has taken everything so far is waited for: the kernel keeps about ten
    /// messages for it, and many come at once.
    pub fn say(&self, words: &[u8]) -> bool {
        let news = News::Told(words.to_vec());
        let is_taken =
            self.channel.send(&news) || (self.is_heard.get() && self.channel.has_room(TURN) && self.channel.send(&news));
        self.is_heard.set(is_taken);
        is_taken
    }
}

impl Post {
    /// Takes the post, if this process was started for that, with the front's order and words. To be called before anything else, while
    /// the process has one thread and nothing open.
    pub fn take(arguments: &[OsString]) -> Option<(Self, OsString, &[OsString])> {
        let [_, word, front, channel, handed, signals, words @ ..] = arguments else { return None };
        if word != SUPERVISES {
            return None;
        }
        let number = |word: &OsString| word.to_str()?.parse::<i32>().ok();
        let front = number(front)?;
        let alone = front < 0;
        let front = Pid::from_raw(front.checked_abs()?)?;
        let mask = mask_of(signals.to_str()?.split(',').filter_map(|number| number.parse().ok()));
        let mut channel = Channel::of(inherited_fd(number(channel)?)?, front, alone);
        let handed = inherited_fd(number(handed)?);
        // First of all: the number at which a program expects its socket may be one of ours later.
        let handed = channel.move_above(FIRST_HANDED).and_then(|()| handed.map(hand_over).transpose());
        // The name of `/proc/self/exe`, by which it was started, would tell nobody anything.
        let _ = rustix::thread::set_name(c"portward");
        // SAFETY: the call sets a flag of this process.
        #[allow(unsafe_code)]
        unsafe {
            libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        }
        let order = std::env::var_os(ORDER).unwrap_or_default();
        // SAFETY: this process has one thread, by this function's contract. The programs that it starts need no order.
        #[allow(unsafe_code)]
        unsafe {
            std::env::remove_var(ORDER);
        }
        let inherited = Inherited { mask, chld: default_child_signal(), alone };
        Some((Self { channel, inherited, handed }, order, words))
    }

    /// Who says what happens in the run.
    pub fn herald(&self) -> io::Result<Herald> {
        Ok(Herald { channel: self.channel.another()?, is_heard: Cell::new(true) })
    }

    /// Tells the front why nothing is started.
    pub fn give_up(self, sentence: String) {
        self.channel.send(&News::Failed(Failure::Session(sentence)));
    }

    /// Supervises, with what that needs; and tells the front where it could not begin.
    pub(super) fn hold(self, supervise: impl FnOnce(&Channel, Inherited, Option<OwnedFd>) -> Result<(), Failure>) {
        let Self { channel, inherited, handed } = self;
        let handed = handed.map_err(|error| Failure::Session(format!("The supervisor has no channel: {error}.")));
        if let Err(failure) = handed.and_then(|handed| supervise(&channel, inherited, handed)) {
            channel.send(&News::Failed(failure));
        }
    }
}

/// A descriptor that the front left open for this process; closed where it becomes another program.
fn inherited_fd(number: RawFd) -> Option<OwnedFd> {
    if number < 0 {
        return None;
    }
    // SAFETY: the front named the number, left it open for this process alone, and nothing here has taken it before.
    #[allow(unsafe_code)]
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
    rustix::io::fcntl_setfd(&socket, FdFlags::CLOEXEC).ok()?;
    Some(socket)
}

/// How signals stood when this program was started; the one that it runs gets them so.
#[derive(Clone, Copy)]
pub(super) struct Inherited {
    pub(super) mask: libc::sigset_t,
    /// What is done about `SIGCHLD`.
    chld: libc::sighandler_t,
    /// Nobody's terminal is the program's, and it leads a process group of its own.
    alone: bool,
}

impl Inherited {
    /// Where `SIGCHLD` was ignored, the program finds it ignored.
    pub(super) fn give_back(self, builder: &mut Command) {
        if self.alone {
            builder.process_group(0);
        }
        if self.chld != libc::SIG_IGN {
            return;
        }
        // SAFETY: the closure makes one system call with constants, as a copy of a process may.
        #[allow(unsafe_code)]
        unsafe {
            builder.pre_exec(|| {
                libc::signal(libc::SIGCHLD, libc::SIG_IGN);
                Ok(())
            });
        }
    }
}

/// Sees to it that the ends of children are reported, which an ignored `SIGCHLD` forgoes (wait(2)); gives what was before.
fn default_child_signal() -> libc::sighandler_t {
    // SAFETY: the call sets what is done about a signal of this process, and touches no memory.
    #[allow(unsafe_code)]
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL)
    }
}

/// Gives a socket the number at which programs expect the first one that is handed to them (`sd_listen_fds(3)`), for them to
/// inherit.
fn hand_over(socket: OwnedFd) -> io::Result<OwnedFd> {
    if socket.as_raw_fd() == FIRST_HANDED {
        rustix::io::fcntl_setfd(&socket, FdFlags::empty())?;
        return Ok(socket);
    }
    // SAFETY: whatever had the number in this process is replaced. The channel is above it, and what was inherited under it is
    // in nobody's hands here.
    #[allow(unsafe_code)]
    let done = unsafe { libc::dup2(socket.as_raw_fd(), FIRST_HANDED) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the copy was just made, and is ours alone.
    #[allow(unsafe_code)]
    Ok(unsafe { OwnedFd::from_raw_fd(FIRST_HANDED) })
}

/// How long a front is waited for that has always listened: on a busy machine it gets its turn late.
const TURN: Duration = Duration::from_millis(300);
/// The variable that holds its order.
const ORDER: &str = "PORTWARD_SUPERVISOR_ORDER";
/// `SD_LISTEN_FDS_START`
const FIRST_HANDED: i32 = 3;
