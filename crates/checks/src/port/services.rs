//! The service that people expect behind a port.

use portward_model::{Process, Transport};
use portward_wire::protocol::{self, Protocol};

use crate::program;

/// The service that is usually found on a port, as a short phrase; `None` where none is usual.
///
/// Drawn from the known protocols and programs, from the IANA registry (RFC 6335) for assigned services, and from the
/// documented defaults of tools. Usual is no proof: any program may use any number.
pub fn usual_service(transport: Transport, port: u16) -> Option<&'static str> {
    let table = match transport {
        Transport::Tcp => TCP,
        Transport::Udp => UDP,
        Transport::Unix | Transport::UnixDatagram | Transport::UnixPacket => return None,
    };
    let listed = table.binary_search_by_key(&port, |(number, _)| *number).ok().and_then(|at| table.get(at));
    listed.map(|(_, name)| *name).or_else(|| {
        let known = protocol::of_port(port).map(|(_, usual)| usual.words).or_else(|| program::on_port(port));
        known.filter(|_| transport == Transport::Tcp)
    })
}

/// The protocol in which a process serves, and whether over TLS, as far as its program or the port that it asks for tells: usual is
/// no proof. `None` where neither does, or what is usual there is none of the known protocols.
pub fn spoken(process: Option<&Process>, asked: Option<u16>) -> Option<(&'static Protocol, bool)> {
    let usual = asked.and_then(protocol::of_port);
    let over_tls = |spoken: &Protocol| usual.is_some_and(|(known, usual)| known == spoken && usual.tls);
    if let Some(spoken) = process.and_then(program::serves) {
        return Some((spoken, over_tls(spoken)));
    }
    usual.map(|(spoken, usual)| (spoken, usual.tls)).or_else(|| {
        let port = asked?;
        let of_web = || WEB.binary_search(&port).is_ok().then_some(&protocol::HTTP);
        Some((program::spoken_on(port).or_else(of_web)?, false))
    })
}

/// The usual TCP port of a service or of a URL's scheme, by its name in any case: `postgres`, `redis`, `https`.
pub fn service_port(name: &str) -> Option<u16> {
    let name = name.to_ascii_lowercase();
    of_protocol(&name).or_else(|| program::port_of(&name)).or_else(|| of_service(&name))
}

/// The same where it is the name of a service, and none of a program that is on such a port unless it is told another.
pub fn registered_port(name: &str) -> Option<u16> {
    let name = name.to_ascii_lowercase();
    of_protocol(&name).or_else(|| of_service(&name))
}

fn of_protocol(name: &str) -> Option<u16> {
    let of_scheme = protocol::of_scheme(name).map(|(_, scheme)| scheme.port);
    of_scheme.or_else(|| Some(protocol::named(name)?.ports.first()?.port))
}

fn of_service(name: &str) -> Option<u16> {
    let is_named = |service: &str| {
        let service = service.to_ascii_lowercase();
        service.split([' ', ',']).next().is_some_and(|first| first == name)
    };
    TCP.iter().find(|(_, service)| is_named(service)).map(|(port, _)| *port).filter(|_| name.len() >= 3)
}

/// TCP services that are no protocol and no program of those that are known, ascending.
const TCP: &[(u16, &str)] = &[
    (7, "echo"),
    (9, "discard"),
    (13, "daytime"),
    (23, "Telnet"),
    (37, "time"),
    (43, "whois"),
    (49, "TACACS+"),
    (53, "DNS"),
    (70, "Gopher"),
    (79, "finger"),
    (88, "Kerberos"),
    (111, "rpcbind"),
    (113, "ident"),
    (119, "NNTP news"),
    (135, "Windows RPC"),
    (139, "NetBIOS session"),
    (179, "BGP"),
    (194, "IRC"),
    (389, "LDAP"),
    (427, "SLP"),
    (445, "SMB file sharing"),
    (502, "Modbus"),
    (514, "remote shell"),
    (515, "LPD printing"),
    (543, "Kerberos login"),
    (548, "AFP file sharing"),
    (554, "RTSP streaming"),
    (587, "SMTP submission"),
    (631, "IPP printing (CUPS)"),
    (636, "LDAP over TLS"),
    (853, "DNS over TLS"),
    (873, "rsync"),
    (902, "VMware"),
    (1025, "Mailpit or MailHog SMTP"),
    (1099, "Java RMI registry"),
    (1194, "OpenVPN"),
    (1234, "LM Studio"),
    (1337, "Strapi"),
    (1420, "Tauri dev server"),
    (1433, "Microsoft SQL Server"),
    (1521, "Oracle Database"),
    (1723, "PPTP"),
    (1880, "Node-RED"),
    (2019, "Caddy admin API"),
    (2049, "NFS"),
    (2181, "ZooKeeper"),
    (2377, "Docker Swarm"),
    (2379, "etcd clients"),
    (2380, "etcd peers"),
    (3000, "development servers (Node, Next.js, Rails), Grafana"),
    (3001, "development servers, second instance"),
    (3030, "development servers"),
    (3100, "Grafana Loki"),
    (3128, "Squid proxy"),
    (3260, "iSCSI"),
    (3333, "NestJS and other development servers"),
    (3389, "Remote Desktop"),
    (3478, "STUN and TURN"),
    (3690, "Subversion"),
    (4000, "Phoenix, Jekyll and GraphQL development servers"),
    (4040, "Spark UI or ngrok inspector"),
    (4317, "OpenTelemetry OTLP over gRPC"),
    (4318, "OpenTelemetry OTLP over HTTP"),
    (4369, "Erlang port mapper"),
    (4444, "Selenium"),
    (4566, "LocalStack"),
    (4567, "Sinatra"),
    (5000, "Flask, ASP.NET, container registry; AirPlay on macOS"),
    (5001, "ASP.NET over HTTPS, IPFS API"),
    (5037, "Android Debug Bridge"),
    (5044, "Logstash Beats input"),
    (5050, "pgAdmin"),
    (5060, "SIP"),
    (5061, "SIP over TLS"),
    (5222, "XMPP clients"),
    (5269, "XMPP servers"),
    (5500, "VS Code Live Server"),
    (5555, "Android Debug Bridge over TCP, Prisma Studio"),
    (5601, "Kibana"),
    (5858, "Node.js legacy debugger"),
    (5984, "CouchDB"),
    (5985, "Windows Remote Management"),
    (6000, "X11"),
    (6006, "Storybook, TensorBoard"),
    (6060, "Go pprof"),
    (6333, "Qdrant"),
    (6443, "Kubernetes API"),
    (6543, "PgBouncer on Supabase"),
    (6600, "Music Player Daemon"),
    (6667, "IRC"),
    (6881, "BitTorrent"),
    (7000, "Cassandra between nodes; AirPlay on macOS"),
    (7070, "development servers"),
    (7077, "Spark master"),
    (7233, "Temporal"),
    (7474, "Neo4j browser"),
    (7545, "Ganache"),
    (7687, "Neo4j Bolt"),
    (7700, "Meilisearch"),
    (7860, "Gradio"),
    (8000, "Django, uvicorn, http.server and other development servers"),
    (8001, "kubectl proxy, Kong admin"),
    (8025, "Mailpit or MailHog web"),
    (8081, "Metro bundler, HTTP second instance"),
    (8086, "InfluxDB"),
    (8090, "PocketBase"),
    (8096, "Jellyfin"),
    (8108, "Typesense"),
    (8123, "ClickHouse over HTTP, Home Assistant"),
    (8188, "ComfyUI"),
    (8200, "HashiCorp Vault"),
    (8222, "NATS monitoring"),
    (8265, "Ray dashboard"),
    (8384, "Syncthing"),
    (8474, "Toxiproxy API"),
    (8500, "Consul"),
    (8501, "Streamlit"),
    (8529, "ArangoDB"),
    (8545, "Ethereum JSON-RPC"),
    (8761, "Eureka"),
    (8787, "RStudio, Cloudflare Wrangler"),
    (8834, "Nessus"),
    (8848, "Nacos"),
    (8888, "Jupyter"),
    (8889, "Jupyter, second instance"),
    (8983, "Solr"),
    (9001, "MinIO console, supervisord"),
    (9003, "PHP debugger (Xdebug)"),
    (9042, "Cassandra clients"),
    (9090, "Prometheus, Cockpit"),
    (9091, "Prometheus Pushgateway, Transmission"),
    (9093, "Alertmanager"),
    (9099, "Firebase Auth emulator"),
    (9100, "Prometheus node exporter, raw printing"),
    (9222, "Chrome DevTools protocol"),
    (9300, "Elasticsearch between nodes"),
    (9411, "Zipkin"),
    (9418, "git daemon"),
    (9443, "Portainer over HTTPS"),
    (9515, "ChromeDriver"),
    (9600, "Logstash API"),
    (9999, "development servers"),
    (10000, "Webmin, Azurite blobs"),
    (10250, "kubelet"),
    (11434, "Ollama"),
    (15672, "RabbitMQ management"),
    (16686, "Jaeger"),
    (18789, "OpenClaw gateway"),
    (19000, "Expo"),
    (19006, "Expo web"),
    (19530, "Milvus"),
    (25565, "Minecraft"),
    (26257, "CockroachDB"),
    (28015, "RethinkDB"),
    (32400, "Plex"),
    (35729, "LiveReload"),
    (49342, "Portward dashboard"),
    (54321, "Supabase API"),
    (54322, "Supabase PostgreSQL"),
    (54323, "Supabase Studio"),
    (61616, "ActiveMQ"),
    (62893, "Portward gateway"),
];

/// Those of them that a browser opens, or any other client of HTTP without TLS, ascending.
const WEB: &[u16] = &[
    631, 1337, 1420, 1880, 2019, 3000, 3001, 3030, 3100, 3333, 4000, 4040, 4318, 4444, 4566, 4567, 5000, 5050, 5500, 5601, 5984,
    6006, 6060, 6333, 7070, 7474, 7700, 7860, 8000, 8001, 8025, 8081, 8086, 8090, 8096, 8108, 8123, 8188, 8200, 8222, 8265, 8384,
    8474, 8500, 8501, 8529, 8545, 8761, 8787, 8848, 8888, 8889, 8983, 9001, 9090, 9091, 9093, 9099, 9222, 9411, 9515, 9600, 9999,
    11434, 15672, 16686, 19000, 19006, 32400, 35729, 49342, 54321, 54323, 62893,
];

/// UDP services, ascending.
const UDP: &[(u16, &str)] = &[
    (7, "echo"),
    (9, "discard, Wake-on-LAN"),
    (53, "DNS"),
    (67, "DHCP server"),
    (68, "DHCP client"),
    (69, "TFTP"),
    (88, "Kerberos"),
    (111, "rpcbind"),
    (123, "NTP time"),
    (137, "NetBIOS names"),
    (138, "NetBIOS datagrams"),
    (161, "SNMP"),
    (162, "SNMP traps"),
    (319, "PTP events"),
    (320, "PTP general"),
    (389, "LDAP"),
    (443, "HTTP/3 (QUIC)"),
    (500, "IKE (IPsec)"),
    (514, "syslog"),
    (520, "RIP"),
    (546, "DHCPv6 client"),
    (547, "DHCPv6 server"),
    (623, "IPMI"),
    (631, "printer browsing (CUPS)"),
    (1194, "OpenVPN"),
    (1701, "L2TP"),
    (1812, "RADIUS"),
    (1900, "SSDP (UPnP)"),
    (2049, "NFS"),
    (3389, "Remote Desktop"),
    (3478, "STUN and TURN"),
    (3702, "WS-Discovery"),
    (4433, "QUIC development servers"),
    (4500, "IPsec through NAT"),
    (4789, "VXLAN"),
    (5060, "SIP"),
    (5349, "STUN and TURN over DTLS"),
    (5353, "mDNS"),
    (5355, "LLMNR"),
    (5683, "CoAP"),
    (5684, "CoAP over DTLS"),
    (6081, "Geneve"),
    (6343, "sFlow"),
    (6831, "Jaeger agent"),
    (8125, "StatsD"),
    (8443, "HTTP/3 (QUIC), alternative"),
    (8472, "VXLAN (flannel)"),
    (9993, "ZeroTier"),
    (11211, "memcached"),
    (19132, "Minecraft Bedrock"),
    (21116, "RustDesk"),
    (22000, "Syncthing"),
    (27015, "Steam game servers"),
    (41641, "Tailscale"),
    (51820, "WireGuard"),
];

#[cfg(test)]
mod tests {
    use portward_model::Transport;

    use portward_wire::protocol::{self, SINK};

    use super::{TCP, UDP, WEB, service_port, spoken, usual_service};
    use crate::{fixture::process, program};

    #[test]
    fn what_a_process_speaks_is_told_by_its_program_before_its_port() {
        let told = |argv: &[&str], asked| {
            let process = (!argv.is_empty()).then(|| process(7, 1, argv, 60));
            spoken(process.as_ref(), asked).map(|(spoken, tls)| (spoken.name, tls))
        };
        assert_eq!(told(&["python3", "serve.py"], Some(3000)), Some(("http", false)));
        assert_eq!(told(&["nginx"], Some(12_345)), Some(("http", false)));
        assert_eq!((told(&["nginx"], Some(8443)), told(&[], Some(443))), (Some(("http", true)), Some(("http", true))));
        assert_eq!(
            (told(&["sshd"], Some(8080)), told(&["redis-server"], Some(3000))),
            (Some(("ssh", false)), Some(("redis", false)))
        );
        assert_eq!((told(&["vite"], None), told(&["flask", "run"], Some(7))), (Some(("http", false)), Some(("http", false))));
        assert_eq!((told(&[], Some(5432)), told(&[], Some(5173))), (Some(("postgres", false)), Some(("http", false))));
        for port in [None, Some(445), Some(12_345), Some(20_322), Some(25_565)] {
            assert_eq!(told(&["python3", "serve.py"], port), None, "{port:?}");
        }
    }

    #[test]
    fn what_a_browser_opens_is_a_service() {
        assert!(WEB.is_sorted_by(|a, b| a < b));
        for port in WEB {
            assert!(TCP.iter().any(|(listed, _)| listed == port), "{port}");
        }
    }

    #[test]
    fn tables_are_ascending_without_doubles() {
        for table in [TCP, UDP] {
            assert!(table.is_sorted_by(|a, b| a.0 < b.0), "{:?}", table.windows(2).find(|w| w[0].0 >= w[1].0));
            assert!(table.iter().all(|(_, name)| !name.is_empty() && !name.ends_with('.')));
        }
        for (port, name) in TCP {
            let known = protocol::of_port(*port).is_some_and(|(known, _)| *known != SINK) || program::on_port(*port).is_some();
            assert!(!known, "{port} ({name}) stands with its protocol or program already");
        }
    }

    #[test]
    fn a_service_has_its_port() {
        for (name, port) in [
            ("https", 443),
            ("Postgres", 5432),
            ("mariadb", 3306),
            ("rediss", 6379),
            ("mongod", 27017),
            ("rabbitmq", 5672),
            ("kafka", 9092),
            ("elasticsearch", 9200),
            ("docker", 2375),
            ("vite", 5173),
            ("sshd", 22),
            ("ollama", 11434),
        ] {
            assert_eq!(service_port(name), Some(port), "{name}");
        }
        assert_eq!(service_port("shop"), None);
    }

    #[test]
    fn what_developers_meet_is_named() {
        for (port, word) in [
            (3000, "development"),
            (4200, "Angular"),
            (5005, "JDWP"),
            (5173, "Vite"),
            (5432, "PostgreSQL"),
            (6379, "Redis"),
            (8080, "HTTP"),
            (9090, "Prometheus"),
            (9229, "inspector"),
            (11434, "Ollama"),
            (49342, "Portward dashboard"),
            (62893, "Portward gateway"),
        ] {
            assert!(usual_service(Transport::Tcp, port).is_some_and(|name| name.contains(word)), "{port}");
        }
        assert_eq!(usual_service(Transport::Udp, 5353), Some("mDNS"));
        assert_eq!(usual_service(Transport::Udp, 5173), None);
        assert_eq!(usual_service(Transport::Unix, 80), None);
        assert_eq!(usual_service(Transport::Tcp, 0), None);
    }
}
