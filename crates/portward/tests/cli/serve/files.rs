//! What is answered for a file: its type, its tag, pieces of it, and how it is packed.

use std::{fs, os::unix::fs::symlink};

use super::{Stage, at, field};

#[test]
fn types_tags_and_conditions() {
    let Some(stage) = Stage::new(&[], |world| {
        for name in ["index.html", "app.js", "m.mjs", "a.wasm", "app.js.map", "site.webmanifest", "s.css", "i.svg", "unknown"] {
            world.file(&format!("site/{name}"), "x");
        }
    }) else {
        return;
    };
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/m.mjs", "text/javascript; charset=utf-8"),
        ("/a.wasm", "application/wasm"),
        ("/app.js.map", "application/json"),
        ("/site.webmanifest", "application/manifest+json"),
        ("/s.css", "text/css; charset=utf-8"),
        ("/i.svg", "image/svg+xml"),
        ("/unknown", "application/octet-stream"),
    ] {
        assert_eq!(field(&stage.curl(&[], path), "content-type"), Some(kind), "{path}");
    }
    let plain = stage.curl(&[], "/plain.txt");
    let (tag, date) = (field(&plain, "etag").expect("a tag"), field(&plain, "last-modified").expect("a date"));
    assert_eq!(field(&plain, "cache-control"), Some("no-store"), "{plain}");
    let with = |name: &str, value: &str| stage.status(&["-H", &format!("{name}: {value}")], "/plain.txt");
    assert_eq!(with("If-None-Match", tag), 304);
    assert_eq!(with("If-None-Match", &format!("\"other\", W/{tag}")), 304);
    assert_eq!(with("If-Modified-Since", date), 304);
    assert_eq!(with("If-Match", "\"other\""), 412);
    assert_eq!(with("If-Match", tag), 200);
    assert_eq!(with("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"), 412);
    let same = stage.curl(&["-H", &format!("If-None-Match: {tag}")], "/plain.txt");
    assert!(field(&same, "etag") == Some(tag) && field(&same, "content-length").is_none(), "{same}");
    let head = stage.curl(&["-I"], "/plain.txt");
    assert!(field(&head, "content-length") == Some("6") && head.stdout.trim_end().ends_with("Content-Length: 6"), "{head}");
    let told = stage.told("/unknown");
    assert!(told["status"] == 200 && told["bytes"] == 1 && told["method"] == "GET" && told["took_us"].is_u64(), "{told:#}");
}

#[test]
fn pieces_of_a_file() {
    let Some(stage) = Stage::new(&[], |world| {
        world.file("site/digits", "0123456789".repeat(20_000));
    }) else {
        return;
    };
    let of = |range: &str| stage.curl(&["-H", &format!("Range: {range}")], "/digits");
    let one = of("bytes=3-7");
    assert!(one.stdout.ends_with("\r\n\r\n34567") && one.stdout.starts_with("HTTP/1.1 206"), "{one}");
    assert_eq!(field(&one, "content-range"), Some("bytes 3-7/200000"));
    assert!(of("bytes=-3").stdout.ends_with("\r\n\r\n789"));
    assert!(of("bytes=199999-").stdout.ends_with("\r\n\r\n9"));
    let none = of("bytes=200000-");
    assert!(none.stdout.starts_with("HTTP/1.1 416") && field(&none, "content-range") == Some("bytes */200000"), "{none}");
    let many = of("bytes=0-1,10-12");
    let kind = field(&many, "content-type").expect("a type");
    let mark = kind.strip_prefix("multipart/byteranges; boundary=").expect("pieces");
    let first = format!("\r\n--{mark}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes 0-1/200000\r\n\r\n01");
    assert!(many.stdout.contains(&first) && many.stdout.ends_with(&format!("\r\n\r\n012\r\n--{mark}--\r\n")), "{many}");
    assert!(of("lines=1-2").stdout.starts_with("HTTP/1.1 200"));
    let tag = field(&one, "etag").expect("a tag");
    let if_range = |value: &str| stage.status(&["-H", "Range: bytes=0-1", "-H", &format!("If-Range: {value}")], "/digits");
    assert_eq!((if_range(tag), if_range("\"other\"")), (206, 200));
    // As a client goes on with what it has.
    let part = stage.world.file("part", "0123456789");
    let url = format!("{}/digits", stage.url);
    let _ = at(&stage.world).run(&["curl", "-sS", "-C", "-", "-o", part.to_str().unwrap_or_default(), &url]).expect(0);
    assert_eq!(fs::read_to_string(&part).unwrap_or_default(), "0123456789".repeat(20_000));
    let fetch = "import sys,urllib.request as u; r=u.Request(sys.argv[1],headers={'Range':'bytes=5-8'}); a=u.urlopen(r); print(a.status,a.read().decode())";
    assert_eq!(at(&stage.world).run(&["python3", "-c", fetch, &url]).expect(0).stdout, "206 5678\n");
}

#[test]
fn packed_before_and_while_it_is_sent() {
    let Some(stage) = Stage::new(&["--compress"], |world| {
        let text = world.file("site/app.js", "let words = 'again and again';\n".repeat(2000));
        world.file("site/app.css", "a {}");
        world.file("site/app.css.br", "packed");
        let old = world.file("site/old.css", "new");
        world.file("site/old.css.gz", "older than the file");
        let _ = at(world).run(&["touch", "-d", "2001-01-01", &format!("{}.gz", old.display())]).expect(0);
        assert!(text.exists());
    }) else {
        return;
    };
    let coding = |accept: &str, path: &str| {
        let answer = stage.curl(&["-o", "/dev/null", "-D", "-", "-H", &format!("Accept-Encoding: {accept}")], path);
        assert_eq!(field(&answer, "vary"), Some("Accept-Encoding"), "{answer}");
        field(&answer, "content-encoding").map(str::to_owned)
    };
    assert_eq!(coding("gzip", "/app.js").as_deref(), Some("gzip"));
    assert_eq!(coding("br;q=0.5, gzip;q=0.1, zstd;q=0.9", "/app.js").as_deref(), Some("zstd"));
    assert_eq!(coding("gzip;q=0", "/app.js"), None);
    assert_eq!(coding("gzip, br", "/app.css").as_deref(), Some("br"), "packed before");
    assert_eq!(coding("gzip", "/old.css"), None, "what is older than the file is not it");
    let url = format!("{}/app.js", stage.url);
    let same = at(&stage.world).run(&["curl", "-sS", "--compressed", &url]).expect(0).stdout;
    assert_eq!(same, "let words = 'again and again';\n".repeat(2000));
    let tags = ["identity", "gzip"].map(|accept| {
        field(&stage.curl(&["-o", "/dev/null", "-D", "-", "-H", &format!("Accept-Encoding: {accept}")], "/app.js"), "etag")
            .map(str::to_owned)
    });
    assert_ne!(tags[0], tags[1], "what is packed is another thing");
    let ranged = stage.curl(&["-H", "Accept-Encoding: gzip", "-H", "Range: bytes=0-2"], "/app.js");
    assert!(ranged.stdout.ends_with("\r\n\r\nlet") && field(&ranged, "content-encoding").is_none(), "{ranged}");
    assert!(stage.status(&["-I", "-H", "Accept-Encoding: gzip"], "/app.js") == 200);
}

#[test]
fn what_is_not_served() {
    let Some(stage) = Stage::new(&[], |world| {
        world.file("site/.env", "secret");
        world.file("site/.git/config", "secret");
        world.file("site/.well-known/x", "seen");
        world.file("secret", "secret");
        let site = world.path().join("site");
        symlink("../secret", site.join("up")).expect("a link");
        symlink(world.path(), site.join("out")).expect("a link");
        symlink("plain.txt", site.join("same")).expect("a link");
        let _ = at(world).run(&["mkfifo", &site.join("pipe").display().to_string()]).expect(0);
        let hidden = world.file("site/unreadable", "secret");
        let _ = at(world).run(&["chmod", "000", &hidden.display().to_string()]);
    }) else {
        return;
    };
    for (path, status) in [
        ("/.env", 404),
        ("/.git/config", 404),
        ("/.git/", 404),
        ("/%2eenv", 404),
        ("/.well-known/x", 200),
        ("/up", 403),
        ("/out/secret", 403),
        ("/same", 200),
        ("/pipe", 403),
        ("/gone", 404),
        ("/plain.txt/", 404),
        ("/plain.txt/x", 404),
        ("/../secret", 400),
        ("/%2e%2e/secret", 400),
        ("/%2e%2e%2fsecret", 400),
        ("/..%5csecret", 404),
        ("/%252e%252e/secret", 404),
        ("/%00", 400),
        ("/plain.txt%00.html", 400),
        ("/%zz", 400),
        ("/%ff%fe", 404),
    ] {
        let answer = stage.curl(&[], path);
        assert!(
            answer.stdout.starts_with(&format!("HTTP/1.1 {status} ")) && !answer.stdout.contains("secret\n"),
            "{path} {status}: {answer}"
        );
    }
    // Who is root in a world reads whatever there is.
    if at(&stage.world).run(&["cat", "site/unreadable"]).code != Some(0) {
        assert_eq!(stage.status(&[], "/unreadable"), 403);
    }
    let listing = stage.curl(&[], "/").stdout;
    assert!(
        !listing.contains(".env") && !listing.contains("./up\"") && !listing.contains("./out") && listing.contains("./same\""),
        "{listing}"
    );
    assert!(!listing.contains("href=\"./pipe"), "{listing}");
}

#[test]
fn one_file_at_the_root_and_at_its_name() {
    let Some(world) = crate::world() else { return };
    world.file("site/report.html", "<p>report");
    world.file("site/other.html", "other");
    let server = at(&world).start_portward(&["serve", "site/report.html", "--json"]);
    let url = server.json()["url"].as_str().unwrap_or_default().to_owned();
    let get = |path: &str| at(&world).run(&["curl", "-sS", &format!("{url}{path}")]).expect(0).stdout;
    assert_eq!((get("").as_str(), get("report.html").as_str()), ("<p>report", "<p>report"));
    assert!(get("other.html").contains("Nothing is here"));
}

#[test]
fn every_flag_of_a_page() {
    let Some(stage) = Stage::new(
        &[
            "--hidden",
            "--ext",
            "html",
            "--404",
            "lost.html",
            "--index",
            "start.html",
            "--cache",
            "60",
            "--isolation",
            "--cors",
            "--headers",
            "fields",
            "-H",
            "X-Mine: a:b",
        ],
        |world| {
            world.file("fields", "# ours\nX-Also: yes\nContent-Type: text/x-own\n");
            world.file("site/.env", "shown");
            world.file("site/about.html", "about");
            world.file("site/lost.html", "lost");
            world.file("site/d/start.html", "start");
        },
    ) else {
        return;
    };
    assert!(stage.curl(&[], "/.env").stdout.ends_with("shown"));
    let about = stage.curl(&[], "/about");
    for (name, value) in [
        ("Cache-Control", "max-age=60"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Access-Control-Allow-Origin", "*"),
        ("X-Mine", "a:b"),
        ("X-Also", "yes"),
        ("Content-Type", "text/x-own"),
    ] {
        assert_eq!(field(&about, name), Some(value), "{about}");
    }
    assert!(about.stdout.ends_with("about") && about.stdout.matches("Content-Type").count() == 1, "{about}");
    let lost = stage.curl(&[], "/gone");
    assert!(
        lost.stdout.starts_with("HTTP/1.1 404")
            && lost.stdout.ends_with("lost")
            && field(&lost, "cache-control") == Some("no-store"),
        "{lost}"
    );
    assert!(stage.curl(&[], "/d/").stdout.ends_with("start"));
    let moved = stage.curl(&[], "//d?x=1");
    assert!(moved.stdout.starts_with("HTTP/1.1 301") && field(&moved, "location") == Some("/d/?x=1"), "{moved}");
    let preflight =
        stage.curl(&["-X", "OPTIONS", "-H", "Origin: http://a.example", "-H", "Access-Control-Request-Method: GET"], "/about");
    assert_eq!(field(&preflight, "access-control-allow-methods"), Some("GET, HEAD"), "{preflight}");
}
