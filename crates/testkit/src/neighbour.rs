//! Another machine on the same network: what it can reach of a world, and the proof that the road to it is open.

use std::{collections::BTreeMap, fmt};

use crate::{running::Running, ss::ss_rows, world::World};

/// A network namespace that a cable joins to the world's own, as a stranger's machine in a cafe is.
///
/// A plain server stands in the world beside what is tested. Each look from here must reach it; otherwise the look fails,
/// since a closed road would prove nothing about the others.
pub struct Neighbour {
    control: u16,
    _control: Running,
}

/// A place that answered, or took what was sent, when the neighbour came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reached {
    /// `tcp` or `udp`.
    pub transport: String,
    /// The address that was dialled, one of the world's on the cable.
    pub address: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} port {}", self.transport, self.address, self.port)
    }
}

impl World {
    /// Joins a neighbour to this world: 192.168.77.1 and `fd77::1` are the world's addresses on the cable.
    #[track_caller]
    pub fn add_neighbour(&self) -> Neighbour {
        self.add_netns(NAME);
        let _ = self.run(&["ip", "link", "add", "road0", "type", "veth", "peer", "name", "road1", "netns", NAME]).expect(0);
        for (netns, device, addresses) in [(None, "road0", OWN), (Some(NAME), "road1", THEIRS)] {
            let enter = || netns.map_or_else(|| self.enter(), |netns| self.enter().netns(netns));
            let _ = enter().run(&["ip", "link", "set", device, "up"]).expect(0);
            for address in addresses {
                let _ = enter().run(&["ip", "address", "add", address, "dev", device, "nodad"]).expect(0);
            }
        }
        // What the kernel gives a device itself is tried first, and a server that binds every address meets it half made.
        let tentative = || self.run(&["ip", "-6", "address", "show", "tentative"]).expect(0).stdout;
        crate::until("addresses that are whole", || tentative().trim().is_empty().then_some(()));
        // A machine says of six shut ports at once that they are, and then of one in a second (icmp(7)); silence is taken for a reader.
        let _ = self
            .run(&["sh", "-c", "echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit"])
            .expect(0);
        let control = self.enter().start(&["python3", "-c", CONTROL]);
        let line = control.line_where(|line| line.starts_with("READY "));
        let port = line.split(' ').nth(1).and_then(|port| port.parse().ok()).expect("its port");
        Neighbour { control: port, _control: control }
    }
}

impl Neighbour {
    /// Dials every port that anything in the world serves, and says which could be reached; the plain server is left out.
    #[track_caller]
    pub fn reaches(&self, world: &World) -> Vec<Reached> {
        let mut targets: Vec<String> = ss_rows(&world.run(&["ss", "-Htuln"]).expect(0))
            .iter()
            .map(|row| format!("{}/{}", row.netid, row.local_port))
            .collect();
        targets.sort();
        targets.dedup();
        self.dial(world, &targets)
    }

    /// Dials one port by TCP and UDP.
    #[track_caller]
    pub fn reaches_port(&self, world: &World, port: u16) -> Vec<Reached> {
        self.dial(world, &[format!("tcp/{port}"), format!("udp/{port}")])
    }

    #[track_caller]
    fn dial(&self, world: &World, targets: &[String]) -> Vec<Reached> {
        let own = [format!("tcp/{}", self.control), format!("udp/{}", self.control)];
        let mut argv: Vec<&str> = vec!["python3", "-c", DIAL];
        let places: Vec<&str> = OWN.iter().filter_map(|address| address.split('/').next()).collect();
        let list = places.join(",");
        argv.push(&list);
        argv.extend(own.iter().chain(targets).map(String::as_str));
        let before = dropped(world);
        let outcome = world.enter().netns(NAME).run(&argv).expect(0);
        let after = dropped(world);
        let read = |line: &str| {
            let mut words = line.split(' ');
            let (transport, address, port) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
            Some(Reached { transport: transport.to_owned(), address: address.to_owned(), port })
        };
        let (mut control, mut reached): (Vec<_>, Vec<_>) =
            outcome.stdout.lines().filter_map(read).partition(|reached| reached.port == self.control);
        control.sort();
        control.dedup();
        assert_eq!(control.len(), own.len() * places.len(), "the plain server was not reached by every road: {outcome}");
        reached.sort();
        reached.dedup();
        // Where a socket's filter refused each of them, nobody took them.
        let sent: Vec<u16> = reached.iter().filter(|reached| reached.transport == "udp").map(|reached| reached.port).collect();
        let refused = |port: u16| {
            let count = |drops: &BTreeMap<u16, u64>| drops.get(&port).copied().unwrap_or(0);
            let sent = sent.iter().filter(|sent| **sent == port).count();
            count(&after).saturating_sub(count(&before)) >= u64::try_from(sent).expect("a small number")
        };
        reached.retain(|reached| reached.transport != "udp" || !refused(reached.port));
        reached
    }
}

/// How many datagrams the sockets of each port have dropped, as the kernel counts them in `/proc/net/udp`.
fn dropped(world: &World) -> BTreeMap<u16, u64> {
    let list = world.run(&["cat", "/proc/net/udp", "/proc/net/udp6"]).expect(0).stdout;
    let read = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let port = u16::from_str_radix(words.get(1)?.rsplit(':').next()?, 16).ok()?;
        Some((port, words.last()?.parse::<u64>().ok()?))
    };
    let mut all = BTreeMap::new();
    for (port, drops) in list.lines().filter_map(read) {
        *all.entry(port).or_default() += drops;
    }
    all
}

/// The neighbour's namespace.
const NAME: &str = "cafe";
/// The world's addresses on the cable.
const OWN: [&str; 2] = ["192.168.77.1/24", "fd77::1/64"];
/// The neighbour's.
const THEIRS: [&str; 2] = ["192.168.77.2/24", "fd77::2/64"];

/// Takes connections and gives datagrams back, on both families.
const CONTROL: &str = r#"
import selectors, socket
stream = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
datagram = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
datagram.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
datagram.bind(("::", stream.getsockname()[1]))
print("READY", stream.getsockname()[1], flush=True)
ready = selectors.DefaultSelector()
ready.register(stream, selectors.EVENT_READ)
ready.register(datagram, selectors.EVENT_READ)
while True:
    for key, _ in ready.select():
        if key.fileobj is stream:
            stream.accept()[0].close()
        else:
            datagram.sendto(*datagram.recvfrom(4096))
"#;

/// Arguments: addresses, then `tcp/PORT` and `udp/PORT`. Prints what was reached. A port of UDP is shut when the network says
/// so; silence means that somebody took the datagram, or that a socket's filter refused it.
const DIAL: &str = r#"
import socket, sys
def reached(transport, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as dialled:
        dialled.settimeout(2)
        try:
            dialled.connect((address, port))
            if transport == "udp":
                dialled.send(b"\n")
                dialled.recv(4096)
        except ConnectionRefusedError:
            return False
        except TimeoutError:
            return True
    return True
for target in sys.argv[2:]:
    transport, port = target.split("/")
    for address in sys.argv[1].split(","):
        if reached(transport, address, int(port)):
            print(transport, address, port)
"#;

#[cfg(test)]
mod tests {
    use crate::World;

    /// Two sockets of one port behind a filter that refuses everything, and two of another of which one is open.
    const FENCED: &str = "import ctypes, socket, struct, sys\n\
        code = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0)); kept = []\n\
        def serve(family, port, fence):\n\
        \x20   s = socket.socket(family, socket.SOCK_DGRAM); kept.append(s)\n\
        \x20   if family == socket.AF_INET6: s.setsockopt(41, 26, 1)\n\
        \x20   if fence: s.setsockopt(1, 26, struct.pack('HxxxxxxP', 1, ctypes.addressof(code)))\n\
        \x20   s.bind(('', port))\n\
        for port, fences in [(3004, (True, True)), (3005, (True, False))]:\n\
        \x20   serve(socket.AF_INET, port, fences[0]); serve(socket.AF_INET6, port, fences[1])\n\
        print('READY', flush=True); sys.stdin.readline()";

    #[test]
    fn what_is_open_is_reached_and_what_is_pinned_is_not() {
        let Some(world) = World::new("portward") else { return };
        let neighbour = world.add_neighbour();
        let _open = world.actor(&["listen", "tcp/0.0.0.0:3000"]);
        let _datagrams = world.actor(&["listen", "udp/[::]:3001,v6only"]);
        let _loopback = world.actor(&["listen", "tcp/127.0.0.1:3002"]);
        let _pinned = world.actor(&["listen", "tcp/[::]:3003,dual,device=lo"]);
        let fenced = world.enter().start(&["python3", "-c", FENCED]);
        assert_eq!(fenced.line(), "READY");
        let reached: Vec<String> = neighbour.reaches(&world).iter().map(ToString::to_string).collect();
        // Of a port that has both the whole is told.
        let both = ["udp/192.168.77.1 port 3005", "udp/fd77::1 port 3001", "udp/fd77::1 port 3005"];
        assert_eq!(reached, [&["tcp/192.168.77.1 port 3000"][..], &both].concat());
        assert!(neighbour.reaches_port(&world, 3003).is_empty());
        assert_eq!(neighbour.reaches_port(&world, 3000).len(), 1);
    }
}
