//! A program that runs beside this one.

use std::process::{Child, Command, Stdio};

use crate::SysError;

/// A line of the shell that runs. What becomes of it is nobody's business once this is dropped.
#[derive(Debug)]
pub struct Beside {
    child: Child,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Beside {
    /// Starts it.
    pub(crate) fn begin(line: &str) -> Result<Self, SysError> {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).stdin(Stdio::null()).stdout(Stdio::null());
        let child = shell.spawn().map_err(|source| SysError::Start { program: "sh".to_owned(), source })?;
        Ok(Self { child })
    }

    /// How it ended; `None` while it runs.
    pub fn ended(&mut self) -> Option<End> {
        // What cannot be asked for any more has ended, and nobody says how.
        let status = self.child.try_wait().transpose()?;
        #[cfg(unix)]
        if let Some(signal) = status.as_ref().ok().and_then(std::os::unix::process::ExitStatusExt::signal) {
            return Some(End::Signal(signal));
        }
        Some(End::Code(status.ok().and_then(|status| status.code()).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Beside, End};

    fn end(line: &str) -> End {
        let mut beside = Beside::begin(line).unwrap();
        loop {
            match beside.ended() {
                Some(end) => return end,
                None => std::thread::yield_now(),
            }
        }
    }

    #[test]
    fn how_a_line_ended() {
        assert_eq!(end("exit 7"), End::Code(7));
        assert_eq!(end("true"), End::Code(0));
        assert_eq!(end("kill -9 $$"), End::Signal(9));
    }

    #[test]
    fn what_runs_has_not_ended() {
        let mut beside = Beside::begin("read line < /dev/zero").unwrap();
        assert_eq!(beside.ended(), None);
        beside.child.kill().unwrap();
        beside.child.wait().unwrap();
    }
}
