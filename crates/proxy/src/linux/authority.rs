//! The certificate authority of one user, for names that lead to this machine alone.
//!
//! It is made once, when it is first wanted, and stands in one file with its key: both are there, or neither. What its certificate says
//! keeps it to `localhost`, names below `.localhost` and `.test` (RFC 6761) and the addresses of the loopback: whoever steals the key can
//! sign nothing else that a careful client believes. `.home.arpa` is not among them (RFC 8375): those names are other machines.
//!
//! The certificates of all authorities that there were stay beside it, so that each can be taken back by what it was.

mod leaves;
mod witness;
mod written;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portward_sys::{StateFolder, fingerprint};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, PublicKeyData, date_time_ymd,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use leaves::Leaves;
pub use witness::Witness;

/// A certificate authority, with its key.
pub struct Authority {
    key: KeyPair,
    certificate: CertificateDer<'static>,
    pem: String,
    until: SystemTime,
}

/// What is known of an authority whose key may be gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// The file of its certificate.
    pub file: String,
    /// The certificate, in PEM.
    pub pem: String,
    /// SHA-256 of it, as hexadecimal digits.
    pub fingerprint: String,
    /// What it is called in lists of authorities.
    pub name: String,
}

/// How an authority came to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was there.
    There,
    /// It was made now, the first one of its user.
    Made,
    /// It was made now in the place of another; why, as the end of a sentence.
    Anew(String),
}

/// Why there is no authority.
#[derive(Debug)]
pub enum Unusable {
    /// Other users may have read its key.
    Open(std::path::PathBuf),
    /// Another process is making it, and does not end.
    Busy,
    /// Its folder or its file cannot be read or written.
    Failed(std::io::Error),
}

impl From<std::io::Error> for Unusable {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Authority {
    /// The file in its folder that holds its key.
    pub const FILE: &str = "authority.pem";

    /// The authority in this folder; the first one is made, and one that is damaged or near its end gives way to another. Two that ask at
    /// once get the same one.
    ///
    /// # Errors
    /// Where its key was open to others, and where the folder cannot be written.
    pub fn of(folder: &StateFolder, now: SystemTime) -> Result<(Self, Origin), Unusable> {
        folder.prepare()?;
        if let Ok(found) = written::read(folder)?
            && found.lasts(now)
        {
            return Ok((found, Origin::There));
        }
        let whole = || written::read(folder).is_ok_and(|read| read.is_ok_and(|found| found.lasts(now)));
        let turn = folder.turn(TURN, PATIENCE, &whole)?;
        // Another process may have made it meanwhile.
        let why = match written::read(folder)? {
            Ok(found) if found.lasts(now) => return Ok((found, Origin::There)),
            Ok(_) => Origin::Anew("its time is over".to_owned()),
            Err(written::Lack::Absent) => Origin::Made,
            Err(written::Lack::Damaged) => Origin::Anew("its file was damaged".to_owned()),
        };
        let Some(_turn) = turn else { return Err(Unusable::Busy) };
        let made = Self::make(now).map_err(|error| Unusable::Failed(std::io::Error::other(error)))?;
        written::write(folder, &made)?;
        Ok((made, why))
    }

    /// The authority in this folder; `None` where there is none that can be used. Nothing is made.
    ///
    /// # Errors
    /// Where its key was open to others, and where the folder cannot be read.
    pub fn there(folder: &StateFolder, now: SystemTime) -> Result<Option<Self>, Unusable> {
        match folder.inspect() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            inspected => inspected?,
        }
        Ok(written::read(folder)?.ok().filter(|found| found.lasts(now)))
    }

    /// The certificates of all authorities that there were in this folder, this one's among them: each with the name of its file.
    pub fn all(folder: &StateFolder) -> Vec<Past> {
        written::all(folder)
    }

    /// Makes the authority in this folder void: its key is gone, and nothing can be signed with it any more.
    ///
    /// # Errors
    /// Where the file cannot be removed.
    pub fn forget(folder: &StateFolder) -> std::io::Result<()> {
        written::forget(folder)
    }

    fn make(now: SystemTime) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let until = now + LIFE;
        let mut params = own_params(&key);
        lasting(&mut params, now, until);
        let names = ["localhost", "test"].map(|name| GeneralSubtree::DnsName(name.to_owned()));
        let addresses = [
            CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0]),
            CidrSubnet::V6([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], [255; 16]),
        ];
        let addresses = addresses.map(GeneralSubtree::IpAddress);
        let permitted_subtrees = names.into_iter().chain(addresses).collect();
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
        let certificate = params.self_signed(&key)?;
        Ok(Self { key, pem: certificate.pem(), certificate: certificate.der().clone(), until })
    }

    /// From its two parts in PEM; `None` where they are not whole, or do not belong together.
    fn read(key: &str, pem: &str, until: SystemTime) -> Option<Self> {
        let key = KeyPair::from_pem(key).ok()?;
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        let public = key.subject_public_key_info();
        certificate.windows(public.len()).any(|part| part == public).then_some(())?;
        Some(Self { key, certificate, pem: pem.to_owned(), until })
    }

    fn lasts(&self, now: SystemTime) -> bool {
        now + RENEWED < self.until
    }

    /// Its certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// SHA-256 of its certificate, as hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.certificate)
    }

    /// The file in its folder that holds its certificate alone.
    pub fn file(&self) -> String {
        written::certificate_file(&self.fingerprint())
    }

    /// What it is called in lists of authorities.
    pub fn name(&self) -> String {
        name_of(&self.key)
    }

    /// What a server shows of itself: for each name that a client asks for, a certificate of its own; for `localhost`, and for who asks for no
    /// name, one with the addresses of the loopback. Names that are not this machine's get none.
    ///
    /// # Errors
    /// In words; the library's own.
    pub fn server(self: Arc<Self>) -> Result<Arc<ServerConfig>, String> {
        self.config(Vec::new())
    }

    /// The same, and for these names, too, which it may not sign: a careful client refuses them.
    ///
    /// # Errors
    /// In words; the library's own.
    pub fn trial(self: Arc<Self>, beyond: &[&str]) -> Result<Arc<ServerConfig>, String> {
        self.config(beyond.iter().map(|&name| name.to_owned()).collect())
    }

    fn config(self: Arc<Self>, beyond: Vec<String>) -> Result<Arc<ServerConfig>, String> {
        let leaves = Leaves::new(self, beyond);
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(leaves));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// What follows from the key alone, and is the same when the authority is read: its name, and what it may do.
fn own_params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Portward");
    params.distinguished_name.push(DnType::CommonName, name_of(key));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn name_of(key: &KeyPair) -> String {
    let digits = fingerprint(&key.subject_public_key_info());
    format!("{NAME}{}", digits.get(..DIGITS).unwrap_or(&digits))
}

/// From when a certificate is valid, and until when: in whole seconds, as certificates have them.
fn lasting(params: &mut CertificateParams, now: SystemTime, until: SystemTime) {
    let since = |moment: SystemTime| Duration::from_secs(moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
    params.not_before = date_time_ymd(1970, 1, 1) + since(now - BEFORE);
    params.not_after = date_time_ymd(1970, 1, 1) + since(until);
}

/// Its key, in a file or a message.
fn key_der(key: &KeyPair) -> Option<PrivateKeyDer<'static>> {
    PrivateKeyDer::try_from(key.serialize_der()).ok()
}

/// What authorities of ours are called, before the digits of their key.
const NAME: &str = "Portward local authority ";
/// So many digits of it.
const DIGITS: usize = 12;
/// The lock under which it is made.
const TURN: &str = "authority.lock";
/// How long another process may take to make it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it lasts.
const LIFE: Duration = Duration::from_hours(24 * 3650);
/// How long before its end another takes its place: longer than any certificate lasts that it signs.
const RENEWED: Duration = Duration::from_hours(24 * 60);
/// How far the clocks of two machines may be apart.
const BEFORE: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests;
