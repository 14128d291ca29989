//! Why a process runs: its container, unit, manager, script, editor or shell.
//!
//! Decided from control groups, arguments and the chain of parents, all of which other processes chose; so
//! every name stays a [`portward_model::Text`] and every command offered is quoted for a shell.

mod cgroup;
mod invocation;
mod sentence;
mod supervisor;

pub use cgroup::{CgroupUnit, container_of_cgroup, is_delegated, unit_of_cgroup};
pub(crate) use invocation::is_interactive_shell;
pub use invocation::script;
pub use sentence::why_sentence;
pub use supervisor::supervisor;
pub(crate) use supervisor::{is_shell, starts_again};
