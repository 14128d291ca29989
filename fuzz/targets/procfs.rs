//! Any bytes as each of the files that are read of `/proc` and beside it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_model::{Counters, Transport};
use portward_wire::procfs;

fuzz_target!(|bytes: &[u8]| {
    for transport in [Transport::Tcp, Transport::Udp, Transport::Unix] {
        let sockets = procfs::read_table(bytes, transport, 0);
        assert!(sockets.len() <= bytes.len());
    }
    if let Some(stat) = procfs::stat(bytes) {
        std::hint::black_box(stat);
    }
    let mut counters = Counters::new();
    procfs::counters(bytes, &mut counters);
    procfs::counters6(bytes, &mut counters);
    assert!(counters.len() <= bytes.len());
    assert!(procfs::hosts_lines(bytes).len() <= bytes.len());
    std::hint::black_box((
        procfs::state_letter(bytes),
        procfs::system_call(bytes),
        procfs::descriptor_limit(bytes),
        procfs::bonds(bytes),
        procfs::confining_label(bytes),
        procfs::keyed_number(bytes, "frozen"),
        procfs::full_pressure(bytes),
        procfs::cgroup_mounts(bytes),
        procfs::group_paths(bytes),
        procfs::default_gateway(bytes),
        procfs::proxy_endpoint(bytes),
        procfs::runtime_of_cgroup(bytes),
    ));
    std::hint::black_box((
        procfs::inode_of_link(bytes, b"socket"),
        procfs::unified_cgroup(bytes),
        procfs::user_names(bytes),
        procfs::port_range(bytes),
        procfs::port_ranges(bytes),
        procfs::in_flight_descriptors(bytes),
        procfs::inner_pid(bytes),
        procfs::effective_uid(bytes),
        procfs::environment_value(bytes, "PORT"),
        procfs::hosts_of(bytes, "localhost"),
        procfs::git_head(bytes),
    ));
});
