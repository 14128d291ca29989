//! Settings of the network, as they are and after they were changed.

use portward_sys::this_machine;
use portward_testkit::program;

use crate::inside::{in_own_network, must};

#[test]
fn this_machine_has_settings_and_hosts() {
    let machine = this_machine().unwrap();
    let network = machine.network().unwrap();
    assert!(network.max_backlog.is_some() && network.loopback_mtu.is_some() && network.ipv6_disabled.is_some());
    for hosts in machine.hosts().unwrap() {
        assert!(hosts.line > 0 && !hosts.names.is_empty());
    }
    let proxies = machine.proxies();
    assert!(proxies.iter().all(|proxy| !proxy.value.shown().contains("://")));
}

#[test]
fn changed_settings_are_seen() {
    if program("ip").is_some() {
        in_own_network("network::inside_with_changed_settings");
    }
}

#[test]
#[ignore = "changed_settings_are_seen runs it in a network of its own"]
fn inside_with_changed_settings() {
    let machine = this_machine().unwrap();
    let before = machine.network().unwrap();
    assert_eq!((before.loopback_mtu, before.ipv6_disabled, before.rule_before_local), (Some(65536), Some(false), Some(false)));
    assert_eq!(before.gateway, None);
    must("ip link set lo up mtu 1000");
    must("ip link add d0 type veth peer name d1");
    must("ip address add 192.0.2.2/24 dev d0");
    must("ip link set d0 up");
    must("ip link set d1 up");
    must("ip route add default via 192.0.2.1");
    // The rule of the table local is made anew behind another one.
    must("ip rule add preference 100 from all lookup local");
    must("ip rule delete preference 0");
    must("ip rule add preference 50 to 127.0.0.0/8 unreachable");
    std::fs::write("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "1").unwrap();
    let after = machine.network().unwrap();
    assert_eq!((after.loopback_mtu, after.ipv6_disabled, after.rule_before_local), (Some(1000), Some(true), Some(true)));
    assert_eq!(after.gateway, Some("192.0.2.1".parse().unwrap()));
    let interfaces = machine.interfaces().unwrap();
    assert!(interfaces.iter().any(|interface| interface.loopback && interface.mtu == Some(1000)));
}
