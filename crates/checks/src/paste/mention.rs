//! What a text of no known wording tells: where the line that complains was going.

use portward_model::Text;

use super::{
    Paste, Symptom,
    again::repeated,
    aim::syscall_before,
    lines::each_line,
    path::socket_path,
    place::{Place, places},
    request::request_in,
    subjects::{files_in, pids_in},
    transport::transport_in,
    vantage::vantage_in,
};

/// The line that complains and names an endpoint; else the first that complains.
pub(super) fn mentioned(text: &[u8]) -> Option<Paste> {
    let mut best: Option<(u8, Paste)> = None;
    each_line(text, |line| {
        let text = line.text.trim();
        if best.as_ref().is_some_and(|(rank, _)| *rank == 2) {
            return;
        }
        let paste = event(text, line.number);
        if !complains(text) {
            // What a complaint is about may stand just below it.
            if let Some((rank, known)) = &mut best
                && line.number.saturating_sub(known.line_number) <= BELOW
                && (paste.port.is_some() || paste.path.is_some())
            {
                let (line, line_number) = (known.line.clone(), known.line_number);
                (*rank, *known) = (2, Paste { line, line_number, ..paste });
            }
            return;
        }
        let rank = 1 + u8::from(paste.port.is_some() || paste.path.is_some());
        if best.as_ref().is_none_or(|(known, _)| rank > *known) {
            best = Some((rank, paste));
        }
    });
    best.map(|(_, paste)| paste)
}

/// Lines below a complaint that may name what it is about.
const BELOW: u32 = 4;

fn event(text: &str, number: u32) -> Paste {
    let all = places(text);
    let place = all.iter().find(|place| place.is_whole()).or_else(|| all.iter().find(|place| place.port.is_some()));
    let place = place.or_else(|| all.iter().find(|place| place.scheme.is_some()));
    let alone = || all.iter().find_map(|place| place.host.clone());
    let host = place.and_then(|place| place.host.clone()).or_else(alone);
    Paste {
        addresses: host.as_deref().and_then(|host| host.parse().ok()).into_iter().collect(),
        host,
        port: place.and_then(|place| place.port),
        path: socket_path(text).filter(|_| !place.is_some_and(Place::is_whole)).map(Text::from),
        transport: transport_in(text),
        url_scheme: place.and_then(|place| place.scheme.clone()),
        request: request_in(text),
        vantage: vantage_in(text),
        pids: pids_in(text),
        files: files_in(text),
        call: syscall_before(text),
        ..Paste::new(Symptom::Other, repeated(text, 0), number)
    }
}

/// True for a line that says that something went wrong.
fn complains(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    COMPLAINTS.iter().any(|word| lower.contains(word))
}

const COMPLAINTS: &[&str] = &[
    "error",
    "fail",
    "fatal",
    "cannot",
    "can't",
    "can’t",
    "could not",
    "couldn't",
    "unable",
    "timed out",
    "timeout",
    "refused",
    "denied",
    "exception",
    "panic",
    "unreachable",
    "not reachable",
    "not respond",
    "no response",
    "not found",
    "already",
    "in use",
    "unavailable",
    "not available",
    "did not",
    "didn't",
    "not running",
    "isn't running",
    "is not",
    "gave up",
    "giving up",
    "lost",
    "abort",
    "reject",
    "invalid",
    "[err",
    "emerg",
    "crit",
    "disconnect",
    "closed",
    "hang",
];

#[cfg(test)]
mod tests {
    use super::mentioned;

    #[test]
    fn the_line_that_complains_tells_where() {
        let told = |text: &str| mentioned(text.as_bytes()).map(|paste| (paste.host, paste.port, paste.line_number));
        let at = |host: &str, port, line| Some((Some(host.to_owned()), Some(port), line));
        assert_eq!(
            told("Error: Cypress could not verify that this server is running:\n\n  > http://localhost:3000"),
            at("localhost", 3000, 1)
        );
        assert_eq!(told("starting\nthe gizmo at 127.0.0.1:7070 did not come up"), at("127.0.0.1", 7070, 2));
        assert_eq!(told("error: no luck\nhttp://shop.test:8080/x is unreachable"), at("shop.test", 8080, 2));
        assert_eq!(told("listening on http://localhost:3000"), None);
    }
}
