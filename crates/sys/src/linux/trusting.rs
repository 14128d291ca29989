//! Where a machine and its programs keep the authorities that they believe: the system's folder, the databases of browsers, Java's.
//!
//! A certificate is put there, found there and removed by all of its bytes, never by its name: another's of the same name stays. What the
//! stores' own programs do is done by them (`certutil(1)`, `keytool(1)`, `update-ca-certificates(8)`, `update-ca-trust(8)`).

mod bundle;
mod java;
mod noted;
mod nss;
mod system;
pub mod verifiers;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{files::Mounts, programs};
pub use noted::{forget, is_trusted, note, noted, trusts_any, variables};
pub use system::file as system_file;

/// A certificate to be believed.
#[derive(Clone, Copy, Debug)]
pub struct Anchor<'a> {
    /// Its file, in PEM.
    pub file: &'a Path,
    /// What stands in that file.
    pub pem: &'a str,
    /// What it is called in lists.
    pub name: &'a str,
    /// A name for files and lists that no other certificate has.
    pub alias: &'a str,
    /// SHA-256 of it, as hexadecimal digits.
    pub fingerprint: &'a str,
}

impl Anchor<'_> {
    fn is(&self, pem: &[u8]) -> bool {
        let one = |pem| CertificateDer::from_pem_slice(pem).ok();
        one(pem).is_some_and(|found| one(self.pem.as_bytes()).is_some_and(|own| own == found))
    }
}

/// A place where authorities are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// The system's own, from which curl, Python, Ruby, Go and many others read.
    System {
        /// The folder of what administrators add.
        folder: PathBuf,
        /// How names of files in it end.
        ending: &'static str,
        /// What makes the bundles anew.
        program: PathBuf,
        /// The word for it after something was removed, where it leaves links otherwise to what is gone.
        afresh: Option<&'static str>,
    },
    /// A database of NSS: of Firefox, or of Chromium and its kin.
    Nss {
        /// Its folder.
        folder: PathBuf,
        /// False where it would be made.
        is_there: bool,
    },
    /// That of the Java in the path.
    Java {
        /// Its file; `None` where that is not known.
        keystore: Option<PathBuf>,
        /// Java's own program for it.
        keytool: PathBuf,
    },
}

/// Whether a store has a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// This very one.
    It,
    /// Nothing of its name.
    Not,
    /// Another one by its name.
    Another,
    /// It could not be asked.
    Unknown(Refused),
}

/// Why a store was not asked or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// This user may not write there.
    NotAllowed,
    /// The program that does it is not installed.
    Lacks(&'static str),
    /// What the program or the system said.
    Said(String),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::NotAllowed,
            _ => Self::Said(error.to_string()),
        }
    }
}

/// Every store of this machine that this user's programs may read from. Root looks into no home but one that is root's alone.
pub fn stores(home: Option<&Path>) -> Vec<Store> {
    let mounts = Mounts::patient();
    let is_safe = |home: &&Path| home.is_absolute() && (!rustix::process::geteuid().is_root() || mounts.is_ours_alone(home));
    let mut stores = system::all(&mounts);
    if let Some(home) = home.filter(is_safe) {
        stores.extend(nss::all(&mounts, home));
    }
    stores.extend(java::all());
    stores
}

impl Store {
    /// Whether it has this certificate.
    pub fn holds(&self, anchor: &Anchor<'_>) -> Holds {
        match self {
            Self::System { folder, ending, .. } => system::holds(folder, ending, anchor),
            Self::Nss { folder, is_there: true } => nss::holds(folder, anchor),
            Self::Nss { is_there: false, .. } => Holds::Not,
            Self::Java { keytool, .. } => java::holds(keytool, anchor),
        }
    }

    /// Puts this certificate into it.
    ///
    /// # Errors
    /// Why it was not.
    pub fn add(&self, anchor: &Anchor<'_>) -> Result<(), Refused> {
        match self {
            Self::System { folder, ending, program, .. } => system::add(folder, ending, program, anchor)?,
            Self::Nss { folder, is_there } => nss::add(folder, *is_there, anchor)?,
            Self::Java { keystore, keytool } => java::add(keystore.as_deref(), keytool, anchor)?,
        }
        // The store's word counts, and not that of the program that wrote to it.
        let now = match self {
            Self::Nss { folder, .. } => nss::holds(folder, anchor),
            Self::System { .. } | Self::Java { .. } => self.holds(anchor),
        };
        match now {
            Holds::It => Ok(()),
            Holds::Unknown(refused) => Err(refused),
            Holds::Not | Holds::Another => Err(Refused::Said("it was taken, and is not there".to_owned())),
        }
    }

    /// Removes this certificate from it, and no other.
    ///
    /// # Errors
    /// Why it was not.
    pub fn remove(&self, anchor: &Anchor<'_>) -> Result<(), Refused> {
        match self {
            Self::System { folder, ending, program, afresh } => system::remove(folder, ending, (program, *afresh), anchor),
            Self::Nss { folder, .. } => nss::remove(folder, anchor),
            Self::Java { keystore, keytool } => java::remove(keystore.as_deref(), keytool, anchor),
        }
    }
}

/// Runs a store's program, and gives what it printed.
fn done(program: &Path, arguments: &[&str], patience: Duration) -> Result<Vec<u8>, Refused> {
    let Some(answer) = programs::run(program, arguments, patience) else {
        return Err(Refused::Said(format!("{} cannot be started", program.display())));
    };
    if answer.succeeded {
        return Ok(answer.stdout);
    }
    let said = if answer.stderr.is_empty() { &answer.stdout } else { &answer.stderr };
    let said = String::from_utf8_lossy(said);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it failed without a word");
    Err(Refused::Said(line.chars().take(LONGEST).collect()))
}

/// How long such a program may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Characters of what a program says.
const LONGEST: usize = 200;
