//! `portward url`: where a client outside dials.

use crate::world;

#[test]
fn by_name_by_asked_port_and_of_another_project() {
    let Some(world) = world() else { return };
    for name in ["a/shop", "b/shop", "blog"] {
        world.git_repository(name, "main");
    }
    let at = |folder: &str, words: &[&str]| world.enter().directory(world.path().join(folder)).portward(words);
    let port = |folder, words: &[&str]| at(folder, words).expect(0).stdout.trim_end().to_owned();
    let shop = port("a/shop", &["port", "3000"]);
    let _ = at("a/shop", &["lease", "take", "3000", "--name", "web"]).expect(0);
    let blog = port("blog", &["port", "5432"]);
    assert_eq!(at("a/shop", &["url", "web"]).expect(0).stdout, format!("http://localhost:{shop}\n"));
    assert_eq!(at("a/shop", &["url", "3000"]).expect(0).stdout, format!("http://localhost:{shop}\n"));
    assert_eq!(at("blog", &["url", "shop", "3000"]).expect(0).stdout, format!("http://localhost:{shop}\n"));
    assert_eq!(at("home", &["url", "blog", "5432"]).expect(0).stdout, format!("postgresql://localhost:{blog}\n"));
    let document = at("a/shop", &["url", "web", "--json"]).expect(0).json();
    assert_eq!(document["port"].to_string(), shop);

    assert_eq!(at("home", &["url", "--project", "blog", "5432"]).expect(0).stdout, format!("postgresql://localhost:{blog}\n"));
    let folder = world.path().join("a/shop");
    for project in ["shop", folder.to_str().unwrap()] {
        assert_eq!(at("blog", &["url", "web", "--project", project]).expect(0).stdout, format!("http://localhost:{shop}\n"));
    }
    let none = at("a/shop", &["url", "--project", "blog", "web"]).expect(1);
    assert!(none.stdout.is_empty() && none.stderr.contains("blog has no lease for web"), "{none}");
    let unknown = at("a/shop", &["url", "--project", "bolg", "web"]).expect(2);
    assert!(unknown.stderr.contains("bolg") && unknown.stderr.contains("blog"), "{unknown}");
    let _ = at("a/shop", &["url", "--project", "blog", "shop", "3000"]).expect(2);

    let other = port("b/shop", &["port", "3000"]);
    assert_eq!(
        at("b/shop", &["url", "shop", "3000"]).expect(0).stdout,
        format!("http://localhost:{other}\n"),
        "this one is meant"
    );
    let two = at("blog", &["url", "shop", "3000"]).expect(2);
    assert!(two.stderr.contains("2 projects are called shop") && two.stderr.contains(&other), "{two}");
}

#[test]
fn nothing_is_made_up() {
    let Some(world) = world() else { return };
    for words in [&["url", "web"][..], &["url", "3000"], &["url", "shop", "3000"]] {
        let outcome = world.portward(words).expect(1);
        assert!(outcome.stdout.is_empty() && outcome.stderr.contains("hint: portward port NAME"), "{outcome}");
    }
    assert!(!world.path().join("home/.local/state/portward").exists(), "asking makes nothing");
    let _ = world.portward(&["port", "web"]).expect(0);
    let _ = world.portward(&["url", "api"]).expect(1);
    for wrong in [&["url"][..], &["url", "a/b"], &["url", "shop", "0"], &["url", "shop", "70000"], &["url", "\u{1b}[31m"]] {
        let outcome = world.portward(wrong).expect(2);
        assert!(outcome.stdout.is_empty() && !outcome.stderr.contains('\u{1b}'), "{outcome}");
    }
}
