//! What is written down of an authority: that its user trusts it, and what programs are told of it.

use std::{ffi::OsString, io, path::PathBuf};

use super::{Anchor, bundle};
use crate::StateFolder;

/// True where it is written down that its user trusts the authority with this fingerprint.
pub fn is_trusted(folder: &StateFolder, fingerprint: &str) -> bool {
    let name = record(fingerprint);
    folder.is_private(&name).unwrap_or(false) && folder.mark(&name).is_some()
}

/// True where it is written down of any authority in this folder.
pub fn trusts_any(folder: &StateFolder) -> bool {
    !folder.names(RECORD, "").is_empty()
}

/// Writes down that its user trusts it, and where it was put.
///
/// # Errors
/// Where the folder cannot be written.
pub fn note(folder: &StateFolder, anchor: &Anchor<'_>, places: &[String]) -> io::Result<()> {
    folder.replace(&record(anchor.fingerprint), places.join("\n").as_bytes())
}

/// Where it was put, as that was written down.
pub fn noted(folder: &StateFolder, fingerprint: &str) -> Vec<String> {
    let bytes = folder.read(&record(fingerprint)).ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
}

/// Writes down that it is trusted no more. A file with the system's authorities stays where one was made, without this one: programs that
/// run were told of it.
///
/// # Errors
/// Where the folder cannot be written.
pub fn forget(folder: &StateFolder, fingerprint: &str) -> io::Result<()> {
    folder.remove(&record(fingerprint))?;
    bundle::empty(folder, fingerprint)
}

/// The variables by which programs learn of an authority beside the system's: Node adds its file to those that it has; OpenSSL (with Python
/// and Ruby), Go, requests and curl are told one file in the place of all.
///
/// # Errors
/// Where that file cannot be made.
pub fn variables(folder: &StateFolder, anchor: &Anchor<'_>) -> io::Result<Vec<(OsString, OsString)>> {
    let set = |name: &str, path: PathBuf| (OsString::from(name), path.into_os_string());
    let mut variables = vec![set(ADDS, anchor.file.to_owned())];
    if let Some(bundle) = bundle::bundle(folder, anchor)? {
        variables.extend(REPLACES.iter().map(|name| set(name, folder.file(&bundle))));
    }
    Ok(variables)
}

fn record(fingerprint: &str) -> String {
    format!("{RECORD}{fingerprint}")
}

const RECORD: &str = "trusted-";
/// Of Node and what is made with it: a file beside its own authorities.
const ADDS: &str = "NODE_EXTRA_CA_CERTS";
/// A file in the place of all: of OpenSSL and Go, of Python's requests, of curl.
const REPLACES: [&str; 3] = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
