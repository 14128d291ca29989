//! SMTP: the server's 220 line (RFC 5321 section 4.3.1).

use super::{ANOTHER_PROTOCOL, First, Greeting, Judgement, Protocol, Words, by_beginning, has, silence, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "SMTP",
    schemes: &[usual(25, "smtp"), usual(465, "smtps").with_tls()],
    ports: &[usual(25, "SMTP mail transfer"), usual(465, "SMTP over TLS").with_tls()],
    first: First::Server,
    greeting: Some(Greeting { summary: "sends a 220 line", send: silence, judge }),
    // FTP greets with the same number.
    recognise: |answer| (answer.starts_with(b"220") && !has(answer, "ftp")).then_some(Words::Any),
    samples: &[b"220 mail.example ESMTP\r\n"],
    ..Protocol::named("smtp")
};

fn judge(answer: &[u8]) -> Judgement {
    if has(answer, "ftp") {
        return Judgement::NotReady(ANOTHER_PROTOCOL);
    }
    by_beginning(
        answer,
        &[
            (b"220 ", Judgement::Ready),
            (b"220-", Judgement::Ready),
            (b"220\r", Judgement::Ready),
            (b"421", Judgement::NotReady("it answers 421: the service is not available")),
            (b"554", Judgement::NotReady("it answers 554: it takes no mail from here")),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::protocol::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn answers() {
        assert_eq!(judge(b"220 mail.example.org ESMTP Postfix\r\n"), Ready);
        assert_eq!(judge(b"220-one\r\n220 two\r\n"), Ready);
        assert_eq!(judge(b"22"), NeedMore);
        assert_eq!(judge(b"421 too busy\r\n"), NotReady("it answers 421: the service is not available"));
        assert_eq!(judge(b"SSH-2.0-x"), NotReady("it answers in another protocol"));
    }
}
