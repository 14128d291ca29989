//! Being asked to end: the first request is noted, so that what waits can end in order; what has not ended soon after, or is
//! asked again, ends as if nothing had been noted.

use std::{
    mem::MaybeUninit,
    ptr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
};

/// Sets `flag` when a signal asks this process to end that would end it otherwise. The signal then ends it all the same after
/// a quarter of a second.
pub fn on_request_to_end(flag: Arc<AtomicBool>) {
    if FLAG.set(flag).is_err() {
        return;
    }
    on_each(noted, libc::SA_RESETHAND);
}

/// Sets the first flag when a signal asks this process to end that would end it otherwise, and the second when another one does. Nothing
/// ends it by itself: it has work to do before.
pub fn on_requests_to_end(flags: [Arc<AtomicBool>; 2]) {
    if FLAGS.set(flags).is_err() {
        return;
    }
    on_each(counted, 0);
}

/// Has the signals that ask a process to end go to this handler, where they would end it.
fn on_each(handler: extern "C" fn(libc::c_int), flags: libc::c_int) {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let mut before = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: both actions are whole, and the handlers of this file do only what a handler may.
        #[allow(unsafe_code)]
        unsafe {
            // Who started this with a signal ignored, as `nohup` does, wants it ignored.
            if libc::sigaction(signal, ptr::null(), before.as_mut_ptr()) != 0
                || before.assume_init_ref().sa_sigaction != libc::SIG_DFL
            {
                continue;
            }
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            action.sa_sigaction = handler as libc::sighandler_t;
            action.sa_flags = flags;
            libc::sigaction(signal, &raw const action, ptr::null_mut());
        }
    }
}

extern "C" fn counted(signal: libc::c_int) {
    SIGNAL.store(signal, Ordering::Relaxed);
    if let Some([over, urgent]) = FLAGS.get()
        && over.swap(true, Ordering::Relaxed)
    {
        urgent.store(true, Ordering::Relaxed);
    }
}

/// The signal that asked this process to end.
pub fn requested_end() -> Option<i32> {
    Some(SIGNAL.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
}

extern "C" fn noted(signal: libc::c_int) {
    SIGNAL.store(signal, Ordering::Relaxed);
    if let Some(flag) = FLAG.get() {
        flag.store(true, Ordering::Relaxed);
    }
    let time = libc::timeval { tv_sec: 0, tv_usec: GRACE_US };
    let grace = libc::itimerval { it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 }, it_value: time };
    // SAFETY: system calls on values of our own, which a handler may make.
    #[allow(unsafe_code)]
    unsafe {
        libc::signal(libc::SIGALRM, over as extern "C" fn(libc::c_int) as libc::sighandler_t);
        libc::syscall(libc::SYS_setitimer, libc::ITIMER_REAL, &raw const grace, ptr::null_mut::<libc::itimerval>());
    }
}

extern "C" fn over(_: libc::c_int) {
    let signal = SIGNAL.load(Ordering::Relaxed);
    // SAFETY: system calls with numbers, which a handler may make.
    #[allow(unsafe_code)]
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::kill(libc::getpid(), signal);
    }
}

static FLAGS: OnceLock<[Arc<AtomicBool>; 2]> = OnceLock::new();
static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// What waits looks several times in a tenth of a second whether it is to end, and then needs a moment.
const GRACE_US: libc::suseconds_t = 250_000;
