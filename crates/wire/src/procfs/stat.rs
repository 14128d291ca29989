//! `/proc/PID/stat`.

use portward_model::ProcessState;

/// The fields of `/proc/PID/stat` that Portward uses; numbers of the fields by `proc(5)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat<'a> {
    /// Field 2: the kernel's name for the process; any bytes, parentheses and newlines included.
    pub name: &'a [u8],
    /// Field 3.
    pub state: ProcessState,
    /// Field 4: the parent's pid.
    pub parent: u32,
    /// Field 6: the session.
    pub session: u32,
    /// Field 7: device number of the controlling terminal.
    pub terminal: i32,
    /// Field 9, the flag `PF_FORKNOEXEC`: it was forked, and has executed no program since.
    pub forked: bool,
    /// Fields 14 and 15 together: clock ticks spent in user and kernel mode.
    pub cpu_ticks: u64,
    /// Field 20: number of threads.
    pub threads: u32,
    /// Field 22: clock ticks from boot to its start.
    pub started_ticks: u64,
    /// Field 24: resident pages.
    pub resident_pages: u64,
}

/// Reads the file. The name ends at the *last* parenthesis, because a name may hold any byte but NUL.
pub fn stat(bytes: &[u8]) -> Option<Stat<'_>> {
    let open = bytes.iter().position(|b| *b == b'(')?;
    let close = bytes.iter().rposition(|b| *b == b')')?;
    let name = bytes.get(open + 1..close)?;
    let mut fields = bytes.get(close + 1..)?.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let state = match fields.next()? {
        b"D" => ProcessState::Uninterruptible,
        b"T" => ProcessState::Stopped,
        b"t" => ProcessState::Traced,
        b"Z" | b"X" | b"x" => ProcessState::Exited,
        _ => ProcessState::Alive,
    };
    // Fields 4 and on, `skip` counted from the one after the last read.
    let mut number = |skip: usize| -> Option<i64> { std::str::from_utf8(fields.nth(skip)?).ok()?.parse().ok() };
    let parent = u32::try_from(number(0)?).ok()?;
    let session = u32::try_from(number(1)?).unwrap_or(0);
    let terminal = i32::try_from(number(0)?).unwrap_or(0);
    let forked = number(1)? & PF_FORKNOEXEC != 0;
    let user = u64::try_from(number(4)?).ok()?;
    let system = u64::try_from(number(0)?).ok()?;
    let threads = u32::try_from(number(4)?).ok()?;
    let started_ticks = u64::try_from(number(1)?).ok()?;
    let resident_pages = u64::try_from(number(1)?).unwrap_or(0);
    Some(Stat {
        name,
        state,
        parent,
        session,
        terminal,
        forked,
        cpu_ticks: user.saturating_add(system),
        threads,
        started_ticks,
        resident_pages,
    })
}

/// `include/linux/sched.h`
const PF_FORKNOEXEC: i64 = 0x40;

#[cfg(test)]
mod tests {
    use super::stat;

    #[test]
    fn fields_stand_where_proc_5_says() {
        let line = b"4121 (a) S (b c) S 4000 4121 3999 34816 4121 4194560 1 2 3 4 50 60 7 8 20 0 11 0 987654 1000000 321 18446744073709551615 1";
        let read = stat(line).unwrap();
        assert_eq!(read.name, b"a) S (b c");
        // 0x400140 has the flag, 0x400100 has not.
        assert!(!read.forked && stat(b"7 (x) S 1 7 7 0 -1 4194624 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0 0").unwrap().forked);
        assert_eq!((read.parent, read.session, read.terminal), (4000, 3999, 34816));
        assert_eq!((read.cpu_ticks, read.threads, read.started_ticks, read.resident_pages), (110, 11, 987_654, 321));
        for length in 0..line.len() {
            let _ = stat(&line[..length]);
        }
    }

    #[test]
    fn a_name_may_hold_a_newline_and_any_byte() {
        let line = b"7 (x\n\xff) Z 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0 0";
        assert_eq!(stat(line).unwrap().name, b"x\n\xff");
        assert!(stat(b"7 x S").is_none() && stat(b")(").is_none());
    }
}
