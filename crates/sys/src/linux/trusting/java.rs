//! The store of the Java in the path.

use std::{io, path::Path, time::Duration};

use super::{Anchor, Holds, Mounts, Refused, Store, done};
use crate::linux::programs;

pub(super) fn all() -> Option<Store> {
    let keytool = programs::find("keytool")?;
    let mounts = Mounts::patient();
    // `bin/keytool` and `lib/security/cacerts` stand below one folder, wherever the links lead that people start it by.
    let home = mounts.find(&keytool).ok().and_then(|place| Some(place.path().parent()?.parent()?.to_owned()));
    let keystore = home.and_then(|home| Some(mounts.find(&home.join("lib/security/cacerts")).ok()?.path().to_owned()));
    Some(Store::Java { keystore, keytool })
}

pub(super) fn holds(keytool: &Path, anchor: &Anchor<'_>) -> Holds {
    match done(keytool, &[&["-list", "-rfc"], &own(anchor)[..]].concat(), PATIENCE) {
        Ok(pem) if anchor.is(&pem) => Holds::It,
        Ok(_) => Holds::Another,
        Err(Refused::Said(words)) if words.contains("does not exist") => Holds::Not,
        Err(refused) => Holds::Unknown(refused),
    }
}

pub(super) fn add(keystore: Option<&Path>, keytool: &Path, anchor: &Anchor<'_>) -> Result<(), Refused> {
    may_write(keystore)?;
    let file = anchor.file.to_string_lossy();
    done(keytool, &[&["-importcert", "-noprompt", "-file", &file], &own(anchor)[..]].concat(), PATIENCE).map(drop)
}

pub(super) fn remove(keystore: Option<&Path>, keytool: &Path, anchor: &Anchor<'_>) -> Result<(), Refused> {
    may_write(keystore)?;
    done(keytool, &[&["-delete"], &own(anchor)[..]].concat(), PATIENCE).map(drop)
}

fn may_write(keystore: Option<&Path>) -> Result<(), Refused> {
    let Some(keystore) = keystore else { return Err(io::Error::from(io::ErrorKind::NotFound).into()) };
    rustix::fs::access(keystore, rustix::fs::Access::WRITE_OK).map_err(|_| Refused::NotAllowed)
}

/// How the certificate is named there, and what opens the store: a password that is no secret.
fn own<'a>(anchor: &Anchor<'a>) -> [&'a str; 5] {
    ["-cacerts", "-storepass", "changeit", "-alias", anchor.alias]
}

/// A JVM starts for each question.
const PATIENCE: Duration = Duration::from_mins(1);
