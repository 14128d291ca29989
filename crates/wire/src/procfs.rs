//! Files of `/proc` and a few others, as values (`proc(5)`).

mod counters;
mod files;
mod net;
mod stat;
mod surroundings;
mod vitals;

pub use counters::{counters, counters_of, counters6, counters6_of};
pub use files::{
    GitHead, effective_uid, environment_value, git_head, home_of, hosts_of, in_flight_descriptors, inner_pid, inode_of_link,
    port_range, port_ranges, registered_sockets, socket_statistic, unified_cgroup, user_names,
};
pub use net::read_table;
pub use stat::{Stat, stat};
pub use surroundings::{default_gateway, hosts_lines, proxy_endpoint, runtime_of_cgroup};
pub use vitals::{
    Bonds, CgroupMount, Mount, bonds, cgroup_mounts, confining_label, descriptor_limit, full_pressure, group_paths, keyed_number,
    mounts, state_letter, system_call, thread_group,
};
