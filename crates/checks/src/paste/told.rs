//! The address that a line above an error names: what was attempted, and where a server said that it would listen.

use super::place::{Place, places};

/// What lines have told so far of a text.
#[derive(Default)]
pub(super) struct Told {
    /// Of a command, an attempt, a prompt or a traced line of code, and the line's number.
    attempt: Option<(Place, u32)>,
    /// Of a server that starts, or of its settings.
    serves: Option<(Place, u32)>,
}

impl Told {
    /// Takes a line that reports no error. `code` is true within the traced lines of a program.
    pub(super) fn take(&mut self, line: &str, number: u32, code: bool) {
        let text = line.trim_start();
        if let Some(setting) = setting(text) {
            self.set(setting, number);
            return;
        }
        let code = code && line.starts_with("    ");
        let starts = STARTS.iter().any(|start| text.contains(start));
        let prompted = PROMPTS.iter().any(|start| text.starts_with(start)) || is_typed(text);
        let attempts = prompted || ATTEMPTS.iter().any(|words| text.contains(words));
        if !(code || starts || attempts) {
            return;
        }
        let found = places(text);
        let told = |place: &&Place| place.is_whole() || place.scheme.is_some() || starts && place.port.is_some();
        let place = found.iter().rev().find(told).cloned().or_else(|| if code || attempts { joined(&found) } else { None });
        let Some(place) = place else { return };
        if starts {
            self.serves = Some((place.clone(), number));
        }
        if code || attempts || starts && SERVED_ALREADY.iter().all(|word| !text.contains(word)) {
            self.attempt = Some((place, number));
        }
    }

    /// One line of a server's settings adds to those just above.
    fn set(&mut self, setting: Place, number: u32) {
        let known =
            self.serves.take().filter(|(_, line)| number.saturating_sub(*line) <= super::read::NEAR).map(|(known, _)| known);
        let place = match known {
            Some(known) => Place { host: setting.host.or(known.host), port: setting.port.or(known.port), ..known },
            None => setting,
        };
        self.serves = Some((place, number));
    }

    /// The address for an error of this line that has none; `listens` where a server could not listen.
    pub(super) fn of(&self, number: u32, listens: bool) -> Option<&Place> {
        let near = |told: &&(Place, u32)| number.saturating_sub(told.1) <= super::read::NEAR;
        let serves = self.serves.as_ref().filter(|_| listens).filter(near);
        let attempt = self.attempt.as_ref().filter(near);
        let later = match (serves, attempt) {
            (Some(serves), Some(attempt)) if attempt.1 > serves.1 => Some(attempt),
            (serves, attempt) => serves.or(attempt),
        };
        later.map(|(place, _)| place)
    }
}

/// `connect("localhost", port=18812)`: a host and a port of one line of code.
fn joined(found: &[Place]) -> Option<Place> {
    let host = found.iter().find(|place| place.host.is_some())?;
    let port = found.iter().find(|place| place.start >= host.end && place.host.is_none() && place.port.is_some())?;
    Some(Place { port: port.port, end: port.end, ..host.clone() })
}

/// True for what a person typed at the prompt of a language: `>>> `, `In [3]: `, `iex(1)> `, `irb(main):001:0> `, `julia> `.
fn is_typed(text: &str) -> bool {
    let prompt = text.split_once("> ").map(|(prompt, _)| prompt);
    let word = prompt.is_some_and(|prompt| {
        prompt.len() < 32
            && prompt.starts_with(|c: char| c.is_ascii_alphanumeric())
            && prompt.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"().:@-_".contains(&byte))
    });
    text.starts_with(">>> ") || text.starts_with("In [") || word
}

/// `=> address: 127.0.0.1`, `>> port: 8000`: one setting of a server that starts.
fn setting(text: &str) -> Option<Place> {
    let bare = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let (key, value) = bare.split_once(": ")?;
    let (key, value) = (key.trim(), value.trim());
    if text.starts_with(['"', '\'']) || value.ends_with(',') || value.contains(' ') {
        return None;
    }
    let none = Place { start: 0, end: 0, host: None, port: None, scheme: None };
    match key {
        "port" => {
            Some(Place { port: value.parse().ok().filter(|port| *port <= 65_535), ..none }).filter(|place| place.port.is_some())
        }
        "address" | "host" | "bind" if text.len() > bare.len() => {
            let host = value.trim_matches(['[', ']', '"', '\'']);
            let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_".contains(&byte));
            is_host.then(|| Place { host: Some(host.to_owned()), ..none })
        }
        _ => None,
    }
}

/// Beginnings of what a person typed.
const PROMPTS: &[&str] = &["$ ", "% ", "# ", "> ", "❯ ", "PS ", "--20"];

/// What a client says of an attempt, and a server of a connection.
const ATTEMPTS: &[&str] = &[
    "Trying ",
    "onnecting to ",
    "listening at ",
    "listening on ",
    "Listening on ",
    "Listening at ",
    "binding to ",
    "Binding to ",
    " -> ",
];

/// What a server says of the address that it is about to listen on.
const STARTS: &[&str] = &[
    "listening at ",
    "listen socket on port ",
    "Listening on ",
    "listening on ",
    "Starting server on ",
    "Starting Minecraft server on ",
    "tarting at ",
    "tarted at ",
    "unning at ",
    "unning on ",
    "erving on ",
    "erving at ",
    "Binding to ",
    "pening listener on ",
    "Creating listener on ",
];

/// Words of a server that is up: no client's attempt.
const SERVED_ALREADY: &[&str] =
    &["tarting at ", "tarted at ", "unning at ", "unning on ", "erving on ", "erving at ", "Starting Minecraft"];

#[cfg(test)]
mod tests {
    use super::Told;

    fn told(lines: &[&str], listens: bool) -> String {
        let mut told = Told::default();
        for (number, line) in (1..).zip(lines) {
            told.take(line, number, false);
        }
        let number = u32::try_from(lines.len()).unwrap() + 1;
        told.of(number, listens).map_or_else(String::new, |place| {
            format!("{}|{}", place.host.clone().unwrap_or_default(), place.port.map_or(String::new(), |port| port.to_string()))
        })
    }

    #[test]
    fn the_lines_above_tell_whom_an_error_is_about() {
        for (lines, listens, expected) in [
            (&[">>> conn = rpyc.connect(\"localhost\",port=18812)"][..], false, "localhost|18812"),
            (&["iex(1)> :gen_tcp.connect({127, 0, 0, 1}, 4000, [])"], false, "127.0.0.1|4000"),
            (&["In [3]: redis.Redis(host='cache', port=6380).ping()"], false, "cache|6380"),
            (&["irb(main):001:0> TCPSocket.new('127.0.0.1', 9292)"], false, "127.0.0.1|9292"),
            (&["julia> connect(\"127.0.0.1\", 2000)"], false, "127.0.0.1|2000"),
            (&["Web Server running at http://0.0.0.0:8080"], true, "0.0.0.0|8080"),
            (&["Web Server running at http://0.0.0.0:8080"], false, ""),
            (&["=> address: 185.251.18.122", "=> port: 80"], true, "185.251.18.122|80"),
            (&["   >> port: 8000", "   >> address: ::1"], true, "::1|8000"),
            (&["port: 8000"], false, ""),
            (&["  address: '127.0.0.1',"], true, ""),
            (&["nothing of 127.0.0.1:80 here"], true, ""),
        ] {
            assert_eq!(told(lines, listens), expected, "{lines:?}");
        }
    }
}
