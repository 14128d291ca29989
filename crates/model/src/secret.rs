//! Command lines with their secrets masked.
//!
//! What is shown of an argument is what is known to be harmless: options, numbers, addresses, paths and words. All else is masked: what
//! a name, an option of the program, a place, a URL or its own look says to be a secret, and what nothing is known of.

#[cfg(test)]
mod corpus_tests;
mod letters;
mod names;
mod options;
mod plain;
mod reader;
mod shapes;
mod text;
mod url;
mod value;
mod words;

use serde::{Deserialize, Serialize};

use self::reader::Reader;
use crate::Text;

/// The arguments of a process. Secrets are masked when it is made, so a value of this type holds none, unless it was asked for
/// ([`CommandLine::open`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub struct CommandLine {
    arguments: Vec<Text>,
    seal: Option<u64>,
}

/// As a snapshot keeps it: a list where nothing was masked.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Kept {
    Plain(Vec<Text>),
    Sealed { arguments: Vec<Text>, seal: u64 },
}

impl From<Kept> for CommandLine {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Plain(arguments) => Self { arguments, seal: None },
            Kept::Sealed { arguments, seal } => Self { arguments, seal: Some(seal) },
        }
    }
}

impl From<CommandLine> for Kept {
    fn from(line: CommandLine) -> Self {
        match line.seal {
            None => Self::Plain(line.arguments),
            Some(seal) => Self::Sealed { arguments: line.arguments, seal },
        }
    }
}

impl CommandLine {
    /// Splits the bytes of `/proc/PID/cmdline` at their NULs and masks what is secret.
    pub fn from_kernel(bytes: &[u8]) -> Self {
        let mut reader = Reader::default();
        let mut masked = Vec::new();
        let mask = |argument: &[u8]| {
            masked.clear();
            reader.argument(&mut masked, argument);
            Text::new(&masked)
        };
        Self { arguments: split(bytes).map(mask).collect(), seal: None }
    }

    /// The same, sealed where something was masked: what is masked looks alike, and lines that differ there alone must not be equal.
    /// `seal` makes a number of the bytes as nobody can who does not know what the reader drew for it.
    pub fn sealed(bytes: &[u8], seal: impl FnOnce(&[u8]) -> u64) -> Self {
        let line = Self::from_kernel(bytes);
        let masked = !split(bytes).eq(line.arguments.iter().map(Text::raw));
        Self { seal: masked.then(|| seal(bytes)), ..line }
    }

    /// The arguments as they are, for those who may see them and asked for it.
    pub fn open(bytes: &[u8]) -> Self {
        Self { arguments: split(bytes).map(Text::new).collect(), seal: None }
    }

    /// The arguments, program name first.
    pub fn arguments(&self) -> &[Text] {
        &self.arguments
    }

    /// True for a kernel thread, and for a process that erased its arguments.
    pub fn is_empty(&self) -> bool {
        self.arguments.is_empty()
    }
}

fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    // A program that renames itself, as npm does, pads the rest of its old arguments with NULs.
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
    let bytes = bytes.get(..end).unwrap_or_default();
    let parts = bytes.split(|b| *b == 0);
    parts.take(if bytes.is_empty() { 0 } else { usize::MAX })
}

/// A line of a file or a message with its secrets masked: the values of names that speak of a secret, in the notations of environments,
/// YAML, JSON, XML, headers and command lines, what known programs take as a secret, passwords and tokens in URLs, and words that look
/// like a key. Unlike a [`CommandLine`] it shows what nothing is known of: it is read for what it says.
pub fn masked_line(line: &[u8]) -> Text {
    let mut out = Vec::with_capacity(line.len());
    let (line, armour) = match shapes::armour(line) {
        Some(at) => (line.get(..at).unwrap_or_default(), true),
        None => (line, false),
    };
    Reader::loose().text(&mut out, line);
    if armour {
        out.extend_from_slice(MASK);
    }
    Text::new(out)
}

/// What stands in place of a secret.
const MASK: &[u8] = b"***";

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
            &["/opt/google/chrome/chrome --type=gpu-process --lang=en-US --num-raster-threads=4"],
            &["/opt/My App/bin/serve", "--port", "3000"],
            &["java", "-agentlib:jdwp=transport=dt_socket,server=y,address=*:5005"],
        ] {
            assert_eq!(shown(given), given.join(" "));
        }
    }

    #[test]
    fn lines_that_differ_in_what_is_masked_are_not_equal_and_cross_json() {
        let sealed = |line: &str| {
            CommandLine::sealed(line.replace(' ', "\0").as_bytes(), |bytes| bytes.iter().map(|b| u64::from(*b)).sum())
        };
        let (one, other) = (sealed("app --token hunter2"), sealed("app --token hunter3"));
        assert_eq!(one.arguments(), other.arguments());
        assert!(one != other && one == sealed("app --token hunter2"));
        assert_eq!(serde_json::to_value(sealed("app -v")).unwrap(), serde_json::json!(["app", "-v"]));
        for line in [one, sealed("app -v")] {
            let text = serde_json::to_string(&line).unwrap();
            assert!(!text.contains("hunter"));
            assert_eq!(serde_json::from_str::<CommandLine>(&text).unwrap(), line);
        }
    }

    #[test]
    fn a_long_argument_takes_time_in_proportion_and_no_stack() {
        let quotes = "\"'".repeat(20_000);
        let nested = "{\"a\":'[(".repeat(20_000);
        let headers = "Authorization: x\n".repeat(8_000);
        let urls = "x://a:b@c?d=".repeat(10_000);
        let pairs = "a=b;password=c,d&".repeat(10_000);
        let escapes = "\\\"\\'".repeat(20_000);
        for text in [quotes, nested, headers, urls, pairs, escapes, "a".repeat(120_000), "-".repeat(120_000), "a:".repeat(60_000)]
        {
            for line in [text.clone(), format!("app\0--x={text}"), format!("app\0-c\0{text} ")] {
                assert!(CommandLine::from_kernel(line.as_bytes()).arguments().len() <= 3);
            }
            std::hint::black_box(masked_line(text.as_bytes()));
        }
    }

    #[test]
    fn an_empty_line_is_empty() {
        assert!(CommandLine::from_kernel(b"").is_empty());
        assert_eq!(CommandLine::from_kernel(b"a\0\0b\0").arguments().len(), 3);
        assert_eq!(CommandLine::from_kernel(b"npm run dev\0\0\0\0").arguments().len(), 1);
    }
}
