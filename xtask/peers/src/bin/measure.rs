//! Runs one program and prints what it took: wall and CPU time in microseconds, peak memory in KiB, exit code.
//! With `--through` first, what the program prints comes before that line; else it is thrown away.
//!
//! A program of its own, and a small one: after `exec` the kernel still counts the peak of the process that
//! forked (`setmax_mm_hiwater_rss` in fs/exec.c), so whoever starts the measured program sets the lowest peak
//! that can be seen. Each run has a fresh one of us, so that what its children used is what the one child used.
#![forbid(unsafe_code)]

use std::{
    env,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};

fn main() -> ExitCode {
    let mut words = env::args_os().skip(1).peekable();
    let through = words.next_if(|word| word == "--through").is_some();
    let Some(program) = words.next() else {
        eprintln!("No program was named.\nhint: measure [--through] PROGRAM [ARGUMENT...]");
        return ExitCode::from(2);
    };
    let mut command = Command::new(&program);
    command.args(words).stdin(Stdio::null()).stderr(Stdio::null());
    command.stdout(if through { Stdio::inherit() } else { Stdio::null() });
    let begun = Instant::now();
    let status = command.status();
    let wall = begun.elapsed();
    let (Ok(status), Ok(usage)) = (status, getrusage(UsageWho::RUSAGE_CHILDREN)) else {
        eprintln!("{} could not be run.", program.display());
        return ExitCode::from(2);
    };
    let cpu = duration(usage.user_time()) + duration(usage.system_time());
    let code = status.code().unwrap_or(-1);
    println!("{} {} {} {code}", wall.as_micros(), cpu.as_micros(), usage.max_rss());
    ExitCode::SUCCESS
}

fn duration(time: TimeVal) -> Duration {
    let micros = i64::from(time.tv_sec()) * 1_000_000 + i64::from(time.tv_usec());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
