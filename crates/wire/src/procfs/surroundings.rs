//! What surrounds a connection: the hosts file, the default route, proxies, the runtime of a container.

use std::net::{IpAddr, Ipv4Addr};

use portward_model::{HostsLine, Text};

/// The lines of a hosts file that give names to an address (`hosts(5)`). A zone (`fe80::1%eth0`) is left out.
pub fn hosts_lines(bytes: &[u8]) -> Vec<HostsLine> {
    let mut found = Vec::new();
    for (whole, number) in bytes.split(|b| *b == b'\n').zip(1u32..) {
        let line = whole.split(|b| *b == b'#').next().unwrap_or_default();
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let address = words.next().and_then(|word| std::str::from_utf8(word).ok());
        let address = address.and_then(|word| word.split('%').next()?.parse().ok());
        let names: Vec<Text> = words.map(Text::new).collect();
        if let Some(address) = address.filter(|_| !names.is_empty()) {
            let whole = Text::new(whole.strip_suffix(b"\r").unwrap_or(whole));
            found.push(HostsLine { line: number, address, names, whole });
        }
    }
    found
}

/// The gateway of the IPv4 default route with the least metric in `/proc/net/route`, which shows the main table.
pub fn default_gateway(bytes: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(bytes).ok()?;
    let gateways = text.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, destination, gateway, flags, _, _, metric, mask, ..] = fields.as_slice() else { return None };
        let hex = |text: &str| u32::from_str_radix(text, 16).ok();
        let usable = hex(flags)? & RTF_UP_AND_GATEWAY == RTF_UP_AND_GATEWAY;
        // The address is written as one number in the host's order.
        let address = Ipv4Addr::from(hex(gateway)?.to_ne_bytes());
        (usable && hex(destination)? == 0 && hex(mask)? == 0).then_some((metric.parse::<u32>().ok()?, address))
    });
    gateways.min_by_key(|(metric, _)| *metric).map(|(_, address)| IpAddr::V4(address))
}

/// Host and port of a proxy's URL, without scheme, credentials and path: `http://ana:secret@proxy:3128/` is
/// `proxy:3128`.
pub fn proxy_endpoint(value: &[u8]) -> Text {
    let value = value.trim_ascii();
    let after = value.windows(3).position(|part| part == b"://").and_then(|at| value.get(at + 3..)).unwrap_or(value);
    // A password may hold a slash; what stands before the last `@` is never shown.
    let after = after.iter().rposition(|b| *b == b'@').and_then(|at| after.get(at + 1..)).unwrap_or(after);
    Text::new(after.split(|b| matches!(b, b'/' | b'?' | b'#')).next().unwrap_or_default())
}

/// The container runtime that a control group's path speaks of.
pub fn runtime_of_cgroup(path: &[u8]) -> Option<&'static str> {
    let holds = |mark: &[u8]| path.windows(mark.len()).any(|part| part == mark);
    RUNTIMES.iter().find(|(mark, _)| holds(mark)).map(|(_, runtime)| *runtime)
}

/// Marks of groups that a runtime makes for one container, the more telling first.
const RUNTIMES: &[(&[u8], &str)] = &[
    (b"kubepods", "kubernetes"),
    (b"libpod-", "podman"),
    (b"/docker/", "docker"),
    (b"/docker-", "docker"),
    (b"cri-containerd-", "containerd"),
    (b"/lxc/", "lxc"),
    (b"/lxc.payload", "lxc"),
    (b"machine.slice/systemd-nspawn", "systemd-nspawn"),
];

/// `RTF_UP` and `RTF_GATEWAY` of `linux/route.h`.
const RTF_UP_AND_GATEWAY: u32 = 3;

#[cfg(test)]
mod tests {
    use super::{default_gateway, hosts_lines, proxy_endpoint, runtime_of_cgroup};

    #[test]
    fn hosts() {
        let lines = hosts_lines(
            b"# a comment\n127.0.0.1\tlocalhost  shop.test # 1.2.3.4 x\n\nnonsense here\nfe80::1%lo0 localhost\n::1\n::1 localhost",
        );
        let shown: Vec<String> = lines.iter().map(|line| format!("{} {} {:?}", line.line, line.address, line.names)).collect();
        assert_eq!(shown, [r#"2 127.0.0.1 ["localhost", "shop.test"]"#, r#"5 fe80::1 ["localhost"]"#, r#"7 ::1 ["localhost"]"#]);
    }

    #[test]
    fn the_gateway_with_the_least_metric() {
        let gateway = u32::from_ne_bytes([172, 17, 0, 1]);
        let other = u32::from_ne_bytes([10, 0, 0, 1]);
        let table = format!(
            "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
             eth1 00000000 {other:08X} 0003 0 0 600 00000000 0 0 0\n\
             eth0 00000000 {gateway:08X} 0003 0 0 100 00000000 0 0 0\n\
             eth0 000011AC 00000000 0001 0 0 0 0000FFFF 0 0 0\nbad\n"
        );
        assert_eq!(default_gateway(table.as_bytes()).unwrap().to_string(), "172.17.0.1");
        assert_eq!(default_gateway(b"Iface\neth0 00000000 00000000 0001 0 0 0 00000000 0 0 0\n"), None);
    }

    #[test]
    fn a_proxy_is_named_without_its_credentials() {
        for (value, shown) in [
            ("http://proxy.corp:3128/", "proxy.corp:3128"),
            ("http://ana:s3/cr@t@proxy:3128", "proxy:3128"),
            ("socks5h://[::1]:1080", "[::1]:1080"),
            ("proxy:8080", "proxy:8080"),
            ("ana:secret@proxy:8080", "proxy:8080"),
            ("", ""),
        ] {
            assert_eq!(proxy_endpoint(value.as_bytes()).shown(), shown);
        }
    }

    #[test]
    fn runtimes() {
        assert_eq!(runtime_of_cgroup(b"0::/system.slice/docker-0123.scope\n"), Some("docker"));
        assert_eq!(runtime_of_cgroup(b"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-1.scope\n"), Some("kubernetes"));
        assert_eq!(runtime_of_cgroup(b"0::/init.scope\n"), None);
        assert_eq!(runtime_of_cgroup(b"0::/system.slice/docker.service\n"), None);
    }
}
