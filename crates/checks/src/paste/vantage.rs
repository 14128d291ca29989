//! Where an event happened, by the program's own wording: in a container, in a pod, at the far end of a tunnel.

use super::Vantage;

/// The place that a line speaks of; `None` where it is that of who printed it, or the line does not tell.
pub(super) fn vantage_in(line: &str) -> Option<Vantage> {
    let has = |marks: &[&str]| marks.iter().any(|mark| line.contains(mark));
    if has(POD) {
        return Some(Vantage::Pod { name: pod(line), near: forwarded(line) });
    }
    if has(FAR_END) {
        return Some(Vantage::FarEnd);
    }
    (has(CONTAINER) || is_of_compose(line)).then_some(Vantage::Container)
}

/// The wordings without which no line tells of another place, but for the prefix of Compose.
pub(super) fn marks() -> impl Iterator<Item = &'static str> {
    [POD, FAR_END, CONTAINER].into_iter().flatten().copied()
}

/// The port of this machine in `forwarding 17200 -> 80`, `Forwarding from 127.0.0.1:17200 -> 80`.
fn forwarded(line: &str) -> Option<u16> {
    let (before, _) = line.split_once(" -> ")?;
    let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    before.get(before.len() - digits..)?.parse().ok()
}

/// The name after `to pod`, or after `pod/`.
fn pod(line: &str) -> Option<String> {
    let after = ["to pod ", "pod/", "in pod "].iter().find_map(|mark| line.split_once(mark)).map(|(_, rest)| rest)?;
    let name: &str = after.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))).next()?;
    // A sandbox is named by 64 hexadecimal digits, which nobody types.
    let hash = name.len() >= 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!name.is_empty() && !hash).then(|| name.trim_end_matches(['.', ',']).to_owned())
}

/// True for the prefix that Compose puts before each line of a container: `web-1  | `, `shop_db_1 | `.
fn is_of_compose(line: &str) -> bool {
    let Some((prefix, _)) = line.split_once("| ") else { return false };
    let name = prefix.trim_end();
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let numbered =
        name.rsplit(['-', '_']).next().is_some_and(|end| !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit()));
    plain && name.len() > 1 && name.len() < 64 && (numbered && name.contains(['-', '_']) || prefix.len() > name.len())
}

/// What `kubectl port-forward` and the kubelet say of a pod's side.
const POD: &[&str] = &[
    "portforward.go",
    "error forwarding port",
    "an error occurred forwarding",
    "inside namespace",
    "lost connection to pod",
    "Readiness probe failed",
    "Liveness probe failed",
    "Startup probe failed",
];

/// What ssh and sshd say of a tunnel's other side (RFC 4254 section 5.1).
const FAR_END: &[&str] = &[
    ": open failed:",
    "administratively prohibited",
    "remote port forwarding failed",
    "connect_to ",
    "open failed: connect failed",
];

/// What only who runs in a container says.
const CONTAINER: &[&str] = &[
    "host.docker.internal",
    "host.containers.internal",
    "gateway.docker.internal",
    "docker-entrypoint",
    "/.dockerenv",
    "OCI runtime exec failed",
];

#[cfg(test)]
mod tests {
    use super::{Vantage, vantage_in};

    #[test]
    fn the_wording_tells_the_place() {
        let pod = |name: Option<&str>, near| Some(Vantage::Pod { name: name.map(str::to_owned), near });
        for (line, place) in [
            (
                "an error occurred forwarding 17200 -> 80: error forwarding port 80 to pod web-7c, uid : exit status 1",
                pod(Some("web-7c"), Some(17200)),
            ),
            ("Readiness probe failed: dial tcp 10.1.0.7:8080: connect: connection refused", pod(None, None)),
            ("channel 2: open failed: connect failed: Connection refused", Some(Vantage::FarEnd)),
            ("channel 3: open failed: administratively prohibited: open failed", Some(Vantage::FarEnd)),
            ("web-1  | Error: connect ECONNREFUSED 127.0.0.1:5432", Some(Vantage::Container)),
            ("api       | Error: connect ECONNREFUSED 127.0.0.1:5432", Some(Vantage::Container)),
            ("shop_db_1 | FATAL:  role \"app\" does not exist", Some(Vantage::Container)),
            ("Cannot connect to host host.docker.internal:11434", Some(Vantage::Container)),
            ("connect ECONNREFUSED 127.0.0.1:5432", None),
            ("cat log | grep refused", None),
        ] {
            assert_eq!(vantage_in(line), place, "{line}");
        }
    }
}
