//! The certificate authority of the caller: where it is, and what is said where it cannot be used.

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use portward_model::{Caller, Failure, Kind, hint};
use portward_proxy::{Authority, Origin, Unusable};
use portward_sys::{
    Acts, Context, Rights, StateFolder, text_of,
    trusting::{self, Anchor},
};

/// How a server speaks TLS.
pub enum Secure {
    /// Not at all.
    No,
    /// With these certificates and the key to the first, in PEM.
    Given(Vec<u8>, Vec<u8>),
    /// With certificates that the caller's own authority signs.
    Own,
}

/// The authority that signs what a server shows.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The file of its certificate.
    pub certificate: PathBuf,
    /// SHA-256 of that certificate, as hexadecimal digits.
    pub fingerprint: String,
    /// True where it is written down that its user trusts it.
    pub trusted: bool,
    /// How it came to be there.
    pub origin: Origin,
}

/// The folder of a caller's authority.
pub fn authority_folder(caller: &Caller) -> StateFolder {
    StateFolder::find(caller).below(FOLDER)
}

/// The caller's authority, made where there is none.
///
/// # Errors
/// Where others may have read its key, and where its folder cannot be written.
pub fn authority(cx: &Context<'_, Acts>) -> Result<(Arc<Authority>, Signed), Failure> {
    let folder = authority_folder(cx.caller);
    let (authority, origin) = Authority::of(&folder, cx.clock.wall()).map_err(|error| unusable(&folder, &error))?;
    let signed = signed(&folder, &authority, origin);
    Ok((Arc::new(authority), signed))
}

/// The same where there is one; nothing is made.
///
/// # Errors
/// As above.
pub fn authority_there<R: Rights>(cx: &Context<'_, R>) -> Result<Option<(Arc<Authority>, Signed)>, Failure> {
    let folder = authority_folder(cx.caller);
    let there = Authority::there(&folder, cx.clock.wall()).map_err(|error| unusable(&folder, &error))?;
    Ok(there.map(|authority| {
        let signed = signed(&folder, &authority, Origin::There);
        (Arc::new(authority), signed)
    }))
}

fn signed(folder: &StateFolder, authority: &Authority, origin: Origin) -> Signed {
    let fingerprint = authority.fingerprint();
    let trusted = trusting::is_trusted(folder, &fingerprint);
    Signed { certificate: folder.file(&authority.file()), fingerprint, trusted, origin }
}

/// Why there is no authority.
pub fn unusable(folder: &StateFolder, error: &Unusable) -> Failure {
    let shown = text_of(&folder.path);
    match error {
        Unusable::Open(file) => {
            let file = text_of(file);
            let failure = Failure::system(format!(
                "{file} holds the key of your certificate authority and is open to other users: they may know it, so it is not used."
            ));
            Failure { kind: Kind::Denied, ..failure }
                .hint("portward trust --remove    takes it back everywhere and throws it away; portward trust makes another")
        }
        Unusable::Busy => Failure::system(format!(
            "Another process has been making the certificate authority in {shown} for 10 s and does not end."
        ))
        .hint(hint!("fuser -v {}/authority.lock    says which", shown)),
        Unusable::Failed(error) => {
            Failure::system(format!("The certificate authority in {shown} cannot be read or written: {error}."))
                .hint(hint!("ls -ld {}", shown))
        }
    }
}

/// What a program that starts is told of the authority, where its user trusts it: the variables for it, without those that `own` has.
pub fn told_of_authority(cx: &Context<'_, Acts>, own: &[(OsString, OsString)]) -> Vec<(OsString, OsString)> {
    let folder = authority_folder(cx.caller);
    // Mostly nobody trusts any, and a start costs no more than a look.
    if !trusting::trusts_any(&folder) {
        return Vec::new();
    }
    // A program starts without it, too; who asks for HTTPS is told why.
    let Ok(Some((authority, signed))) = authority_there(cx) else { return Vec::new() };
    if !signed.trusted {
        return Vec::new();
    }
    let mut variables = with_anchor(&authority, &signed, |anchor| trusting::variables(&folder, anchor)).unwrap_or_default();
    variables.retain(|(name, _)| !own.iter().any(|(theirs, value)| theirs == name && !value.is_empty()));
    variables
}

/// Its certificate, as stores take it.
pub fn with_anchor<T>(authority: &Authority, signed: &Signed, each: impl FnOnce(&Anchor<'_>) -> T) -> T {
    let (name, alias) = (authority.name(), alias(&signed.fingerprint));
    let (pem, fingerprint) = (authority.pem(), signed.fingerprint.as_str());
    each(&Anchor { file: &signed.certificate, pem, name: &name, alias: &alias, fingerprint })
}

/// The name of a certificate in files and lists, which no other has.
pub fn alias(fingerprint: &str) -> String {
    format!("portward-{}", fingerprint.get(..16).unwrap_or(fingerprint))
}

/// Its folder in the state folder.
const FOLDER: &str = "authority";
