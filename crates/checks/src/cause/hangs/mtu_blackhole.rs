cause! {
    "mtu-blackhole": "large packets are lost on the way while small ones pass",
    Dialogue, Endpoint(run) if Case::connects,
    what: "\
A link on the way takes smaller packets than the sender thinks, and the message that would say so (\"fragmentation needed\")
is filtered. The handshake works, small answers work, a large one hangs. Tunnels and VPNs do that.",
    evidence: "\
The address is another machine's and the way to it leaves by a tunnel or a link with a small MTU; the handshake succeeds, and what
follows gets no answer while segments are sent again, or the kernel's own probing of the MTU has failed (TcpExt.TCPMTUPFail).",
    fix: "Lower the MTU of the tunnel, or clamp the segment size to it.",
}

use portward_model::{Text, shell};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let reached = Reached::of(case);
    let Some(attempt) = reached.hangs_connected() else { return Ruling::Silent };
    let DialTarget::Inet(at) = &attempt.at else { return Ruling::Silent };
    // What stays on this machine goes by lo, in one piece.
    if case.is_own_address(at.ip()) {
        return Ruling::Silent;
    }
    let route = case.snapshot.routes.iter().find(|(address, _)| *address == at.ip()).map(|(_, route)| route);
    let leaves = route.and_then(|route| route.interface.as_ref());
    let interface = leaves.and_then(|name| case.snapshot.interfaces.iter().find(|interface| interface.name == *name));
    let kind = interface.and_then(|interface| interface.kind.as_ref()).map(Text::shown).unwrap_or_default();
    let small = interface.and_then(|interface| interface.mtu).filter(|mtu| *mtu < ETHERNET);
    let tunnel = TUNNELS.contains(&kind.as_str()) || small.is_some();
    let again = words::rose(attempt, "Tcp.RetransSegs");
    let probed = words::rose(attempt, "TcpExt.TCPMTUPFail");
    let stuck = case.snapshot.sockets.iter().find(|socket| {
        let to_it = socket.remote() == Some((at.ip(), at.port()));
        case.is_own(socket) && to_it && socket.state == SocketState::Established && socket.queue.limit >= SEGMENT
    });
    let lost = again > 0 || stuck.is_some();
    let likelihood = match (probed > 0, tunnel, lost) {
        (true, ..) | (_, true, true) => Likelihood::Likely,
        (false, true, false) | (false, false, true) => Likelihood::Possible,
        (false, false, false) => return Ruling::Silent,
    };
    let mut evidence = Vec::new();
    if probed > 0 {
        evidence.push(Evidence::new("/proc/net/netstat", format!("TCPMTUPFail rose by {probed}")));
    }
    if let Some(interface) = interface.filter(|_| tunnel) {
        let mtu = interface.mtu.map(|mtu| format!(" with an MTU of {mtu}")).unwrap_or_default();
        let kind = if kind.is_empty() { String::new() } else { format!(" ({kind})") };
        evidence.push(Evidence::new("rtnetlink", format!("packets to {} leave by {}{kind}{mtu}", at.ip(), interface.name)));
    }
    if again > 0 {
        evidence.push(Evidence::new("/proc/net/snmp", format!("{again} segments were sent again while an answer was awaited")));
    }
    if let Some(socket) = stuck {
        evidence.push(Evidence::new("sock_diag", format!("{} bytes to it are not acknowledged", socket.queue.limit)));
    }
    evidence.extend(waited(reached));
    let device = leaves.cloned().unwrap_or_else(|| "DEVICE".into());
    let fixes = vec![
        Remedy::change("Make its packets smaller", shell!("sudo ip link set dev {} mtu 1280", device)),
        Remedy::look("Find the largest that passes", shell!("tracepath -n {}", at.ip())),
    ];
    let summary = format!("{at} completes handshakes and larger packets to or from it are lost on the way.");
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

const TUNNELS: &[&str] =
    &["tun", "wireguard", "ppp", "gre", "gretap", "ip6gre", "ipip", "ip6tnl", "sit", "vxlan", "geneve", "vti", "xfrm"];
/// The MTU of Ethernet.
const ETHERNET: u32 = 1500;
/// Bytes that only more than one small segment holds.
const SEGMENT: u32 = 1000;

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Route, Said, Snapshot};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, interface, listener, machine},
    };

    fn by(device: &str, kind: Option<&str>, mtu: u32) -> Snapshot {
        let mut snapshot = machine();
        let mut link = interface(7, device, kind, &[("10.8.0.2", 24)]);
        link.mtu = Some(mtu);
        snapshot.interfaces.push(link);
        let route = Route { local: false, interface: Some(device.into()), gateway: None, source: None };
        snapshot.routes.push(("10.8.0.1".parse().unwrap(), route));
        snapshot
    }

    pub(crate) fn cases() -> Cases {
        let far = |device, kind, mtu| Scene::on(by(device, kind, mtu), "10.8.0.1:443").talked(Said::Tls, b"", Ended::Silence);
        Cases {
            fires: vec![
                far("wg0", Some("wireguard"), 1420).rose(&[("Tcp.RetransSegs", 2)]),
                far("eth1", None, 1500).rose(&[("TcpExt.TCPMTUPFail", 1)]),
            ],
            silent: vec![
                far("eth1", None, 1500),
                Scene::on(by("wg0", Some("wireguard"), 1420), "10.8.0.1:443").talked(Said::Tls, b"\x16\x03\x03", Ended::Enough),
                Scene::on(held(listener("127.0.0.1", 443)), "127.0.0.1:443")
                    .talked(Said::Tls, b"", Ended::Silence)
                    .rose(&[("Tcp.RetransSegs", 2)]),
            ],
        }
    }
}
