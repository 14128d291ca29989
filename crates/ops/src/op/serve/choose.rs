//! From what was typed to a folder and how it is served.

use std::path::{Path, PathBuf};

use portward_keeper::{
    Secure, Site,
    files::{Listing, Login, Plan, Uploads},
    lease_of,
};
use portward_model::{Caller, ProjectIdentity, Text, hint};
use portward_store::LeaseName;
use portward_sys::{path_of, read_given, served::Served, text_of};

use super::{Log, Serve};
use crate::{Acts, Context, Failure};

/// What is served.
pub(super) struct Chosen {
    pub(super) site: Site,
    /// Where it is, as it is told.
    pub(super) root: Text,
}

/// What is served, and how.
///
/// # Errors
/// Where it is not there, and where something of what was typed makes no sense.
pub(super) fn site(cx: &Context<'_, Acts>, op: &Serve) -> Result<Chosen, Failure> {
    let path = in_folder(cx, op.path.as_deref());
    let shown = text_of(&path);
    let served = Served::open(&path).map_err(|error| {
        Failure::usage(format!("{shown} cannot be served: {error}.")).hint("portward serve DIR, or portward serve FILE")
    })?;
    let folder = served.path().to_owned();
    let root = match served.only() {
        Some(only) => text_of(&folder.join(path_of(&Text::new(only)))),
        None => text_of(&folder),
    };
    let identity = cx.machine.project_at(&folder)?;
    let (name, lease) = names(op, &root, identity.as_ref())?;
    let title = path_of(&root).file_name().map_or_else(|| "/".to_owned(), |name| name.to_string_lossy().into_owned());
    let plan = plan(cx, op, &served, title)?;
    let file = |path: &str| {
        let place = in_folder(cx, Some(path));
        read_given(&place, LONGEST_FILE).map_err(|error| unread(&place, &error))
    };
    let secure = match (&op.cert, &op.key) {
        (Some(cert), Some(key)) => Secure::Given(file(cert)?, file(key)?),
        _ if op.https => Secure::Own,
        _ => Secure::No,
    };
    let told = (op.log != Log::None, op.log == Log::Errors);
    let site = Site { served, identity, name, lease, plan, port: op.port, secure, told };
    Ok(Chosen { site, root })
}

/// Where a path leads that was typed.
fn in_folder(cx: &Context<'_, Acts>, path: Option<&str>) -> PathBuf {
    let folder = cx.caller.cwd.as_ref().map(path_of).unwrap_or_default();
    // The way is walked as the kernel would, `..` behind a link too.
    path.map_or_else(|| folder.clone(), |path| folder.join(path))
}

fn unread(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{} cannot be read: {error}.", text_of(path)))
}

/// What it is called, and the name of its lease: in a project its way from the root, so that two folders of a project have two ports.
fn names(op: &Serve, root: &Text, identity: Option<&ProjectIdentity>) -> Result<(String, String), Failure> {
    if let Some(name) = &op.name {
        let name: LeaseName = name.parse().map_err(|error| {
            Failure::usage(format!("`{}` cannot be its name: {error}.", Text::from(name.as_str()))).hint("--name docs")
        })?;
        return Ok((name.as_str().to_owned(), name.as_str().to_owned()));
    }
    let place = path_of(root);
    let last = place.file_name().map_or(Path::new("root"), Path::new);
    let Some(identity) = identity else {
        let name = plain(last);
        return Ok((name.clone(), lease_of(&name, root)));
    };
    let below = place.strip_prefix(path_of(&identity.project.root)).ok().filter(|below| !below.as_os_str().is_empty());
    let name = plain(below.unwrap_or(last));
    Ok((name.clone(), name))
}

/// A path as a name: what a name may not have is a dash.
fn plain(path: &Path) -> String {
    let text = path.to_string_lossy();
    let mut name = String::new();
    for c in text.chars() {
        let c = if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
        if c.is_ascii_alphanumeric() || !(name.is_empty() || (c == '-' && name.ends_with('-'))) {
            name.push(c);
        }
    }
    let name = name.trim_end_matches(['-', '.', '_']);
    // The end tells more than the beginning.
    let name = name.get(name.len().saturating_sub(LONGEST_NAME)..).unwrap_or(name).trim_start_matches(['-', '.', '_']);
    match name.parse::<LeaseName>() {
        Ok(name) => name.as_str().to_owned(),
        Err(_) if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) => format!("folder-{name}"),
        Err(_) => "folder".to_owned(),
    }
}

fn plan(cx: &Context<'_, Acts>, op: &Serve, served: &Served, title: String) -> Result<Plan, Failure> {
    let mut chosen = Plan { title, ..Plan::default() };
    if !op.index.is_empty() {
        chosen.index = op.index.iter().map(|name| named("index", name)).collect::<Result<_, _>>()?;
    }
    chosen.listing = match (op.list_only, op.no_list) {
        (true, _) => Listing::Only,
        (_, true) => Listing::Never,
        _ => Listing::Auto,
    };
    chosen.spa = op.spa.as_deref().map(|name| there("spa", name, served)).transpose()?;
    chosen.not_found = op.not_found.as_deref().map(|name| there("404", name, served)).transpose()?;
    chosen.extension = op.ext.as_deref().map(|word| named("ext", word.trim_start_matches('.'))).transpose()?;
    chosen.hidden = op.hidden;
    chosen.reload = op.reload;
    chosen.cors = op.cors;
    chosen.isolation = op.isolation;
    let limit = u64::from(op.upload_limit.unwrap_or(USUAL_LIMIT)) * 1_000_000;
    chosen.uploads = op.upload.then_some(Uploads { overwrite: op.overwrite, limit });
    if op.upload && served.only().is_some() {
        return Err(Failure::usage("One file is served, and --upload needs a folder.").hint("portward serve DIR --upload"));
    }
    chosen.login = login(cx, op)?;
    chosen.cache = op.cache;
    chosen.fields = fields(cx, op)?;
    chosen.compress = op.compress;
    chosen.exposed = op.expose;
    for name in &op.allow_host {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if name.is_empty() || !name.bytes().all(plain) {
            let shown = Text::from(name.as_str());
            return Err(
                Failure::usage(format!("`{shown}` is no name of a host.")).hint("--allow-host demo.example.com, without a port")
            );
        }
        chosen.hosts.push(name.clone());
    }
    Ok(chosen)
}

/// One name of a file, or the end of one.
fn named(flag: &str, name: &str) -> Result<Vec<u8>, Failure> {
    if name.is_empty() || matches!(name, "." | "..") || name.contains('/') {
        return Err(Failure::usage(format!("`{}` is no name for --{flag}, which takes one without a folder.", Text::from(name))));
    }
    Ok(name.as_bytes().to_vec())
}

/// A file of the folder, which has to be there.
fn there(flag: &str, name: &str, served: &Served) -> Result<Vec<u8>, Failure> {
    let path = name.trim_start_matches("./").trim_start_matches('/').as_bytes().to_vec();
    if served.find(&path, false).is_err() || path.is_empty() {
        let shown = Text::from(name);
        return Err(Failure::usage(format!("--{flag} names {shown}, and the folder has no such file.")).hint(hint!(
            "portward serve {} --{}=FILE    where the file is, from that folder",
            text_of(served.path()),
            flag.to_owned()
        )));
    }
    Ok(path)
}

/// Who may come in: by the flag, a file, or the environment.
fn login(cx: &Context<'_, Acts>, op: &Serve) -> Result<Option<Login>, Failure> {
    let told = match &op.auth {
        Some(word) => match word.strip_prefix('@') {
            Some(file) => {
                let place = in_folder(cx, Some(file));
                let bytes = read_given(&place, LONGEST_LOGIN).map_err(|error| unread(&place, &error))?;
                bytes.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end().to_vec()
            }
            None => word.clone().into_bytes(),
        },
        None => match cx.caller.variable(Caller::AUTH) {
            Some(value) => value.raw().to_vec(),
            None => return Ok(None),
        },
    };
    // What was typed is not repeated: it may be half a password.
    Login::new(&told).map(Some).ok_or_else(|| {
        Failure::usage("--auth takes a user and a password with a colon between them.")
            .hint("--auth ana:PASSWORD, or --auth @FILE")
    })
}

/// The fields of every answer.
fn fields(cx: &Context<'_, Acts>, op: &Serve) -> Result<Vec<(String, String)>, Failure> {
    let mut lines = Vec::new();
    if let Some(file) = &op.headers {
        let place = in_folder(cx, Some(file));
        let bytes = read_given(&place, LONGEST_FILE).map_err(|error| unread(&place, &error))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        lines.extend(text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned));
    }
    lines.extend(op.header.iter().cloned());
    lines.iter().map(|line| field(line)).collect()
}

fn field(line: &str) -> Result<(String, String), Failure> {
    let shown = Text::from(line);
    let wrong = |why: &str| Failure::usage(format!("`{shown}` is no field: {why}.")).hint("--header 'X-Robots-Tag: none'");
    let (name, value) = line.split_once(':').ok_or_else(|| wrong("it has no colon"))?;
    let (name, value) = (name.trim(), value.trim());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(wrong("its name has other characters than letters, digits and dashes"));
    }
    if value.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(wrong("its value has control characters"));
    }
    if FRAMING.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err(wrong("how an answer is framed is not for anybody to choose"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Fields by which the other side knows where an answer ends.
const FRAMING: [&str; 7] = ["Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade", "Date", "Content-Range"];
/// The longest name, so that a number fits behind it.
const LONGEST_NAME: usize = 55;
/// The longest file of a certificate, or of fields, in bytes.
const LONGEST_FILE: u64 = 1024 * 1024;
/// The longest user and password, in bytes.
const LONGEST_LOGIN: u64 = 4096;
/// Megabytes that one request may bring.
const USUAL_LIMIT: u32 = 1024;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{field, plain};

    #[test]
    fn names_of_folders() {
        let of = |path: &str| plain(Path::new(path));
        assert_eq!(of("dist"), "dist");
        assert_eq!(of("packages/a b/dist"), "packages-a-b-dist");
        assert_eq!(of("2024"), "folder-2024");
        assert_eq!(of("-x-"), "x");
        assert_eq!(of("..."), "folder");
        assert_eq!(of("größe/.x"), "gr-e-.x");
        assert!(of(&"a/".repeat(99)).len() <= 55);
    }

    #[test]
    fn fields_that_may_be_sent() {
        assert_eq!(field("X-A:b: c ").unwrap(), ("X-A".to_owned(), "b: c".to_owned()));
        for wrong in ["x", ": x", "a b: c", "Content-Length: 5", "transfer-encoding: chunked", "X: a\r\nY: b", "X-Ü: a"] {
            assert!(field(wrong).is_err(), "{wrong:?}");
        }
    }
}
