//! Command lines with their secrets masked.

use serde::{Deserialize, Serialize};

use crate::Text;

/// The arguments of a process. Secrets are masked when it is made, so a value of this type holds none
/// that the rules below recognise: options and assignments whose name speaks of a secret, passwords in
/// URLs, bearer headers and the token shapes of well-known services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandLine(Vec<Text>);

impl CommandLine {
    /// Splits the bytes of `/proc/PID/cmdline` at their NULs and masks what is secret.
    pub fn from_kernel(bytes: &[u8]) -> Self {
        // A program that renames itself, as npm does, pads the rest of its old arguments with NULs.
        let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
        let bytes = bytes.get(..end).unwrap_or_default();
        if bytes.is_empty() {
            return Self(Vec::new());
        }
        let mut arguments = Vec::new();
        let mut mask_next = false;
        for argument in bytes.split(|b| *b == 0) {
            if mask_next && !argument.starts_with(b"-") {
                arguments.push(Text::new(MASK));
                mask_next = false;
                continue;
            }
            mask_next = is_secret_option(argument);
            arguments.push(masked(argument));
        }
        Self(arguments)
    }

    /// The arguments, program name first.
    pub fn arguments(&self) -> &[Text] {
        &self.0
    }

    /// True for a kernel thread, and for a process that erased its arguments.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A line of a file with its secrets masked: the values of names that speak of a secret, in the notations of
/// environments, YAML, JSON, XML and command lines, and all that a [`CommandLine`] masks.
pub fn masked_line(line: &[u8]) -> Text {
    let mut out: Vec<u8> = Vec::with_capacity(line.len());
    let mut rest = line;
    let mut mask_next = false;
    while !rest.is_empty() {
        let in_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.') || !b.is_ascii();
        let length = rest.iter().position(|b| !in_name(b)).unwrap_or(rest.len());
        if length == 0 {
            let (gap, tail) = rest.split_at(1);
            out.extend_from_slice(gap);
            rest = tail;
            continue;
        }
        let (name, tail) = rest.split_at(length);
        out.extend_from_slice(name);
        rest = tail;
        let Some((sign, value, tail)) = assigned(rest, name.starts_with(b"-")) else { continue };
        // `<env name="API_TOKEN" value="x">`: the name is a value itself, and the secret is the next one.
        let is_naming = matches!(name, b"name" | b"key") && names_secret(value);
        if names_secret(name) || mask_next {
            out.extend_from_slice(sign);
            out.extend_from_slice(MASK);
            rest = tail;
            mask_next = false;
        } else if is_naming {
            out.extend_from_slice(sign);
            out.extend_from_slice(value);
            rest = tail;
            mask_next = true;
        }
    }
    without_tokens(&without_url_secrets(&out))
}

/// The sign between a name and its value, quotes included, the value, and what follows it.
fn assigned(rest: &[u8], option: bool) -> Option<(&[u8], &[u8], &[u8])> {
    let is_space = |b: &u8| matches!(b, b' ' | b'\t');
    let mut at = usize::from(matches!(rest.first(), Some(b'"' | b'\'')));
    let skip_spaces = |at: usize| at + rest.iter().skip(at).take_while(|b| is_space(b)).count();
    let spaced = skip_spaces(at);
    match rest.get(spaced) {
        Some(b'=' | b':') => at = skip_spaces(spaced + 1),
        Some(_) if option && spaced > at => at = spaced,
        _ => return None,
    }
    let quote = rest.get(at).copied().filter(|b| matches!(b, b'"' | b'\''));
    at += usize::from(quote.is_some());
    let (sign, after) = rest.split_at_checked(at)?;
    let ends = |b: &u8| quote.map_or(is_space(b) || matches!(b, b',' | b';' | b'}' | b'"' | b'\''), |quote| *b == quote);
    let end = after.iter().position(ends).unwrap_or(after.len());
    let (value, tail) = after.split_at(end);
    (!value.is_empty()).then_some((sign, value, tail))
}

/// What stands in place of a secret.
const MASK: &[u8] = b"***";

/// Words that make the name of an option or variable a secret's name. They match whole words of the name,
/// so that `--max-tokens`, `--keyboard` and `--author` are left alone.
const SECRET_WORDS: &[&[u8]] = &[
    b"password",
    b"passwd",
    b"passphrase",
    b"pass",
    b"pwd",
    b"secret",
    b"secrets",
    b"token",
    b"apikey",
    b"credential",
    b"credentials",
    b"auth",
    b"authorization",
    b"bearer",
    b"cookie",
    b"accesskey",
    b"secretkey",
    b"privatekey",
    b"authtoken",
    b"requirepass",
    b"masterauth",
    b"jwt",
    b"sas",
    b"signature",
    b"authkey",
];

/// Two-word names: a word of the left followed by `key`.
const KEY_KINDS: &[&[u8]] = &[b"api", b"access", b"secret", b"private", b"encryption", b"signing", b"master", b"account", b"app"];

/// Beginnings of tokens that services hand out.
const TOKEN_SHAPES: &[&[u8]] = &[
    b"ghp_",
    b"gho_",
    b"ghs_",
    b"ghu_",
    b"github_pat_",
    b"glpat-",
    b"xoxb-",
    b"xoxp-",
    b"xoxa-",
    b"sk-",
    b"sk_live_",
    b"sk_test_",
    b"rk_live_",
    b"AKIA",
    b"ASIA",
    b"AIza",
    b"npm_",
    b"pypi-",
    b"dop_v1_",
    b"hf_",
    b"eyJ",
    b"SG.",
];

fn masked(argument: &[u8]) -> Text {
    let sign = argument.iter().position(|b| *b == b'=');
    let header = argument.windows(2).position(|window| window == b": ");
    // A header handed to a client, `Authorization: Bearer x`: whatever stands behind it is its value.
    if let Some(at) = header.filter(|at| sign.is_none_or(|sign| *at < sign)) {
        let (name, _) = argument.split_at(at);
        if names_secret(name) {
            return joined(&[name, b": ", MASK]);
        }
    }
    if let Some(at) = sign {
        let (before, value) = argument.split_at(at);
        let name = before.rsplit(u8::is_ascii_whitespace).next().unwrap_or(before);
        // In a URL the sign belongs to its query, which has rules of its own.
        let in_url = name.windows(3).any(|window| window == b"://");
        if !in_url && names_secret(name) && value.len() > 1 {
            return joined(&[before, b"=", MASK]);
        }
    }
    without_tokens(&without_url_secrets(argument))
}

fn joined(parts: &[&[u8]]) -> Text {
    Text::new(parts.concat())
}

/// True for an option whose value is the next argument: `--password`, `-p` alone is too common to be one.
fn is_secret_option(argument: &[u8]) -> bool {
    argument.starts_with(b"-") && !argument.contains(&b'=') && names_secret(argument)
}

/// True when a word of `name` (split at `-`, `_`, `.` and changes of case) speaks of a secret.
fn names_secret(name: &[u8]) -> bool {
    let words = words_of(name);
    // `--password-file x` and `--token-path x` name a place, `--no-auth` and `--auth-method` a choice.
    let harmless: &[&[u8]] = &[
        b"file", b"path", b"dir", b"method", b"mode", b"type", b"no", b"url", b"uri", b"host", b"port", b"name", b"id",
        b"policy", b"length", b"ttl", b"local", b"plugin",
    ];
    let last_is_harmless = words.last().is_some_and(|word| harmless.contains(&word.as_slice()));
    let first_is_no = words.first().is_some_and(|word| word == b"no");
    if last_is_harmless || first_is_no {
        return false;
    }
    words.iter().any(|word| SECRET_WORDS.contains(&word.as_slice()))
        || words.windows(2).any(|pair| matches!(pair, [kind, key] if key == b"key" && KEY_KINDS.contains(&kind.as_slice())))
}

fn words_of(name: &[u8]) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut previous_lower = false;
    let mut open = false;
    for &b in name {
        if !b.is_ascii_alphanumeric() {
            open = false;
            continue;
        }
        if !open || (b.is_ascii_uppercase() && previous_lower) {
            words.push(Vec::new());
            open = true;
        }
        previous_lower = b.is_ascii_lowercase();
        if let Some(word) = words.last_mut() {
            word.push(b.to_ascii_lowercase());
        }
    }
    words
}

/// Masks `user:SECRET@` of every URL and the values of secret query parameters.
fn without_url_secrets(argument: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(argument.len());
    let mut rest = argument;
    while let Some(at) = rest.windows(3).position(|window| window == b"://") {
        let (before, after) = rest.split_at(at + 3);
        out.extend_from_slice(before);
        let end = after.iter().position(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b',')).unwrap_or(after.len());
        let (url, following) = after.split_at(end);
        push_url(&mut out, url);
        rest = following;
    }
    out.extend_from_slice(rest);
    out
}

fn push_url(out: &mut Vec<u8>, url: &[u8]) {
    let authority_end = url.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(url.len());
    // A password may itself hold a slash; the last `@` before a query ends the user part.
    let query_start = url.iter().position(|b| *b == b'?').unwrap_or(url.len());
    let at = url.iter().take(query_start).rposition(|b| *b == b'@');
    let colon = url.iter().position(|b| *b == b':');
    let mut rest = url;
    match (colon, at) {
        (Some(colon), Some(at)) if colon < at && (colon < authority_end) => {
            let (user, _) = url.split_at(colon + 1);
            let (_, tail) = url.split_at(at);
            out.extend_from_slice(user);
            out.extend_from_slice(MASK);
            rest = tail;
        }
        _ => {}
    }
    let Some(query) = rest.iter().position(|b| *b == b'?') else {
        out.extend_from_slice(rest);
        return;
    };
    let (path, query) = rest.split_at(query + 1);
    out.extend_from_slice(path);
    for (index, pair) in query.split(|b| *b == b'&').enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        match pair.iter().position(|b| *b == b'=') {
            Some(at) if names_secret(pair.split_at(at).0) => {
                out.extend_from_slice(pair.split_at(at + 1).0);
                out.extend_from_slice(MASK);
            }
            _ => out.extend_from_slice(pair),
        }
    }
}

/// Masks words that have the shape of a known service's token, and what follows `Bearer` or `Basic`.
fn without_tokens(argument: &[u8]) -> Text {
    let ends_word =
        |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b',' | b';' | b'&' | b'(' | b')' | b'=' | b':');
    let ends_credential = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b',');
    let mut out = Vec::with_capacity(argument.len());
    let mut rest = argument;
    let mut mask_next = false;
    while !rest.is_empty() {
        // A credential may hold any sign that a word may not.
        let length = rest.iter().position(|b| if mask_next { ends_credential(b) } else { ends_word(b) }).unwrap_or(rest.len());
        if length == 0 {
            let (gap, tail) = rest.split_at(1);
            out.extend_from_slice(gap);
            mask_next &= gap.iter().all(u8::is_ascii_whitespace);
            rest = tail;
            continue;
        }
        let (word, tail) = rest.split_at(length);
        let looks_like_token =
            word.len() >= 16 && TOKEN_SHAPES.iter().any(|shape| word.starts_with(shape)) && !word.contains(&b'/');
        out.extend_from_slice(if mask_next || looks_like_token { MASK } else { word });
        mask_next = !mask_next && matches!(word, b"Bearer" | b"bearer" | b"Basic" | b"basic");
        rest = tail;
    }
    Text::new(out)
}

#[cfg(test)]
mod tests {
    use super::{CommandLine, masked_line};

    fn shown(arguments: &[&str]) -> String {
        let line = CommandLine::from_kernel(arguments.join("\0").as_bytes());
        line.arguments().iter().map(super::Text::shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn secrets_are_masked() {
        for (given, expected) in [
            (&["redis", "--requirepass", "hunter2"][..], "redis --requirepass ***"),
            (&["app", "--db-password=hunter2", "-v"], "app --db-password=*** -v"),
            (&["env", "STRIPE_API_KEY=abc", "x"], "env STRIPE_API_KEY=*** x"),
            (&["env", "awsSecretAccessKey=abc"], "env awsSecretAccessKey=***"),
            (&["psql", "postgres://ana:s3/cr@t@db:5432/shop?sslmode=off"], "psql postgres://ana:***@db:5432/shop?sslmode=off"),
            (&["curl", "https://x/y?token=abc&z=1"], "curl https://x/y?token=***&z=1"),
            (&["curl", "-H", "Authorization: Bearer abc.def"], "curl -H Authorization: ***"),
            (&["x", "header=Bearer abcdefgh"], "x header=Bearer ***"),
            (&["curl", "-H", "Authorization: Bearer Zq7mp=x=="], "curl -H Authorization: ***"),
            (&["x", "say Bearer Zq7=m\u{e9}p== now"], "x say Bearer *** now"),
            (&["x", "Basic YWxhZGRpbjpvcGVu=="], "x Basic ***"),
            (&["git", "clone", "ghp_0123456789abcdefghij"], "git clone ***"),
            (&["java", "-Dspring.datasource.password=x"], "java -Dspring.datasource.password=***"),
        ] {
            assert_eq!(shown(given), expected);
        }
    }

    #[test]
    fn secrets_of_a_line_are_masked_in_every_notation() {
        for (given, expected) in [
            ("DB_PASSWORD=hunter2 PORT=3000", "DB_PASSWORD=*** PORT=3000"),
            (r#"  "api_key": "s3 cr,et", "port": 3000,"#, r#"  "api_key": "***", "port": 3000,"#),
            ("password: hunter2", "password: ***"),
            ("spring.datasource.password=x, server.port=3000", "spring.datasource.password=***, server.port=3000"),
            (
                r#"<env name="API_TOKEN" value="abc" /><env name="PORT" value="3000" />"#,
                r#"<env name="API_TOKEN" value="***" /><env name="PORT" value="3000" />"#,
            ),
            ("run --password hunter2 --port 3000", "run --password *** --port 3000"),
            ("URL=postgres://ana:s3cret@localhost:3000/x", "URL=postgres://ana:***@localhost:3000/x"),
            ("secret='a b' port 3000", "secret='***' port 3000"),
            ("listen 3000;", "listen 3000;"),
            ("token:", "token:"),
            ("", ""),
        ] {
            assert_eq!(masked_line(given.as_bytes()).shown(), expected);
        }
    }

    #[test]
    fn ordinary_arguments_are_left_alone() {
        for given in [
            &["llm", "--max-tokens", "100"][..],
            &["git", "log", "--author=ana"],
            &["app", "--password-file", "/run/secret.txt"],
            &["app", "--no-auth", "x"],
            &["node", "http://localhost:3000/a:b"],
            &["ssh", "-L", "8080:localhost:80", "git@host"],
            &["java", "-agentlib:jdwp=transport=dt_socket,server=y,address=*:5005"],
        ] {
            assert_eq!(shown(given), given.join(" "));
        }
    }

    #[test]
    fn an_empty_line_is_empty() {
        assert!(CommandLine::from_kernel(b"").is_empty());
        assert_eq!(CommandLine::from_kernel(b"a\0\0b\0").arguments().len(), 3);
        assert_eq!(CommandLine::from_kernel(b"npm run dev\0\0\0\0").arguments().len(), 1);
    }
}
