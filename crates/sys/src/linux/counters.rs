//! The counters of the network namespace that the calling thread is in.

use portward_model::Counters;
use portward_wire::procfs;

use super::kernel;
use crate::SysError;

pub(super) fn read() -> Result<Counters, SysError> {
    let mut found = Counters::new();
    procfs::counters(&kernel::file("/proc/thread-self/net/snmp")?, &mut found);
    // Both are absent where the kernel was built without the part that they count.
    for file in ["netstat", "snmp6"] {
        let Ok(bytes) = kernel::file(&format!("/proc/thread-self/net/{file}")) else { continue };
        if file == "netstat" {
            procfs::counters(&bytes, &mut found);
        } else {
            procfs::counters6(&bytes, &mut found);
        }
    }
    Ok(found)
}

/// Datagrams of the calling thread's network that were dropped for want of room, or because they were damaged; `None` where the kernel
/// does not say.
pub fn lost_datagrams() -> Option<u64> {
    let mut found = Counters::new();
    procfs::counters_of(&kernel::file("/proc/thread-self/net/snmp").ok()?, &["Udp"], &mut found);
    if let Ok(six) = kernel::file("/proc/thread-self/net/snmp6") {
        procfs::counters6_of(&six, &["Udp6"], &mut found);
    }
    Some(
        LOSSES
            .iter()
            .flat_map(|loss| ["Udp", "Udp6"].map(|group| found.get(&format!("{group}.{loss}")).copied().unwrap_or(0)))
            .sum(),
    )
}

const LOSSES: [&str; 3] = ["RcvbufErrors", "InCsumErrors", "MemErrors"];
