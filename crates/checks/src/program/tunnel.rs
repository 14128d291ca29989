//! Programs that listen in another's place, and say in their arguments where what comes to a port ends.

use portward_model::{CommandLine, Grammar, Item, Process, Text};

use super::docker_proxy;

/// Where what comes to a port of a process goes on to, as the end of "it leads": `to db:5432 by way of box`; `None` where its
/// arguments do not say it of this port.
///
/// Anybody may give a process any arguments: what is said here of a process is what it says of itself.
pub fn tunnel(process: &Process, port: u16, reader: u32) -> Option<Text> {
    if let Some(proxy) = docker_proxy(process, reader) {
        let inner = std::net::SocketAddr::new(proxy.container_address, proxy.container_port);
        return Some(Text::new(format!("to {inner}")));
    }
    let argv = process.argv.known().map(CommandLine::arguments)?;
    let first = argv.first()?.raw();
    if let Some(login) = first.strip_prefix(b"sshd: ").or(first.strip_prefix(b"sshd-session: ")) {
        return far_end(std::str::from_utf8(login).ok()?, port).map(Text::new);
    }
    let base = first.rsplit(|byte| *byte == b'/').next()?;
    let read = TUNNELS.iter().find(|(names, _)| names.split(' ').any(|name| name.as_bytes() == base))?.1;
    let words: Vec<&[u8]> = argv.iter().map(Text::raw).collect();
    read(&Line::of(&words)?, port).map(Text::new)
}

/// A command line, taken apart.
pub(crate) struct Line<'a> {
    items: Vec<Item<'a>>,
}

impl<'a> Line<'a> {
    /// `None` for a program whose options are not known.
    pub(crate) fn of(argv: &'a [&'a [u8]]) -> Option<Self> {
        Some(Self { items: Grammar::of(argv.first()?)?.items(argv).collect() })
    }

    /// The values of an option, in order.
    pub(crate) fn values(&self, names: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
        self.items.iter().filter_map(move |item| match item {
            Item::Option { name, value: Some((_, value)) } if names.iter().any(|own| own.as_bytes() == *name) => {
                std::str::from_utf8(value).ok()
            }
            Item::Option { .. } | Item::Word(..) => None,
        })
    }

    /// The words that are no options.
    fn words(&self) -> impl Iterator<Item = &'a str> {
        self.items.iter().filter_map(|item| match item {
            Item::Word(_, word) => std::str::from_utf8(word).ok(),
            Item::Option { .. } => None,
        })
    }
}

/// How the arguments of each are read.
type Read = fn(&Line<'_>, u16) -> Option<String>;

const TUNNELS: &[(&str, Read)] = &[
    ("ssh autossh", ssh),
    ("kubectl oc kubecolor k3s", kubectl),
    ("socat", socat),
    ("cloudflared", cloudflared),
    ("ngrok", ngrok),
    ("slirp4netns", |_, _| Some("to the network of a container".to_owned())),
    ("pasta passt pasta.avx2 passt.avx2", pasta),
];

/// `-L [address:]port:host:hostport`, `-L port:path`, `-D [address:]port`; ssh(1). `-R` listens at the far end, and where it is named
/// for a port of this machine, this is where it ends.
fn ssh(line: &Line<'_>, port: u16) -> Option<String> {
    let far = line.words().next().map(|host| host.rsplit('@').next().unwrap_or(host));
    let through = far.map(|far| format!(" by way of {far}")).unwrap_or_default();
    let forwarded = line.values(&["-L"]).find_map(|spec| listens(spec, port));
    if let Some(target) = forwarded {
        // A host of the far end: its localhost is not this machine's.
        return Some(match (target, far) {
            (target, Some(far)) if is_loopback(target) => format!("to {target} of {far}"),
            (target, _) => format!("to {target}{through}"),
        });
    }
    let set = line.values(&["-o"]).find_map(|option| {
        let (name, value) = option.split_once(['=', ' '])?;
        name.eq_ignore_ascii_case("LocalForward").then_some(value)
    });
    if let Some((_, target)) = set.and_then(|value| value.trim().split_once(' ')).filter(|(own, _)| port_of(own) == Some(port)) {
        return Some(format!("to {}{through}", target.trim()));
    }
    line.values(&["-D"]).find(|own| port_of(own) == Some(port)).map(|_| format!("to wherever a client asks (SOCKS){through}"))
}

/// A login listens for `ssh -R`, or for X11 from its display 10 on (`X11DisplayOffset`, `sshd_config(5)`).
fn far_end(login: &str, port: u16) -> Option<String> {
    let user = login.split(['@', ' ']).next().filter(|user| !user.is_empty() && !login.starts_with('/'))?;
    // A name that is masked is none.
    let whose = if user.starts_with('*') { "a login".to_owned() } else { format!("the login of {user}") };
    let what = if (6010..6100).contains(&port) { "for X11" } else { "with ssh -R" };
    Some(format!("to where {whose} came from, {what}"))
}

/// What stands behind the port of a forwarding, if it is this one's.
fn listens(spec: &str, port: u16) -> Option<&str> {
    let (own, target) = spec.split_once(':')?;
    if own.parse() == Ok(port) {
        return Some(target);
    }
    // An address before it: `127.0.0.1:8080:db:5432`, `[::1]:8080:db:5432`, `*:8080:db:5432`.
    let rest = if spec.starts_with('[') { spec.split_once("]:")?.1 } else { target };
    let (own, target) = rest.split_once(':')?;
    (own.parse() == Ok(port)).then_some(target)
}

fn port_of(own: &str) -> Option<u16> {
    own.rsplit(':').next()?.parse().ok()
}

fn is_loopback(target: &str) -> bool {
    ["localhost:", "127.", "[::1]:"].iter().any(|beginning| target.starts_with(beginning))
}

/// `kubectl port-forward svc/web 8080:80`: what it forwards to, and the port of that; `:80` takes any port that is free.
pub(crate) fn kubectl_to<'a>(line: &Line<'a>, port: u16) -> Option<(&'a str, Option<&'a str>)> {
    let mut words = line.words().skip_while(|word| *word != "port-forward").skip(1);
    let what = words.next()?;
    let pairs: Vec<(&str, &str)> = words.map(|pair| pair.split_once(':').unwrap_or((pair, pair))).collect();
    let own = pairs.iter().find(|(own, _)| own.parse() == Ok(port));
    let own = own.or_else(|| pairs.iter().find(|(own, _)| own.is_empty() || *own == "0").filter(|_| pairs.len() == 1));
    Some((what, own.map(|(_, inner)| *inner)))
}

fn kubectl(line: &Line<'_>, port: u16) -> Option<String> {
    let (what, inner) = kubectl_to(line, port)?;
    let inner = inner?;
    let space = line.values(&["-n", "--namespace"]).next().map(|space| format!(" in namespace {space}")).unwrap_or_default();
    let what = if what.contains('/') { what.to_owned() } else { format!("pod/{what}") };
    Some(format!("to port {inner} of {what}{space}"))
}

/// The address of socat that is not the listener's, by its kind in capitals: `TCP:db:5432`, `UNIX-CONNECT:/run/x.sock`,
/// `OPENSSL:host:443`.
pub(crate) fn socat_to<'a>(line: &Line<'a>, port: u16) -> Option<(String, &'a str)> {
    let addresses: Vec<(String, &str)> = line.words().filter_map(parted).collect();
    let own = addresses.iter().position(|(kind, rest)| {
        (kind.contains("LISTEN") || kind.contains("RECV") || kind == "UDP4-RECVFROM" || kind == "UDP6-RECVFROM")
            && rest.rsplit(':').next().is_some_and(|own| own.parse() == Ok(port))
    })?;
    addresses.into_iter().enumerate().find(|(at, _)| *at != own).map(|(_, other)| other)
}

fn socat(line: &Line<'_>, port: u16) -> Option<String> {
    let (kind, rest) = socat_to(line, port)?;
    let is = |names: &[&str]| names.contains(&kind.as_str());
    if is(&["TCP", "TCP4", "TCP6", "TCP-CONNECT", "TCP4-CONNECT", "TCP6-CONNECT"]) {
        return Some(format!("to {rest}"));
    }
    if is(&["UDP", "UDP4", "UDP6", "UDP-CONNECT", "UDP-SENDTO", "UDP4-SENDTO", "UDP6-SENDTO", "SCTP", "SCTP-CONNECT"]) {
        let transport = kind.split(['4', '6', '-']).next().unwrap_or_default();
        return Some(format!("to {}/{rest}", transport.to_ascii_lowercase()));
    }
    if is(&["OPENSSL", "OPENSSL-CONNECT", "SSL"]) {
        return Some(format!("to {rest} with TLS"));
    }
    if is(&["UNIX", "UNIX-CONNECT", "UNIX-CLIENT", "LOCAL"]) {
        return Some(format!("to unix:{rest}"));
    }
    if is(&["ABSTRACT-CONNECT", "ABSTRACT-CLIENT", "ABSTRACT"]) {
        return Some(format!("to unix:@{rest}"));
    }
    let through = is(&["SOCKS", "SOCKS4", "SOCKS4A", "SOCKS5", "SOCKS5-CONNECT", "PROXY", "PROXY-CONNECT"]);
    let (proxy, target) = rest.split_once(':').filter(|_| through)?;
    Some(format!("to {target} by way of {proxy}"))
}

/// An address of socat: its kind in capitals, and what stands behind it without its options.
fn parted(word: &str) -> Option<(String, &str)> {
    let (kind, rest) = word.split_once(':')?;
    Some((kind.to_ascii_uppercase(), rest.split(',').next().unwrap_or(rest)))
}

/// `cloudflared access tcp --hostname db.example.com --url 127.0.0.1:5432` listens here for what is there.
fn cloudflared(line: &Line<'_>, port: u16) -> Option<String> {
    let is_access = line.words().next() == Some("access");
    let own = line.values(&["--url", "-url", "-L", "--listener"]).next()?;
    let is_own = is_access && port_of(own.trim_end_matches('/')) == Some(port);
    line.values(&["--hostname", "-T"]).next().filter(|_| is_own).map(|name| format!("to {name} by Cloudflare"))
}

/// An agent listens for its own inspection alone; what it shows to the world it says there.
fn ngrok(line: &Line<'_>, port: u16) -> Option<String> {
    let mut words = line.words();
    let kind = words.next().filter(|kind| matches!(*kind, "http" | "tcp" | "tls"))?;
    let target = words.next()?;
    (4040..4050).contains(&port).then(|| format!("to the agent's own page; it shows {target} to the internet ({kind})"))
}

/// `-t 8080:80`, `-t 8080,9000-9010`, `-t 127.0.0.1/8080:80`; pasta(1).
#[allow(clippy::unnecessary_wraps)] // As the others are.
fn pasta(line: &Line<'_>, port: u16) -> Option<String> {
    let mut inner = None;
    for spec in line.values(&["-t", "--tcp-ports", "-u", "--udp-ports"]) {
        let ports = spec.rsplit('/').next().unwrap_or(spec);
        inner = inner.or_else(|| ports.split(',').find_map(|part| mapped(part, port)));
    }
    Some(inner.map_or_else(|| "to the network of a container".to_owned(), |inner| format!("to port {inner} of a container")))
}

/// The port that one is mapped to: `8080:80`, `9000-9010:90`, `8080`.
fn mapped(pair: &str, port: u16) -> Option<u16> {
    let (own, inner) = pair.split_once(':').unwrap_or((pair, pair));
    let range = |text: &str| -> Option<(u16, u16)> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    let ((first, last), (inner, _)) = (range(own)?, range(inner)?);
    (first..=last).contains(&port).then(|| inner.checked_add(port - first)).flatten()
}

#[cfg(test)]
mod tests {
    use super::tunnel;
    use crate::fixture::process;

    fn to(line: &str, port: u16) -> Option<String> {
        let argv: Vec<&str> = if line.starts_with("sshd") { vec![line] } else { line.split(' ').collect() };
        tunnel(&process(9, 1, &argv, 5), port, 1000).map(|said| said.shown())
    }

    #[test]
    fn what_comes_to_a_port_goes_where_the_arguments_say() {
        for (line, port, said) in [
            ("ssh -N -L 8080:localhost:80 ana@box", 8080, "to localhost:80 of box"),
            ("ssh -fNL8080:10.0.0.5:80 -p 2222 box", 8080, "to 10.0.0.5:80 by way of box"),
            ("/usr/bin/ssh -L 127.0.0.1:8080:db:5432 -L 9090:web:80 box uptime", 9090, "to web:80 by way of box"),
            ("ssh -L [::1]:8080:[fd00::2]:5432 box", 8080, "to [fd00::2]:5432 by way of box"),
            ("ssh -L 8080:/run/x.sock box", 8080, "to /run/x.sock by way of box"),
            ("sshd: ana@pts/0", 9000, "to where the login of ana came from, with ssh -R"),
            ("sshd-session: ana@notty", 6011, "to where a login came from, for X11"),
            ("ssh -i key -D 1080 box", 1080, "to wherever a client asks (SOCKS) by way of box"),
            ("ssh -ND 127.0.0.1:1080 box", 1080, "to wherever a client asks (SOCKS) by way of box"),
            ("autossh -M 0 -f -N -L 3306:db.internal:3306 jump", 3306, "to db.internal:3306 by way of jump"),
            ("kubectl port-forward svc/web 8080:80", 8080, "to port 80 of svc/web"),
            ("kubectl -n shop port-forward web-7d 8080:80 9090", 9090, "to port 9090 of pod/web-7d in namespace shop"),
            ("kubectl --context x port-forward --address 0.0.0.0 deploy/api :8080", 41234, "to port 8080 of deploy/api"),
            ("socat TCP-LISTEN:8080,fork,reuseaddr TCP:127.0.0.1:9000", 8080, "to 127.0.0.1:9000"),
            ("socat -d -d tcp4-listen:8080,bind=127.0.0.1,fork UNIX-CONNECT:/run/x.sock,x", 8080, "to unix:/run/x.sock"),
            ("socat UDP-LISTEN:53,fork UDP:10.0.0.1:53", 53, "to udp/10.0.0.1:53"),
            ("socat TCP-LISTEN:8443,fork OPENSSL:api.example.com:443,verify=1", 8443, "to api.example.com:443 with TLS"),
            ("cloudflared access tcp --hostname db.example.com --url 127.0.0.1:5432", 5432, "to db.example.com by Cloudflare"),
            ("ngrok http 3000", 4040, "to the agent's own page; it shows 3000 to the internet (http)"),
            ("pasta --config-net -t 8080:80 --netns /run/x", 8080, "to port 80 of a container"),
            ("pasta.avx2 -t 127.0.0.1/9000-9010:90 -u none", 9003, "to port 93 of a container"),
            ("slirp4netns --mtu 65520 --api-socket /run/s -c 77 tap0", 8080, "to the network of a container"),
            (
                "docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80",
                8080,
                "to 172.17.0.2:80",
            ),
        ] {
            assert_eq!(to(line, port).as_deref(), Some(said), "{line}");
        }
    }

    #[test]
    fn other_ports_and_other_programs_lead_nowhere() {
        for (line, port) in [
            ("ssh box", 8080),
            ("ssh -L 9090:db:5432 box", 8080),
            ("ssh -L 9090:db:8080 box", 8080),
            ("ssh -R 8080:localhost:80 box", 80),
            ("ssh -L", 8080),
            ("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", 22),
            ("kubectl proxy --port 8080", 8080),
            ("kubectl port-forward svc/web 9090:8080", 8080),
            ("socat TCP-LISTEN:9000 TCP:db:8080", 8080),
            ("socat TCP-LISTEN:8080,fork EXEC:cat", 8080),
            ("cloudflared tunnel --url http://localhost:8080", 8080),
            ("ngrok http 3000", 8080),
            ("vite", 8080),
            ("", 8080),
        ] {
            assert_eq!(to(line, port), None, "{line}");
        }
    }
}
