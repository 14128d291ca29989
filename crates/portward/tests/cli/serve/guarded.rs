//! Who may ask: by which host, from which page, with which password.

use super::{Stage, at, field, status_of};

#[test]
fn no_name_but_localhosts_and_no_page_of_another_site() {
    let Some(stage) = Stage::new(&["--allow-host", "demo.example"], |_| {}) else { return };
    let port = stage.port;
    let host = |host: &str| stage.status(&["-H", &format!("Host: {host}")], "/plain.txt");
    for own in [
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
        "web.shop.localhost:62893".to_owned(),
        "demo.example".to_owned(),
    ] {
        assert_eq!(host(&own), 200, "{own}");
    }
    for other in [
        format!("evil.example:{port}"),
        "localhost:1".to_owned(),
        format!("localhost.evil.example:{port}"),
        format!("192.168.0.1:{port}"),
    ] {
        assert_eq!(host(&other), 421, "{other}");
    }
    let six = format!("http://[::1]:{port}/plain.txt");
    assert!(at(&stage.world).run(&["curl", "-sS", "-g", &six]).expect(0).stdout.contains("plain"));
    let page = |fields: &[&str]| {
        let flags: Vec<&str> = fields.iter().flat_map(|field| ["-H", field]).collect();
        stage.status(&flags, "/plain.txt")
    };
    assert_eq!(page(&["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"]), 403);
    assert_eq!(page(&["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"]), 200);
    assert_eq!(page(&["Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"]), 200);
    assert!(field(&stage.curl(&["-H", "Origin: http://evil.example"], "/plain.txt"), "access-control-allow-origin").is_none());
    let absolute =
        format!("GET http://evil.example/plain.txt HTTP/1.1\\r\\nHost: localhost:{port}\\r\\nConnection: close\\r\\n\\r\\n");
    assert_eq!(status_of(&stage.raw(&[&absolute])[0]), Some(421));
}

#[test]
fn a_password_that_is_never_shown() {
    let Some(stage) = Stage::new(&["--auth", "ana:swordfish"], |_| {}) else { return };
    let refused = stage.curl(&[], "/plain.txt");
    assert!(refused.stdout.starts_with("HTTP/1.1 401") && field(&refused, "www-authenticate").is_some(), "{refused}");
    assert_eq!(stage.status(&["-u", "ana:wrong"], "/plain.txt"), 401);
    assert_eq!(stage.status(&["-u", "ana:swordfish"], "/plain.txt"), 200);
    for words in [&["list", "--json"][..], &["ps", "--json"], &["explain", &stage.port.to_string(), "--json"]] {
        let outcome = at(&stage.world).portward(words);
        assert!(!outcome.stdout.contains("swordfish"), "{outcome}");
    }
    let world = &stage.world;
    world.file("password", "eve:from a file\n");
    for (flags, variable) in [(&["--auth", "@password"][..], None), (&[], Some("eve:from a file"))] {
        let words = [&["serve", "site", "--json", "--name", "other"], flags].concat();
        let entry = variable.iter().fold(at(world), |entry, value| entry.env("PORTWARD_AUTH", value));
        let server = entry.start_portward(&words);
        let url = format!("{}plain.txt", server.json()["url"].as_str().unwrap_or_default());
        let ask = |login: &str| status_of(&at(world).run(&["curl", "-sSi", "-u", login, &url]).expect(0).stdout);
        assert_eq!((ask("eve:from a file"), ask("eve:other")), (Some(200), Some(401)));
    }
}

#[test]
fn https_with_a_certificate_that_is_given() {
    let Some(world) = crate::world() else { return };
    world.file("site/a.txt", "inside");
    world.file("site/big", vec![b'x'; 3_000_000]);
    let made = at(&world).run(&[
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
    ]);
    if made.code != Some(0) {
        portward_testkit::skip("openssl");
        return;
    }
    let server = at(&world).start_portward(&["serve", "site", "--cert", "cert.pem", "--key", "key.pem", "--json"]);
    let url = server.json()["url"].as_str().unwrap_or_default().to_owned();
    assert!(url.starts_with("https://localhost:"), "{url}");
    let get = |path: &str| at(&world).run(&["curl", "-sS", "--cacert", "cert.pem", &format!("{url}{path}")]).expect(0).stdout;
    assert_eq!(get("a.txt"), "inside");
    assert_eq!(get("big").len(), 3_000_000);
    let plain = url.replace("https:", "http:");
    assert_ne!(at(&world).run(&["curl", "-sS", &plain]).code, Some(0), "it speaks no HTTP outside TLS");
    let ps = world.portward(&["ps", "--json"]).expect(0).json();
    assert_eq!(ps["sessions"][0]["services"][0]["listeners"][0]["url"].as_str(), Some(url.trim_end_matches('/')), "{ps:#}");
}
