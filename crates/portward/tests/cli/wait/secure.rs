//! TLS: whose certificates are believed, and what is said of the others.

use std::{path::PathBuf, process::Command};

use portward_testkit::World;

use super::peer;
use crate::world;

/// Certificates made on the spot: an authority, a server's that it signed, and one that signed itself.
struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    fn of(world: &World) -> Option<Self> {
        portward_testkit::program("openssl")?;
        let folder = world.path().join("home");
        let made = Self { folder };
        for (name, subject) in [("ca", "/CN=An authority"), ("own", "/CN=localhost")] {
            let (key, certificate) = (made.path(&format!("{name}.key")), made.path(&format!("{name}.pem")));
            let names = ["-addext", "subjectAltName=DNS:localhost"];
            made.openssl(
                &[&["req", "-x509"][..], KEY, &["-days", "2", "-subj", subject, "-keyout", &key, "-out", &certificate], &names]
                    .concat(),
            );
        }
        let (key, wish) = (made.path("shop.key"), made.path("shop.csr"));
        made.openssl(&[&["req"][..], KEY, &["-subj", "/CN=shop", "-keyout", &key, "-out", &wish]].concat());
        std::fs::write(made.path("names"), "subjectAltName=DNS:shop.localhost,IP:127.0.0.1\n").unwrap();
        let [ca, by, names, out] = ["ca.pem", "ca.key", "names", "shop.pem"].map(|name| made.path(name));
        made.openssl(&["x509", "-req", "-in", &wish, "-CA", &ca, "-CAkey", &by, "-days", "2", "-extfile", &names, "-out", &out]);
        for name in ["ca.key", "own.key", "shop.key", "ca.pem", "own.pem", "shop.pem"] {
            world.give(&made.folder.join(name));
        }
        Some(made)
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn openssl(&self, words: &[&str]) {
        let made = Command::new("openssl").current_dir(&self.folder).args(words).output().unwrap();
        assert!(made.status.success(), "{words:?}: {}", String::from_utf8_lossy(&made.stderr));
    }
}

const KEY: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

fn saw(world: &World, words: &[&str]) -> String {
    let document = world.portward(&[&["wait"], words, &["--timeout", "2s", "--json"]].concat()).expect(1).json();
    document["endpoints"][0]["saw"].as_str().unwrap().to_owned()
}

#[test]
fn a_certificate_is_proven_or_the_wait_is_told_to_ask_for_none() {
    let Some(world) = world() else { return };
    let Some(made) = Certificates::of(&world) else { return };
    let peer = peer(&world, &["secure", "8443", &made.path("shop.pem"), &made.path("shop.key")]);
    let ca = made.path("ca.pem");
    let _ = world.portward(&["wait", "https://shop.localhost:8443/a?b", "--ca", &ca]).expect(0);
    let line = peer.line_where(|line| line.starts_with("ASKED"));
    assert!(line.contains("GET /a?b ") && line.contains("Host: shop.localhost:8443"), "{line}");
    assert!(line.ends_with(" shop.localhost"), "the name is told in the handshake: {line}");
    let _ = world.portward(&["wait", "https://127.0.0.1:8443/", "--ca", &ca]).expect(0);
    let _ = world.portward(&["wait", "https://localhost:8443/", "--insecure"]).expect(0);
    // By the name that is asked for, wherever it is asked.
    let _ = world.portward(&["wait", "https://localhost:8443/", "--ca", &ca, "-H", "Host: shop.localhost"]).expect(0);
    let _ = world.enter().env("SSL_CERT_FILE", &ca).portward(&["wait", "https://127.0.0.1:8443/"]).expect(0);
    let seen = saw(&world, &["https://127.0.0.1:8443/"]);
    assert!(seen.starts_with("nobody whom this machine trusts") || seen.starts_with("this machine trusts nobody"), "{seen}");
    let seen = saw(&world, &["https://localhost:8443/", "--ca", &ca]);
    assert_eq!(seen, "its certificate is for another name: shop.localhost, 127.0.0.1");
    let refused = world.portward(&["wait", "https://localhost:8443/", "--ca", "no-such.pem"]).expect(2);
    assert!(refused.stderr.contains("no-such.pem"), "{refused}");
    let _ = world.portward(&["wait", "https://localhost:8443/busy", "-k", "--status", "503"]).expect(0);
}

#[test]
fn a_certificate_that_signed_itself_is_enough_where_it_is_named() {
    let Some(world) = world() else { return };
    let Some(made) = Certificates::of(&world) else { return };
    let (own, key) = (made.path("own.pem"), made.path("own.key"));
    let _peer = peer(&world, &["secure", "8443", &own, &key]);
    let _ = world.portward(&["wait", "https://localhost:8443/", "--ca", &own]).expect(0);
    let seen = saw(&world, &["https://localhost:8443/", "--ca", &made.path("ca.pem")]);
    assert!(seen.starts_with("nobody whom this machine trusts"), "{seen}");
    let seen = saw(&world, &["https://127.0.0.1:8443/", "--ca", &own]);
    assert_eq!(seen, "its certificate is for another name: localhost");
}

#[test]
fn other_protocols_inside_tls() {
    let Some(world) = world() else { return };
    let Some(made) = Certificates::of(&world) else { return };
    let _peer = peer(&world, &["secure-redis", "6379", &made.path("own.pem"), &made.path("own.key")]);
    let _ = world.portward(&["wait", "rediss://localhost", "-k"]).expect(0);
    let _ = world.portward(&["wait", "rediss://localhost", "--ca", &made.path("own.pem")]).expect(0);
    let seen = saw(&world, &["rediss://localhost", "--ca", &made.path("ca.pem")]);
    assert!(seen.starts_with("nobody whom this machine trusts"), "{seen}");
}
