//! NATS: the server's INFO line (NATS documentation, "Client Protocol").

use super::{AN_ERROR, First, Greeting, Judgement, Protocol, Words, by_beginning, first_line, silence, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "NATS",
    schemes: &[usual(4222, "nats")],
    ports: &[usual(4222, "NATS")],
    first: First::Server,
    greeting: Some(Greeting { summary: "sends its INFO line", send: silence, judge }),
    recognise,
    samples: &[b"INFO {\"server_id\":\"x\",\"version\":\"2.10.7\"}\r\n", b"-ERR 'maximum connections exceeded'\r\n"],
    ..Protocol::named("nats")
};

fn judge(answer: &[u8]) -> Judgement {
    let rows: &[(&[u8], Judgement)] = &[(b"INFO {", Judgement::Ready), (b"-ERR", Judgement::NotReady(AN_ERROR))];
    match by_beginning(answer, rows) {
        Judgement::Ready if first_line(answer).is_none() && answer.len() <= super::LONGEST => Judgement::NeedMore,
        judgement => judgement,
    }
}

fn recognise(answer: &[u8]) -> Option<Words> {
    if answer.starts_with(b"-ERR 'maximum connections") {
        return Some(Words::Full);
    }
    (answer.starts_with(b"INFO {") || answer.starts_with(b"-ERR '")).then_some(Words::Any)
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::protocol::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn answers() {
        assert_eq!(judge(b"INFO {\"server_id\":\"x\",\"version\":\"2.10.7\"}\r\n"), Ready);
        assert_eq!(judge(b"INFO {\"server_id\""), NeedMore);
        assert_eq!(judge(b"IN"), NeedMore);
        assert_eq!(judge(b"-ERR 'maximum connections exceeded'\r\n"), NotReady("it answers with an error"));
        assert_eq!(judge(b"HTTP"), NotReady("it answers in another protocol"));
    }
}
