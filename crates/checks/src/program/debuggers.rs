//! Debug servers, which hold a program for a debugger.

use super::{Kind, Program};

pub(super) const PROGRAMS: &[Program] =
    &[server("jdb"), server("gdbserver lldb-server dlv rdbg rdebug-ide debugserver adb vsdbg netcoredbg")];

const fn server(names: &'static str) -> Program {
    Program::named(names, Kind::Debugger)
}
