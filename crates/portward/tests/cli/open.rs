//! `portward open`: the browser, with the right URL.

use std::fs;

use portward_testkit::{Outcome, World};

use crate::world;

/// Runs `portward open` with a browser that writes down what it was given.
fn opened(world: &World, endpoint: &str) -> (Outcome, String) {
    let heard = world.path().join("home/heard");
    let _ = fs::remove_file(&heard);
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >{}.part\nmv {0}.part {0}\n", heard.display());
    for name in ["xdg-open", "sensible-browser", "browser"] {
        let path = world.file(&format!("home/bin/{name}"), &script);
        let _ = world.run(&["chmod".as_ref(), "755".as_ref(), path.as_os_str()]).expect(0);
    }
    let bin = world.path().join("home/bin");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let outcome =
        world.enter().env("PATH", path).env("BROWSER", bin.join("browser")).env("DISPLAY", ":9").portward(&["open", endpoint]);
    let url = if outcome.code == Some(0) {
        portward_testkit::until("the browser to be started", || fs::read_to_string(&heard).ok())
    } else {
        String::new()
    };
    (outcome, url.trim().to_owned())
}

#[test]
fn a_web_server() {
    let Some(world) = world() else { return };
    let _web = world.actor(&["web", "tcp/127.0.0.1:3000"]);
    for (endpoint, wanted) in [
        ("3000", "http://localhost:3000"),
        ("localhost:3000", "http://localhost:3000"),
        ("127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://web.localhost:3000/cart", "http://web.localhost:3000/cart"),
    ] {
        let (outcome, url) = opened(&world, endpoint);
        let outcome = outcome.expect(0);
        assert_eq!(url.trim_end_matches('/'), wanted, "{outcome}");
    }
}

#[test]
fn a_wildcard_is_opened_on_this_host() {
    let Some(world) = world() else { return };
    let _web = world.actor(&["web", "tcp/0.0.0.0:3000"]);
    let (outcome, url) = opened(&world, "0.0.0.0:3000");
    assert!(url.starts_with("http://localhost:3000") || url.starts_with("http://127.0.0.1:3000"), "{url}: {outcome}");
}

#[test]
fn nothing_listens() {
    let Some(world) = world() else { return };
    let (outcome, _) = opened(&world, "3000");
    let outcome = outcome.expect(1);
    assert!(format!("{}{}", outcome.stdout, outcome.stderr).contains("3000"), "{outcome}");
}

#[test]
fn what_no_browser_opens() {
    let Some(world) = world() else { return };
    for endpoint in ["unix:/run/x.sock", "70000"] {
        let (outcome, _) = opened(&world, endpoint);
        assert_ne!(outcome.code, Some(0), "{outcome}");
    }
}
