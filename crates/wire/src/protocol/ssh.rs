//! SSH: the server's identification line, which other lines may precede (RFC 4253 section 4.2).

use super::{ANOTHER_PROTOCOL, FULL, First, Greeting, Judgement, Protocol, Words, silence, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "SSH",
    aliases: &["sshd"],
    schemes: &[usual(22, "ssh"), usual(22, "sftp")],
    ports: &[usual(22, "SSH"), usual(2222, "SSH on another port")],
    first: First::Server,
    client: "ssh -p PORT HOST",
    greeting: Some(Greeting { summary: "sends its SSH-2.0 line", send: silence, judge }),
    recognise,
    samples: &[b"SSH-2.0-OpenSSH_9.2\r\n", b"Exceeded MaxStartups\r\n"],
    ..Protocol::named("ssh")
};

fn judge(answer: &[u8]) -> Judgement {
    if answer.starts_with(b"Exceeded MaxStartups") {
        return Judgement::NotReady(FULL);
    }
    if answer.starts_with(b"Not allowed at this time") {
        return Judgement::NotReady("it refuses this client for now, after failed logins");
    }
    let identifies = |line: &[u8]| line.starts_with(b"SSH-2.0-") || line.starts_with(b"SSH-1.99-");
    if answer.split(|byte| *byte == b'\n').any(identifies) {
        return Judgement::Ready;
    }
    if answer.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"SSH-1.")) && answer.contains(&b'\n') {
        return Judgement::NotReady("it speaks SSH 1 only");
    }
    let foreign = answer.starts_with(b"HTTP/") || answer.first().is_some_and(|byte| *byte < b'\t' || *byte >= 0x80);
    if foreign || answer.len() > LONGEST_PREFACE { Judgement::NotReady(ANOTHER_PROTOCOL) } else { Judgement::NeedMore }
}

/// Bytes of lines that a server may send before it identifies itself.
const LONGEST_PREFACE: usize = 8192;

fn recognise(answer: &[u8]) -> Option<Words> {
    if answer.starts_with(b"Exceeded MaxStartups") {
        return Some(Words::Full);
    }
    answer.starts_with(b"SSH-").then_some(Words::Any)
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::protocol::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn answers() {
        assert_eq!(judge(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"), Ready);
        assert_eq!(judge(b"Welcome\r\nSSH-2.0-x\r\n"), Ready);
        assert_eq!(judge(b"SSH-2"), NeedMore);
        assert_eq!(judge(b"SSH-1.5-old\r\n"), NotReady("it speaks SSH 1 only"));
        assert_eq!(judge(b"Exceeded MaxStartups\r\n"), NotReady("it has too many connections"));
        assert_eq!(judge(b"HTTP/1.1 400"), NotReady("it answers in another protocol"));
    }
}
