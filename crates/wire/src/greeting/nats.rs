//! NATS: the server's INFO line (NATS documentation, "Client Protocol").

use super::{AN_ERROR, Greeting, Judgement, by_beginning, first_line, silence};

pub(super) const GREETING: Greeting = Greeting { name: "nats", summary: "sends its INFO line", send: silence, judge };

fn judge(answer: &[u8]) -> Judgement {
    let rows: &[(&[u8], Judgement)] = &[(b"INFO {", Judgement::Ready), (b"-ERR", Judgement::NotReady(AN_ERROR))];
    match by_beginning(answer, rows) {
        Judgement::Ready if first_line(answer).is_none() && answer.len() <= super::LONGEST => Judgement::NeedMore,
        judgement => judgement,
    }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::greeting::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn answers() {
        assert_eq!(judge(b"INFO {\"server_id\":\"x\",\"version\":\"2.10.7\"}\r\n"), Ready);
        assert_eq!(judge(b"INFO {\"server_id\""), NeedMore);
        assert_eq!(judge(b"IN"), NeedMore);
        assert_eq!(judge(b"-ERR 'maximum connections exceeded'\r\n"), NotReady("it answers with an error"));
        assert_eq!(judge(b"HTTP"), NotReady("it answers in another protocol"));
    }
}
