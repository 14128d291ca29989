//! What readiness means for each goal, by what it says itself and what was said beside it.

use portward_model::{Hint, Seen, Text, hint};
use portward_wire::{
    grpc, http1,
    protocol::{self, PROTOCOLS},
};

use super::{
    Field, Statuses, Wait,
    ask::{Secure, Wish},
    expect::Expect,
    goal::{Goal, Url, Way},
    watch::Awaiting,
};
use crate::{Context, Dials, Failure, target::Target};

impl Wait {
    /// Every goal with its wish; a failure where what was said does not go together.
    pub(super) fn goals(&self, cx: &Context<'_, Dials>) -> Result<Vec<Awaiting>, Failure> {
        if let Some(path) = &self.ca
            && matches!(cx.look().path_exists(&Text::from(path.as_str())), Seen::Known(false))
        {
            let shown = Text::from(path.as_str());
            return Err(Failure::usage(format!("{shown} is not there; --ca takes a file of certificates.")));
        }
        if let Some(field) = self.expect_header.iter().find(|field| field.is_of_requests()) {
            let sentence = format!("`{}` is a header of requests, and --expect-header is one of the answer.", field.name);
            return Err(Failure::usage(sentence).hint(hint!("--header {}    sends it", field.to_string())));
        }
        if let Some(field) = self.header.iter().find(|field| field.value.is_none() || field.is_of_answers()) {
            let sentence = if field.value.is_none() {
                format!("`{}` is a header without a value, and --header sends one.", field.name)
            } else {
                format!("`{}` is a header of answers, and --header sends one.", field.name)
            };
            return Err(Failure::usage(sentence).hint(hint!("--expect-header {}    waits for it", field.to_string())));
        }
        let goals: Vec<Awaiting> = self
            .endpoints
            .iter()
            .map(|goal| Ok(Awaiting { goal: goal.clone(), wish: self.wish(goal)? }))
            .collect::<Result<_, Failure>>()?;
        let asks = goals.iter().any(|one| matches!(one.wish, Wish::Asks { .. }));
        let said = [
            (self.status.is_some(), "--status"),
            (self.body.is_some(), "--body"),
            (!self.expect_header.is_empty(), "--expect-header"),
            (!self.header.is_empty(), "--header"),
        ];
        match said.iter().find(|(is_said, _)| *is_said && !asks) {
            Some((_, option)) => Err(Failure::usage(format!("{option} is about HTTP, and nothing here is asked in it."))
                .hint("portward wait http://localhost:3000/    or --ready http")),
            None => Ok(goals),
        }
    }

    fn wish(&self, goal: &Goal) -> Result<Wish, Failure> {
        // A port that only a scheme implies is what its clients dial, too.
        if !goal.endpoint.port_given && goal.endpoint.scheme.is_none() {
            Target::exact(&goal.endpoint)?;
        }
        if self.free {
            return Ok(Wish::Free);
        }
        match (self.ready.as_deref(), &goal.way) {
            (Some("tcp" | "unix" | "connect"), _) => Ok(Wish::Connects),
            (None, Way::Plain) => Ok(Wish::Listening),
            (None, Way::File(_)) => Ok(Wish::There),
            (None | Some("http"), Way::Http(url)) => {
                let statuses = if url.upgrade { Statuses::upgraded() } else { Statuses::fine() };
                Ok(self.request(goal, url, statuses))
            }
            (Some("http"), _) => Ok(self.request(goal, &Url::of("/"), Statuses::no_fault())),
            (None | Some("grpc"), Way::Grpc { tls, service }) => Ok(self.check(goal, *tls, service)),
            (Some("grpc"), way) => Ok(self.check(goal, matches!(way, Way::Http(url) if url.tls), "")),
            (None, Way::Speaks(known, tls)) => match known.greeting {
                Some(greeting) => Ok(Wish::Speaks(greeting, tls.then(|| self.secure(goal.name(), &[])))),
                None => Ok(Wish::Listening),
            },
            (Some(name), _) => {
                let greeting = protocol::named(name).and_then(|known| known.greeting);
                greeting.map(|greeting| Wish::Speaks(greeting, None)).ok_or_else(|| {
                    let greeted = PROTOCOLS.iter().filter(|known| known.greeting.is_some());
                    let known: Vec<&str> = greeted.map(|known| known.name).chain(["grpc"]).collect();
                    Failure::usage(format!("`{}` is no protocol that Portward can greet.", Text::from(name)))
                        .hint(Hint::listing("--ready takes tcp, ", &known))
                })
            }
        }
    }

    fn request(&self, goal: &Goal, url: &Url, statuses: Statuses) -> Wish {
        let mut fields: Vec<(String, String)> = Vec::new();
        for Field { name, value } in &self.header {
            fields.push((name.clone(), value.clone().unwrap_or_default()));
        }
        let says = |name: &str| fields.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        if let Some(login) = url.login.as_ref().filter(|_| !says("authorization")) {
            fields.push(("Authorization".to_owned(), format!("Basic {}", base64(login.as_bytes()))));
        }
        let authority = url.host.clone().unwrap_or_else(|| goal.authority(if url.tls { 443 } else { 80 }));
        // Who is asked for by another name proves that name.
        let named = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, host)| host.as_str());
        let name = named.map_or_else(|| goal.name(), |host| without_port(host).to_owned());
        let request = http1::Request { target: &url.target, host: &authority, fields: &fields, upgrade: url.upgrade };
        let expect = Expect {
            statuses: self.status.clone().unwrap_or(statuses),
            fields: self.expect_header.clone(),
            body: self.body.clone(),
        };
        // A server that speaks both would otherwise be free to choose HTTP/2.
        Wish::Asks { request: request.bytes(), expect, secure: url.tls.then(|| self.secure(name, &[b"http/1.1"])) }
    }

    fn check(&self, goal: &Goal, tls: bool, service: &str) -> Wish {
        let authority = goal.authority(if tls { 443 } else { 80 });
        let request = grpc::check(&authority, service, tls);
        Wish::Serves { request, secure: tls.then(|| self.secure(goal.name(), &[b"h2"])) }
    }

    fn secure(&self, name: String, inside: &'static [&'static [u8]]) -> Secure {
        Secure { name, anybody: self.insecure, roots: self.ca.clone(), inside }
    }
}

fn without_port(host: &str) -> &str {
    let host = host.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(host);
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// RFC 4648 section 4
fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let [a, b, c] = [chunk.first(), chunk.get(1), chunk.get(2)].map(|byte| u32::from(byte.copied().unwrap_or(0)));
        let bits = a << 16 | b << 8 | c;
        for place in 0..4usize {
            let index = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or(0);
            let digit = DIGITS.get(index).copied().map_or('=', char::from);
            out.push(if place <= chunk.len() { digit } else { '=' });
        }
    }
    out
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::{base64, without_port};

    #[test]
    fn names_without_their_ports() {
        for (host, name) in [("a.b", "a.b"), ("a.b:80", "a.b"), ("[::1]:80", "::1"), ("::1", "::1")] {
            assert_eq!(without_port(host), name);
        }
    }

    #[test]
    fn base64_of_every_length() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("me:p@ss?", "bWU6cEBzcz8=")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
