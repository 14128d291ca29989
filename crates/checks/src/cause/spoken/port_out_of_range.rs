cause! {
    "port-out-of-range": "the number is no port",
    Said, Endpoint(run),
    what: "\
Ports are numbers of 16 bits: 0 to 65535. A larger number, such as the 619009 of \"localhost:619009\", can be nobody's port;
it is a slip of the finger or two numbers run together.",
    evidence: "The number itself. Where a listener's port has nearly the same digits, that is most likely meant.",
    fix: "Use the right number.",
}

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let number = case.paste.and_then(|paste| paste.port).filter(|port| *port > 65_535).or_else(|| typed(&case.asked.text));
    let told = case.paste.filter(|paste| paste.symptom == Symptom::PortOutOfRange || case.says(CAUSE.code));
    if number.is_none() && told.is_none() {
        return Ruling::Silent;
    }
    let shown = number.map_or_else(|| "The number".to_owned(), |number| number.to_string());
    let mut evidence = vec![Evidence::new("RFC 9293 section 3.1", format!("ports have 16 bits, and {shown} is above 65535"))];
    if number.is_none() {
        evidence.clear();
    }
    evidence.extend(told.map(words::text_line));
    let mut fixes = Vec::new();
    for (index, port) in number.map(|number| near(case, number)).unwrap_or_default().into_iter().take(3) {
        if let Some(socket) = case.snapshot.sockets.get(index) {
            evidence.push(words::seen(case, index, socket));
        }
        let title = format!("Perhaps {port} is meant, which has nearly the same digits");
        fixes.push(offer::explain(title, port.to_string()));
    }
    fixes.push(offer::everything("See the ports that are served here"));
    let summary = format!("{shown} is not a port: ports are 0 to 65535.");
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

/// The number after the last colon of an endpoint, or the whole of it, where it is too large for a port.
fn typed(text: &str) -> Option<u32> {
    let after = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = after.split('/').next().unwrap_or(after);
    let digits = authority.rsplit(':').next().unwrap_or(authority);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // An IPv6 address without brackets ends in digits, too.
    let one = authority.matches(':').count() <= 1 || authority.contains(']');
    (plain && one).then(|| digits.parse().unwrap_or(u32::MAX)).filter(|number| *number > 65_535)
}

/// Listeners whose port is the number with one digit more, less or another, or two exchanged.
fn near(case: &Case<'_>, number: u32) -> Vec<(usize, u16)> {
    let wanted = number.to_string();
    let mut found: Vec<(usize, u16)> = Vec::new();
    for (index, socket) in case.snapshot.sockets.iter().enumerate() {
        let Some(port) = socket.port().filter(|_| socket.transport == Transport::Tcp && socket.state.serves()) else { continue };
        if case.is_own(socket)
            && one_slip(wanted.as_bytes(), port.to_string().as_bytes())
            && !found.iter().any(|(_, known)| *known == port)
        {
            found.push((index, port));
        }
    }
    found
}

/// True when one digit was typed too much, too little or wrongly, or two neighbours were exchanged.
fn one_slip(typed: &[u8], meant: &[u8]) -> bool {
    let same = typed.iter().zip(meant).take_while(|(a, b)| a == b).count();
    let (typed, meant) = (typed.get(same..).unwrap_or_default(), meant.get(same..).unwrap_or_default());
    match (typed, meant) {
        ([_, rest @ ..], meant) if rest == meant => true,
        (typed, [_, rest @ ..]) if rest == typed => true,
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([first, second, rest @ ..], meant) => {
            matches!(meant, [one, two, more @ ..] if one == second && two == first && more == rest)
        }
        _ => false,
    }
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{one_slip, run, typed};
    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        check::Ruling,
        fixture::{held, listener, machine},
    };

    fn told(port: u32, snapshot: portward_model::Snapshot) -> Scene {
        let said = Some("port-out-of-range");
        Scene::on(snapshot, "127.0.0.1:0").said(Symptom::PortOutOfRange, said, "ERR_SOCKET_BAD_PORT").but(|scene| {
            scene.paste.as_mut().unwrap().port = Some(port);
        })
    }

    pub(crate) fn cases() -> Cases {
        let typed = |scene: &mut Scene| "localhost:619009".clone_into(&mut scene.asked.text);
        Cases {
            fires: vec![told(619_009, held(listener("127.0.0.1", 61909))), Scene::on(machine(), "127.0.0.1:0").but(typed)],
            silent: vec![Scene::connect("127.0.0.1:65535"), Scene::connect("[::1]:3000")],
        }
    }

    #[test]
    fn the_port_that_is_meant() {
        let Ruling::Found(cause) = run(&cases().fires[0].case()) else { panic!("silent") };
        assert_eq!(cause.summary.to_string(), "619009 is not a port: ports are 0 to 65535.");
        assert_eq!(cause.remedies[0].line(), "portward explain 61909");
        assert!(one_slip(b"619009", b"61909") && one_slip(b"80800", b"8080") && one_slip(b"70000", b"30000"));
        assert!(one_slip(b"76543", b"67543") && !one_slip(b"70000", b"3000") && !one_slip(b"619009", b"3000"));
    }

    #[test]
    fn what_was_typed() {
        for (text, number) in
            [("localhost:619009", Some(619_009)), ("http://[::1]:70000/x", Some(70_000)), ("99999999999", Some(u32::MAX))]
        {
            assert_eq!(typed(text), number, "{text}");
        }
        for text in ["localhost:3000", "fe80::99999", "unix:/run/x", "[::1]:80", ""] {
            assert_eq!(typed(text), None, "{text}");
        }
    }
}
