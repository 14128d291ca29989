//! The packet filter's rules that close a port to the network: their text, and the names of their tables.
//!
//! One table for each port, of the family `inet`, so that both IP versions and nothing else are meant. Two places in it:
//!
//! - `prerouting` at priority `raw` (-300) stands before `dstnat` (-100), where container engines send what arrives for a
//!   published port on to the container: behind that, neither the port nor the chain `input` is met any more. Only what is
//!   for an address of this machine counts, so that nothing is touched that merely passes through it.
//! - `input` meets what another rule redirected to this port. A refusal is final at any priority; `filter - 1` keeps it out
//!   of what the rules of `filter` count.
//!
//! TCP: only the first packet of a connection is answered, with a reset, as where nothing listens. So connections that
//! exist go on, no connection tracking is needed, and an outgoing connection that happens to have this port is not cut.
//! UDP has no first packet: everything that comes from the network is dropped.

use portward_model::{ShellLine, Transport};

/// A port that a table of the guard closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Closing {
    /// TCP or UDP.
    pub transport: Transport,
    /// The port.
    pub port: u16,
}

impl Closing {
    /// The name of its table.
    pub fn table(self) -> String {
        format!("{PREFIX}{}_{}", self.transport.name(), self.port)
    }

    /// What the guard's table of this name closes; `None` for every other table.
    pub fn of_table(name: &str) -> Option<Self> {
        let (transport, port) = name.strip_prefix(PREFIX)?.split_once('_')?;
        let transport = [Transport::Tcp, Transport::Udp].into_iter().find(|known| known.name() == transport)?;
        let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
        let closing = Self { transport, port };
        // Only as it is written here: `0080` is somebody else's.
        (closing.table() == name).then_some(closing)
    }

    /// The endpoint as it is typed: `3000`, `udp/53`.
    pub fn endpoint(self) -> String {
        if self.transport == Transport::Udp { format!("udp/{}", self.port) } else { self.port.to_string() }
    }

    /// What `prerouting` and `input` do.
    fn refusals(self) -> [String; 2] {
        let port = self.port;
        if self.transport == Transport::Udp {
            let input = format!("iifname != \"lo\" udp dport {port} drop");
            let early = format!("iifname != \"lo\" fib daddr type {{ local, broadcast, multicast }} udp dport {port} drop");
            return [early, input];
        }
        let first = format!("tcp dport {port} tcp flags & (fin | syn | rst | ack) == syn reject with tcp reset");
        [format!("iifname != \"lo\" fib daddr type local {first}"), format!("iifname != \"lo\" {first}")]
    }

    /// The table as a person reads it.
    pub fn text(self) -> String {
        let [early, input] = self.refusals();
        format!(
            "table inet {} {{\n    chain prerouting {{\n        {EARLY}\n        {early}\n    }}\n    chain input {{\n        \
             {LATE}\n        {input}\n    }}\n}}\n",
            self.table()
        )
    }

    /// The same as a command of one line, for a table that ends with its owner.
    pub fn owned(self) -> String {
        let [early, input] = self.refusals();
        format!(
            "table inet {} {{ flags owner; chain prerouting {{ {EARLY} {early}; }}; chain input {{ {LATE} {input}; }}; }}",
            self.table()
        )
    }
}

/// All the tables at once, where none of them is yet: a table that exists is an error, and changes nothing.
pub fn lasting(closings: &[Closing]) -> String {
    let tables = closings.iter().map(|closing| format!("create table inet {}\n{}", closing.table(), closing.text()));
    tables.collect()
}

/// The command that removes a table.
pub fn removal(closing: Closing) -> String {
    format!("delete table inet {}", closing.table())
}

/// A text to paste into a shell; `inside` is what stands before `nft` to enter another network namespace. Pasted twice it
/// gives the same tables again.
pub fn paste(closings: &[Closing], inside: &ShellLine) -> String {
    let tables = closings.iter().map(|closing| {
        let table = closing.table();
        format!("table inet {table}\ndelete table inet {table}\n{}", closing.text())
    });
    let nft = inside.clone().then("nft -f - <<'END'").behind("sudo ");
    nft.line().to_owned() + "\n" + &tables.collect::<String>() + "END\n"
}

/// What the name of every table of the guard begins with.
pub const PREFIX: &str = "portward_guard_";
const EARLY: &str = "type filter hook prerouting priority raw; policy accept;";
const LATE: &str = "type filter hook input priority filter - 1; policy accept;";

#[cfg(test)]
mod tests {
    use portward_model::{ShellLine, Transport};

    use super::{Closing, lasting, paste, removal};

    const WEB: Closing = Closing { transport: Transport::Tcp, port: 3000 };
    const DNS: Closing = Closing { transport: Transport::Udp, port: 53 };

    #[test]
    fn a_table_tells_what_it_closes_by_its_name() {
        for closing in [WEB, DNS] {
            assert_eq!(Closing::of_table(&closing.table()), Some(closing));
        }
        for other in [
            "filter",
            "portward_guard_",
            "portward_guard_tcp",
            "portward_guard_tcp_",
            "portward_guard_sctp_1",
            "portward_guard_tcp_0",
        ] {
            assert_eq!(Closing::of_table(other), None, "{other}");
        }
        for other in ["portward_guard_tcp_0080", "portward_guard_tcp_70000", "portward_guard_tcp_80x", "xportward_guard_tcp_80"] {
            assert_eq!(Closing::of_table(other), None, "{other}");
        }
        assert_eq!((WEB.endpoint().as_str(), DNS.endpoint().as_str()), ("3000", "udp/53"));
    }

    #[test]
    fn loopback_is_never_met() {
        for text in [WEB.text(), DNS.text(), WEB.owned(), DNS.owned()] {
            let rules = text.matches("dport").count();
            assert_eq!((rules, text.matches("iifname != \"lo\"").count()), (2, 2), "{text}");
            assert_eq!(text.matches('{').count(), text.matches('}').count(), "{text}");
        }
    }

    #[test]
    fn only_the_first_packet_of_a_connection_is_refused() {
        assert_eq!(WEB.text().matches("tcp flags & (fin | syn | rst | ack) == syn reject with tcp reset").count(), 2);
        assert_eq!(DNS.text().matches("udp dport 53 drop").count(), 2);
    }

    #[test]
    fn a_published_port_is_met_before_it_is_sent_on() {
        let text = WEB.text();
        assert!(text.contains("hook prerouting priority raw;") && text.contains("fib daddr type local tcp dport 3000"), "{text}");
    }

    #[test]
    fn a_table_of_another_owner_is_not_overwritten() {
        let text = lasting(&[WEB, DNS]);
        assert!(text.starts_with("create table inet portward_guard_tcp_3000\ntable inet portward_guard_tcp_3000 {"), "{text}");
        assert!(text.contains("create table inet portward_guard_udp_53\n"), "{text}");
        assert!(WEB.owned().starts_with("table inet portward_guard_tcp_3000 { flags owner; chain prerouting {"));
        assert!(!WEB.owned().contains('\n'));
    }

    #[test]
    fn what_is_pasted_can_be_pasted_again() {
        let text = paste(&[WEB], &ShellLine::default());
        assert!(text.starts_with("sudo nft -f - <<'END'\ntable inet portward_guard_tcp_3000\ndelete table inet"), "{text}");
        assert!(text.ends_with("}\nEND\n"), "{text}");
        assert!(paste(&[DNS], &"ip netns exec blue".into()).starts_with("sudo ip netns exec blue nft -f - <<'END'\n"));
        assert_eq!(removal(WEB), "delete table inet portward_guard_tcp_3000");
    }
}
