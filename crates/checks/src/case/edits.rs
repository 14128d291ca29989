//! Lines of files to change, where the files prove that it is the line.
//!
//! An edit changes one word of one line. It is made only where the whole line is known (no secret stands in it), the
//! word stands in it exactly once, and no other line could be meant.

use std::net::IpAddr;

use portward_model::{Edit, Hint, Mention, MentionKind, Process, Remedy, ShellLine, Text, unmap};

use super::{Asking, Case, kin, words};
use crate::program::{self, Program};

/// Writing `then` for `now` in this very line; `None` where the line does not hold it exactly once.
pub(crate) fn in_line(case: &Case<'_>, mention: &Mention, now: &str, then: &str, title: &str) -> Option<Remedy> {
    let (whole, line) = changed(mention, now, then)?;
    Some(fix(case, title, Edit { file: mention.file.clone(), line: mention.line, now: whole, then: vec![line], after: None }))
}

/// Writing `then` for `now` in the one line that names the port and holds it; `None` where several could be meant.
pub(crate) fn in_files(case: &Case<'_>, now: &str, then: &str, title: &str) -> Option<Remedy> {
    let mut lines = kin::mentions(case).filter(|mention| changed(mention, now, then).is_some());
    let (mention, None) = (lines.next()?, lines.next()) else { return None };
    in_line(case, mention, now, then, title)
}

/// Letting a server listen on another address, by the one line of its own files that says where it listens now.
///
/// The line must set an address to listen on, hold the one that the kernel shows (or `localhost`), and stand in a file
/// that the server was started with or that its project and its product share.
pub(crate) fn listen_on(case: &Case<'_>, index: usize, to: IpAddr, title: &str) -> Option<Remedy> {
    let process = case.holder(index)?;
    let from = unmap(case.snapshot.sockets.get(index)?.address()?);
    let candidates = case.exam.mentions.iter().filter(|mention| reads(case, process, mention) && sets_address(mention, from));
    let mut places = candidates.filter_map(|mention| Some((mention, readdressed(mention, from, to)?)));
    let ((mention, (now, then)), None) = (places.next()?, places.next()) else { return None };
    let after = Some(Hint::told(&format!("start {} anew", words::named(process))));
    Some(fix(case, title, Edit { file: mention.file.clone(), line: mention.line, now, then: vec![then], after }))
}

/// A repair that Portward does itself.
pub(crate) fn fix(case: &Case<'_>, title: &str, edit: Edit) -> Remedy {
    Remedy::edit(title, edit, command(case))
}

/// `portward doctor 127.0.0.1:5173 --fix`
fn command(case: &Case<'_>) -> ShellLine {
    let fix = if case.asked.asking == Asking::Listen { "--bind --fix" } else { "--fix" };
    let at = match case.asked.addresses.first() {
        Some(address) if case.asked.path.is_none() && case.asked.host_given => {
            Text::new(words::address(*address, case.asked.port))
        }
        _ => words::target(case),
    };
    ShellLine::from("portward doctor").word(at).then(fix)
}

/// The whole line and what becomes of it.
fn changed(mention: &Mention, now: &str, then: &str) -> Option<(Text, Text)> {
    let whole = mention.whole.as_ref()?;
    let line = std::str::from_utf8(whole.raw()).ok()?;
    let (at, None) = (starts(line, now).next()?, starts(line, now).nth(1)) else { return None };
    let (before, rest) = line.split_at_checked(at)?;
    let after = rest.get(now.len()..)?;
    Some((whole.clone(), Text::from(format!("{before}{then}{after}").as_str())))
}

/// Where a word stands whole: `3000` in `:3000`, not in `13000` or `3000.5`; `::1` not in `fe80::1`.
fn starts<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let joins = move |c: char| c.is_alphanumeric() || matches!(c, '_' | '.') || (c == ':' && word.contains("::"));
    line.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = line.get(..*at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(joins) && !after.is_some_and(joins)
    })
}

/// The whole line, and the line with one address instead of the other; an IPv6 address stands in brackets where a port
/// follows.
fn readdressed(mention: &Mention, from: IpAddr, to: IpAddr) -> Option<(Text, Text)> {
    let whole = mention.whole.as_ref()?;
    let line = std::str::from_utf8(whole.raw()).ok()?;
    let plain = from.to_string();
    let named = ["localhost"].into_iter().filter(|_| from.is_loopback());
    let mut places = named.chain([plain.as_str()]).flat_map(|word| starts(line, word).map(move |at| (at, word)));
    let ((at, word), None) = (places.next()?, places.next()) else { return None };
    let (before, after) = (line.get(..at)?, line.get(at + word.len()..)?);
    let (before, after) = before.strip_suffix('[').zip(after.strip_prefix(']')).unwrap_or((before, after));
    let to = if to.is_ipv6() && after.starts_with(':') { format!("[{to}]") } else { to.to_string() };
    Some((whole.clone(), Text::from(format!("{before}{to}{after}").as_str())))
}

/// True where the line sets the address that a server listens on, and it is this one.
fn sets_address(mention: &Mention, from: IpAddr) -> bool {
    let Some(line) = mention.whole.as_ref().and_then(|whole| std::str::from_utf8(whole.raw()).ok()) else { return false };
    if mention.port == 0 {
        return true;
    }
    let known = |text: &str| starts(line, text).next();
    let Some(at) = known(&from.to_string()).or_else(|| known("localhost").filter(|_| from.is_loopback())) else { return false };
    let before = line.get(..at).unwrap_or_default();
    // A URL is dialled, not listened on.
    if before.ends_with("//") || before.ends_with('@') || mention.kind == MentionKind::Compose {
        return false;
    }
    let before = before.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let last = before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default();
    let is_option = before.strip_suffix(last).is_some_and(|rest| rest.ends_with('-'));
    LISTENING.contains(&last) || (is_option && OPTIONS.contains(&last))
}

/// True where a server was started with this file, or its folder and product say that it reads it.
fn reads(case: &Case<'_>, process: &Process, mention: &Mention) -> bool {
    let file = mention.file.raw();
    let named = |argument: &Text| argument.raw().windows(file.len().max(1)).any(|part| part == file);
    if process.argv.known().is_some_and(|argv| argv.arguments().iter().any(named)) {
        return true;
    }
    let Some((folder, name)) = split(file) else { return false };
    let in_project = kin::project(case, process).is_some_and(|project| project.raw() == folder)
        || process.cwd.known().is_some_and(|cwd| cwd.raw() == folder);
    let has_file = |known: &Program| known.files.iter().any(|file| name.starts_with(file.as_bytes()));
    match program::all().find(|known| has_file(known)) {
        Some(known) => in_project && known.is(process),
        // A script or an environment that names the very port and address is the project's own.
        None => in_project && mention.port != 0,
    }
}

fn split(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = file.iter().rposition(|b| *b == b'/')?;
    Some((file.get(..slash)?, file.get(slash + 1..)?))
}

/// Names that set the address to listen on.
const LISTENING: &[&str] = &[
    "host",
    "HOST",
    "hostname",
    "bind",
    "BIND",
    "listen",
    "LISTEN",
    "ListenStream",
    "runserver",
    "BIND_ADDRESS",
    "LISTEN_ADDRESS",
];
/// Options of one letter that do.
const OPTIONS: &[&str] = &["H", "b"];

#[cfg(test)]
mod tests {
    use portward_model::{Mention, MentionKind, Text};

    use super::{in_files, listen_on, readdressed, starts};
    use crate::{
        case::scene::Scene,
        fixture::{held, listener},
    };

    fn line(text: &str) -> Mention {
        let whole = Some(Text::from(text));
        Mention { file: "/f".into(), line: 1, text: text.into(), whole, kind: MentionKind::Server, port: 5173 }
    }

    #[test]
    fn a_word_stands_whole() {
        assert_eq!(starts("PORT=3000 13000 30001 3000.5 v3000", "3000").collect::<Vec<_>>(), [5]);
        assert_eq!(starts("fe80::1 [::1]:1", "::1").collect::<Vec<_>>(), [9]);
    }

    #[test]
    fn an_address_takes_the_place_of_another() {
        let becomes = |text: &str, from: &str, to: &str| {
            readdressed(&line(text), from.parse().unwrap(), to.parse().unwrap()).map(|(_, then)| then.shown())
        };
        for (text, from, to, then) in [
            ("host: '::1',", "::1", "127.0.0.1", Some("host: '127.0.0.1',")),
            ("listen [::1]:5173;", "::1", "127.0.0.1", Some("listen 127.0.0.1:5173;")),
            ("listen 127.0.0.1:5173;", "127.0.0.1", "::1", Some("listen [::1]:5173;")),
            ("listen 127.0.0.1:5173;", "127.0.0.1", "0.0.0.0", Some("listen 0.0.0.0:5173;")),
            ("host: 'localhost', port: 5173", "::1", "127.0.0.1", Some("host: '127.0.0.1', port: 5173")),
            ("bind localhost:5173", "127.0.0.1", "::1", Some("bind [::1]:5173")),
            ("host: '127.0.0.1', // 127.0.0.1", "127.0.0.1", "0.0.0.0", None),
            ("host: '10.0.0.1'", "127.0.0.1", "0.0.0.0", None),
        ] {
            assert_eq!(becomes(text, from, to).as_deref(), then, "{text}");
        }
    }

    #[test]
    fn only_the_one_line_of_the_servers_own_file_is_changed() {
        let scene = |file: &str, text: &str| {
            Scene::on(held(listener("::1", 5173)), "127.0.0.1:5173").mention(MentionKind::Server, file, 3, text, 5173)
        };
        let edit = |scene: &Scene| {
            let fix = listen_on(&scene.case(), 0, "127.0.0.1".parse().unwrap(), "title")?;
            fix.edits().map(|edit| edit.then[0].shown())
        };
        let own = |text: &str| scene("/home/ana/shop/nginx.conf", text);
        assert_eq!(edit(&own("listen [::1]:5173;")).as_deref(), Some("listen 127.0.0.1:5173;"));
        // What a client dials, another server's file, a line beside it, a line that was masked.
        assert_eq!(edit(&own("proxy_pass http://[::1]:5173;")), None);
        assert_eq!(edit(&own("upstream [::1]:5173;")), None);
        assert_eq!(edit(&scene("/elsewhere/nginx.conf", "listen [::1]:5173;")), None);
        assert_eq!(edit(&scene("/home/ana/shop/redis.conf", "bind ::1")), None, "vite reads no redis.conf");
        let vite = "/home/ana/shop/vite.config.ts";
        assert_eq!(edit(&scene(vite, "server: { host: '::1' },")).as_deref(), Some("server: { host: '127.0.0.1' },"));
        let twice = own("listen [::1]:5173;").mention(MentionKind::Server, vite, 9, "server: { host: '::1' }", 5173);
        assert_eq!(edit(&twice), None);
        assert_eq!(edit(&own("listen [::1]:5173;").but(|scene| scene.exam.mentions[0].whole = None)), None);
    }

    #[test]
    fn a_port_is_changed_where_one_line_names_it() {
        let scene = Scene::connect("127.0.0.1:5173").mention(MentionKind::Environment, "/p/.env", 3, "PORT=5173", 5173);
        let fix = in_files(&scene.case(), "5173", "5174", "title").unwrap();
        assert_eq!(fix.line(), "portward doctor 127.0.0.1:5173 --fix");
        let edit = fix.edits().unwrap();
        assert_eq!((edit.now.shown(), edit.then[0].shown()), ("PORT=5173".to_owned(), "PORT=5174".to_owned()));
        let two = scene.mention(MentionKind::Environment, "/p/.env.local", 1, "PORT=5173", 5173);
        assert!(in_files(&two.case(), "5173", "5174", "title").is_none());
    }
}
