//! `FastCGI`, as PHP-FPM and others serve it to a web server: the management record `FCGI_GET_VALUES`, which runs no script, answered
//! by `FCGI_GET_VALUES_RESULT` (`FastCGI` specification, section 4.1).

use super::{ANOTHER_PROTOCOL, Greeting, Judgement, Protocol, Words, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "FastCGI",
    aliases: &["fcgi", "php-fpm"],
    words: &["fastcgi", "fpm"],
    schemes: &[usual(9000, "fastcgi"), usual(9000, "fcgi")],
    client: "cgi-fcgi -bind -connect HOST:PORT",
    greeting: Some(Greeting { summary: "answers FCGI_GET_VALUES", send, judge }),
    recognise: |answer| matches!(answer, [1, 10, 0, 0, _, _, _, 0, ..]).then_some(Words::Any),
    samples: &[b"\x01\x0a\0\0\0\x12\x06\0\x0f\x01FCGI_MPXS_CONNS0\0\0\0\0\0\0"],
    ..Protocol::named("fastcgi")
};

fn send(_: &str) -> Vec<u8> {
    // Version, type, request 0, length 17, no padding; the name's length, no value, the name.
    b"\x01\x09\0\0\0\x11\0\0\x0f\0FCGI_MPXS_CONNS".to_vec()
}

fn judge(answer: &[u8]) -> Judgement {
    match answer {
        [1, 10, ..] => Judgement::Ready,
        [] | [1] => Judgement::NeedMore,
        _ => Judgement::NotReady(ANOTHER_PROTOCOL),
    }
}

#[cfg(test)]
mod tests {
    use super::{judge, send};
    use crate::protocol::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn the_lengths_are_right() {
        let sent = send("x");
        assert_eq!((usize::from(sent[5]), usize::from(sent[8])), (sent.len() - 8, sent.len() - 10));
    }

    #[test]
    fn answers() {
        assert_eq!(judge(b"\x01\x0a\0\0\0\x12\x06\0"), Ready);
        assert_eq!(judge(b"\x01"), NeedMore);
        assert_eq!(judge(b"HTTP/1.1 400"), NotReady("it answers in another protocol"));
    }
}
