use std::{fs, os::unix::fs::PermissionsExt, os::unix::net::UnixListener, path::Path, thread, time::Duration};

use portward_model::{Caller, ProcessId};

use super::{Bell, Doorway, MOST_SWEPT, RuntimeFolder, Unheard, ask, process_of, sweep};

/// A caller whose folders are all below this one, but for those that every process of this user has.
pub(super) fn caller(folder: &Path) -> Caller {
    let text = |name: &str| crate::text_of(&folder.join(name));
    for name in ["run", "state"] {
        let _ = fs::create_dir(folder.join(name));
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o700)).unwrap();
    }
    let environment = [("XDG_RUNTIME_DIR".to_owned(), text("run")), ("XDG_STATE_HOME".to_owned(), text("state"))].into();
    Caller { environment, ..crate::this_caller() }
}

/// Its number is one that no process has.
pub(super) fn process(number: u64) -> ProcessId {
    ProcessId { pid: u32::MAX, started_ticks: number }
}

fn answers(caller: &Caller, process: ProcessId) -> Vec<Result<String, Unheard>> {
    let heard = ask(caller, Some(&[process]), b"how are you", Duration::from_secs(5));
    heard.into_iter().map(|heard| heard.said.map(|said| String::from_utf8(said).unwrap())).collect()
}

/// Answers in a thread of its own until the bell is rung.
fn attended(mut door: Doorway) -> thread::JoinHandle<Doorway> {
    thread::spawn(move || {
        while !door.attend(Duration::from_mins(1), &mut |_, line| [line, b" I am well\n"].concat()) {}
        door
    })
}

#[test]
fn a_process_answers_and_is_found_again_after_its_folder_was_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (caller, own, bell) = (caller(folder.path()), process(1), Bell::new().unwrap());
    let at = folder.path().join("run/portward");
    let door = Doorway::open(&caller, own, &bell).unwrap();
    assert!(door.stands());
    assert_eq!(fs::metadata(&at).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(at.join("4294967295.1")).unwrap().permissions().mode() & 0o777, 0o600);
    let thread = attended(door);
    for _ in 0..3 {
        assert_eq!(answers(&caller, own).pop().unwrap().unwrap(), "how are you I am well");
    }
    bell.ring();
    let door = thread.join().unwrap();
    fs::remove_dir_all(&at).unwrap();
    assert!(!door.stands() && answers(&caller, own).is_empty());
    let again = Doorway::open(&caller, own, &bell).unwrap();
    drop(door);
    assert!(again.stands(), "the one before took its own file alone");
    drop(again);
    assert!(!at.join("4294967295.1").exists());
}

#[test]
fn who_does_not_answer_is_waited_for_as_long_as_is_said_and_what_was_left_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    let (caller, bell) = (caller(folder.path()), Bell::new().unwrap());
    let (silent, killed) = (process(1), process(2));
    let door = Doorway::open(&caller, silent, &bell).unwrap();
    let at = folder.path().join("run/portward");
    drop(UnixListener::bind(at.join("4294967295.2")).unwrap());
    fs::write(at.join("4294967295.3"), "no socket").unwrap();
    let heard = ask(&caller, None, b"run", Duration::from_millis(50));
    let of = |process| &heard.iter().find(|heard| heard.process == process).unwrap().said;
    assert!(matches!(of(silent), Err(Unheard::Silent)) && matches!(of(killed), Err(Unheard::Left)), "{heard:?}");
    sweep(&caller, 0, &|all| all.to_vec());
    assert!(at.join("4294967295.2").exists(), "its process may begin to listen");
    sweep(&caller, 0, &|_| Vec::new());
    assert!(!at.join("4294967295.2").exists() && at.join("4294967295.1").exists() && at.join("4294967295.3").exists());
    assert!(door.stands());
}

#[test]
fn who_begins_beside_very_many_looks_at_some_and_those_who_begin_look_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (caller, bell) = (caller(folder.path()), Bell::new().unwrap());
    let _door = Doorway::open(&caller, process(0), &bell).unwrap();
    let at = folder.path().join("run/portward");
    for number in 1..200 {
        drop(UnixListener::bind(at.join(format!("4294967295.{number}"))).unwrap());
    }
    let left = || fs::read_dir(&at).unwrap().count();
    let mut looked = 0;
    for number in [7_u64, 40, 195] {
        let before = left();
        sweep(&caller, number, &|some| {
            assert_eq!(some.len(), MOST_SWEPT);
            Vec::new()
        });
        looked += before - left();
        assert!(before - left() >= MOST_SWEPT - 1, "{number}");
    }
    for number in 0..20 {
        sweep(&caller, number * 31, &|_| Vec::new());
    }
    assert_eq!((left(), looked > 90), (1, true), "its own alone is left");
}

#[test]
fn a_folder_of_others_is_not_gone_into() {
    let folder = tempfile::tempdir().unwrap();
    let caller = caller(folder.path());
    let at = folder.path().join("run/portward");
    let own = || RuntimeFolder::all(&caller).into_iter().next().unwrap();
    assert!(own().open(false).is_err() && !at.exists(), "who asks makes nothing");
    fs::create_dir(&at).unwrap();
    fs::set_permissions(&at, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(own().open(true).unwrap_err().to_string().contains("is open to other users"));
    fs::remove_dir(&at).unwrap();
    std::os::unix::fs::symlink(folder.path().join("state"), &at).unwrap();
    assert!(own().open(true).unwrap_err().to_string().contains("is a link"));
    // The next best place is taken then.
    let door = Doorway::open(&caller, process(1), &Bell::new().unwrap()).unwrap();
    assert!(door.stands() && !door.path().starts_with(&at));
}

#[test]
fn a_folder_whose_name_is_long_is_as_good() {
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("long".repeat(40));
    fs::create_dir(&long).unwrap();
    let (caller, bell) = (caller(&long), Bell::new().unwrap());
    let door = Doorway::open(&caller, process(1), &bell).unwrap();
    assert!(door.stands() && door.path().starts_with(&long));
    let thread = attended(door);
    assert!(answers(&caller, process(1)).pop().unwrap().is_ok());
    bell.ring();
    thread.join().unwrap();
}

#[test]
fn who_asks_in_pieces_or_nothing_at_all_holds_nobody_up() {
    use std::io::{Read, Write};
    let folder = tempfile::tempdir().unwrap();
    let (caller, own, bell) = (caller(folder.path()), process(1), Bell::new().unwrap());
    let thread = attended(Doorway::open(&caller, own, &bell).unwrap());
    let at = folder.path().join("run/portward/4294967295.1");
    let silent: Vec<_> = (0..8).map(|_| std::os::unix::net::UnixStream::connect(&at).unwrap()).collect();
    let mut slow = std::os::unix::net::UnixStream::connect(&at).unwrap();
    slow.write_all(b"how ").unwrap();
    assert!(answers(&caller, own).pop().unwrap().is_ok());
    slow.write_all(b"so\n").unwrap();
    let mut said = String::new();
    slow.read_to_string(&mut said).unwrap();
    assert_eq!(said, "how so I am well\n");
    drop(silent);
    bell.ring();
    thread.join().unwrap();
}

#[test]
fn names_are_those_of_processes() {
    assert_eq!(process_of("12.345"), Some(ProcessId { pid: 12, started_ticks: 345 }));
    for other in ["", "12", ".", "12.", "012.3", "12.3.4", "-1.2", "leases.db", "12.3.new", "99999999999.1"] {
        assert_eq!(process_of(other), None, "{other}");
    }
}
