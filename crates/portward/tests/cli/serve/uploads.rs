//! Files that are taken in.

use std::fs;

use super::{Stage, at, status_of};

#[test]
fn by_put_and_by_a_form() {
    let Some(stage) = Stage::new(&["--upload", "--upload-limit", "1"], |world| {
        world.file("site/sub/x", "x");
        world.file("new.txt", "new\n");
        world.file("large", vec![b'l'; 1_200_000]);
    }) else {
        return;
    };
    let site = stage.world.path().join("site");
    let there = |name: &str| fs::read_to_string(site.join(name)).ok();
    assert_eq!(stage.status(&["-T", "new.txt"], "/sub/a.txt"), 201);
    assert_eq!(there("sub/a.txt").as_deref(), Some("new\n"));
    assert_eq!(stage.status(&["-T", "new.txt"], "/sub/a.txt"), 409, "never over a file");
    assert_eq!(stage.status(&["-H", "Transfer-Encoding: chunked", "-T", "new.txt"], "/chunked"), 201);
    assert_eq!(there("chunked").as_deref(), Some("new\n"));
    assert_eq!(stage.status(&["-H", "Expect: 100-continue", "-T", "new.txt"], "/waited"), 201);
    assert_eq!(stage.status(&["-F", "f=@new.txt;filename=../../out.txt", "-F", "g=@new.txt;filename=ä b.txt"], "/sub/"), 201);
    assert_eq!((there("sub/out.txt").as_deref(), there("sub/ä b.txt").as_deref()), (Some("new\n"), Some("new\n")));
    for (flags, path, status) in [
        (&["-T", "large"][..], "/large", 413),
        (&["-H", "Transfer-Encoding: chunked", "-T", "large"], "/large", 413),
        (&["-F", "f=@large"], "/", 413),
        (&["-T", "new.txt"], "/gone/x", 409),
        (&["-T", "new.txt"], "/sub", 409),
        (&["-X", "PUT", "-d", "x"], "/sub/", 409),
        (&["-T", "new.txt"], "/.hidden", 403),
        (&["-T", "new.txt"], "/../out", 400),
        (&["-F", "f=@new.txt;filename=.hidden"], "/", 400),
        (&["-F", "f=x"], "/", 400),
        (&["-d", "x=y"], "/", 415),
        (&["-X", "DELETE"], "/plain.txt", 405),
        (&["-H", "Origin: http://evil.example", "-T", "new.txt"], "/evil", 403),
        (&["-H", "Origin: null", "-F", "f=@new.txt;filename=evil"], "/", 403),
        (&["-H", "Sec-Fetch-Site: same-site", "-T", "new.txt"], "/evil", 403),
        (&["-H", "If-None-Match: *", "-T", "new.txt"], "/plain.txt", 412),
    ] {
        assert_eq!(stage.status(flags, path), status, "{flags:?} {path}");
    }
    let own = format!("Origin: {}", stage.url);
    assert_eq!(stage.status(&["-H", &own, "-H", "Sec-Fetch-Site: same-origin", "-T", "new.txt"], "/own"), 201);
    assert!(!site.join("large").exists() && !site.join("evil").exists() && !stage.world.path().join("out.txt").exists());
    assert!(stage.curl(&["-H", "Accept: text/html"], "/").stdout.contains("multipart/form-data"));
    let page = stage.curl(&["-H", "Accept: text/html", "-F", "f=@new.txt;filename=page.txt"], "/sub/").stdout;
    assert!(page.contains("303 See Other") && page.contains("Location: /sub/"), "{page}");
    // Half a file is none, and nothing of it is left.
    let port = stage.port;
    let half = format!("PUT /half HTTP/1.1\\r\\nHost: localhost:{port}\\r\\nContent-Length: 10\\r\\n\\r\\nhalf");
    let cut = "import socket,sys; s=socket.create_connection(('127.0.0.1',int(sys.argv[1]))); s.sendall(sys.argv[2].encode().decode('unicode_escape').encode()); s.close()";
    let _ = at(&stage.world).run(&["python3", "-c", cut, &port.to_string(), &half]).expect(0);
    let bad = format!(
        "PUT /bad HTTP/1.1\\r\\nHost: localhost:{port}\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhelloX\\r\\n0\\r\\n\\r\\n"
    );
    assert_eq!(status_of(&stage.raw(&[&bad])[0]), Some(400));
    assert!(!site.join("half").exists() && !site.join("bad").exists());
    let left = at(&stage.world).run(&["sh", "-c", "ls -A site | grep portward-"]);
    assert!(left.stdout.is_empty(), "{left}");
}

#[test]
fn over_a_file_where_that_is_said_and_not_at_all_where_nothing_is() {
    let Some(stage) = Stage::new(&["--upload", "--overwrite"], |world| {
        world.file("new.txt", "new\n");
    }) else {
        return;
    };
    assert_eq!(stage.status(&["-T", "new.txt"], "/plain.txt"), 204);
    assert!(stage.curl(&[], "/plain.txt").stdout.ends_with("new\n"));
    let Some(stage) = Stage::new(&[], |world| {
        world.file("new.txt", "new\n");
    }) else {
        return;
    };
    let refused = stage.curl(&["-T", "new.txt"], "/x");
    assert!(refused.stdout.contains("405") && super::field(&refused, "allow") == Some("GET, HEAD, OPTIONS"), "{refused}");
}
