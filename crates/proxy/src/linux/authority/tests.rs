use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portward_sys::StateFolder;
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::ring,
    pki_types::{ServerName, UnixTime},
    server::ResolvesServerCert,
};

use super::{Authority, Origin, Unusable, leaves::Leaves};

fn folder() -> (tempfile::TempDir, StateFolder) {
    let directory = tempfile::tempdir().unwrap();
    let uid = rustix::process::getuid().as_raw();
    let folder = StateFolder::at(directory.path().join("authority"), uid);
    (directory, folder)
}

fn now() -> SystemTime {
    SystemTime::now()
}

/// What a client says that believes this authority and nobody else.
fn verdict(authority: &Authority, signed: &str, asked: &str, at: SystemTime) -> Result<(), String> {
    let leaf = authority.sign(signed, now()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let name = ServerName::try_from(asked.to_owned()).unwrap();
    let at = UnixTime::since_unix_epoch(at.duration_since(UNIX_EPOCH).unwrap());
    let [leaf, others @ ..] = leaf.cert.as_slice() else { panic!("no certificate") };
    verifier.verify_server_cert(leaf, others, &name, &[], at).map(drop).map_err(|error| error.to_string())
}

#[test]
fn what_it_signs_is_believed_for_this_machine_and_nothing_else() {
    let (_directory, folder) = folder();
    let (authority, origin) = Authority::of(&folder, now()).unwrap();
    assert_eq!(origin, Origin::Made);
    for (signed, asked) in [
        ("localhost", "localhost"),
        ("localhost", "127.0.0.1"),
        ("localhost", "::1"),
        ("web.shop.localhost", "web.shop.localhost"),
        ("shop.test", "shop.test"),
    ] {
        verdict(&authority, signed, asked, now()).unwrap_or_else(|error| panic!("{signed} {asked}: {error}"));
    }
    for (signed, asked) in [
        ("localhost", "web.localhost"),
        ("localhost", "127.0.0.2"),
        ("example.com", "example.com"),
        ("router.home.arpa", "router.home.arpa"),
        ("localhost.example.com", "localhost.example.com"),
        ("notlocalhost", "notlocalhost"),
    ] {
        assert!(verdict(&authority, signed, asked, now()).is_err(), "{signed} {asked}");
    }
    let day = Duration::from_hours(24);
    assert!(verdict(&authority, "localhost", "localhost", now() + 29 * day).is_ok());
    assert!(verdict(&authority, "localhost", "localhost", now() + 31 * day).is_err(), "a short life");
}

#[test]
fn it_is_made_once_and_its_key_is_its_users_alone() {
    let (_directory, folder) = folder();
    let (first, _) = Authority::of(&folder, now()).unwrap();
    let (second, origin) = Authority::of(&folder, now()).unwrap();
    assert_eq!((first.fingerprint(), Origin::There), (second.fingerprint(), origin));
    assert!(verdict(&second, "localhost", "localhost", now()).is_ok(), "its name is the same after it was read");
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(folder.path.clone()), mode(folder.path.join("authority.pem"))), (0o700, 0o600));
    let certificate = folder.path.join(format!("certificate-{}.pem", first.fingerprint()));
    assert_eq!(fs::read_to_string(certificate).unwrap(), first.pem());
}

#[test]
fn many_that_start_at_once_have_one_authority() {
    let (_directory, folder) = folder();
    let found: Vec<String> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| Authority::of(&folder, now()).unwrap().0.fingerprint())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
    assert_eq!(folder.names("certificate-", ".pem").len(), 1);
}

#[test]
fn a_damaged_file_is_told_and_put_right_wherever_it_is_damaged() {
    let (_directory, folder) = folder();
    let (first, _) = Authority::of(&folder, now()).unwrap();
    let file = folder.path.join("authority.pem");
    let whole = fs::read(&file).unwrap();
    let mut seen = vec![first.fingerprint()];
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let cuts = [0, 9, 60, whole.len() / 2, whole.len() - 2].map(|at| whole[..at].to_vec());
    let flips = [3, 7, 30, 200, whole.len() - 60].map(flipped);
    for damaged in cuts.into_iter().chain(flips).chain([b"\xff\xfe".to_vec()]) {
        fs::write(&file, &damaged).unwrap();
        assert!(Authority::there(&folder, now()).unwrap().is_none());
        let (anew, origin) = Authority::of(&folder, now()).unwrap();
        assert!(matches!(&origin, Origin::Anew(why) if why.contains("damaged")), "{origin:?}");
        assert!(!seen.contains(&anew.fingerprint()));
        seen.push(anew.fingerprint());
    }
    assert_eq!(folder.names("certificate-", ".pem").len(), seen.len(), "what was trusted can still be taken back");
}

#[test]
fn a_key_that_others_may_have_read_is_refused() {
    let (_directory, folder) = folder();
    let _ = Authority::of(&folder, now()).unwrap();
    let file = folder.path.join("authority.pem");
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(Authority::of(&folder, now()), Err(Unusable::Open(_))), "{mode:o}");
        assert!(matches!(Authority::there(&folder, now()), Err(Unusable::Open(_))), "{mode:o}");
    }
    Authority::forget(&folder).unwrap();
    assert_eq!(Authority::of(&folder, now()).unwrap().1, Origin::Made);
}

#[test]
fn one_near_its_end_gives_way_to_another() {
    let (_directory, folder) = folder();
    let (first, _) = Authority::of(&folder, now()).unwrap();
    let late = now() + Duration::from_hours(24 * 3600);
    let (second, origin) = Authority::of(&folder, late).unwrap();
    assert!(matches!(origin, Origin::Anew(why) if why.contains("over")));
    assert_ne!(first.fingerprint(), second.fingerprint());
}

#[test]
fn each_name_has_a_certificate_of_its_own_and_others_have_none() {
    let (_directory, folder) = folder();
    let (authority, _) = Authority::of(&folder, now()).unwrap();
    let leaves = Leaves::new(Arc::new(authority), vec!["example.com".to_owned()]);
    let of = |name: Option<&str>| leaves.of(name, now()).map(|leaf| leaf.cert[0].to_vec());
    assert!(of(None).is_some() && of(None) == of(Some("LOCALHOST")));
    assert_ne!(of(Some("a.localhost")), of(Some("b.localhost")));
    assert!(of(Some("example.com")).is_some(), "where it is tried");
    for other in ["www.example.com", "localhost.example.com", ".localhost", "localhost.", "test", "home.arpa", "mylocalhost"] {
        assert_eq!(of(Some(other)), None, "{other}");
    }
    let first = of(Some("localhost"));
    let later = leaves.of(None, now() + Duration::from_hours(24 * 16)).unwrap();
    assert_ne!(first, Some(later.cert[0].to_vec()), "made anew before its end");
    for number in 0..1000 {
        assert!(of(Some(&format!("n{number}.localhost"))).is_some());
    }
    let _: &dyn ResolvesServerCert = &leaves;
}
