//! Where a program was told to serve a port beside its arguments: in its own text, or in its environment.

use portward_model::{MentionKind, Text};

use super::{excerpt, is_one_of, port_at, without_comment, words_of};

/// The first line of a program's own text that serves this port: one that names it and speaks of listening, not of dialling.
pub fn serving_line(bytes: &[u8], port: u16) -> Option<(u32, Text)> {
    bytes.split(|b| *b == b'\n').zip(1u32..).find_map(|(raw, number)| {
        let line = without_comment(raw);
        let at = port_at(line, port, MentionKind::Script, &[])?;
        let words = words_of(line);
        let has = |list: &str| words.iter().any(|word| is_one_of(list, word));
        if has(DIALLING) || !has(SERVING) {
            return None;
        }
        Some((number, excerpt(line, at, port)?))
    })
}

/// The variable of an environment (`/proc/PID/environ`) that tells a program to serve this port: its name, or with the address
/// that it sets. Variables of clients, such as `PGPORT`, name the port of another.
pub fn serving_variable(environment: &[u8], port: u16) -> Option<Text> {
    let digits = port.to_string();
    environment.split(|b| *b == 0).find_map(|entry| {
        let at = entry.iter().position(|b| *b == b'=')?;
        let (name, value) = (entry.get(..at)?, entry.get(at + 1..)?);
        let known = is_one_of(SERVING_VARIABLES, name);
        let is_port = value == digits.as_bytes();
        let is_address = value.len() < LONGEST_ADDRESS
            && value.strip_suffix(digits.as_bytes()).is_some_and(|host| host.ends_with(b":") && !host.contains(&b'@'));
        (known && (is_port || is_address)).then(|| Text::new([name, b"=", value].concat()))
    })
}

/// Words of a line that serves.
const SERVING: &str = "listen bind serve server port run addr address";
/// Words of a line that dials.
const DIALLING: &str = "connect fetch request requests get post client dial connection urlopen proxy upstream";
/// Variables by which servers are given their port or address.
const SERVING_VARIABLES: &str = "PORT HTTP_PORT HTTPS_PORT SERVER_PORT APP_PORT WEB_PORT API_PORT LISTEN_PORT LISTEN LISTEN_ADDR BIND BIND_ADDR ADDR \
     VITE_PORT NITRO_PORT NUXT_PORT FLASK_RUN_PORT UVICORN_PORT GUNICORN_BIND GRADIO_SERVER_PORT STREAMLIT_SERVER_PORT \
     ASPNETCORE_URLS ROCKET_PORT MICRONAUT_SERVER_PORT QUARKUS_HTTP_PORT";
/// No host and port is longer.
const LONGEST_ADDRESS: usize = 80;

#[cfg(test)]
mod tests {
    use super::{serving_line, serving_variable};

    #[test]
    fn lines_that_serve_are_told_from_lines_that_dial() {
        let line = |text: &str| serving_line(text.as_bytes(), 3000).map(|(number, text)| (number, text.shown()));
        assert_eq!(line("import x\napp.listen(3000)"), Some((2, "app.listen(3000)".to_owned())));
        for text in
            ["PORT = 3000", "s.bind(('127.0.0.1', 3000))", "uvicorn.run(app, port=3000)", "http.ListenAndServe(\":3000\", nil)"]
        {
            assert!(line(text).is_some(), "{text}");
        }
        for text in [
            "fetch('http://localhost:3000')",
            "setTimeout(go, 3000)",
            "# listen on port 3000",
            "s.connect(('::1', 3000))",
            "port = 30001",
        ] {
            assert_eq!(line(text), None, "{text}");
        }
    }

    #[test]
    fn variables_of_servers_are_told_from_those_of_clients() {
        let variable = |text: &str| serving_variable(text.as_bytes(), 3000).map(|text| text.shown());
        assert_eq!(variable("HOME=/root\0PORT=3000\0A=b").as_deref(), Some("PORT=3000"));
        assert_eq!(variable("BIND=0.0.0.0:3000").as_deref(), Some("BIND=0.0.0.0:3000"));
        for text in
            ["PGPORT=3000", "PORT=30000", "DATABASE_URL=postgres://a:b@localhost:3000", "BIND=u:secret@h:3000", "PORT", ""]
        {
            assert_eq!(variable(text), None, "{text}");
        }
    }
}
