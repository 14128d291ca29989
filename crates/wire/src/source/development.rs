//! Configurations of development servers, which are programs: read by their words alone.
//!
//! A `port` counts inside `server`, `devServer`, `preview` or `dev`, and nowhere else.

use super::{Fact, Findings, Kind, Source, What, number::port};

pub(super) const KIND: Kind = Kind {
    reads: "`port` and `host` inside `server`, `devServer`, `preview` or `dev`, with `process.env.PORT || 3000`, and the URLs of `proxy`. They are programs, and are read by their words: what is computed is not known.",
    ..Kind::of(
        "development",
        "configurations of Vite, Next, Nuxt, Astro, SvelteKit, Vue, webpack and Rsbuild",
        &[
            "vite.config.*",
            "next.config.*",
            "nuxt.config.*",
            "astro.config.*",
            "svelte.config.*",
            "vue.config.*",
            "webpack.config.*",
            "webpack.dev.*",
            "rsbuild.config.*",
            "proxy.conf.*",
        ],
        read,
    )
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let mut inside: Vec<String> = Vec::new();
    let mut host: Option<(usize, String)> = None;
    let mut ports: Vec<usize> = Vec::new();
    for (number, raw) in source.lines() {
        let line = without_comment(raw);
        let Some(line) = line.get(..line.len().min(LONGEST)) else { continue };
        let mut key = String::new();
        let mut quote: Option<char> = None;
        for (at, letter) in line.char_indices() {
            match (quote, letter) {
                (Some(mark), _) if mark == letter => quote = None,
                (None, '\'' | '"' | '`') => quote = Some(letter),
                (None, '{') => inside.push(std::mem::take(&mut key)),
                (None, '}') => {
                    inside.pop();
                    if host.as_ref().is_some_and(|(depth, _)| *depth > inside.len()) {
                        host = None;
                    }
                }
                (None, ':') => {
                    let rest = line.get(at + 1..).unwrap_or_default();
                    let block = inside.iter().rev().find(|name| !name.is_empty()).map(String::as_str).unwrap_or_default();
                    if key == "host" && SERVING.contains(&block) {
                        host = literal(rest).map(|text| (inside.len(), text.to_owned()));
                        for at in ports.iter().filter(|_| host.is_some()) {
                            if let Some(Fact { what: What::Asked { host: own }, .. }) = found.facts.get_mut(*at) {
                                *own = host.as_ref().map(|(_, host)| host.clone());
                            }
                        }
                    }
                    if key == "port"
                        && SERVING.contains(&block)
                        && let Some((port, behind)) = said(rest)
                    {
                        let column = line.get(..at + 1 + behind).map_or(0, |before| before.chars().count()) + 1;
                        let told = host.as_ref().map(|(_, host)| host.clone());
                        let what = What::Asked { host: told };
                        let mut fact = Fact::new(
                            port,
                            what,
                            "the port of a development server's configuration",
                            number,
                            u32::try_from(column).unwrap_or(1),
                        );
                        fact.service = Some(block.to_owned());
                        fact.variable = rest.contains("process.env.PORT").then(|| "PORT".to_owned());
                        ports.push(found.facts.len());
                        found.facts.push(fact);
                    }
                }
                (None, _) if letter.is_alphanumeric() || letter == '_' => {
                    let starts = at == 0
                        || !line
                            .get(..at)
                            .and_then(|before| before.chars().next_back())
                            .is_some_and(|c| c.is_alphanumeric() || c == '_');
                    if starts {
                        key.clear();
                    }
                    key.push(letter);
                }
                _ => {}
            }
        }
        let proxies = inside.iter().any(|name| name == "proxy")
            || line.contains("proxy")
            || line.contains("target")
            || line.contains("destination");
        if proxies {
            found.urls(line, number, 1, Some("proxy"));
        }
    }
}

/// A port behind a colon, and where it stands: `3000`, `Number(process.env.PORT) || 3000`.
fn said(rest: &str) -> Option<(u16, usize)> {
    let value = rest.split([',', '}', ';']).next().unwrap_or(rest);
    let from = ["||", "??"].iter().find_map(|sign| value.rfind(sign).map(|at| at + sign.len()));
    // What is computed otherwise is not known.
    let from = match from {
        Some(from) if value.contains("env") => from,
        Some(_) => return None,
        None => 0,
    };
    let tail = value.get(from..)?;
    let blanks = tail.len() - tail.trim_start().len();
    let text = tail.trim().trim_end_matches(')').trim_matches(['\'', '"', '`']);
    port(text).map(|port| (port, from + blanks))
}

fn literal(rest: &str) -> Option<&str> {
    let rest = rest.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
    rest.get(1..)?.split(quote).next()
}

pub(super) fn without_comment(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with("//") || trimmed.starts_with('*') || trimmed.starts_with("/*") || trimmed.starts_with('#') {
        return "";
    }
    // Behind a colon it is a URL.
    let mut from = 0;
    while let Some(at) = line.get(from..).and_then(|rest| rest.find("//")).map(|at| at + from) {
        if !line.get(..at).is_some_and(|before| before.ends_with(':')) {
            return line.get(..at).unwrap_or(line);
        }
        from = at + 2;
    }
    line
}

/// Blocks whose `port` is that of a server.
const SERVING: &[&str] = &["server", "devServer", "preview", "dev"];
const LONGEST: usize = 2_000;
