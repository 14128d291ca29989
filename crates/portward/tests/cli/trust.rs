//! `portward trust`: an authority of the user's own, where it is believed, and where it is not any more.

mod verified;

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use portward_testkit::{Entry, Outcome, Running, World, program, skip};
use serde_json::Value;

use crate::world;

/// A world whose stores are its own: the system's, Java's, and those below its home.
struct Stage {
    world: World,
}

impl Stage {
    /// A loud skip where the machine has no store as Debian has it, or where it cannot be made a world's own.
    #[track_caller]
    fn new() -> Option<Self> {
        let world = world()?;
        let _ = program("update-ca-certificates")?;
        world.file("site/a.txt", "inside");
        let made = world.run(&["sh", "-c", OWN_STORES, "sh", &world.path().join("stores").display().to_string()]);
        if made.code != Some(0) {
            skip(&format!("stores of a world's own: {}", made.stderr.trim()));
            return None;
        }
        Some(Self { world })
    }

    fn at(&self) -> Entry<'_> {
        self.world.enter().directory(self.world.path())
    }

    fn portward(&self, words: &[&str]) -> Outcome {
        self.at().portward(words)
    }

    fn sh(&self, line: &str) -> Outcome {
        self.at().run(&["sh", "-c", line])
    }

    /// Where the authority is kept.
    fn folder(&self) -> PathBuf {
        self.world.path().join("home/.local/state/portward/authority")
    }

    fn serve(&self) -> (Running, Value) {
        let server = self.at().start_portward(&["serve", "site", "--https", "--json"]);
        let serving = server.json();
        (server, serving)
    }

    /// A database of a browser, with what `certutil` says of it.
    fn database(&self, place: &str) -> Option<String> {
        let _ = program("certutil")?;
        let folder = self.world.path().join("home").join(place).display().to_string();
        let _ = self.sh(&format!("mkdir -p {folder} && certutil -N -d sql:{folder} --empty-password")).expect(0);
        Some(folder)
    }
}

/// What one step became.
#[track_caller]
fn step<'a>(answer: &'a Value, kind: &str, place: &str) -> &'a Value {
    let steps = answer["steps"].as_array().unwrap();
    let fits = |step: &&Value| step["kind"] == kind && step["place"].as_str().unwrap().contains(place);
    steps.iter().find(fits).unwrap_or_else(|| panic!("{kind} {place}: {answer:#}"))
}

#[test]
fn serving_over_https_makes_an_authority_that_nothing_believes_yet() {
    let Some(stage) = Stage::new() else { return };
    let (_server, serving) = stage.serve();
    let certified = &serving["certified"];
    assert_eq!((&certified["trusted"], &certified["made"]), (&false.into(), &true.into()), "{serving:#}");
    let url = serving["url"].as_str().unwrap();
    let certificate = certified["certificate"].as_str().unwrap();
    let refused = stage.at().run(&["curl", "-sS", url]);
    assert_eq!(refused.code, Some(60), "{refused}");
    let port = serving["port"].as_u64().unwrap();
    for name in ["localhost", "127.0.0.1", "[::1]", "web.shop.localhost", "shop.test"] {
        let (at, resolve) = (format!("https://{name}:{port}/a.txt"), format!("{name}:{port}:127.0.0.1"));
        let by_name = if name.starts_with(['1', '[']) { &[][..] } else { &["--resolve", &resolve][..] };
        let got = stage.at().run(&[&["curl", "-sS", "--cacert", certificate], by_name, &[&at]].concat());
        let expected = if name == "shop.test" { "" } else { "inside" };
        assert!(got.code == Some(0) && got.stdout.contains(expected), "{name}: {got}");
    }
    let other = stage.at().run(&[
        "curl",
        "-sSk",
        "--resolve",
        &format!("example.com:{port}:127.0.0.1"),
        &format!("https://example.com:{port}/"),
    ]);
    assert_eq!(other.code, Some(35), "a name that is not this machine's gets no certificate: {other}");
    let text = stage.at().run(&["openssl", "x509", "-noout", "-text", "-in", certificate]).expect(0).stdout;
    for said in ["Permitted:", "DNS:localhost", "DNS:test", "IP:127.0.0.0/255.0.0.0", "pathlen:0", "CA:TRUE", "prime256v1"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let leaf = format!(
        "openssl s_client -connect 127.0.0.1:{port} -servername localhost </dev/null 2>/dev/null | openssl x509 > leaf.pem"
    );
    let _ = stage.sh(&leaf).expect(0);
    let verified =
        stage.at().run(&["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", certificate, "leaf.pem"]);
    assert_eq!(verified.code, Some(0), "{verified}");
    let text = stage.at().run(&["openssl", "x509", "-noout", "-text", "-in", "leaf.pem"]).expect(0).stdout;
    assert!(text.contains("DNS:localhost, IP Address:127.0.0.1") && !text.contains("*.localhost"), "{text}");
    let again = stage.at().portward(&["serve", "site", "--https", "--timeout", "100ms"]).expect(0);
    assert!(again.stderr.contains("hint: portward trust"), "{again}");
}

#[test]
fn its_key_is_its_users_alone_and_one_that_was_not_is_refused() {
    let Some(stage) = Stage::new() else { return };
    let serve = || stage.portward(&["serve", "site", "--https", "--timeout", "100ms", "--json"]);
    let _ = serve().expect(0);
    let key = stage.folder().join("authority.pem");
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&key), mode(&stage.folder())), (0o600, 0o700));
    let whole = fs::read(&key).unwrap();
    fs::write(&key, &whole[..whole.len() / 2]).unwrap();
    let damaged = serve().expect(0);
    assert!(damaged.stdout.contains(r#""anew":"its file was damaged""#), "{damaged}");
    fs::write(&key, "x").unwrap();
    let told = stage.portward(&["serve", "site", "--https", "--timeout", "100ms"]).expect(0);
    assert!(told.stderr.contains("was made anew, because its file was damaged"), "{told}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    for words in [&["serve", "site", "--https", "--timeout", "100ms"][..], &["trust", "--yes"], &["trust", "--check"]] {
        let refused = stage.portward(words);
        assert!(refused.code != Some(0) && refused.stderr.contains("open to other users"), "{refused}");
    }
    let removed = stage.portward(&["trust", "--remove", "--yes"]).expect(0);
    assert!(!key.exists(), "{removed}");
    let _ = serve().expect(0);
    assert_eq!(mode(&key), 0o600);
}

#[test]
fn the_system_believes_it_and_then_not_any_more() {
    let Some(stage) = Stage::new() else { return };
    let (_server, serving) = stage.serve();
    let url = format!("{}a.txt", serving["url"].as_str().unwrap());
    // As the system's own program makes it, before anything of ours is in it.
    let _ = stage.sh("update-ca-certificates --fresh");
    let bundle = || stage.sh("cat /etc/ssl/certs/ca-certificates.crt").stdout;
    let before = (bundle(), stage.sh("ls /etc/ssl/certs /usr/local/share/ca-certificates").stdout);
    let looked = stage.portward(&["trust", "--dry-run", "--json"]).expect(0).json();
    assert_eq!(step(&looked, "system", "ca-certificates")["outcome"], "would");
    assert_eq!(bundle(), before.0);
    let answer = stage.portward(&["trust", "--yes", "--json"]).json();
    let system = step(&answer, "system", "ca-certificates");
    if system["outcome"] == "could-not" {
        // Whoever is not root is told what would do it.
        assert!(system["command"].as_str().unwrap().starts_with("sudo install -m 644 "), "{system:#}");
        skip("the rights to change a world's own system store");
        return;
    }
    assert_eq!(system["outcome"], "done", "{answer:#}");
    assert_eq!(stage.at().run(&["curl", "-sS", &url]).expect(0).stdout, "inside");
    assert_ne!(bundle(), before.0);
    let again = stage.portward(&["trust", "--yes", "--json"]).json();
    assert_eq!(step(&again, "system", "ca-certificates")["outcome"], "was-done", "{again:#}");
    let removed = stage.portward(&["trust", "--remove", "--yes", "--json"]).json();
    assert_eq!(step(&removed, "system", "ca-certificates")["outcome"], "done", "{removed:#}");
    assert_eq!(stage.at().run(&["curl", "-sS", &url]).code, Some(60));
    let after = (bundle(), stage.sh("ls /etc/ssl/certs /usr/local/share/ca-certificates").stdout);
    assert_eq!(before, after, "nothing else changed");
    let nothing = stage.portward(&["trust", "--remove", "--yes", "--json"]).expect(0).json();
    assert_eq!(nothing["steps"].as_array().unwrap().len(), 0, "{nothing:#}");
}

#[test]
fn databases_of_browsers_take_it_and_give_back_this_one_alone() {
    let Some(stage) = Stage::new() else { return };
    let Some(shared) = stage.database(".pki/nssdb") else { return };
    let Some(profile) = stage.database(".mozilla/firefox/x1.default") else { return };
    let Some(flatpak) = stage.database(".var/app/org.mozilla.firefox/.mozilla/firefox/y2.default") else { return };
    let Some(snap) = stage.database("snap/firefox/common/.mozilla/firefox/z3.default") else { return };
    let listed = |folder: &str| stage.at().run(&["certutil", "-L", "-d", &format!("sql:{folder}")]).expect(0).stdout;
    let answer = stage.portward(&["trust", "--yes", "--json"]).json();
    let name = answer["authorities"][0]["name"].as_str().unwrap().to_owned();
    for folder in [&shared, &profile, &flatpak, &snap] {
        assert_eq!(step(&answer, "nss", folder)["outcome"], "done", "{answer:#}");
        let line = listed(folder).lines().find(|line| line.starts_with(&name)).unwrap_or_default().to_owned();
        assert!(line.trim_end().ends_with("C,,"), "{line}");
    }
    // A foreign certificate takes its name in one of them.
    let foreign = format!(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=foreign -keyout k.pem -out f.pem 2>/dev/null && certutil -D -d sql:{snap} -n '{name}' && certutil -A -d sql:{snap} -n '{name}' -t C,, -i f.pem"
    );
    let _ = stage.sh(&foreign).expect(0);
    let again = stage.portward(&["trust", "--yes", "--json"]).expect(1).json();
    assert_eq!(step(&again, "nss", &snap)["outcome"], "could-not", "{again:#}");
    assert_eq!(step(&again, "nss", &profile)["outcome"], "was-done", "{again:#}");
    let removed = stage.portward(&["trust", "--remove", "--yes", "--json"]).expect(1).json();
    for folder in [&shared, &profile, &flatpak] {
        assert_eq!(step(&removed, "nss", folder)["outcome"], "done", "{removed:#}");
        assert!(!listed(folder).contains("Portward"), "{}", listed(folder));
    }
    assert_eq!(step(&removed, "nss", &snap)["outcome"], "could-not", "{removed:#}");
    assert!(listed(&snap).contains(&name), "what is not ours stays");
    assert!(!stage.folder().join("authority.pem").exists());
    // What could not be removed is known the next time.
    let _ = stage.sh(&format!("certutil -D -d sql:{snap} -n '{name}'")).expect(0);
    let after = stage.portward(&["trust", "--remove", "--yes", "--json"]).expect(0).json();
    assert_eq!(after["authorities"][0]["name"], name.as_str(), "{after:#}");
    assert_eq!(stage.sh(&format!("ls {}", stage.folder().display())).stdout.matches("certificate-").count(), 0);
}

#[test]
fn a_foreign_file_of_its_name_stays() {
    let Some(stage) = Stage::new() else { return };
    let (_server, serving) = stage.serve();
    let fingerprint = serving["certified"]["fingerprint"].as_str().unwrap();
    let file = format!("/usr/local/share/ca-certificates/portward-{}.crt", &fingerprint[..16]);
    let _ = stage.sh(&format!("cp \"$(ls /etc/ssl/certs/*.pem | head -1)\" {file} && cp {file} kept")).expect(0);
    let answer = stage.portward(&["trust", "--yes", "--json"]).expect(1).json();
    let system = step(&answer, "system", "ca-certificates");
    assert!(system["outcome"] == "could-not" && system["why"].as_str().unwrap().contains("left alone"), "{system:#}");
    let _ = stage.portward(&["trust", "--remove", "--yes"]).expect(1);
    let _ = stage.sh(&format!("cmp {file} kept")).expect(0);
}

#[test]
fn programs_are_told_of_it_once_it_is_trusted_and_never_over_what_they_have() {
    let Some(stage) = Stage::new() else { return };
    let shown = |entry: Entry<'_>| {
        let line = "echo $NODE_EXTRA_CA_CERTS; echo $SSL_CERT_FILE; echo $REQUESTS_CA_BUNDLE; echo $CURL_CA_BUNDLE";
        let said = entry.portward(&["run", "--quiet", "sh", "-c", line]).expect(0).stdout;
        said.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (_server, serving) = stage.serve();
    assert_eq!(shown(stage.at()), ["", "", "", ""], "nobody trusts it yet");
    let _ = stage.portward(&["trust", "--yes"]);
    let [node, openssl, requests, curl] = &shown(stage.at())[..] else { panic!("four variables") };
    assert!(node.contains("authority/certificate-") && openssl.contains("authority/bundle-"), "{node} {openssl}");
    assert!(requests == openssl && curl == openssl);
    let bundle = stage.sh(&format!("cat {openssl}")).expect(0).stdout;
    let system = stage.sh("cat /etc/ssl/certs/ca-certificates.crt").expect(0).stdout;
    assert!(bundle.contains(system.trim()), "with all that the system believes");
    let own = stage.at().env("SSL_CERT_FILE", "/own.pem").env("NODE_EXTRA_CA_CERTS", "/own.pem");
    let [node, openssl, _, curl] = &shown(own)[..] else { panic!("four variables") };
    assert!(node == "/own.pem" && openssl == "/own.pem" && curl.contains("authority/bundle-"), "{node} {openssl} {curl}");
    let url = format!("{}a.txt", serving["url"].as_str().unwrap());
    let python = format!("import urllib.request; print(urllib.request.urlopen('{url}').read())");
    let read = stage.portward(&["run", "--quiet", "python3", "-c", &python]).expect(0);
    assert!(read.stdout.contains("inside"), "{read}");
    let _ = stage.portward(&["trust", "--remove", "--yes"]);
    assert_eq!(shown(stage.at()), ["", "", "", ""]);
    // What still runs with the file reads the system's own from it.
    let left = stage.sh(&format!("cat {}/bundle-*.pem", stage.folder().display())).expect(0).stdout;
    let system = stage.sh("cat /etc/ssl/certs/ca-certificates.crt").expect(0).stdout;
    assert_eq!(left, system);
}

#[test]
fn services_of_a_project_are_told_of_it_too() {
    let Some(stage) = Stage::new() else { return };
    let shop = stage.world.git_repository("shop", "main");
    let file = "[services.once]\ncommand = 'echo $SSL_CERT_FILE >told'\nready = { done = true }\n[services.other]\ncommand = 'echo $SSL_CERT_FILE >other'\nready = { done = true }\nenv = { SSL_CERT_FILE = '/own.pem' }\n";
    stage.world.file("shop/portward.toml", file);
    stage.world.give(&shop);
    let _ = stage.portward(&["trust", "--yes"]);
    let _ = stage.world.enter().directory(&shop).portward(&["allow", "--yes"]).expect(0);
    let up = stage.world.enter().directory(&shop).portward(&["up", "--yes"]);
    let read = |name: &str| fs::read_to_string(shop.join(name)).unwrap_or_else(|error| panic!("{name}: {error}: {up}"));
    assert!(read("told").contains("authority/bundle-"), "{up}");
    assert_eq!(read("other"), "/own.pem\n");
}

#[test]
fn nothing_is_done_unasked() {
    let Some(stage) = Stage::new() else { return };
    let looked = stage.portward(&["trust", "--dry-run", "--json"]).expect(0).json();
    assert_eq!(looked["authorities"].as_array().unwrap().len(), 0, "{looked:#}");
    let unasked = stage.portward(&["trust"]).expect(2);
    assert!(unasked.stderr.contains("Nobody is there to answer, so nothing was trusted"), "{unasked}");
    assert!(!stage.folder().exists());
    let _ = stage.serve();
    let unasked = stage.portward(&["trust", "--remove"]).expect(2);
    assert!(unasked.stderr.contains("so nothing was removed") && stage.folder().join("authority.pem").exists(), "{unasked}");
    let none = stage.portward(&["trust", "--check", "--yes"]).expect(2);
    assert!(none.stderr.contains("--yes"), "{none}");
}

/// Makes the stores of the system and of Java a world's own.
const OWN_STORES: &str = r#"
set -e
mkdir -p "$1/ssl" "$1/local"
cp -a /etc/ssl/. "$1/ssl/" 2>/dev/null || true
cp -a /usr/local/share/ca-certificates/. "$1/local/" 2>/dev/null || true
test -s "$1/ssl/certs/ca-certificates.crt"
mount --bind "$1/ssl" /etc/ssl
mount --bind "$1/local" /usr/local/share/ca-certificates
"#;
