//! `portward doctor --fix` on a line of a file: written where it is what was seen, and left with a sentence where not.

use std::{fs, path::Path};

use portward_testkit::{Actor, World};
use serde_json::Value;

use crate::world;

/// A project whose file names port 3000, and whose server listens on 3001.
fn project(world: &World, text: &str) -> Actor {
    world.file("shop/.git/HEAD", "ref: refs/heads/main\n");
    world.file("shop/.env", text);
    world.enter().directory(world.path().join("shop")).actor(&["web", "tcp/127.0.0.1:3001"])
}

/// What `--fix --yes` says inside the project.
#[track_caller]
fn fixed(world: &World) -> Value {
    let words = ["doctor", "127.0.0.1:3000", "--fix", "--yes", "--json"];
    world.enter().directory(world.path().join("shop")).portward(&words).json()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_line_is_written_and_nothing_else() {
    let Some(world) = world() else { return };
    let _server = project(&world, "# ports\r\nPORT=3000\r\nX=1");
    let document = fixed(&world);
    assert_eq!(document["fixed"][0]["became"], "done", "{document:#}");
    assert_eq!(read(world.path().join("shop/.env")), "# ports\r\nPORT=3001\r\nX=1");
    // A server is where it was: the answer does not say that all is well.
    assert_eq!(document["verdict"], "fault", "{document:#}");
}

#[test]
fn a_line_with_a_secret_is_not_offered() {
    let Some(world) = world() else { return };
    let text = "DATABASE_URL=postgres://ana:hunter2@127.0.0.1:3000/shop\n";
    let _server = project(&world, text);
    let document = fixed(&world);
    assert!(!document.to_string().contains("hunter2"), "{document:#}");
    assert_eq!(read(world.path().join("shop/.env")), text);
}

#[test]
fn a_file_that_may_not_be_written_is_left_with_a_sentence() {
    // Without root there is no second user to be, and the server's folder is nobody's to see.
    if !portward_testkit::require_root("be two users") {
        return;
    }
    let Some(world) = world() else { return };
    drop(project(&world, "PORT=3000\n"));
    let shop = world.path().join("shop");
    let _server = world.enter().directory(&shop).stranger().actor(&["web", "tcp/127.0.0.1:3001"]);
    fs::set_permissions(shop.join(".env"), std::os::unix::fs::PermissionsExt::from_mode(0o444)).unwrap();
    let words = ["doctor", "127.0.0.1:3000", "--fix", "--yes", "--json"];
    let document = world.enter().directory(&shop).stranger().portward(&words).json();
    let edit = document["fixed"]
        .as_array()
        .unwrap()
        .iter()
        .find(|fix| fix["became"] == "failed")
        .unwrap_or_else(|| panic!("{document:#}"));
    let because = edit["because"].as_str().unwrap();
    assert!(because.contains(".env cannot be written") && because.contains("sudo"), "{document:#}");
    assert_eq!(read(shop.join(".env")), "PORT=3000\n");
}

#[test]
fn nothing_is_written_where_nobody_agrees() {
    let Some(world) = world() else { return };
    let _server = project(&world, "PORT=3000\n");
    let words = ["doctor", "127.0.0.1:3000", "--fix", "--json"];
    let document = world.enter().directory(world.path().join("shop")).portward(&words).json();
    assert_eq!(document["fixed"][0]["became"], "declined", "{document:#}");
    assert_eq!(read(world.path().join("shop/.env")), "PORT=3000\n");
}
