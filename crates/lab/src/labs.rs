//! Every lab, in the order in which they are listed. A new one is one line here.

use crate::Lab;

macro_rules! labs {
    ($($name:literal,)*) => {
        /// Each lab's name and its file.
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../labs/", $name, ".toml")))),*];
    };
}

labs! {
    "no-listener",
    "listen-other-family",
    "listen-v6only-wildcard",
    "listen-other-address",
    "listen-loopback-only",
    "port-mismatch",
    "listener-in-other-netns",
    "bound-not-listening",
    "udp-not-tcp",
    "crash-loop",
    "not-ready-yet",
    "waiting-for-debugger",
    "listener-exited",
    "one-shot-server",
    "jdwp-busy",
    "jdwp-loopback-only",
    "jdwp-role-swapped",
    "unix-socket-only",
    "unix-socket-expected",
    "tunnel-down",
    "wrong-client-config",
    "proxy-env-captures-localhost",
    "stale-unix-socket",
    "unix-socket-missing",
    "firewall-reject",
    "firewall-reject-icmp",
    "nat-redirect",
    "proc-stopped",
    "proc-traced-stop",
    "accept-queue-full",
    "accept-stalled",
    "server-busy",
    "app-hang-after-accept",
    "deadlock-self-call",
    "fd-limit",
    "close-wait-leak",
    "backend-dns-hang",
    "firewall-drop",
    "port-held-by-process",
    "port-held-dualstack",
    "orphan-holds-port",
    "respawned-by-supervisor",
    "port-held-by-connection",
    "port-held-by-outgoing",
    "self-connect",
    "time-wait",
    "privileged-port",
    "addr-not-local",
    "loopback-down",
    "loopback-addr-missing",
    "ipv6-disabled",
    "lo-mtu",
    "policy-route",
    "ephemeral-exhausted",
    "hosts-localhost-wrong",
    "hosts-localhost-missing",
    "localhost-subdomain-unresolved",
    "landlock-denied",
    "seccomp-denied",
    "unix-socket-permission",
    "server-closes-immediately",
    "server-resets",
    "wrong-protocol",
    "http2-only-server",
    "plaintext-server-tls-client",
    "tls-server-plain-client",
    "real-plaintext-server-tls-client",
    "real-tls-server-plain-client",
    "https-forced",
    "host-header-blocked",
    "auth-not-connection",
    "http-error-status",
    "too-many-connections",
    "proxy-upstream-down",
    "container-binds-loopback",
    "reuseport-split",
    "split-by-family",
    "shadowed-by-specific",
    "stale-instance",
}

/// Every lab, in order. None is left out: a test reads them all.
pub fn all() -> impl Iterator<Item = Lab> {
    FILES.iter().filter_map(|(_, text)| Lab::read(text).ok())
}

/// The names of all labs, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// The scene of this name: a lab's, or the tour's.
#[cfg(target_os = "linux")]
pub(crate) fn scene(name: &str) -> Option<Lab> {
    if name == crate::tour::NAME { crate::tour::scene() } else { find(name) }
}

/// The lab of this name.
pub fn find(name: &str) -> Option<Lab> {
    FILES.iter().find(|(own, _)| *own == name).and_then(|(_, text)| Lab::read(text).ok())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::FILES;
    use crate::{Ask, Lab, Question, Sight};

    #[test]
    fn every_file_is_listed_once() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/labs");
        let files: BTreeSet<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let listed: BTreeSet<String> = FILES.iter().map(|(name, _)| format!("{name}.toml")).collect();
        assert_eq!(files, listed);
        assert_eq!(listed.len(), FILES.len());
    }

    #[test]
    fn every_lab_is_whole() {
        let kebab =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        for (name, text) in FILES {
            let lab = Lab::read(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(lab.name, *name);
            assert!(kebab(&lab.name) && kebab(&lab.cause), "{name}: {}", lab.cause);
            assert_eq!(lab.hints.len(), 3, "{name} has three hints");
            for sentence in [&lab.title, &lab.story, &lab.solution].into_iter().chain(&lab.hints) {
                assert!(!sentence.trim().is_empty(), "{name}");
            }
            assert_ne!(lab.symptom, lab.healthy(), "{name}: the fault differs from health");
            let of_a_bind = matches!(lab.symptom, Sight::InUse | Sight::Bound);
            assert!(!of_a_bind || lab.question == Question::Listen, "{name}");
            assert!(lab.wants.is_none() || lab.ask != Ask::Nothing, "{name}: who says nothing hears nothing");
            let services: BTreeSet<&str> = lab.services.iter().map(|service| service.name.as_str()).collect();
            assert_eq!(services.len(), lab.services.len(), "{name}: names of services are unique");
            for service in lab.repair.alive.iter().chain(&lab.twin.without).chain(lab.twin.change.keys()) {
                assert!(services.contains(service.as_str()), "{name}: there is no service {service}");
            }
        }
    }
}
