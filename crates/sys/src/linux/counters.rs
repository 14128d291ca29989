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
