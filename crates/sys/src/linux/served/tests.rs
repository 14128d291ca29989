use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::symlink,
    time::Duration,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{Miss, Served, Sort, Watching};

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    fs::write(folder.path().join("in/a.txt"), "a").unwrap();
    fs::write(folder.path().join("secret"), "s").unwrap();
    folder
}

#[test]
fn nothing_outside_is_found() {
    let outside = folder();
    let root = outside.path().join("in");
    symlink("../secret", root.join("up")).unwrap();
    symlink(outside.path().join("secret"), root.join("absolute")).unwrap();
    symlink("a.txt", root.join("same")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink("/proc/self/root", root.join("magic")).unwrap();
    let served = Served::open(&root).unwrap();
    for path in ["up", "absolute", "../secret", "..", "/etc/passwd", "magic/etc/passwd", "loop"] {
        assert!(matches!(served.find(path.as_bytes(), false), Err(Miss::Outside | Miss::Absent)), "{path}");
    }
    let mut text = String::new();
    served.find(b"same", false).unwrap().open().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "a");
    let names = served.find(b"", false).unwrap().entries(&served, b"", 99).unwrap().0;
    let mut names: Vec<_> = names.into_iter().map(|entry| (String::from_utf8(entry.name).unwrap(), entry.is_link)).collect();
    names.sort();
    assert_eq!(names, [("a.txt".to_owned(), false), ("same".to_owned(), true)]);
}

#[test]
fn a_pipe_is_met_and_not_opened() {
    let outside = folder();
    mknodat(CWD, outside.path().join("in/pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let served = Served::open(&outside.path().join("in")).unwrap();
    let met = served.find(b"pipe", false).unwrap();
    assert_eq!(met.facts.sort, Sort::Special);
    assert!(met.open().is_err());
    assert!(Served::open(&outside.path().join("in/pipe")).is_err());
}

#[test]
fn one_file_is_served_alone() {
    let outside = folder();
    let served = Served::open(&outside.path().join("in/a.txt")).unwrap();
    assert_eq!(served.only(), Some(&b"a.txt"[..]));
    assert!(served.find(b"a.txt", false).is_ok());
    assert!(matches!(served.find(b"", false), Err(Miss::Absent)));
    assert!(Served::open(&outside.path().join("in/b")).is_err());
}

#[test]
fn a_file_is_received_whole_or_not_at_all() {
    let outside = folder();
    let root = outside.path().join("in");
    let served = Served::open(&root).unwrap();
    let here = served.find(b"", false).unwrap();
    let begin = |name: &str, text: &str| {
        let mut one = served.receive(&here, name.as_bytes()).unwrap();
        one.file.write_all(text.as_bytes()).unwrap();
        one
    };
    drop(begin("b.txt", "half"));
    assert!(!begin("c.txt", "whole").keep(false).unwrap());
    assert_eq!(begin("c.txt", "other").keep(false).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(root.join("c.txt")).unwrap(), "whole");
    symlink("../secret", root.join("link")).unwrap();
    assert!(begin("link", "mine").keep(true).unwrap());
    assert!(begin("c.txt", "other").keep(true).unwrap());
    assert_eq!(fs::read_to_string(root.join("c.txt")).unwrap(), "other");
    assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "s", "a link is replaced and not followed");
    for name in ["", ".", "..", "a/b", "a\0b"] {
        assert!(served.receive(&here, name.as_bytes()).is_err(), "{name:?}");
    }
    let mut left: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["a.txt", "c.txt", "link"]);
}

#[test]
fn changes_are_told_in_folders_that_were_made_later_too() {
    let outside = folder();
    let root = outside.path().join("in");
    let served = Served::open(&root).unwrap();
    let mut watching = Watching::new(&served).unwrap();
    assert!(watching.wait(Duration::from_millis(10)).is_empty());
    fs::create_dir(root.join("new")).unwrap();
    assert_eq!(watching.wait(Duration::from_secs(5)), [b"new".to_vec()]);
    fs::write(root.join("new/x.css"), "x").unwrap();
    assert_eq!(watching.wait(Duration::from_secs(5)), [b"new/x.css".to_vec()]);
    fs::create_dir(root.join("node_modules")).unwrap();
    fs::write(root.join(".swp"), "x").unwrap();
    assert!(watching.wait(Duration::from_millis(50)).is_empty());
}
