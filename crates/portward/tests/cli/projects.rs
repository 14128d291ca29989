//! Why a process runs: its project, branch, worktree and script, its supervisor.

use serde_json::Value;

use crate::world;

#[test]
fn a_git_repository_and_its_branch() {
    let Some(world) = world() else { return };
    let root = world.git_repository("shop", "main");
    let folder = world.file("shop/web/src/x.js", "").parent().unwrap().to_owned();
    let actor = world.enter().directory(&folder).actor(&["listen", "tcp/127.0.0.1:3000"]);
    let reading = world.portward(&["list", "--json"]).expect(0).reading();
    let project = &reading.owner(reading.only(3000), actor.pid())["project"];
    assert_eq!(project["root"], root.to_str().unwrap(), "{project:#}");
    assert_eq!((&project["name"], &project["branch"], &project["worktree"]), (&"shop".into(), &"main".into(), &Value::Null));
    let text = world.portward(&["list"]).expect(0);
    assert!(text.stdout.contains("shop"), "{text}");
}

#[test]
fn a_linked_worktree() {
    let Some(world) = world() else { return };
    world.git_repository("shop", "main");
    let root = world.git_worktree("shop", "fix-42", "fix/42");
    let actor = world.enter().directory(&root).actor(&["listen", "tcp/127.0.0.1:3000"]);
    let reading = world.portward(&["list", "--json"]).expect(0).reading();
    let project = &reading.owner(reading.only(3000), actor.pid())["project"];
    assert_eq!(project["root"], root.to_str().unwrap(), "{project:#}");
    assert_eq!(
        (&project["name"], &project["branch"], &project["worktree"]),
        (&"shop".into(), &"fix/42".into(), &"fix-42".into())
    );
}

#[test]
fn a_detached_head_has_no_branch() {
    let Some(world) = world() else { return };
    let root = world.git_repository("shop", "main");
    world.file("shop/.git/HEAD", "0123456789abcdef0123456789abcdef01234567\n");
    let actor = world.enter().directory(&root).actor(&["listen", "tcp/127.0.0.1:3000"]);
    let reading = world.portward(&["list", "--json"]).expect(0).reading();
    let project = &reading.owner(reading.only(3000), actor.pid())["project"];
    assert_eq!((&project["name"], &project["branch"]), (&"shop".into(), &Value::Null));
}

#[test]
fn a_hostile_repository_neither_hangs_nor_speaks() {
    let Some(world) = world() else { return };
    world.file("evil/.git/HEAD", format!("ref: refs/heads/\u{1b}[31m{}\n", "x".repeat(100_000)));
    world.file("loop/.git", "gitdir: ../loop\n");
    for name in ["evil", "loop"] {
        let _actor = world.enter().directory(world.path().join(name)).actor(&["listen", "tcp/127.0.0.1:3000"]);
        let text = world.portward(&["list"]).expect(0);
        assert!(!text.stdout.contains('\u{1b}') && text.stdout.len() < 20_000, "{name}");
        let _ = world.portward(&["list", "--json"]).expect(0).reading();
    }
}

#[test]
fn filters_by_project() {
    let Some(world) = world() else { return };
    let shop = world.git_repository("shop", "main");
    let blog = world.git_repository("blog", "main");
    let _one = world.enter().directory(&shop).actor(&["listen", "tcp/127.0.0.1:3000"]);
    let _other = world.enter().directory(&blog).actor(&["listen", "tcp/127.0.0.1:4000"]);
    let reading = world.portward(&["list", "--json", "project:shop"]).expect(0).reading();
    assert_eq!((reading.on_port(3000).len(), reading.on_port(4000).len()), (1, 0));
}

#[test]
fn a_package_script_is_the_reason() {
    let Some(world) = world() else { return };
    let root = world.git_repository("shop", "main");
    world.file("shop/package.json", r#"{"name": "shop-web", "scripts": {"dev": "node server.js"}}"#);
    let actor = world.enter().directory(&root).actor(&["tree", "tcp/127.0.0.1:3000"]);
    let reading = world.portward(&["list", "--json"]).expect(0).reading();
    let owner = reading.owner(reading.only(3000), actor.number("leaf"));
    assert_eq!(owner["project"]["root"], root.to_str().unwrap(), "{owner:#}");
    let why = format!("{} {}", owner["project"]["script"], owner["supervisor"]["name"]);
    assert!(why.contains("npm run dev"), "{owner:#}");
    let text = world.portward(&["list"]).expect(0);
    assert!(text.stdout.contains("npm run dev"), "{text}");
}

#[test]
fn a_process_manager_is_the_supervisor() {
    let Some(world) = world() else { return };
    let path = world.path().join("home/bin/supervisord");
    let actor = world.actor(&["as-script", path.to_str().unwrap(), "supervised", "tcp/127.0.0.1:3000"]);
    let reading = world.portward(&["list", "--json"]).expect(0).reading();
    let supervisor = &reading.owner(reading.only(3000), actor.number("child"))["supervisor"];
    assert_eq!(supervisor["kind"], "manager", "{supervisor:#}");
    assert!(supervisor["name"].as_str().unwrap().contains("supervisord"), "{supervisor:#}");
}

#[test]
fn an_unreadable_folder_is_a_gap_and_no_failure() {
    let Some(world) = world() else { return };
    let folder = world.path().join("home/closed");
    std::fs::create_dir(&folder).unwrap();
    world.give(&folder);
    let actor = world.enter().directory(&folder).actor(&["listen", "tcp/127.0.0.1:3000"]);
    std::fs::remove_dir(&folder).unwrap();
    let reading = world.portward(&["list", "--json"]).expect(0).reading();
    assert_eq!(reading.owners_of(reading.only(3000)), [actor.pid()]);
}
