//! What the path of a control group says: the container or the systemd unit of a process.

use portward_model::Text;

/// The runtime and id of the container that a control group belongs to; `None` outside containers.
///
/// Knows the shapes of both hierarchy versions and of both drivers (systemd's `docker-ID.scope`, cgroupfs's
/// `/docker/ID`): Docker, Podman, CRI-O, containerd, Kubernetes, LXC and systemd-nspawn. The monitor beside
/// a container (`libpod-conmon-ID.scope`, `lxc.monitor.NAME`) is not in it.
pub fn container_of_cgroup(path: &Text) -> Option<(&'static str, String)> {
    let path = std::str::from_utf8(path.raw()).ok()?;
    let kubernetes = path.contains("kubepods");
    let mut above = "";
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        if let Some(found) = scope(segment).or_else(|| plain_id(above, segment, kubernetes)) {
            let (runtime, id) = found;
            return Some((if kubernetes { "kubernetes" } else { runtime }, id));
        }
        if let Some(found) = named(above, segment) {
            return Some(found);
        }
        above = segment;
    }
    None
}

/// True for a group below that of another user than the reader, who makes groups there by any name
/// (`user.slice/user-1000.slice`, systemd.slice(5)).
pub fn is_delegated(path: &Text, reader: u32) -> bool {
    let text = String::from_utf8_lossy(path.raw());
    let user = text.split('/').find_map(|segment| segment.strip_prefix("user-")?.strip_suffix(".slice"));
    user.is_some_and(|uid| uid.parse() != Ok(reader))
}

/// `docker-ID.scope` and its kin, and containerd's `SLICE:PREFIX:ID`.
fn scope(segment: &str) -> Option<(&'static str, String)> {
    if let Some((rest, id)) = segment.rsplit_once(':') {
        let prefix = rest.rsplit(':').next().unwrap_or(rest);
        return (prefix == "cri-containerd").then(|| id_of(id)).flatten().map(|id| ("containerd", id));
    }
    let stem = segment.strip_suffix(".scope").unwrap_or(segment);
    SCOPES.iter().find_map(|(prefix, runtime)| id_of(stem.strip_prefix(prefix)?).map(|id| (*runtime, id)))
}

/// A bare id below a folder that names its runtime.
fn plain_id(above: &str, segment: &str, kubernetes: bool) -> Option<(&'static str, String)> {
    let runtime = match above {
        "docker" | "docker.slice" => "docker",
        "libpod_parent" | "libpod" => "podman",
        "default" | "k8s.io" | "moby" | "containerd" => "containerd",
        pod if kubernetes && pod.contains("pod") => "kubernetes",
        // Below a parent of the user's own choosing (`--cgroup-parent`) only the id speaks, and Docker's are such.
        _ if segment.len() == 64 => "docker",
        _ => return None,
    };
    (segment.len() >= 64).then(|| id_of(segment)).flatten().map(|id| (runtime, id))
}

/// Containers that go by a name.
fn named(above: &str, segment: &str) -> Option<(&'static str, String)> {
    if matches!(above, "lxc" | "lxc.payload") {
        return Some(("lxc", segment.to_owned()));
    }
    if let Some(name) = segment.strip_prefix("lxc.payload.").filter(|name| !name.is_empty()) {
        return Some(("lxc", name.to_owned()));
    }
    let nspawn = segment.strip_prefix("systemd-nspawn@").and_then(|rest| rest.strip_suffix(".service"));
    let machine = segment
        .strip_prefix("machine-")
        .and_then(|rest| rest.strip_suffix(".scope"))
        // Virtual machines of libvirt stand in the same slice.
        .filter(|name| above == "machine.slice" && !name.starts_with("qemu") && !name.starts_with("lxc"));
    let name = nspawn.or(machine).filter(|name| !name.is_empty())?;
    Some(("systemd-nspawn", unescaped(name)))
}

fn id_of(text: &str) -> Option<String> {
    let hexadecimal = text.len() >= 12 && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    hexadecimal.then(|| text.to_owned())
}

/// Prefixes of container scopes. Monitors have a second word, which is no hexadecimal id.
const SCOPES: &[(&str, &str)] = &[
    ("docker-", "docker"),
    ("libpod-", "podman"),
    ("crio-", "cri-o"),
    ("cri-containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("containerd-", "containerd"),
];

/// A systemd unit that a process belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgroupUnit {
    /// Its name as a person reads it, with `\x2d` and the like decoded (`systemd.unit(5)`).
    pub name: Text,
    /// Its name as `systemctl` takes it.
    pub id: String,
    /// True for a unit of a user's own manager (`systemctl --user`).
    pub user: bool,
}

/// The deepest service, socket or scope of a control group's path that means something to a person.
///
/// Login sessions, terminal tabs, container scopes and the managers' own scopes mean nothing here; a process
/// that is in those alone has no unit.
pub fn unit_of_cgroup(path: &Text) -> Option<CgroupUnit> {
    let path = std::str::from_utf8(path.raw()).ok()?;
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let manager = segments.iter().position(|segment| segment.starts_with("user@"));
    segments.iter().enumerate().rev().find_map(|(at, segment)| {
        // The kernel's own names are escaped with one underscore (systemd, "cg_escape").
        let id = segment.strip_prefix('_').unwrap_or(segment);
        means_something(id).then(|| CgroupUnit {
            name: Text::new(unescaped(id)),
            id: id.to_owned(),
            user: manager.is_some_and(|manager| at > manager),
        })
    })
}

fn means_something(unit: &str) -> bool {
    let Some((stem, kind)) = unit.rsplit_once('.') else { return false };
    match kind {
        "service" => !stem.is_empty() && !stem.starts_with("user@"),
        "socket" => !stem.is_empty(),
        "scope" => !NO_MEANING.iter().any(|prefix| stem.starts_with(prefix)) && scope(unit).is_none(),
        _ => false,
    }
}

const NO_MEANING: &[&str] = &["session-", "init", "vte-spawn-", "tmux-spawn-", "libpod-conmon-", "crio-conmon-", "tab(", "c1"];

/// Decodes systemd's `\xNN` (`systemd-escape(1)`). What is no such escape stays as it is.
fn unescaped(text: &str) -> String {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let decoded = rest
            .strip_prefix(b"\\x")
            .and_then(|digits| digits.get(..2))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = decoded {
            out.push(byte);
            rest = rest.get(4..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use portward_model::Text;

    use super::{container_of_cgroup, unit_of_cgroup};

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn container(path: &str) -> Option<(&'static str, String)> {
        container_of_cgroup(&Text::new(path.replace("ID", ID)))
    }

    #[test]
    fn containers_of_every_shape() {
        for (path, runtime) in [
            ("/docker/ID", "docker"),
            ("/system.slice/docker-ID.scope", "docker"),
            ("/system.slice/docker-ID.scope/system.slice/nginx.service", "docker"),
            ("/machine.slice/libpod-ID.scope/container", "podman"),
            ("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope", "podman"),
            ("/libpod_parent/libpod-ID", "podman"),
            ("/system.slice/nerdctl-ID.scope", "containerd"),
            ("/default/ID", "containerd"),
            ("/system.slice/containerd.service/system.slice:cri-containerd:ID", "containerd"),
            ("/kubepods/burstable/pod1b2c/ID", "kubernetes"),
            ("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-ID.scope", "kubernetes"),
            ("/kubepods.slice/kubepods-pod1.slice/crio-ID.scope", "kubernetes"),
            ("/machine.slice/crio-ID.scope", "cri-o"),
        ] {
            assert_eq!(container(path), Some((runtime, ID.to_owned())), "{path}");
        }
    }

    #[test]
    fn containers_with_names() {
        assert_eq!(container("/lxc/web"), Some(("lxc", "web".to_owned())));
        assert_eq!(container("/lxc.payload.web/system.slice"), Some(("lxc", "web".to_owned())));
        assert_eq!(container("/lxc.payload/web"), Some(("lxc", "web".to_owned())));
        assert_eq!(
            container("/machine.slice/systemd-nspawn@deb\\x2d12.service/payload"),
            Some(("systemd-nspawn", "deb-12".to_owned()))
        );
        assert_eq!(container("/machine.slice/machine-deb.scope"), Some(("systemd-nspawn", "deb".to_owned())));
    }

    #[test]
    fn what_is_no_container() {
        for path in [
            "",
            "/",
            "/user.slice/user-1000.slice/session-2.scope",
            "/machine.slice/libpod-conmon-ID.scope",
            "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
            "/lxc.monitor.web",
            "/system.slice/docker.service",
            "/docker/buildkit",
            "/system.slice/docker-nothexatall.scope",
            "/default/short",
        ] {
            assert_eq!(container(path), None, "{path}");
        }
        assert_eq!(container_of_cgroup(&Text::new(b"/docker/\xff\xfe")), None);
    }

    fn unit(path: &str) -> Option<(String, String, bool)> {
        unit_of_cgroup(&Text::from(path)).map(|unit| (unit.name.shown(), unit.id, unit.user))
    }

    #[test]
    fn units_deepest_first() {
        let told = |name: &str, id: &str, user| Some((name.to_owned(), id.to_owned(), user));
        assert_eq!(unit("/system.slice/nginx.service"), told("nginx.service", "nginx.service", false));
        assert_eq!(
            unit("/system.slice/system-postgresql.slice/postgresql@15-main.service"),
            told("postgresql@15-main.service", "postgresql@15-main.service", false)
        );
        assert_eq!(
            unit("/user.slice/user-1000.slice/user@1000.service/app.slice/my\\x2dapp.service"),
            told("my-app.service", "my\\x2dapp.service", true)
        );
        assert_eq!(unit("/system.slice/run-r12.scope"), told("run-r12.scope", "run-r12.scope", false));
        assert_eq!(unit("/system.slice/a.service/inner/b.service"), told("b.service", "b.service", false));
        assert_eq!(unit("/system.slice/_cgroup.service"), told("cgroup.service", "cgroup.service", false));
    }

    #[test]
    fn what_is_no_unit() {
        for path in [
            "/",
            "/init.scope",
            "/user.slice/user-1000.slice/session-2.scope",
            "/user.slice/user-1000.slice/user@1000.service/init.scope",
            "/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope",
            "/system.slice",
        ] {
            assert_eq!(unit(path), None, "{path}");
        }
        assert_eq!(unit(&format!("/system.slice/docker-{ID}.scope")), None);
    }

    #[test]
    fn odd_escapes_are_left_alone() {
        assert_eq!(unit("/system.slice/a\\x2.service").map(|u| u.0), Some("a\\\\x2.service".to_owned()));
        assert_eq!(unit("/system.slice/a\\x1b[2J.service").map(|u| u.0), Some("a\\x1b[2J.service".to_owned()));
        assert_eq!(unit("/system.slice/\\x"), None);
    }

    #[test]
    fn what_a_user_names_is_that_users_word() {
        let delegated = |path: &str, reader| super::is_delegated(&Text::from(path), reader);
        let own = format!("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope");
        assert!(delegated(&own, 0) && delegated(&own, 1001) && !delegated(&own, 1000));
        assert!(!delegated(&format!("/system.slice/docker-{ID}.scope"), 0) && !delegated(&format!("/docker/{ID}"), 1000));
    }
}
