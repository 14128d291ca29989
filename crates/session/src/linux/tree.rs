//! Three processes: the front, that the user's shell waits for; the supervisor, its child; the program, the supervisor's.
//!
//! The supervisor is apart from the front because it must outlive it: a program that daemonises leaves its starter, and its
//! calls still need an answer; and a process of its own program, however many threads the front has, because a copy of one with
//! several is not whole. It is above the program because the kernel lets only those look into a process that stand
//! above it (Yama, `ptrace_scope` 1), and it takes in what loses its parent (`PR_SET_CHILD_SUBREAPER`).

use std::{
    io,
    os::unix::process::CommandExt,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use portward_sys::unotify::{Door, Filter, Prologue, Reported, Test};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::{AsRawFd, BorrowedFd},
    io::Errno,
    process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait},
};

use super::{
    aside::Aside,
    calls::{OPTIONS, SOL_SOCKET},
    channel::{Channel, Failure, News},
    duty::Duty,
    front::{Signals, restore_signals},
    isolated::{self, Isolated},
    pace::answer_soon,
    post::Post,
    probe::every_call,
    supervisor::Supervisor,
};
use crate::{Ended, Event, Manner, Ports, Program, Rules, Witness};

/// Runs a program in a session, until nothing of it is left. The witness is told when a program begins whose name `noted` knows.
pub fn run(
    post: Post,
    program: &Program,
    (rules, manner): (Rules, Manner),
    noted: fn(&[u8]) -> bool,
    ports: Box<dyn Ports + '_>,
    witness: Box<dyn Witness + Send + '_>,
) {
    post.hold(|channel, inherited, _| {
        every_call(rules)?;
        let door = Door::new().map_err(no_channel)?;
        let mut builder = program.builder();
        if rules.isolates {
            isolated::is_possible().map_err(no_network)?;
            // SAFETY: a supervisor has one thread, so that its copy is whole and may allocate.
            #[allow(unsafe_code)]
            unsafe {
                builder.pre_exec(isolated::enter_new);
            }
        }
        door.prepare(
            &mut builder,
            if manner.as_asked { &WITH_NAMES } else { &FILTER },
            Prologue { mask: Some(inherited.mask), must_be_filtered: true, ..Prologue::default() },
        );
        inherited.give_back(&mut builder);
        let signals = Signals::open().map_err(no_channel)?;
        // The end of the child that was tried before: taken for one of the program's, it would have the first call wait until the
        // witness has heard of the start.
        while signals.next().is_some() {}
        let main = spawn(&mut builder).map_err(|failure| door.refused().map_or(failure, Failure::Filter))?;
        drop(builder);
        let listener = door.open().ok_or(Failure::Filter(libc::ENOSYS))?;
        let mut supervisor = Supervisor::new(listener, (rules, manner), noted, ports);
        if rules.isolates {
            supervisor.isolated = Some(Isolated::start(main).map_err(no_channel)?);
        }
        // From here on there is more than one thread, and no copy is made of this process.
        thread::scope(|scope| {
            supervisor.aside = Some(Aside::start(scope, witness).map_err(no_channel)?);
            // After everything was started that would have it from this thread.
            answer_soon();
            Life::new(main, channel, signals).follow(&mut supervisor);
            drop(supervisor);
            Ok(())
        })
    });
}

/// Runs a program whose calls nobody touches, until nothing of it is left. It and what it starts are followed all the same, with
/// the witness asked to look now and then.
pub fn watch(post: Post, program: &Program, witness: Box<dyn Witness + '_>) {
    post.hold(|channel, inherited, handed| {
        let signals = Signals::open().map_err(no_channel)?;
        let mut builder = program.builder();
        // SAFETY: the closure makes one system call on a set of its own, as a copy of a process may.
        #[allow(unsafe_code)]
        unsafe {
            builder.pre_exec(move || {
                restore_signals(&inherited.mask);
                Ok(())
            });
        }
        inherited.give_back(&mut builder);
        let main = spawn(&mut builder)?;
        drop(handed);
        Life::new(main, channel, signals).follow(&mut Bystander(witness));
        Ok(())
    });
}

fn spawn(builder: &mut Command) -> Result<Pid, Failure> {
    let child = builder.spawn().map_err(|error| Failure::Program(error.raw_os_error().unwrap_or(libc::EIO)))?;
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(Failure::Program(libc::ESRCH))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn no_network(error: io::Error) -> Failure {
    Failure::Session(format!(
        "No private network can be made: {error}. It takes a user namespace, and this machine gives none to you \
         (user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns)."
    ))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn no_channel(error: io::Error) -> Failure {
    Failure::Session(format!("The supervisor has no channel: {error}."))
}

/// One that answers no calls, and looks.
struct Bystander<'a>(Box<dyn Witness + 'a>);

impl Duty for Bystander<'_> {
    fn calls(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn serve(&mut self) {}

    fn look(&mut self) -> Duration {
        self.0.look()
    }

    fn tell(&mut self, event: &Event) {
        self.0.saw(event);
    }
}

/// The main program as long as it lives, and who is told of its end.
struct Life<'a> {
    main: Option<Pid>,
    channel: &'a Channel,
    signals: Signals,
    /// Something of the program lives, as far as a parent knows.
    has_children: bool,
    /// When to look again.
    next: Instant,
    /// What the front has had no room for.
    unsent: Option<News>,
    /// How often a front is still to be woken that may not have stopped yet when its program went on.
    rouse: u32,
    /// The front has gone, and the program goes on without it.
    is_left: bool,
}

impl<'a> Life<'a> {
    fn new(main: Pid, channel: &'a Channel, signals: Signals) -> Self {
        Self {
            main: Some(main),
            channel,
            signals,
            has_children: true,
            next: Instant::now(),
            unsent: None,
            rouse: 0,
            is_left: false,
        }
    }

    /// Follows the program until nobody is left to serve.
    fn follow(mut self, duty: &mut dyn Duty) {
        leave(rustix::stdio::stdin());
        leave(rustix::stdio::stdout());
        let pid = self.main.map_or(0, |main| main.as_raw_nonzero().get().unsigned_abs());
        duty.tell(&Event::Started { pid });
        while self.turn(duty) {}
        while duty.is_telling() {
            duty.tell_next();
        }
        duty.settle(LAST_WORDS);
        self.channel.settle();
        // The front may have stopped a moment after it was woken, and is to end now.
        for _ in 0..FAREWELL {
            if self.channel.is_left(RETRY) {
                break;
            }
            self.channel.wake();
        }
    }

    /// Waits for something and deals with it; false when nobody is left to serve.
    fn turn(&mut self, duty: &mut dyn Duty) -> bool {
        let mut pace = self.next.saturating_duration_since(Instant::now());
        if let Some(moment) = duty.tells_in() {
            pace = pace.min(moment);
        }
        if duty.is_telling() {
            pace = Duration::ZERO;
        } else if self.rouse > 0 {
            pace = pace.min(RETRY);
        }
        let nothing = PollFlags::empty();
        let (calls, signals, news) = {
            let mut polled = vec![PollFd::new(&self.signals.0, PollFlags::IN)];
            let reported = duty.calls();
            polled.extend(reported.map(|calls| PollFd::from_borrowed_fd(calls, PollFlags::IN)));
            // A front that has gone would be heard of for ever.
            if self.main.is_some() && !self.is_left {
                polled.push(PollFd::new(self.channel, PollFlags::IN));
            }
            let seconds = i64::try_from(pace.as_secs()).unwrap_or(i64::MAX);
            let pace = Timespec { tv_sec: seconds, tv_nsec: pace.subsec_nanos().into() };
            // An interrupted wait came back without events.
            let _ = poll(&mut polled, Some(&pace));
            let mut came = polled.iter().map(PollFd::revents);
            let signals = came.next().unwrap_or(nothing);
            let calls = if reported.is_some() { came.next() } else { None };
            (calls, signals, came.next().unwrap_or(nothing))
        };
        if calls.is_some_and(|calls| calls.contains(PollFlags::IN)) {
            duty.serve();
        } else {
            // What is told may take its time; a call that waits has gone before.
            duty.tell_next();
        }
        if self.rouse > 0 && calls.is_none_or(|calls| calls.is_empty()) {
            self.rouse -= 1;
            self.channel.wake();
        }
        if let Some(news) = self.unsent.take() {
            self.send(news);
        }
        if !signals.is_empty() {
            while self.signals.next().is_some() {}
            self.reap(duty);
        }
        if self.main.is_some() && !self.is_left && !news.is_empty() {
            self.hear();
        }
        if Instant::now() >= self.next {
            self.next = Instant::now() + duty.look();
        }
        let nobody = match calls {
            // Nobody has the filter any more, and nobody can get it.
            Some(calls) => !calls.contains(PollFlags::IN) && calls.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
            None => !self.has_children,
        };
        if nobody && self.main.is_some() {
            // Its end is on the way.
            self.reap(duty);
        }
        !(nobody && self.main.is_none() && self.unsent.is_none())
    }

    /// Takes in the ends of children, and tells that of the main one.
    fn reap(&mut self, duty: &mut dyn Duty) {
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
        // Whoever is told reads what a process is called, which the kernel forgets with its end.
        duty.settle(A_MOMENT);
        loop {
            let (pid, status) = match wait(options) {
                Ok(Some(change)) => change,
                Ok(None) | Err(Errno::INTR) => return,
                Err(_) => {
                    self.has_children = false;
                    if self.main.take().is_some() {
                        self.send(News::Failed(Failure::Session("The end of the program was seen by somebody else.".to_owned())));
                    }
                    return;
                }
            };
            if Some(pid) != self.main {
                continue;
            }
            if status.stopped() {
                // Of many in a row, those that find no room tell nothing new.
                self.rouse = 0;
                self.channel.send(&News::Stopped(status.stopping_signal().unwrap_or(libc::SIGSTOP)));
            } else if status.continued() {
                self.rouse = REPEATS;
                self.channel.wake();
            } else if let Some(ended) = ended(status) {
                self.main = None;
                duty.tell(&Event::Ended);
                self.send(News::Ended(ended));
                // Whoever reads what the program wrote must see its end. A log has none.
                if !self.channel.is_alone() {
                    leave(rustix::stdio::stderr());
                }
            }
        }
    }

    /// Tells the front, now or as soon as it has room; a front that is stopped has none.
    fn send(&mut self, news: News) {
        if !self.channel.send(&news) {
            self.channel.wake();
            self.unsent = Some(news);
            self.next = self.next.min(Instant::now() + RETRY);
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
            None if self.channel.is_alone() => self.is_left = true,
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
        libc::dup2(nothing.as_raw_fd(), stream.as_raw_fd());
    }
}

/// `MSG_FASTOPEN` of `linux/socket.h`.
const FAST_OPEN: u32 = 0x2000_0000;
/// How often a front is woken again.
const REPEATS: u32 = 3;
/// How often a front is looked after at the end.
const FAREWELL: u32 = 20;
/// How long the end of a child waits until what was told of it before was heard; calls wait behind.
const A_MOMENT: Duration = Duration::from_millis(100);
/// How long the end of the session waits for the same.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// Until the next try to tell a front that had no room.
const RETRY: Duration = Duration::from_millis(50);
/// The calls of every session. What is sent on a connected socket names no address, and is never seen; `sendmsg` keeps its
/// address behind a pointer, and shows no more than that it opens a connection.
const CALLS: &[Reported] = &[
    Reported::always(libc::SYS_bind),
    Reported::always(libc::SYS_listen),
    Reported::always(libc::SYS_connect),
    Reported { number: libc::SYS_sendto, when: &[Test::NotNull(4)] },
    Reported { number: libc::SYS_sendmsg, when: &[Test::HasBits(2, FAST_OPEN)] },
    Reported { number: libc::SYS_sendmmsg, when: &[Test::HasBits(3, FAST_OPEN)] },
    Reported { number: libc::SYS_setsockopt, when: &[Test::OneOf(1, &[SOL_SOCKET]), Test::OneOf(2, OPTIONS)] },
    BEGINS,
    Reported { number: libc::SYS_socket, when: &[Test::NoneOf(0, &[AF_UNIX, AF_NETLINK])] },
    Reported { number: libc::SYS_prctl, when: &[Test::OneOf(0, &[PR_SET_DUMPABLE]), Test::OneOf(1, &[0])] },
];
/// The calls of a session, and the ways past them that are closed: rings of `io_uring` bind and listen by themselves, those too that
/// were made before the filter, or are another process's (`pidfd_getfd(2)`).
const FILTER: Filter = Filter {
    reported: CALLS,
    absent: &[libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register],
    covers_other_tables: true,
};
/// The same for programs that compare the port that they asked for with the one that their socket has.
const WITH_NAMES: Filter = Filter { reported: &and_names::<{ CALLS.len() + 1 }>(), ..FILTER };

/// The calls of every session, and the question for a socket's name.
const fn and_names<const ALL: usize>() -> [Reported; ALL] {
    let mut all = [Reported::always(libc::SYS_getsockname); ALL];
    let (own, _) = all.split_at_mut(CALLS.len());
    own.copy_from_slice(CALLS);
    all
}

/// Families that nobody reaches from outside (`bits/socket.h`), and the option by which a process shuts itself up (`linux/prctl.h`).
const AF_UNIX: u32 = 1;
const AF_NETLINK: u32 = 16;
const PR_SET_DUMPABLE: u32 = 4;
/// What a program does as it begins: the C library asks once how large its stack may grow, and Go, which may do without that library, how
/// many files it may open. Where nobody answers any more, they go on with a size of their own. An `execve` itself must not wait: the supervisor waits for its program's.
const BEGINS: Reported = Reported {
    number: libc::SYS_prlimit64,
    when: &[Test::OneOf(1, &[libc::RLIMIT_STACK, libc::RLIMIT_NOFILE]), Test::NotNull(3)],
};
