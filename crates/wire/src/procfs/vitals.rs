//! How a process fares: its threads, its limits, its status, and the control group that it is in.

use portward_model::Text;

/// The state letter of a `/proc/PID/stat` file, or of a thread's (`proc_pid_stat(5)`, field 3).
pub fn state_letter(bytes: &[u8]) -> Option<char> {
    let close = bytes.iter().rposition(|b| *b == b')')?;
    let letter = bytes.get(close + 1..)?.trim_ascii_start().first()?;
    letter.is_ascii_alphabetic().then_some(char::from(*letter))
}

/// `/proc/PID/syscall`: the number of the call that a thread is in and its first argument; -1 for a thread that
/// runs or sleeps outside any call.
pub fn system_call(bytes: &[u8]) -> Option<(i64, Option<u64>)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut words = text.split_ascii_whitespace();
    let number = match words.next()? {
        "running" => return Some((-1, None)),
        number => number.parse::<i64>().ok()?,
    };
    if number < 0 {
        return Some((-1, None));
    }
    let argument = words.next().and_then(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
    Some((number, argument))
}

/// The soft limit of open descriptors in `/proc/PID/limits`; the largest number for none.
pub fn descriptor_limit(bytes: &[u8]) -> Option<u32> {
    let line = bytes.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"Max open files"))?;
    let word = line.split(u8::is_ascii_whitespace).find(|word| !word.is_empty())?;
    if word == b"unlimited" { Some(u32::MAX) } else { std::str::from_utf8(word).ok()?.parse().ok() }
}

/// What a `/proc/PID/status` file says of a process's bonds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bonds {
    /// `TracerPid`
    pub tracer: u32,
    /// `NoNewPrivs`
    pub no_new_privileges: bool,
    /// `Seccomp`
    pub seccomp: u8,
    /// `CapEff`, a bit for each capability of `linux/capability.h`.
    pub capabilities: u64,
    /// The second number of `Gid`, which is the effective one, and those of `Groups`.
    pub groups: Vec<u32>,
}

/// Reads `/proc/PID/status`; a line that is absent counts as zero.
pub fn bonds(bytes: &[u8]) -> Bonds {
    let mut found = Bonds::default();
    for line in bytes.split(|b| *b == b'\n') {
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let value = std::str::from_utf8(value.get(1..).unwrap_or_default()).unwrap_or_default().trim();
        match name {
            b"TracerPid" => found.tracer = value.parse().unwrap_or(0),
            b"NoNewPrivs" => found.no_new_privileges = value == "1",
            b"Seccomp" => found.seccomp = value.parse().unwrap_or(0),
            b"Gid" => found.groups.extend(value.split_ascii_whitespace().nth(1).and_then(|gid| gid.parse::<u32>().ok())),
            b"Groups" => found.groups.extend(value.split_ascii_whitespace().filter_map(|gid| gid.parse::<u32>().ok())),
            b"CapEff" => found.capabilities = u64::from_str_radix(value, 16).unwrap_or(0),
            _ => {}
        }
    }
    found
}

/// The process that a thread belongs to, in its `/proc/TID/status`.
pub fn thread_group(bytes: &[u8]) -> Option<u32> {
    let line = bytes.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"Tgid:"))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

/// The label of `/proc/PID/attr/current`, where it confines: not `unconfined`, and no profile that only watches.
pub fn confining_label(bytes: &[u8]) -> Option<Text> {
    let label = bytes.split(|b| matches!(b, 0 | b'\n')).next()?.trim_ascii();
    let idle = label.is_empty()
        || label == b"unconfined"
        || label == b"kernel"
        || label.ends_with(b"(unconfined)")
        || label.ends_with(b"(complain)")
        || label.windows(14).any(|part| part == b":unconfined_t:");
    (!idle).then(|| Text::new(label))
}

/// A number of a file of `name number` lines, such as `cgroup.events` and `memory.events` (`cgroups(7)`).
pub fn keyed_number(bytes: &[u8], name: &str) -> Option<u64> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// `full avg10` of a pressure file, in hundredths of a percent: `full avg10=1.50 avg60=0.00 ...` is 150.
pub fn full_pressure(bytes: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(bytes).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("full avg10="))?;
    let (whole, rest) = line.split_once('.')?;
    let hundredths = rest.get(..2)?;
    whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(hundredths.parse().ok()?)
}

/// A hierarchy of control groups that is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgroupMount {
    /// Where it is mounted.
    pub path: Vec<u8>,
    /// The group of the hierarchy that is mounted there; `/` for all of it.
    pub root: Vec<u8>,
}

/// The mounts of `/proc/PID/mountinfo` that hold control groups of version 2, and the freezer of version 1.
pub fn cgroup_mounts(bytes: &[u8]) -> (Option<CgroupMount>, Option<CgroupMount>) {
    let (mut unified, mut freezer) = (None, None);
    for line in bytes.split(|b| *b == b'\n') {
        let mut fields = line.split(|b| *b == b' ');
        let (Some(root), Some(path)) = (fields.nth(3), fields.next()) else { continue };
        // Optional fields end at a hyphen; the type, the source and the options of the file system follow.
        let mut fields = fields.skip_while(|field| *field != b"-").skip(1);
        let (Some(kind), Some(_), Some(options)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let mount = || Some(CgroupMount { path: unescaped(path), root: unescaped(root) });
        if kind == b"cgroup2" && unified.is_none() {
            unified = mount();
        } else if kind == b"cgroup" && freezer.is_none() && options.split(|b| *b == b',').any(|word| word == b"freezer") {
            freezer = mount();
        }
    }
    (unified, freezer)
}

/// A process's group in the unified hierarchy, and in the version 1 hierarchy of the freezer (`/proc/PID/cgroup`).
pub fn group_paths(bytes: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    let (mut unified, mut freezer) = (None, None);
    for line in bytes.split(|b| *b == b'\n') {
        let mut parts = line.splitn(3, |b| *b == b':');
        let (Some(number), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        if number == b"0" && controllers.is_empty() {
            unified = Some(path);
        } else if controllers.split(|b| *b == b',').any(|name| name == b"freezer") {
            freezer = Some(path);
        }
    }
    (unified, freezer)
}

/// A file system as it is mounted (`proc_pid_mountinfo(5)`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its number, which no other mount of the machine has.
    pub id: u64,
    /// The device of its file system, as the kernel numbers it inside (`MKDEV` of `linux/kdev_t.h`). Files of btrfs and overlay
    /// tell another one of themselves.
    pub device: u32,
    /// Where it is mounted.
    pub point: Vec<u8>,
    /// Its type, such as `ext4` or `fuse.sshfs`.
    pub kind: Vec<u8>,
}

/// Every mount of `/proc/PID/mountinfo`, in its order: of two at one place the later one is seen.
pub fn mounts(bytes: &[u8]) -> Vec<Mount> {
    let mount = |line: &[u8]| {
        let mut fields = line.split(|b| *b == b' ');
        let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let device = device(fields.nth(1)?)?;
        let point = unescaped(fields.nth(1)?);
        let kind = fields.skip_while(|field| *field != b"-").nth(1)?.to_vec();
        Some(Mount { id, device, point, kind })
    };
    bytes.split(|b| *b == b'\n').filter_map(mount).collect()
}

/// A device as `mountinfo` writes it: `8:1`.
fn device(text: &[u8]) -> Option<u32> {
    let (major, minor) = std::str::from_utf8(text).ok()?.split_once(':')?;
    Some(major.parse::<u32>().ok()? << 20 | minor.parse::<u32>().ok()?)
}

/// A path of `mountinfo`, in which the kernel writes space, tab, newline and backslash as `\040` and so on.
fn unescaped(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|digits| *first == b'\\' && digits.iter().all(|b| (b'0'..=b'7').contains(b)));
        let value = octal.map(|digits| digits.iter().fold(0u32, |value, digit| value * 8 + u32::from(digit - b'0')));
        if let Some(byte) = value.and_then(|value| u8::try_from(value).ok()) {
            out.push(byte);
            rest = tail.get(3..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{
        Mount, bonds, cgroup_mounts, confining_label, descriptor_limit, full_pressure, group_paths, keyed_number, mounts,
        state_letter, system_call, thread_group,
    };

    #[test]
    fn a_thread() {
        assert_eq!(state_letter(b"7 (a) S (b) t 1 2"), Some('t'));
        assert_eq!(state_letter(b"7 (a)"), None);
        assert_eq!((thread_group(b"Name:\tx\nTgid:\t42\n"), thread_group(b"Name:\tx\n")), (Some(42), None));
        assert_eq!(system_call(b"43 0x4 0x0 0x0 0x80000 0x0 0x0 0x7ffc 0x7f3a\n"), Some((43, Some(4))));
        assert_eq!(system_call(b"running\n"), Some((-1, None)));
        assert_eq!(system_call(b"-1 0x7ffc 0x7f3a\n"), Some((-1, None)));
        assert_eq!(system_call(b""), None);
    }

    #[test]
    fn limits_and_bonds() {
        let limits =
            b"Limit Soft Limit Hard Limit Units\nMax open files            24                   4096                 files\n";
        assert_eq!(descriptor_limit(limits), Some(24));
        assert_eq!(descriptor_limit(b"Max open files unlimited unlimited files"), Some(u32::MAX));
        let read =
            bonds(b"Name:\tx\nTracerPid:\t42\nCapEff:\t0000000000000400\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n");
        assert_eq!((read.tracer, read.no_new_privileges, read.seccomp, read.capabilities), (42, true, 2, 1 << 10));
    }

    #[test]
    fn labels_that_confine() {
        let shown = |label: &[u8]| confining_label(label).map(|label| label.shown());
        assert_eq!(shown(b"docker-default (enforce)\n").as_deref(), Some("docker-default (enforce)"));
        assert_eq!(shown(b"system_u:system_r:httpd_t:s0\0").as_deref(), Some("system_u:system_r:httpd_t:s0"));
        for idle in [
            &b"unconfined\n"[..],
            b"",
            b"\n",
            b"code (unconfined)",
            b"x (complain)\n",
            b"unconfined_u:unconfined_r:unconfined_t:s0",
        ] {
            assert_eq!(shown(idle), None);
        }
    }

    #[test]
    fn control_groups() {
        assert_eq!(keyed_number(b"populated 1\nfrozen 1\n", "frozen"), Some(1));
        assert_eq!(keyed_number(b"oom 1\noom_kill 3\noom_group_kill 0\n", "oom_kill"), Some(3));
        assert_eq!(full_pressure(b"some avg10=2.00 avg60=0.00\nfull avg10=1.50 avg60=0.00 avg300=0.00 total=9\n"), Some(150));
        assert_eq!(full_pressure(b"full avg10=x"), None);
        assert_eq!(
            group_paths(b"5:cpu,freezer:/docker/a\n1:name=systemd:/x\n0::/b:c\n"),
            (Some(&b"/b:c"[..]), Some(&b"/docker/a"[..]))
        );
    }

    #[test]
    fn mounts_by_number_place_and_type() {
        let read = mounts(
            b"22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
              40 22 0:35 / /home/a\\040b rw shared:7 master:1 - fuse.sshfs host: rw\nnonsense\n",
        );
        let mount = |id, device, point: &[u8], kind: &[u8]| Mount { id, device, point: point.to_vec(), kind: kind.to_vec() };
        assert_eq!(read, [mount(22, 254 << 20, b"/", b"ext4"), mount(40, 35, b"/home/a b", b"fuse.sshfs")]);
    }

    #[test]
    fn hierarchies_are_found_where_they_are_mounted() {
        let (unified, freezer) = cgroup_mounts(
            b"30 25 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n\
              33 25 0:29 /docker/x /sys/fs/cgroup/my\\040freezer rw - cgroup cgroup rw,freezer\n bad\n",
        );
        assert_eq!(unified.unwrap().path, b"/sys/fs/cgroup/unified");
        let freezer = freezer.unwrap();
        assert_eq!((freezer.path.as_slice(), freezer.root.as_slice()), (&b"/sys/fs/cgroup/my freezer"[..], &b"/docker/x"[..]));
        assert_eq!(cgroup_mounts(b"1 2 3:4"), (None, None));
    }
}
