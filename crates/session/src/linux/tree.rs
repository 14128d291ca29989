//! Three processes: the front, that the user's shell waits for; the supervisor, its child; the program, the supervisor's.
//!
//! The supervisor is apart from the front because it must outlive it: a program that daemonises leaves its starter, and its
//! calls still need an answer. It is above the program because the kernel lets only those look into a process that stand
//! above it (Yama, `ptrace_scope` 1), and it takes in what loses its parent (`PR_SET_CHILD_SUBREAPER`).

use std::{io, process::Command};

use portward_sys::unotify::{Door, Filter, Prologue};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::{AsFd, BorrowedFd, OwnedFd},
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair},
    process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait},
};

use super::{
    front::{Signals, block_signals, restore_signals, stand_in},
    supervisor::{PACE, Supervisor},
};
use crate::{Ended, Event, Ports, Program, Rules, StartError, Witness};

/// What the supervisor is given, made in its own process: databases and files are not carried over a fork.
type Parts<'a> = (Box<dyn Ports + 'a>, Box<dyn Witness + 'a>);

/// Runs a program in a session, and gives how it ended.
///
/// Must be called while this process has one thread. The supervisor outlives the call where something of the program does.
///
/// # Errors
///
/// Where the program could not be started; it has not run then.
pub fn run<'a>(
    program: &Program,
    rules: Rules,
    prepare: impl FnOnce() -> Result<Parts<'a>, String>,
) -> Result<Ended, StartError> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads != 1 {
        return Err(StartError::Session(format!("A session is started from one thread, and this process has {threads}.")));
    }
    let (ours, theirs) = Channel::pair().map_err(|error| StartError::Session(format!("No socket pair: {error}.")))?;
    let mask = block_signals();
    // SAFETY: this process has one thread, so that its copy is whole.
    #[allow(unsafe_code)]
    let forked = unsafe { libc::fork() };
    match forked {
        0 => {
            drop(ours);
            supervise(&theirs, program, rules, mask, prepare);
            // SAFETY: ends the copy without running what its original will run at its end.
            #[allow(unsafe_code)]
            unsafe {
                libc::_exit(0)
            }
        }
        -1 => {
            let error = io::Error::last_os_error();
            restore_signals(&mask);
            Err(StartError::Session(format!("No process for the supervisor: {error}.")))
        }
        _ => {
            drop(theirs);
            let ended = stand_in(&ours, &program.name.to_string_lossy());
            restore_signals(&mask);
            ended
        }
    }
}

fn supervise<'a>(
    channel: &Channel,
    program: &Program,
    rules: Rules,
    mask: libc::sigset_t,
    prepare: impl FnOnce() -> Result<Parts<'a>, String>,
) {
    let failed = |failure: Failure| channel.send(&News::Failed(failure));
    // SAFETY: the call sets a flag of this process.
    #[allow(unsafe_code)]
    unsafe {
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }
    let (ports, witness) = match prepare() {
        Ok(parts) => parts,
        Err(sentence) => return failed(Failure::Session(sentence)),
    };
    let (signals, door) = match (Signals::open(), Door::new()) {
        (Ok(signals), Ok(door)) => (signals, door),
        (Err(error), _) | (_, Err(error)) => return failed(Failure::Session(format!("The supervisor has no channel: {error}."))),
    };
    let mut builder = Command::new(&program.name);
    builder.args(&program.arguments).envs(program.environment.iter().map(|(name, value)| (name, value)));
    door.prepare(&mut builder, &FILTER, Prologue { mask: Some(mask), must_be_filtered: true, ..Prologue::default() });
    let child = match builder.spawn() {
        Ok(child) => child,
        Err(error) => return failed(Failure::Program(error.raw_os_error().unwrap_or(libc::EIO))),
    };
    drop(builder);
    let Some(listener) = door.open() else { return failed(Failure::Filter(libc::ENOSYS)) };
    let Some(main) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    leave(rustix::stdio::stdin());
    leave(rustix::stdio::stdout());
    let mut supervisor = Supervisor::new(listener, rules, ports, witness);
    supervisor.tell(&Event::Started { pid: child.id() });
    let mut life = Life { main: Some(main), channel, signals };
    while life.turn(&mut supervisor) {}
}

/// The main program as long as it lives, and who is told of its end.
struct Life<'a> {
    main: Option<Pid>,
    channel: &'a Channel,
    signals: Signals,
}

impl Life<'_> {
    /// Waits for something and deals with it; false when nobody is left to serve.
    fn turn(&mut self, supervisor: &mut Supervisor<'_>) -> bool {
        let listener = supervisor.listener.as_fd();
        let mut polled = vec![PollFd::from_borrowed_fd(listener, PollFlags::IN), PollFd::new(&self.signals.0, PollFlags::IN)];
        if self.main.is_some() {
            polled.push(PollFd::new(self.channel, PollFlags::IN));
        }
        let pace = Timespec { tv_sec: i64::try_from(PACE.as_secs()).unwrap_or(i64::MAX), tv_nsec: 0 };
        // An interrupted wait came back without events.
        let _ = poll(&mut polled, Some(&pace));
        let came: Vec<PollFlags> = polled.iter().map(PollFd::revents).collect();
        let came = |at: usize| came.get(at).copied().unwrap_or(PollFlags::empty());
        let (calls, signals, news) = (came(0), came(1), came(2));
        drop(polled);
        if calls.contains(PollFlags::IN) {
            supervisor.serve();
        }
        if !signals.is_empty() {
            while self.signals.next().is_some() {}
            self.reap(supervisor);
        }
        if !news.is_empty() {
            self.hear();
        }
        // Nobody has the filter any more, and nobody can get it.
        let nobody = !calls.contains(PollFlags::IN) && calls.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL);
        if nobody && self.main.is_some() {
            // Its end is on the way.
            self.reap(supervisor);
        }
        !(nobody && self.main.is_none())
    }

    /// Takes in the ends of children, and tells that of the main one.
    fn reap(&mut self, supervisor: &mut Supervisor<'_>) {
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
        while let Ok(Some((pid, status))) = wait(options) {
            if Some(pid) != self.main {
                continue;
            }
            if status.stopped() {
                self.channel.send(&News::Stopped(status.stopping_signal().unwrap_or(libc::SIGSTOP)));
            } else if let Some(ended) = ended(status) {
                self.main = None;
                supervisor.tell(&Event::Ended);
                self.channel.send(&News::Ended(ended));
                // Whoever reads what the program wrote must see its end.
                leave(rustix::stdio::stderr());
            }
        }
    }

    /// Passes on what the front heard; where the front was killed, the program it stands for is, too.
    fn hear(&mut self) {
        let Some(main) = self.main else { return };
        // The program has not been waited for, so that the number is still its own.
        match self.channel.receive() {
            Some(News::Signal(number)) => {
                if let Some(signal) = Signal::from_named_raw(number) {
                    let _ = kill_process(main, signal);
                }
            }
            Some(_) => {}
            None => {
                let _ = kill_process(main, Signal::KILL);
            }
        }
    }
}

fn ended(status: WaitStatus) -> Option<Ended> {
    if let Some(code) = status.exit_status() {
        return Some(Ended::Code(code));
    }
    status.terminating_signal().map(Ended::Signal)
}

/// Lets go of a standard stream that the program has as well.
fn leave(stream: BorrowedFd<'_>) {
    let Ok(nothing) =
        rustix::fs::open("/dev/null", rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC, rustix::fs::Mode::empty())
    else {
        return;
    };
    // SAFETY: replaces one of the standard streams, which this process no longer uses for anything else.
    #[allow(unsafe_code)]
    unsafe {
        libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&nothing), std::os::fd::AsRawFd::as_raw_fd(&stream));
    }
}

/// Front and supervisor, in messages.
pub(super) struct Channel(OwnedFd);

/// What they tell each other.
pub(super) enum News {
    /// To the supervisor: this signal is for the program.
    Signal(i32),
    /// To the front: the program was stopped by this signal.
    Stopped(i32),
    /// To the front: the program has ended.
    Ended(Ended),
    /// To the front: it was not started.
    Failed(Failure),
}

/// Why nothing was started, as it crosses the channel.
pub(super) enum Failure {
    Program(i32),
    Filter(i32),
    Session(String),
}

impl Failure {
    pub(super) fn error(self, program: &str) -> StartError {
        match self {
            // The filter is taken before the program is; the numbers tell them apart.
            Self::Program(libc::EBUSY) => StartError::Nested,
            Self::Program(number) => {
                StartError::Program { program: program.to_owned(), source: io::Error::from_raw_os_error(number) }
            }
            Self::Filter(number) => StartError::Filter { source: io::Error::from_raw_os_error(number) },
            Self::Session(sentence) => StartError::Session(sentence),
        }
    }
}

impl Channel {
    fn pair() -> io::Result<(Self, Self)> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(ours), Self(theirs)))
    }

    pub(super) fn send(&self, news: &News) {
        let (kind, number, text) = match news {
            News::Signal(number) => (0, *number, ""),
            News::Stopped(number) => (1, *number, ""),
            News::Ended(Ended::Code(code)) => (2, *code, ""),
            News::Ended(Ended::Signal(number)) => (3, *number, ""),
            News::Failed(Failure::Program(number)) => (4, *number, ""),
            News::Failed(Failure::Filter(number)) => (5, *number, ""),
            News::Failed(Failure::Session(text)) => (6, 0, text.as_str()),
        };
        let message = [&[kind][..], &i32::to_ne_bytes(number), text.as_bytes()].concat();
        // The other end may have gone, and then nobody wants to know.
        let _ = send(&self.0, &message, SendFlags::NOSIGNAL);
    }

    /// `None` when the other end has gone.
    pub(super) fn receive(&self) -> Option<News> {
        let mut message = [0; 2048];
        let length = loop {
            match recv(&self.0, &mut message[..], RecvFlags::empty()) {
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return None,
                Ok((length, _)) => break length,
            }
        };
        let message = message.get(..length)?;
        let number = i32::from_ne_bytes(*message.get(1..)?.first_chunk()?);
        Some(match message.first()? {
            0 => News::Signal(number),
            1 => News::Stopped(number),
            2 => News::Ended(Ended::Code(number)),
            3 => News::Ended(Ended::Signal(number)),
            4 => News::Failed(Failure::Program(number)),
            5 => News::Failed(Failure::Filter(number)),
            _ => News::Failed(Failure::Session(String::from_utf8_lossy(message.get(5..)?).into_owned())),
        })
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The calls of a session, and the ways past them that are closed: rings of `io_uring` bind and listen by themselves.
const FILTER: Filter = Filter {
    reported: &[libc::SYS_bind, libc::SYS_listen, libc::SYS_connect],
    absent: &[libc::SYS_io_uring_setup],
    closes_other_tables: true,
};
