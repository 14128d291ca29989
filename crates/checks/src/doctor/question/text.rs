//! Which endpoint of this machine a text is about, if any.
//!
//! What happened inside a pod, a container or at the far end of a tunnel says nothing of this machine's ports: only the way
//! there is examined, where the text names it.

use std::net::IpAddr;

use portward_model::{Endpoint, EndpointHost, Sentence, Text, Transport, is_localhost};

use super::Names;
use crate::{Paste, Symptom, Vantage, service_port};

/// The endpoint that a text is about; `None` where it names none, or none of this machine.
pub(super) fn endpoint(paste: &Paste, names: &dyn Names, notes: &mut Vec<Sentence>) -> Option<Endpoint> {
    match &paste.vantage {
        Some(Vantage::Pod { near, .. }) => return near.map(|port| Endpoint::at(Transport::Tcp, LOCALHOST, port)),
        Some(Vantage::FarEnd) => return None,
        // Whose name is not known was not dialled, here or there.
        Some(Vantage::Container) if paste.symptom == Symptom::NameUnknown => return None,
        Some(Vantage::Container) if is_own_host(paste) && !names.is_contained() => {
            let here = names.outward().filter(|_| paste.path.is_none() && paste.host.as_deref().is_some_and(is_outside));
            let port = here.and(paste.port).and_then(|port| u16::try_from(port).ok())?;
            return Some(Endpoint::at(
                paste.transport.unwrap_or(Transport::Tcp),
                EndpointHost::Ip(outward(paste, here?), None),
                port,
            ));
        }
        Some(Vantage::Container) | None => {}
    }
    named(paste).or_else(|| of_subject(paste, names, notes))
}

/// True where the text's host is whoever runs the client, or the machine around it.
fn is_own_host(paste: &Paste) -> bool {
    let host = paste.host.as_deref();
    let loopback = |host: &str| host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified());
    paste.path.is_some() || host.is_none_or(|host| is_localhost(host) || loopback(host) || is_outside(host))
}

/// The names by which a container calls the machine that it runs on.
fn is_outside(host: &str) -> bool {
    matches!(host, "host.docker.internal" | "host.containers.internal" | "gateway.docker.internal")
}

/// The address by which the text's container went, or that by which it would.
fn outward(paste: &Paste, own: IpAddr) -> IpAddr {
    paste.addresses.first().copied().unwrap_or(own)
}

const LOCALHOST: EndpointHost = EndpointHost::Ip(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), None);

/// Where the process listens that the text names, by number or by its pid file.
fn of_subject(paste: &Paste, names: &dyn Names, notes: &mut Vec<Sentence>) -> Option<Endpoint> {
    if !paste.symptom.asks_to_listen(paste.call) || matches!(paste.vantage, Some(Vantage::Container)) && !names.is_contained() {
        return None;
    }
    let in_files = || paste.files.iter().filter(|file| file.raw().starts_with(b"/")).filter_map(|file| names.named_in(file));
    let pids = paste.pids.iter().copied().chain(in_files());
    let (pid, (endpoint, holder)) = pids.take(8).find_map(|pid| Some((pid, names.listening(pid)?)))?;
    notes.push(format!("pid {pid} of the text is {holder}, which listens on {endpoint}").into());
    Some(endpoint)
}

/// The port in the name of the lock that `postgres` puts beside its socket: `.s.PGSQL.5432.lock`.
fn port_of_lock(path: &Text) -> Option<u16> {
    let name = path.raw().rsplit(|byte| *byte == b'/').next()?;
    let number = name.strip_prefix(b".s.PGSQL.")?.strip_suffix(b".lock")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// The Unix socket that the client of the text went for, where a port of this machine was named beside the text.
pub(super) fn by_path(endpoint: &Endpoint, paste: &Paste) -> Option<Endpoint> {
    let here = match &endpoint.host {
        EndpointHost::Any => true,
        EndpointHost::Ip(address, _) => address.is_loopback(),
        EndpointHost::Name(name) => is_localhost(name),
        EndpointHost::Path(_) => false,
    };
    let failed = matches!(paste.symptom, Symptom::NoSuchPath | Symptom::Refused | Symptom::PermissionDenied);
    let path = paste.path.as_ref().filter(|path| here && failed && paste.port.is_none() && port_of_lock(path).is_none())?;
    if paste.symptom.asks_to_listen(paste.call) { None } else { unix(path) }
}

/// The endpoint of a path that a text names.
fn unix(path: &Text) -> Option<Endpoint> {
    format!("unix:{}", path.plain()?).parse().ok()
}

/// The port that a program's server usually has, where its error names the host alone.
fn usual_port(paste: &Paste) -> Option<u16> {
    paste.host.as_ref()?;
    match paste.program? {
        program @ ("mysql" | "mariadb") => service_port(program),
        // They name the port only where it is another.
        "dnsmasq" | "unbound" | "named" => Some(DNS),
        _ => None,
    }
}

/// `domain` of RFC 6335's registry.
const DNS: u16 = 53;

/// The endpoint that a text names.
fn named(paste: &Paste) -> Option<Endpoint> {
    if let Some(port) = paste.path.as_ref().and_then(port_of_lock) {
        return Some(Endpoint::any(port));
    }
    if let Some(path) = &paste.path
        && paste.port.is_none()
    {
        return unix(path);
    }
    let port = match (paste.port, paste.url_scheme.as_deref()) {
        (Some(port), _) => u16::try_from(port).ok().or(Some(0)),
        (None, Some(scheme)) => service_port(scheme),
        (None, None) => usual_port(paste),
    }?;
    let transport = paste.transport.unwrap_or(Transport::Tcp);
    let any = || Endpoint { transport, ..Endpoint::any(port) };
    // A client that went on from one of localhost's addresses to the other meant localhost.
    let both = paste.addresses.iter().filter(|address| address.is_loopback()).count() > 1;
    let literal = paste.host.as_deref().is_some_and(|host| host.parse::<IpAddr>().is_ok());
    let Some(host) = paste.host.as_deref().filter(|_| port != 0 && !(both && literal)) else { return Some(any()) };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let endpoint: Endpoint = format!("{host}:{port}").parse().unwrap_or_else(|_| any());
    Some(Endpoint { transport, scheme: paste.url_scheme.clone(), ..endpoint })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use portward_model::{Endpoint, Text};

    use super::{by_path, endpoint, port_of_lock};
    use crate::{doctor::Names, read_paste};

    /// A machine on which pid 4121 is a web server on port 3000 and wrote /run/web.pid.
    struct Machine;

    impl Names for Machine {
        fn resolve(&self, _: &str) -> Result<Vec<IpAddr>, String> {
            Err("nobody knows it".to_owned())
        }

        fn serving(&self, _: &str) -> Option<(Endpoint, String)> {
            None
        }

        fn listening(&self, pid: u32) -> Option<(Endpoint, String)> {
            (pid == 4121).then(|| ("127.0.0.1:3000".parse().unwrap(), "web".to_owned()))
        }

        fn named_in(&self, file: &Text) -> Option<u32> {
            (file.raw() == b"/run/web.pid").then_some(4121)
        }

        fn outward(&self) -> Option<IpAddr> {
            "172.17.0.1".parse().ok()
        }

        fn is_contained(&self) -> bool {
            false
        }
    }

    fn about(text: &str) -> Option<String> {
        let paste = read_paste(text.as_bytes()).unwrap();
        endpoint(&paste, &Machine, &mut Vec::new()).map(|endpoint| endpoint.to_string())
    }

    #[test]
    fn another_place_is_not_judged_by_this_machines_ports() {
        for (text, expected) in [
            (
                "an error occurred forwarding 17200 -> 80: error forwarding port 80 to pod x: connection refused",
                Some("127.0.0.1:17200"),
            ),
            ("Readiness probe failed: dial tcp 10.1.0.5:8080: connect: connection refused", None),
            ("channel 2: open failed: connect failed: Connection refused", None),
            ("web-1  | Error: connect ECONNREFUSED 127.0.0.1:5432", None),
            ("web-1  | Error: connect ECONNREFUSED 172.18.0.2:5432", Some("172.18.0.2:5432")),
            ("connect to host.docker.internal port 11434 failed: Connection refused", Some("172.17.0.1:11434")),
            ("Error: connect ECONNREFUSED 127.0.0.1:5432", Some("127.0.0.1:5432")),
        ] {
            assert_eq!(about(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn who_is_named_by_number_or_by_file_is_the_endpoint() {
        let running = "A server is already running (pid: 4121, file: /app/tmp/pids/server.pid).";
        assert_eq!(about(running).as_deref(), Some("127.0.0.1:3000"));
        assert_eq!(about("A server is already running. Check /run/web.pid.").as_deref(), Some("127.0.0.1:3000"));
        assert_eq!(about("A server is already running (pid: 4122, file: /app/tmp/pids/server.pid).").as_deref(), None);
    }

    #[test]
    fn datagrams_and_both_loopbacks_are_kept() {
        assert_eq!(about("listen udp :53: bind: address already in use").as_deref(), Some("udp/53"));
        let both = "[Errno 111] Connect call failed ('::1', 6379, 0, 0), [Errno 111] Connect call failed ('127.0.0.1', 6379)";
        assert_eq!(about(both).as_deref(), Some("6379"));
    }

    #[test]
    fn a_client_that_went_for_a_socket_is_followed_there() {
        let text =
            "psql: error: connection to server on socket \"/run/postgresql/.s.PGSQL.5432\" failed: No such file or directory";
        let paste = read_paste(text.as_bytes()).unwrap();
        let went = |target: &str| by_path(&target.parse().unwrap(), &paste).map(|endpoint| endpoint.to_string());
        assert_eq!(went("localhost:5432").as_deref(), Some("unix:/run/postgresql/.s.PGSQL.5432"));
        assert_eq!(went("5432"), went("localhost:5432"));
        assert_eq!(went("db.example:5432"), None);
    }

    #[test]
    fn texts_without_a_port_name_one() {
        let text = "ERROR 2002 (HY000): Can't connect to server on '127.0.0.1' (115)";
        assert_eq!(about(text).as_deref(), Some("127.0.0.1:3306"));
        assert_eq!(port_of_lock(&"/tmp/.s.PGSQL.5433.lock".into()), Some(5433));
        assert_eq!(port_of_lock(&"/tmp/.s.PGSQL.5433".into()), None);
    }
}
