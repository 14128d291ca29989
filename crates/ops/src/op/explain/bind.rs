//! Whether a bind would succeed: reasoned from the kernel's rules, and on request tried.

use portward_checks::{BindHost, BindQuestion, Bound, bind};
use portward_model::Transport;
use portward_sys::Look;

use crate::{Bind, Proof, View, target::Target};

pub(crate) fn answer(host: &dyn Look, target: &Target, view: &View, try_it: bool) -> Bind {
    let endpoint = &target.endpoint;
    let file = target.path().filter(|path| !path.raw().starts_with(b"@"));
    let file_exists = file.and_then(|path| host.path_exists(path).known().copied());
    let question = BindQuestion { interface: zone_index(target, view), file_exists, ..target.question() };
    let mut found = Bound::foreseen(bind(&view.snapshot, &question));
    match &question.host {
        BindHost::Path(path) => found.refuse_closed_folder(path, &host.may_create(path)),
        BindHost::Ip(_) | BindHost::Any if !try_it => {}
        BindHost::Ip(_) | BindHost::Any => {
            // On a machine without IPv6 "any" means IPv4, and the kernel says so by refusing the family.
            let reuses = endpoint.transport == Transport::Tcp;
            let tried = target.bound().first().and_then(|at| Some((*at, host.try_bind(endpoint.transport, *at, reuses).ok()?)));
            if let Some((at, tried)) = tried {
                let plain =
                    if reuses && tried.is_none() { host.try_bind(endpoint.transport, at, false).ok().flatten() } else { None };
                found.agree(tried, plain);
            }
        }
    }
    Bind { possible: found.possible, proof: if found.tried { Proof::Tried } else { Proof::Rules }, because: found.because }
}

fn zone_index(target: &Target, view: &View) -> u32 {
    let portward_model::EndpointHost::Ip(_, Some(zone)) = &target.endpoint.host else { return 0 };
    let named = view.snapshot.interfaces.iter().find(|interface| interface.name.raw() == zone.as_bytes());
    named.map(|interface| interface.index).or_else(|| zone.parse().ok()).unwrap_or(0)
}
