//! Small files: links, control groups, users, port settings, git heads.

use std::net::IpAddr;

use portward_model::{PortRange, Text, Users};

/// The inode in a link of `/proc/PID/fd` or `/proc/PID/ns`: `socket:[123]` with the kind `socket`.
pub fn inode_of_link(link: &[u8], kind: &[u8]) -> Option<u64> {
    let digits = link.strip_prefix(kind)?.strip_prefix(b":[")?.strip_suffix(b"]")?;
    let mut inode = 0u64;
    for digit in digits {
        inode = inode.checked_mul(10)?.checked_add(u64::from(digit.checked_sub(b'0').filter(|d| *d < 10)?))?;
    }
    (!digits.is_empty()).then_some(inode)
}

/// The path of the version 2 control group in `/proc/PID/cgroup` (`cgroups(7)`); where a process is in
/// version 1 hierarchies only, the path that systemd keeps there.
pub fn unified_cgroup(bytes: &[u8]) -> Option<Text> {
    let mut named = None;
    let mut unified = None;
    for line in bytes.split(|b| *b == b'\n') {
        if let Some(path) = line.strip_prefix(b"0::") {
            unified = Some(path);
        }
        let mut parts = line.splitn(3, |b| *b == b':').skip(1);
        if parts.next() == Some(b"name=systemd") {
            named = parts.next();
        }
    }
    let path = unified.filter(|path| *path != b"/").or(named.filter(|path| *path != b"/")).or(unified).or(named);
    path.map(Text::new)
}

/// User names by uid from `/etc/passwd` (`passwd(5)`); the first name of a uid counts.
pub fn user_names(bytes: &[u8]) -> Users {
    let mut users = Users::new();
    for line in bytes.split(|b| *b == b'\n') {
        let mut fields = line.split(|b| *b == b':');
        let Some(name) = fields.next().filter(|name| !name.is_empty()) else { continue };
        let uid = fields.nth(1).and_then(|field| std::str::from_utf8(field).ok()).and_then(|field| field.parse().ok());
        if let Some(uid) = uid {
            users.entry(uid).or_insert_with(|| Text::new(name));
        }
    }
    users
}

/// The home folder of a user by `passwd(5)`, whatever it says; `None` where the user has no line.
pub fn home_of(bytes: &[u8], uid: u32) -> Option<&[u8]> {
    bytes.split(|b| *b == b'\n').find_map(|line| {
        let mut fields = line.split(|b| *b == b':');
        let own: u32 = fields.nth(2).and_then(|field| std::str::from_utf8(field).ok())?.parse().ok()?;
        fields.nth(2).filter(|_| own == uid)
    })
}

/// `net.ipv4.ip_local_port_range`: two numbers.
pub fn port_range(bytes: &[u8]) -> Option<PortRange> {
    let mut numbers = std::str::from_utf8(bytes).ok()?.split_ascii_whitespace();
    let first = numbers.next()?.parse().ok()?;
    let last = numbers.next()?.parse().ok()?;
    (first <= last).then_some(PortRange { first, last })
}

/// `net.ipv4.ip_local_reserved_ports`: `8080,9000-9010`, or nothing.
pub fn port_ranges(bytes: &[u8]) -> Vec<PortRange> {
    let text = String::from_utf8_lossy(bytes);
    text.trim().split(',').filter_map(|part| part.parse().ok()).collect()
}

/// `scm_fds` of `/proc/PID/fdinfo/N` for a Unix socket: descriptors sent to it and not yet received.
pub fn in_flight_descriptors(bytes: &[u8]) -> u32 {
    let value = bytes.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"scm_fds:"));
    value.and_then(|value| std::str::from_utf8(value).ok()).and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

/// The sockets among the files that are registered with an `io_uring(7)`, by `/proc/PID/fdinfo/N`: behind `UserFiles:` a line for
/// each, `    0: socket:[4242]`, up to the next title.
pub fn registered_sockets(bytes: &[u8]) -> Vec<u64> {
    let lines = bytes.split(|b| *b == b'\n').skip_while(|line| !line.starts_with(b"UserFiles:")).skip(1);
    let files = lines.take_while(|line| line.first().is_some_and(u8::is_ascii_whitespace));
    files
        .filter_map(|line| inode_of_link(line.get(line.iter().position(|b| *b == b':')? + 1..)?.trim_ascii(), b"socket"))
        .collect()
}

/// The innermost pid of `NSpid` in `/proc/PID/status`, where the process is in an inner pid namespace.
pub fn inner_pid(bytes: &[u8]) -> Option<u32> {
    let line = bytes.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"NSpid:"))?;
    let pids = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).skip(1);
    let last = pids.last()?;
    std::str::from_utf8(last).ok()?.parse().ok()
}

/// A number of a `/proc/net/sockstat` file: `TCP`, `inuse`.
pub fn socket_statistic(bytes: &[u8], protocol: &str, name: &str) -> Option<usize> {
    let text = std::str::from_utf8(bytes).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(protocol)?.strip_prefix(':'))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == name)?;
    words.next()?.parse().ok()
}

/// The effective user in `/proc/PID/status`.
pub fn effective_uid(bytes: &[u8]) -> Option<u32> {
    let line = bytes.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
    let field = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).nth(1)?;
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// The value of one variable in `/proc/PID/environ`.
pub fn environment_value<'a>(bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
    bytes.split(|b| *b == 0).find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

/// Addresses that `/etc/hosts` gives a name, in the file's order (`hosts(5)`).
pub fn hosts_of(bytes: &[u8], name: &str) -> Vec<IpAddr> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let mut addresses = Vec::new();
    for line in lines {
        let mut words = line.split_ascii_whitespace();
        let Some(address) = words.next().and_then(|word| word.parse().ok()) else { continue };
        if words.any(|word| word.eq_ignore_ascii_case(name)) && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// What a git `HEAD` file points at (`gitrepository-layout(5)`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitHead {
    /// A branch, by its short name.
    Branch(Text),
    /// A commit.
    Detached,
}

/// Reads a git `HEAD` file.
pub fn git_head(bytes: &[u8]) -> Option<GitHead> {
    let line = bytes.split(|b| *b == b'\n').next()?.trim_ascii();
    if let Some(reference) = line.strip_prefix(b"ref:") {
        let reference = reference.trim_ascii();
        return Some(GitHead::Branch(Text::new(reference.strip_prefix(b"refs/heads/").unwrap_or(reference))));
    }
    (line.len() >= 40 && line.iter().all(u8::is_ascii_hexdigit)).then_some(GitHead::Detached)
}

#[cfg(test)]
mod tests {
    use super::{
        GitHead, environment_value, git_head, home_of, hosts_of, in_flight_descriptors, inner_pid, inode_of_link, port_range,
        port_ranges, registered_sockets, unified_cgroup, user_names,
    };

    #[test]
    fn homes() {
        let passwd = b"root:x:0:0::/root:/bin/sh\nbad\nana:x:1000:1000:Ana,,,:/home/ana:/bin/sh\nshort:x:7\n";
        assert_eq!(home_of(passwd, 1000), Some(&b"/home/ana"[..]));
        assert_eq!(home_of(passwd, 0), Some(&b"/root"[..]));
        assert_eq!((home_of(passwd, 7), home_of(passwd, 8)), (None, None));
    }

    #[test]
    fn links() {
        assert_eq!(inode_of_link(b"socket:[4242]", b"socket"), Some(4242));
        for other in [&b"pipe:[1]"[..], b"socket:[]", b"socket:[1x]", b"socket:[99999999999999999999999]", b"/tmp/socket:[1]"] {
            assert_eq!(inode_of_link(other, b"socket"), None);
        }
    }

    #[test]
    fn control_groups_of_both_versions() {
        let shown = |bytes: &[u8]| unified_cgroup(bytes).map(|path| path.shown());
        assert_eq!(shown(b"0::/system.slice/nginx.service\n").as_deref(), Some("/system.slice/nginx.service"));
        assert_eq!(
            shown(b"3:cpu:/x\n1:name=systemd:/system.slice/a.service\n0::/\n").as_deref(),
            Some("/system.slice/a.service")
        );
        assert_eq!(shown(b"0::/\n").as_deref(), Some("/"));
        assert_eq!(shown(b""), None);
    }

    #[test]
    fn users_and_ports() {
        let users = user_names(b"root:x:0:0::/root:/bin/sh\nbad\nana:x:1000:1000::/h:/bin/sh\ntoor:x:0:0:::\n");
        assert_eq!(users.get(&0).unwrap().shown(), "root");
        assert_eq!(users.len(), 2);
        assert_eq!(port_range(b"32768\t60999\n").unwrap().to_string(), "32768-60999");
        assert_eq!(port_range(b"9 1"), None);
        assert_eq!(port_ranges(b"8080,9000-9010\n").len(), 2);
        assert!(port_ranges(b"\n").is_empty());
    }

    #[test]
    fn small_values() {
        assert_eq!(in_flight_descriptors(b"pos:\t0\nscm_fds: 1\n"), 1);
        assert_eq!(in_flight_descriptors(b"pos:\t0\n"), 0);
        let ring = b"SqThread:\t-1\nUserFiles:\t3\n    0: socket:[4242]\n    1: /tmp/socket:[7]\n   12: socket:[43]\nUserBufs:\t1\n    0: 0x5/9\n";
        assert_eq!(registered_sockets(ring), [4242, 43]);
        assert!(registered_sockets(b"UserFiles:\t0\nUserBufs:\t0\n").is_empty() && registered_sockets(b"pos:\t0\n").is_empty());
        assert_eq!(inner_pid(b"Name:\tx\nNSpid:\t4121\t7\n"), Some(7));
        assert_eq!(inner_pid(b"NSpid:\t4121\n"), None);
        let statistics = b"sockets: used 24\nTCP: inuse 3 orphan 0 tw 0 alloc 5 mem 414\n";
        assert_eq!(super::socket_statistic(statistics, "TCP", "alloc"), Some(5));
        assert_eq!(super::socket_statistic(statistics, "UDP", "alloc"), None);
        assert_eq!(super::effective_uid(b"Name:\tx\nUid:\t0\t1000\t0\t0\n"), Some(1000));
        assert_eq!(environment_value(b"A=1\0LISTEN_FDS=2\0", "LISTEN_FDS"), Some(&b"2"[..]));
        assert_eq!(environment_value(b"XLISTEN_FDS=2\0", "LISTEN_FDS"), None);
        assert_eq!(hosts_of(b"127.0.0.1 localhost # ::1 localhost\n::1 ip6 LOCALHOST\n", "localhost").len(), 2);
    }

    #[test]
    fn heads() {
        assert_eq!(git_head(b"ref: refs/heads/fix/42\n"), Some(GitHead::Branch("fix/42".into())));
        assert_eq!(git_head(b"0123456789012345678901234567890123456789\n"), Some(GitHead::Detached));
        assert_eq!(git_head(b"nonsense"), None);
    }
}
