//! The certificates that an authority signs: one for each name, made when a client asks for it, and kept in memory alone.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::{
    crypto::ring::sign::any_ecdsa_type,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{Authority, key_der, lasting, own_params};

/// Certificates by name.
pub(super) struct Leaves {
    authority: Arc<Authority>,
    /// Names that the authority may not sign.
    beyond: Vec<String>,
    made: Mutex<HashMap<String, (Arc<CertifiedKey>, SystemTime)>>,
}

impl Leaves {
    pub(super) fn new(authority: Arc<Authority>, beyond: Vec<String>) -> Self {
        Self { authority, beyond, made: Mutex::default() }
    }

    /// The certificate for a name; `None` for one that is not this machine's.
    pub(super) fn of(&self, name: Option<&str>, now: SystemTime) -> Option<Arc<CertifiedKey>> {
        let name = name.unwrap_or(LOCALHOST).to_ascii_lowercase();
        let is_ours = is_local(&name) || self.beyond.contains(&name);
        is_ours.then_some(())?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((leaf, renewed)) = made.get(&name)
            && now < *renewed
        {
            return Some(Arc::clone(leaf));
        }
        let leaf = Arc::new(self.authority.sign(&name, now)?);
        // Whoever asks for ever other names gets them, and takes no memory.
        if made.len() >= MOST_NAMES {
            made.clear();
        }
        made.insert(name, (Arc::clone(&leaf), now + LIFE / 2));
        Some(leaf)
    }
}

impl fmt::Debug for Leaves {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Leaves").field("beyond", &self.beyond).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Leaves {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.of(hello.server_name(), SystemTime::now())
    }
}

impl Authority {
    /// A certificate for one name, with a key of its own; whether it is one that the authority may sign is its reader's to judge.
    pub(super) fn sign(&self, name: &str, now: SystemTime) -> Option<CertifiedKey> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).ok()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Portward, for this machine alone");
        params.subject_alt_names = vec![SanType::DnsName(name.try_into().ok()?)];
        if name == LOCALHOST {
            let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            params.subject_alt_names.extend(loopback.map(SanType::IpAddress));
        }
        params.is_ca = IsCa::NoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        lasting(&mut params, now, now + LIFE);
        let own = own_params(&self.key);
        let leaf = params.signed_by(&key, &Issuer::from_params(&own, &self.key)).ok()?;
        let signer = any_ecdsa_type(&key_der(&key)?).ok()?;
        // The authority's own comes along: some clients look for it by what they are shown.
        Some(CertifiedKey::new(vec![leaf.der().clone(), self.certificate.clone()], signer))
    }
}

/// True for names that lead to this machine: `localhost`, and what is below `.localhost` and `.test`.
fn is_local(name: &str) -> bool {
    let below = |top: &str| name.strip_suffix(top).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'));
    name == LOCALHOST || below(LOCALHOST) || below("test")
}

const LOCALHOST: &str = "localhost";
/// How long a certificate lasts; another takes its place in the middle of that.
const LIFE: Duration = Duration::from_hours(24 * 30);
/// Names whose certificates are kept at once.
const MOST_NAMES: usize = 256;
