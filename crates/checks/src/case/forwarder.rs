//! Programs that hold a port in another's place, and what stands behind them by their arguments.

use std::net::{IpAddr, SocketAddr};

use portward_model::{CommandLine, Process, Text};
use portward_wire::protocol::{self, Protocol, SOCKS};

use crate::{
    docker_proxy,
    program::{Line, kubectl_to, socat_to},
};

/// A program that hands connections on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forwarder {
    /// Its kind, as the end of "which is ...".
    pub(crate) kind: &'static str,
    /// True for the proxy that Docker starts for a published port.
    pub(crate) docker: bool,
    /// True where it passes bytes without reading them: an end of its connection is the end of the one behind.
    pub(crate) blind: bool,
    /// True where its other end is not to be judged by the tables of this machine: what an SSH server or a cluster reaches.
    pub(crate) is_far: bool,
    /// What it speaks itself, where it reads what its client wants: `ssh -D`.
    pub(crate) speaks: Option<&'static Protocol>,
    /// What it leads to, by its arguments: `172.17.0.2:80`, `db:5432`, `pod/web port 8080`.
    pub(crate) backend: Option<String>,
    /// The same as an address, where it is one.
    pub(crate) address: Option<SocketAddr>,
}

impl Forwarder {
    /// The protocol that is usual on the port behind it.
    pub(crate) fn leads_to(&self) -> Option<&'static Protocol> {
        let port = self.backend.as_deref()?.rsplit([':', ' ']).next()?.parse().ok()?;
        protocol::of_port(port).map(|(known, _)| known)
    }
}

/// What a process forwards from this port, as far as the reader can believe its arguments; `None` for programs that forward nothing.
pub(crate) fn forwarder(process: &Process, port: u16, reader: u32) -> Option<Forwarder> {
    let argv = process.argv.known().map(CommandLine::arguments).unwrap_or_default();
    let of = |kind, blind, backend: Option<String>| {
        let address = backend.as_deref().and_then(socket_address);
        Some(Forwarder { kind, docker: false, blind, is_far: false, speaks: None, backend, address })
    };
    // `localhost` at the far end is not this one.
    let far = |kind, backend: Option<String>| {
        Some(Forwarder { kind, docker: false, blind: true, is_far: true, speaks: None, backend, address: None })
    };
    if let Some(proxy) = docker_proxy(process, reader) {
        let backend = SocketAddr::new(proxy.container_address, proxy.container_port).to_string();
        let proxy = of("Docker's proxy of a published port", true, Some(backend));
        return proxy.map(|proxy| Forwarder { docker: true, ..proxy });
    }
    let name = process.name.shown();
    match name.as_str() {
        "docker-proxy" | "rootlesskit-doc" | "rootlesskit" => of("the proxy of a published port", true, None),
        "slirp4netns" | "pasta" | "pasta.avx2" | "passt" | "rootlessport" | "gvproxy" => {
            of("the network of a container", true, None)
        }
        "ssh" | "autossh" if is_dynamic(argv, port) => {
            let kind = "an SSH tunnel that serves as a SOCKS proxy";
            Some(Forwarder {
                kind,
                docker: false,
                blind: false,
                is_far: true,
                speaks: Some(&SOCKS),
                backend: None,
                address: None,
            })
        }
        "ssh" | "autossh" => far("an SSH tunnel", ssh(argv, port)),
        // A socat that starts a program for each connection forwards nothing.
        "socat" => socat(argv, port).and_then(|backend| of("a forwarder", true, Some(backend))),
        "kubectl" | "oc" => kubectl(argv, port).and_then(|backend| far("a port forward of Kubernetes", Some(backend))),
        "redir" | "rinetd" | "simpleproxy" | "stunnel" | "stunnel4" | "ncat-proxy" | "tcpproxy" => of("a forwarder", true, None),
        "systemd-socket-" => of("systemd's socket proxy", true, last_address(argv)),
        "haproxy" => of("a proxy", true, None),
        "nginx" | "caddy" | "traefik" | "envoy" | "httpd" | "apache2" | "varnishd" | "squid" => {
            of("a web server or proxy", false, None)
        }
        _ => None,
    }
}

/// A program that is no known forwarder, and whose arguments name an address with another port: it may lead there.
pub(crate) fn by_arguments(process: &Process, port: u16) -> Option<Forwarder> {
    let argv = process.argv.known().map(CommandLine::arguments).unwrap_or_default();
    let address = words(argv).flat_map(|word| word.split(['=', ',', '/'])).find_map(socket_address)?;
    let elsewhere = address.port() != port && !address.ip().is_unspecified();
    let kind = "a program with another address in its arguments";
    elsewhere.then(|| Forwarder {
        kind,
        docker: false,
        blind: true,
        is_far: false,
        speaks: None,
        backend: Some(address.to_string()),
        address: Some(address),
    })
}

fn words(argv: &[Text]) -> impl Iterator<Item = &str> {
    argv.iter().skip(1).map(|argument| std::str::from_utf8(argument.raw()).unwrap_or_default())
}

/// `-L [address:]port:host:hostport` of ssh(1).
fn ssh(argv: &[Text], port: u16) -> Option<String> {
    specs(argv, "-L").iter().find_map(|spec| tunnel(spec, port))
}

/// `-D [address:]port` of ssh(1): this port takes what a client of SOCKS asks for.
fn is_dynamic(argv: &[Text], port: u16) -> bool {
    specs(argv, "-D").iter().any(|spec| spec.rsplit([':', '/']).next().is_some_and(|own| own.parse() == Ok(port)))
}

/// The values of an option of ssh.
fn specs(argv: &[Text], option: &'static str) -> Vec<String> {
    let words: Vec<&[u8]> = argv.iter().map(Text::raw).collect();
    Line::of(&words).map(|line| line.values(&[option]).map(str::to_owned).collect()).unwrap_or_default()
}

fn tunnel(spec: &str, port: u16) -> Option<String> {
    let (front, to_port) = spec.rsplit_once(':')?;
    let (front, to_host) = match front.strip_suffix(']') {
        Some(open) => open.rsplit_once('[').map(|(front, host)| (front.trim_end_matches(':'), host))?,
        None => front.rsplit_once(':')?,
    };
    let own = front.rsplit(':').next()?;
    (own.parse() == Ok(port))
        .then(|| if to_host.contains(':') { format!("[{to_host}]:{to_port}") } else { format!("{to_host}:{to_port}") })
}

/// What socat connects to by a stream of bytes.
fn socat(argv: &[Text], port: u16) -> Option<String> {
    let words: Vec<&[u8]> = argv.iter().map(Text::raw).collect();
    let (kind, rest) = socat_to(&Line::of(&words)?, port)?;
    let connects = matches!(
        kind.as_str(),
        "TCP" | "TCP4" | "TCP6" | "TCP-CONNECT" | "TCP4-CONNECT" | "TCP6-CONNECT" | "UNIX-CONNECT" | "UNIX" | "OPENSSL"
    );
    connects.then(|| rest.to_owned())
}

/// `kubectl port-forward svc/web 8080:80`
fn kubectl(argv: &[Text], port: u16) -> Option<String> {
    let words: Vec<&[u8]> = argv.iter().map(Text::raw).collect();
    let (what, inner) = kubectl_to(&Line::of(&words)?, port)?;
    Some(inner.map_or_else(|| what.to_owned(), |inner| format!("{what} port {inner}")))
}

fn last_address(argv: &[Text]) -> Option<String> {
    words(argv).filter(|word| !word.starts_with('-')).last().map(str::to_owned)
}

/// `127.0.0.1:80`, `[::1]:80`, `localhost:80`
fn socket_address(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let port = text.strip_prefix("localhost:")?.parse().ok()?;
    Some(SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port))
}

#[cfg(test)]
mod tests {
    use super::forwarder;
    use crate::fixture::process;

    #[test]
    fn backends_are_read_from_arguments() {
        for (line, backend) in [
            ("ssh -N -L 8080:localhost:80 host", Some("localhost:80")),
            ("ssh -NL8080:10.0.0.5:80 host", Some("10.0.0.5:80")),
            ("ssh -L 127.0.0.1:8080:db:5432 host", Some("db:5432")),
            ("ssh -L 9090:db:5432 host", None),
            ("socat TCP-LISTEN:8080,fork,reuseaddr TCP:127.0.0.1:9000", Some("127.0.0.1:9000")),
            ("kubectl port-forward svc/web 8080:80", Some("svc/web port 80")),
            ("nginx", None),
            ("ssh -o ControlPath=/L8080:x:1 box", None),
            ("ssh -L", None),
        ] {
            let argv: Vec<&str> = line.split(' ').collect();
            assert_eq!(forwarder(&process(9, 1, &argv, 5), 8080, 0).unwrap().backend.as_deref(), backend, "{line}");
        }
        let speaks = |line: &str| forwarder(&process(9, 1, &line.split(' ').collect::<Vec<_>>(), 5), 1080, 0).unwrap().speaks;
        for line in ["ssh -D 1080 box", "ssh -fND1080 box", "ssh -N -D 127.0.0.1:1080 box"] {
            assert_eq!(speaks(line).map(|known| known.name), Some("socks"), "{line}");
        }
        assert!(speaks("ssh -D 1081 box").is_none() && speaks("ssh -L 1080:a:80 box").is_none());
        assert!(forwarder(&process(9, 1, &["vite"], 5), 8080, 0).is_none());
        assert!(forwarder(&process(9, 1, &["kubectl", "proxy"], 5), 8080, 0).is_none());
    }
}
