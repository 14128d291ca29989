//! In a real browser: an application of one page, a listing, and pages that load anew.

use std::fs;

use portward_testkit::{Running, program, until};

use super::{Stage, at};

/// Chromium without a window, with a profile of its own.
fn words<'a>(chromium: &'a str, profile: &'a str, flags: &[&'a str], url: &'a str) -> Vec<&'a str> {
    let own = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", profile];
    [&own[..], flags, &[url]].concat()
}

#[test]
fn in_a_browser() {
    let Some(chromium) = program("chromium") else { return };
    let chromium = chromium.display().to_string();
    let Some(stage) = Stage::new(&["--spa", "--reload"], |world| {
        world.file(
            "site/index.html",
            "<body><h1>first</h1><script src='/app.js'></script><script>const ask = new XMLHttpRequest(); ask.open('GET', '/gone.js', false); ask.send(); document.body.dataset.gone = ask.status</script></body>",
        );
        world.file("site/app.js", "document.body.dataset.path = location.pathname");
        world.file("site/list/<b>bold.txt", "x");
    }) else {
        return;
    };
    let profile = format!("--user-data-dir={}", stage.world.path().join("profile").display());
    let dump = |path: &str| {
        let url = format!("{}{path}", stage.url);
        at(&stage.world).run(&words(&chromium, &profile, &["--dump-dom"], &url)).expect(0).stdout
    };
    let page = dump("/user/ana.b");
    assert!(page.contains("data-path=\"/user/ana.b\"") && page.contains("data-gone=\"404\""), "{page}");
    let listing = dump("/list/");
    assert!(listing.contains("&lt;b&gt;bold.txt") && listing.contains("%3Cb%3Ebold.txt"), "{listing}");
    // A page that is open loads anew when its file changes.
    let url = format!("{}/", stage.url);
    let _browser: Running = at(&stage.world).start(&words(&chromium, &profile, &["--remote-debugging-port=0"], &url));
    stage.told("/.portward/reload.js");
    let index = stage.world.path().join("site/index.html");
    let mut turn = 0;
    until("the page to load anew", || {
        turn += 1;
        fs::write(&index, format!("<body><h1>turn {turn}</h1></body>")).expect("the file");
        let line = stage.server.line_soon()?;
        let told: serde_json::Value = serde_json::from_str(&line).ok()?;
        (told["path"] == "/" && told["method"] == "GET").then_some(())
    });
}
