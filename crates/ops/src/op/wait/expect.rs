//! What an answer must be for its server to be ready.

use std::{fmt, str::FromStr};

use portward_model::{Sentence, Text};
use portward_wire::http1::Answer;

/// Statuses: numbers, `2xx`, ranges, and `any`, with commas between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(Vec<(u16, u16)>);

impl Statuses {
    /// 2xx and 3xx: it is there, or says where.
    pub(super) fn fine() -> Self {
        Self(vec![(200, 399)])
    }

    /// A WebSocket goes on with 101, RFC 6455 section 4.2.2.
    pub(super) fn upgraded() -> Self {
        Self(vec![(101, 101)])
    }

    /// Whatever is no fault of the server.
    pub(super) fn no_fault() -> Self {
        Self(vec![(100, 499)])
    }

    fn has(&self, status: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }
}

impl FromStr for Statuses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(|part| range(part.trim())).collect::<Option<Vec<_>>>().map(Self).ok_or_else(|| {
            "a status is a number of three digits, a class such as 2xx, a range such as 200-299, or any; commas stand between several"
                .to_owned()
        })
    }
}

fn range(part: &str) -> Option<(u16, u16)> {
    let number = |text: &str| text.parse().ok().filter(|status| text.len() == 3 && (100..=999).contains(status));
    if part == "any" {
        return Some((100, 999));
    }
    if let Some((first, last)) = part.split_once('-') {
        return Some((number(first)?, number(last)?)).filter(|(first, last)| first <= last);
    }
    let class = part.strip_suffix("xx").or_else(|| part.strip_suffix("XX"));
    match class {
        Some(class) => {
            class.parse().ok().filter(|class| (1..=9).contains(class)).map(|class: u16| (class * 100, class * 100 + 99))
        }
        None => number(part).map(|status| (status, status)),
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}-{last}")? }
        }
        Ok(())
    }
}

portward_model::written_as_text!(Statuses);

/// A field of a head: `NAME: VALUE`, or a name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub(super) name: String,
    pub(super) value: Option<String>,
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').map_or((text, None), |(name, value)| (name, Some(value.trim())));
        let name = name.trim();
        // RFC 9110 section 5.6.2
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(is_token) || value.is_some_and(|value| value.chars().any(char::is_control)) {
            return Err("a header is a name, a colon and a value, such as 'X-Ready: yes'".to_owned());
        }
        Ok(Self { name: name.to_owned(), value: value.filter(|value| !value.is_empty()).map(str::to_owned) })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}: {value}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

portward_model::written_as_text!(Field);

impl Field {
    /// True where only a client says it: no answer has it.
    pub(super) fn is_of_requests(&self) -> bool {
        self.is_among(OF_REQUESTS)
    }

    /// True where only a server says it: no request has it.
    pub(super) fn is_of_answers(&self) -> bool {
        self.is_among(OF_ANSWERS)
    }

    fn is_among(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.name.eq_ignore_ascii_case(name))
    }
}

/// RFC 9110 sections 10.1 and 12.5, and what people send beside them.
const OF_REQUESTS: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cookie",
    "expect",
    "from",
    "host",
    "origin",
    "referer",
    "te",
    "user-agent",
    "x-api-key",
];

/// RFC 9110 sections 8.8, 10.2 and 15, and what servers say beside them.
const OF_ANSWERS: &[&str] = &[
    "age",
    "allow",
    "etag",
    "last-modified",
    "location",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "vary",
    "www-authenticate",
    "x-powered-by",
];

/// What is asked of an answer.
#[derive(Clone, Debug)]
pub(super) struct Expect {
    pub(super) statuses: Statuses,
    pub(super) fields: Vec<Field>,
    pub(super) body: Option<String>,
}

impl Expect {
    /// Whether an answer is what was wanted, and what it is otherwise; `None` where more of it must come.
    pub(super) fn judge(&self, answer: &Answer, whole: bool) -> Option<Result<Sentence, Sentence>> {
        let words: String = answer.reason.shown().chars().take(LONGEST_REASON).collect();
        let said = format!("it answers {} {words}", answer.status);
        let said = said.trim_end();
        if !self.statuses.has(answer.status) {
            return Some(Err(said.to_owned().into()));
        }
        let has = |field: &&Field| {
            let wanted =
                |value: &Text| field.value.as_ref().is_none_or(|wanted| value.raw().eq_ignore_ascii_case(wanted.as_bytes()));
            answer.values(&field.name).any(wanted)
        };
        if let Some(lacking) = self.fields.iter().find(|field| !has(field)) {
            return Some(Err(format!("{said}, without the header {lacking}").into()));
        }
        let Some(body) = &self.body else { return Some(Ok(said.to_owned().into())) };
        let is_there = body.is_empty() || answer.body.windows(body.len()).any(|part| part == body.as_bytes());
        match (is_there, whole || answer.whole) {
            (true, _) => Some(Ok(format!("{said}, with that body").into())),
            (false, true) => Some(Err(format!("{said}, and its body is without that text").into())),
            (false, false) => None,
        }
    }
}

/// Letters of a status line that are repeated.
const LONGEST_REASON: usize = 60;

#[cfg(test)]
mod tests {
    use portward_wire::http1::{Read, read};

    use super::{Expect, Field, Statuses};

    #[test]
    fn statuses_as_they_are_typed() {
        for (text, shown, good, bad) in [
            ("200", "200", 200, 201),
            ("2xx,404", "200-299,404", 404, 302),
            ("200-399", "200-399", 399, 400),
            ("any", "100-999", 503, 99),
        ] {
            let statuses: Statuses = text.parse().unwrap();
            assert_eq!(statuses.to_string(), shown);
            assert_eq!(shown.parse(), Ok(statuses.clone()));
            assert!(statuses.has(good) && !statuses.has(bad), "{text}");
        }
        for wrong in ["", "20", "2000", "abc", "0xx", "10xx", "300-200", "200,", "+20"] {
            assert!(wrong.parse::<Statuses>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn headers_as_they_are_typed() {
        for (text, shown) in [("X-Ready: yes", "X-Ready: yes"), ("x-ready:yes", "x-ready: yes"), ("X-Ready", "X-Ready")] {
            assert_eq!(text.parse::<Field>().unwrap().to_string(), shown);
        }
        for wrong in ["", ": yes", "a b: c", "a: b\r\nc: d"] {
            assert!(wrong.parse::<Field>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn answers_are_judged() {
        let expect = |fields: &[&str], body: Option<&str>| Expect {
            statuses: Statuses::fine(),
            fields: fields.iter().map(|field| field.parse().unwrap()).collect(),
            body: body.map(str::to_owned),
        };
        let judge = |expect: &Expect, heard: &[u8], closed| match read(heard, closed) {
            Read::Answer(answer) => expect
                .judge(&answer, closed)
                .map(|verdict| verdict.map_or_else(|why| (false, why.to_string()), |why| (true, why.to_string()))),
            other => panic!("{other:?}"),
        };
        let said = |ready: bool, words: &str| Some((ready, words.to_owned()));
        let fine = b"HTTP/1.1 200 OK\r\nX-Ready: Yes\r\n\r\nall is up";
        assert_eq!(judge(&expect(&[], None), fine, false), said(true, "it answers 200 OK"));
        let not_yet = b"HTTP/1.1 503 Service Unavailable\r\n\r\n";
        assert_eq!(judge(&expect(&[], None), not_yet, false), said(false, "it answers 503 Service Unavailable"));
        assert_eq!(judge(&expect(&["x-ready: yes"], None), fine, false), said(true, "it answers 200 OK"));
        let lacking = said(false, "it answers 200 OK, without the header x-ready: no");
        assert_eq!(judge(&expect(&["x-ready: no"], None), fine, false), lacking);
        assert_eq!(judge(&expect(&[], Some("is up")), fine, false), said(true, "it answers 200 OK, with that body"));
        assert_eq!(judge(&expect(&[], Some("is down")), fine, false), None);
        let other = said(false, "it answers 200 OK, and its body is without that text");
        assert_eq!(judge(&expect(&[], Some("is down")), fine, true), other);
    }
}
