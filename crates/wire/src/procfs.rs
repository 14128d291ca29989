//! Files of `/proc` and a few others, as values (`proc(5)`).

mod files;
mod net;
mod stat;

pub use files::{
    GitHead, effective_uid, environment_value, git_head, hosts_of, in_flight_descriptors, inner_pid, inode_of_link, port_range,
    port_ranges, socket_statistic, unified_cgroup, user_names,
};
pub use net::read_table;
pub use stat::{Stat, stat};
