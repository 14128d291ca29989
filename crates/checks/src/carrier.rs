//! Helpers that carry a container's ports: without them the container keeps running, reachable nowhere.
//!
//! Rootless Podman starts `rootlessport`, `slirp4netns` or `pasta` beside a container and leaves them to pid 1; rootless Docker
//! runs in `rootlesskit`; Podman's `conmon` keeps the ports of a rootful container reserved. None of them is a server of its own,
//! and none is what was left behind when its parent ended.

use portward_model::{Process, Text};

/// A container runtime whose helper a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// Podman's.
    Podman,
    /// That of rootless Docker, or nerdctl.
    Docker,
}

impl Carries {
    /// Whose helper a process is; `None` for any other program.
    pub fn of(process: &Process) -> Option<Self> {
        let argv = process.argv.known().and_then(|line| line.arguments().first());
        // A helper that started itself anew goes by `exe` and `/proc/self/exe`; its program's path tells.
        let names = [Some(&process.name), process.exe.known(), argv];
        let base = |text: &Text| text.raw().rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
        names.into_iter().flatten().find_map(|name| {
            let name = base(name);
            let name = name.strip_suffix(b" (deleted)").unwrap_or(&name);
            let is = |known: &&(&[u8], Self)| {
                name == known.0 || name.strip_prefix(known.0).is_some_and(|rest| rest.starts_with(b"-") || rest.starts_with(b"."))
            };
            HELPERS.iter().find(is).map(|(_, whose)| *whose)
        })
    }

    /// The word for its commands.
    pub fn command(self) -> &'static str {
        match self {
            Self::Podman => "podman",
            Self::Docker => "docker",
        }
    }
}

/// Names of helpers; what follows after a dash or a dot is a part of the helper (`rootlessport-child`, `pasta.avx2`).
const HELPERS: &[(&[u8], Carries)] = &[
    (b"rootlessport", Carries::Podman),
    (b"slirp4netns", Carries::Podman),
    (b"pasta", Carries::Podman),
    (b"passt", Carries::Podman),
    (b"conmon", Carries::Podman),
    (b"aardvark-dns", Carries::Podman),
    (b"netavark", Carries::Podman),
    (b"rootlesskit", Carries::Docker),
    (b"vpnkit", Carries::Docker),
];

#[cfg(test)]
mod tests {
    use portward_model::{Seen, Text};

    use super::Carries;
    use crate::fixture::process;

    #[test]
    fn helpers_are_known_by_name_path_or_first_word() {
        let of = |argv: &[&str]| Carries::of(&process(7, 1, argv, 60));
        // As Podman 4.3, 5.0 and 5.4, and Docker 27 start them.
        assert_eq!(of(&["rootlessport"]), Some(Carries::Podman));
        assert_eq!(of(&["rootlessport-child"]), Some(Carries::Podman));
        assert_eq!(of(&["/usr/bin/slirp4netns", "--disable-host-loopback", "--mtu=65520", "tap0"]), Some(Carries::Podman));
        assert_eq!(of(&["/usr/bin/pasta.avx2", "--config-net", "-t", "8080-8080:80-80"]), Some(Carries::Podman));
        assert_eq!(of(&["/usr/bin/conmon", "--api-version", "1", "-c", "4f1a"]), Some(Carries::Podman));
        assert_eq!(of(&["rootlesskit", "--net=slirp4netns", "--port-driver=builtin"]), Some(Carries::Docker));
        let mut anew = process(7, 1, &["/proc/self/exe", "--net=slirp4netns"], 60);
        anew.exe = Seen::Known(Text::from("/usr/bin/rootlesskit"));
        assert_eq!(Carries::of(&anew), Some(Carries::Docker));
        for other in ["node", "pastad", "rootless", "python3"] {
            assert_eq!(of(&[other]), None, "{other}");
        }
    }
}
