//! What `ss` of iproute2 says of the same sockets: a second opinion to compare with.

use crate::outcome::Outcome;

/// One line of `ss -Htuna -e` or `ss -Hxa -e`, as far as it is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SsRow {
    /// `tcp`, `udp`, `u_str`, `u_dgr`, `u_seq`.
    pub netid: String,
    /// `LISTEN`, `ESTAB`, `UNCONN`, `TIME-WAIT` and so on.
    pub state: String,
    /// Local address and port, or path, as `ss` writes it.
    pub local: String,
    /// Local port; for Unix sockets their inode.
    pub local_port: u64,
    /// Remote address, or `*`.
    pub remote: String,
    /// Remote port, 0 for `*`; for Unix sockets the peer's inode.
    pub remote_port: u64,
    /// `ino:` of the socket; 0 where there is none.
    pub inode: u64,
    /// `sk:` of the socket, its cookie; 0 where there is none.
    pub cookie: u64,
    /// `uid:` of its opener; 0 where it is not said, as `ss` does not say 0.
    pub uid: u64,
    /// True for `v6only:1`.
    pub v6_only: bool,
}

/// The rows of an `ss -H...e` run with both numeric ports and inodes.
#[track_caller]
pub fn ss_rows(outcome: &Outcome) -> Vec<SsRow> {
    outcome.stdout.lines().filter(|line| !line.trim().is_empty()).map(row).collect()
}

#[track_caller]
fn row(line: &str) -> SsRow {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [netid, state, _, _, rest @ ..] = words.as_slice() else { panic!("not a line of ss: {line:?}") };
    // Unix names may hold spaces, and their ports are inodes in columns of their own.
    let unix = netid.starts_with("u_");
    let ((local, local_port), (remote, remote_port)) = if unix {
        let columns: Vec<&&str> = rest.iter().take_while(|word| **word != "<->" && !word.contains("uid:")).collect();
        let number = |at: usize| columns.get(at).and_then(|word| word.parse().ok()).unwrap_or(0);
        ((columns.first().map_or("", |word| **word), number(1)), (columns.get(2).map_or("", |word| **word), number(3)))
    } else {
        let [local, remote, ..] = rest else { panic!("not a line of ss: {line:?}") };
        (ends(local), ends(remote))
    };
    let value = |key: &str| rest.iter().find_map(|word| word.strip_prefix(key));
    let number = |key: &str| value(key).and_then(|text| text.parse().ok()).unwrap_or(0);
    SsRow {
        netid: (*netid).to_owned(),
        state: (*state).to_owned(),
        local: local.to_owned(),
        local_port,
        remote: remote.to_owned(),
        remote_port,
        inode: if unix { local_port } else { number("ino:") },
        cookie: value("sk:").and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or(0),
        uid: number("uid:"),
        v6_only: value("v6only:") == Some("1"),
    }
}

fn ends(text: &str) -> (&str, u64) {
    let (address, port) = text.rsplit_once(':').unwrap_or((text, "0"));
    (address, port.parse().unwrap_or(0))
}
