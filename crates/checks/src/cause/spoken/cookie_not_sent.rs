cause! {
    "cookie-not-sent": "the browser does not keep or send the cookie",
    Said, Endpoint(run),
    what: "\
A cookie with `Secure` is kept over https only (browsers exempt localhost, not all of them do), one with `SameSite=None` needs
`Secure`, and all ports of one host share their cookies, so that two projects on localhost overwrite each other's.",
    evidence: "The browser's own text; the flags of Set-Cookie in the server's answer.",
    fix: "Correct the flag for development, or give each project an address of its own, such as 127.0.0.2.",
}

use portward_model::{Text, shell};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let about = talk::text_has(case, "cookie") && FAILURES.iter().any(|words| talk::text_has(case, words));
    if !(case.says(CAUSE.code) || about) || !talk::text_may_stand(case) {
        return Ruling::Silent;
    }
    let mut evidence: Vec<_> = talk::line(case).into_iter().collect();
    let flags = talk::http(case).and_then(|(_, _, answer)| answer.header("set-cookie")).map(|value| {
        // Its name and value are the server's own; only the flags are told.
        let flags: Vec<&str> =
            value.split(';').skip(1).map(str::trim).filter(|flag| FLAGS.iter().any(|known| starts(flag, known))).collect();
        flags.join("; ")
    });
    if let Some(flags) = flags {
        evidence.push(Evidence::new("read(2)", format!("its cookie has the flags {}", Text::from(flags.as_str()))));
    }
    let fixes = vec![Remedy::look(
        "Read the flags of the cookie, and correct SameSite and Secure for development",
        shell!("curl -sI http://{}:{}/", talk::host(case), case.asked.port),
    )];
    let summary = "The browser does not keep or send the cookie, because of its flags; the connection is well.";
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

fn starts(flag: &str, known: &str) -> bool {
    flag.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known))
}

const FLAGS: &[&str] = &["secure", "samesite", "httponly", "domain", "path"];

/// How browsers say that a cookie was left out.
const FAILURES: &[&str] = &["samesite", "rejected", "blocked", "secure", "not sent", "was not set"];

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Said};

    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let bare = || Scene::on(held(listener("127.0.0.1", 8000)), "127.0.0.1:8000");
        let line = "Cookie \"sid\" has been rejected because it has the \"SameSite=None\" attribute but is missing the \"secure\" attribute.";
        let told = || bare().said(Symptom::Other, Some("cookie-not-sent"), line);
        let sets = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=hush; SameSite=None; Path=/\r\n\r\n";
        Cases {
            fires: vec![told(), bare().said(Symptom::Other, None, line).talked(Said::Http, sets, Ended::Enough)],
            silent: vec![
                bare().talked(Said::Http, sets, Ended::Enough),
                bare().said(Symptom::HttpStatus, None, "404 cookie shop"),
            ],
        }
    }

    #[test]
    fn the_value_of_a_cookie_is_never_told() {
        let shown = format!("{:?}", super::run(&cases().fires[1].case()));
        assert!(shown.contains("SameSite=None; Path=/") && !shown.contains("hush"), "{shown}");
    }
}
