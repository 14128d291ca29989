//! The userland proxy of Docker, which holds a published port in a container's place.

use std::net::IpAddr;

use portward_model::{Process, Text, Transport};

use super::{Kind, Program};

pub(super) const PROGRAMS: &[Program] = &[Program::named("docker-proxy rootlesskit-docker-proxy", Kind::Proxy)];

/// What a `docker-proxy` process forwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerProxy {
    /// TCP or UDP.
    pub transport: Transport,
    /// The address it listens on.
    pub host_address: IpAddr,
    /// The published port.
    pub host_port: u16,
    /// The container's address on its network.
    pub container_address: IpAddr,
    /// The port inside the container.
    pub container_port: u16,
}

/// What a `docker-proxy` forwards; `None` for any other process.
///
/// Anybody may give a process that name and those arguments: believed are root's, and the reader's own, as a rootless runtime has
/// them.
pub fn docker_proxy(process: &Process, reader: u32) -> Option<DockerProxy> {
    let believed = process.uid == 0 || process.uid == reader;
    of_arguments(process.argv.known().filter(|_| believed)?.arguments())
}

/// Reads the arguments of a `docker-proxy`; `None` for any other program, or when an option is missing.
///
/// `docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80`, with
/// one dash or two, and with `=` or a space, as Go's `flag` package reads them.
fn of_arguments(argv: &[Text]) -> Option<DockerProxy> {
    let program = argv.first()?.shown();
    let base = program.rsplit('/').next().unwrap_or(&program);
    PROGRAMS.iter().find(|known| known.goes_by(base))?;
    let transport = match option(argv, "proto") {
        None | Some("tcp") => Transport::Tcp,
        Some("udp") => Transport::Udp,
        Some(_) => return None,
    };
    Some(DockerProxy {
        transport,
        host_address: option(argv, "host-ip")?.parse().ok()?,
        host_port: option(argv, "host-port")?.parse().ok()?,
        container_address: option(argv, "container-ip")?.parse().ok()?,
        container_port: option(argv, "container-port")?.parse().ok()?,
    })
}

fn option<'a>(argv: &'a [Text], name: &str) -> Option<&'a str> {
    let mut arguments = argv.iter().skip(1).map(|argument| std::str::from_utf8(argument.raw()).unwrap_or_default());
    while let Some(argument) = arguments.next() {
        let Some(rest) = argument.strip_prefix('-') else { continue };
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        match rest.split_once('=') {
            Some((found, value)) if found == name => return Some(value),
            None if rest == name => return arguments.next(),
            Some(_) | None => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use portward_model::{Text, Transport};

    use super::of_arguments;

    fn argv(line: &str) -> Vec<Text> {
        line.split(' ').map(Text::from).collect()
    }

    #[test]
    fn its_options_are_read() {
        let proxy = of_arguments(&argv(
            "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80 -use-listen-fd",
        ))
        .unwrap();
        assert_eq!((proxy.transport, proxy.host_port, proxy.container_port), (Transport::Tcp, 8080, 80));
        assert_eq!(proxy.container_address.to_string(), "172.17.0.2");
        let proxy = of_arguments(&argv(
            "docker-proxy --proto=udp --host-ip=:: --host-port=53 --container-ip=fd00::2 --container-port=5353",
        ))
        .unwrap();
        assert_eq!((proxy.transport, proxy.host_port), (Transport::Udp, 53));
        assert_eq!(proxy.host_address.to_string(), "::");
    }

    #[test]
    fn others_and_the_incomplete_are_none() {
        for line in [
            "",
            "nginx -host-port 80",
            "docker-proxy",
            "docker-proxy -host-port",
            "docker-proxy -proto sctp -host-ip 0.0.0.0 -host-port 1 -container-ip 1.1.1.1 -container-port 1",
            "docker-proxy -host-ip x -host-port 1 -container-ip 1.1.1.1 -container-port 1",
            "docker-proxy -host-ip 0.0.0.0 -host-port 70000 -container-ip 1.1.1.1 -container-port 1",
        ] {
            assert_eq!(of_arguments(&argv(line)), None, "{line}");
        }
        assert_eq!(of_arguments(&[]), None);
    }

    #[test]
    fn arguments_prove_nothing_of_another_users_process() {
        let line = "docker-proxy -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80";
        let words: Vec<&str> = line.split(' ').collect();
        let process = |uid| portward_model::Process { uid, ..crate::fixture::process(9, 1, &words, 5) };
        for (uid, reader, believed) in [(0, 0, true), (0, 1000, true), (1000, 1000, true), (1000, 0, false), (1000, 1001, false)]
        {
            assert_eq!(super::docker_proxy(&process(uid), reader).is_some(), believed, "{uid} for {reader}");
        }
    }
}
