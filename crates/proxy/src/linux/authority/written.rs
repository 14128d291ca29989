//! An authority as it is written down: one file with its key and its certificate, whole or not at all.
//!
//! The first line says until when it lasts, the second what all that follows is known by, so that a half-written or changed file is
//! noticed, wherever it was changed.

use std::{
    io,
    time::{Duration, UNIX_EPOCH},
};

use portward_sys::{StateFolder, digest, fingerprint};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{Authority, DIGITS, NAME, Past, Unusable};

/// Why there is none to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    Absent,
    Damaged,
}

/// What stands in a folder.
pub(super) fn read(folder: &StateFolder) -> Result<Result<Authority, Lack>, Unusable> {
    if !folder.is_private(FILE)? {
        return Err(Unusable::Open(folder.file(FILE)));
    }
    let Some(bytes) = folder.read(FILE)? else { return Ok(Err(Lack::Absent)) };
    Ok(parse(&bytes).ok_or(Lack::Damaged))
}

/// Writes it down, its certificate first: what was trusted can be taken back, whatever happens in between.
pub(super) fn write(folder: &StateFolder, authority: &Authority) -> io::Result<()> {
    folder.replace(&certificate_file(&authority.fingerprint()), authority.pem.as_bytes())?;
    folder.replace(FILE, text(authority).as_bytes())
}

pub(super) fn forget(folder: &StateFolder) -> io::Result<()> {
    folder.remove(FILE)
}

/// The file of a certificate, by its fingerprint.
pub(super) fn certificate_file(fingerprint: &str) -> String {
    format!("{CERTIFICATE}{fingerprint}{PEM}")
}

/// Every certificate here that is what its name says.
pub(super) fn all(folder: &StateFolder) -> Vec<Past> {
    let mut files = folder.names(CERTIFICATE, PEM);
    files.sort();
    let past = |file: String| {
        let pem = String::from_utf8(folder.read(&file).ok()??).ok()?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        let fingerprint = fingerprint(&der);
        (certificate_file(&fingerprint) == file).then_some(())?;
        let name = name_in(&der)?;
        Some(Past { file, pem, fingerprint, name })
    };
    files.into_iter().filter_map(past).collect()
}

/// The name that a certificate of ours carries, which is twice in it: as its own and as its signer's.
fn name_in(der: &[u8]) -> Option<String> {
    let at = der.windows(NAME.len()).position(|part| part == NAME.as_bytes())?;
    let name = der.get(at..at + NAME.len() + DIGITS)?;
    String::from_utf8(name.to_vec()).ok()
}

fn text(authority: &Authority) -> String {
    let until = authority.until.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (key, pem) = (authority.key.serialize_pem(), &authority.pem);
    format!("{UNTIL}{until}\n{KNOWN_BY}{}\n{key}{pem}", digest(&[until.to_string().as_bytes(), key.as_bytes(), pem.as_bytes()]))
}

fn parse(bytes: &[u8]) -> Option<Authority> {
    let text = str::from_utf8(bytes).ok()?;
    let (until, rest) = text.strip_prefix(UNTIL)?.split_once('\n')?;
    let (known_by, rest) = rest.strip_prefix(KNOWN_BY)?.split_once('\n')?;
    let (key, pem) = rest.split_at_checked(rest.find(BEGIN_CERTIFICATE)?)?;
    (digest(&[until.as_bytes(), key.as_bytes(), pem.as_bytes()]) == known_by).then_some(())?;
    Authority::read(key, pem, UNIX_EPOCH.checked_add(Duration::from_secs(until.parse().ok()?))?)
}

const FILE: &str = Authority::FILE;
const CERTIFICATE: &str = "certificate-";
const PEM: &str = ".pem";
const UNTIL: &str = "Until: ";
const KNOWN_BY: &str = "Known-By: ";
const BEGIN_CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";
