//! Powers that the learner of a lab lacks.

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set, set_capabilities};

use crate::{LabError, error::While};

/// Gives up capabilities for good, for this process and all that it starts. `all` is every one.
pub(super) fn lay_down(names: &[String]) -> Result<(), LabError> {
    if names.is_empty() {
        return Ok(());
    }
    let mut without = CapabilitySet::empty();
    for name in names {
        without |= match name.as_str() {
            "all" => CapabilitySet::all(),
            name => CapabilitySet::from_name(&name.to_ascii_uppercase())
                .ok_or_else(|| LabError::new(format!("there is no capability {name}")))?,
        };
    }
    let failed = || format!("give up {}", names.join(", "));
    for one in (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit)).filter(|one| without.contains(*one)) {
        match remove_capability_from_bounding_set(one) {
            // A capability that this kernel does not know is not held either.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(error).or_say(failed),
        }
    }
    let own = capabilities(None).or_say(failed)?;
    let rest = CapabilitySets {
        effective: own.effective - without,
        permitted: own.permitted - without,
        inheritable: own.inheritable - without,
    };
    set_capabilities(None, rest).or_say(failed)
}
