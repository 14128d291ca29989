//! SMTP: the server's 220 line (RFC 5321 section 4.3.1).

use super::{Greeting, Judgement, by_beginning, silence};

pub(super) const GREETING: Greeting = Greeting { name: "smtp", summary: "sends a 220 line", send: silence, judge };

fn judge(answer: &[u8]) -> Judgement {
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
    use crate::greeting::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn answers() {
        assert_eq!(judge(b"220 mail.example.org ESMTP Postfix\r\n"), Ready);
        assert_eq!(judge(b"220-one\r\n220 two\r\n"), Ready);
        assert_eq!(judge(b"22"), NeedMore);
        assert_eq!(judge(b"421 too busy\r\n"), NotReady("it answers 421: the service is not available"));
        assert_eq!(judge(b"SSH-2.0-x"), NotReady("it answers in another protocol"));
    }
}
