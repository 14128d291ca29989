use std::{
    fs,
    os::unix::fs::PermissionsExt,
    os::unix::net::UnixListener,
    path::Path,
    thread,
    time::{Duration, SystemTime},
};

use portward_model::{Caller, ProcessId};

use super::{Bell, Doorway, MOST_SWEPT, OLD, RuntimeFolder, Unheard, ask, is_elsewhere, name_of, process_of, sweep};

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
    assert_eq!(fs::metadata(at.join(name_of(process(1)))).unwrap().permissions().mode() & 0o777, 0o600);
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
    assert!(!at.join(name_of(process(1))).exists());
}

#[test]
fn who_does_not_answer_is_waited_for_as_long_as_is_said_and_what_was_left_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    let (caller, bell) = (caller(folder.path()), Bell::new().unwrap());
    let (silent, killed) = (process(1), process(2));
    let door = Doorway::open(&caller, silent, &bell).unwrap();
    let at = folder.path().join("run/portward");
    drop(UnixListener::bind(at.join(name_of(process(2)))).unwrap());
    fs::write(at.join(name_of(process(3))), "no socket").unwrap();
    let heard = ask(&caller, None, b"run", Duration::from_millis(50));
    let of = |process| &heard.iter().find(|heard| heard.process == process).unwrap().said;
    assert!(matches!(of(silent), Err(Unheard::Silent)) && matches!(of(killed), Err(Unheard::Left)), "{heard:?}");
    sweep(&caller, 0, &|all| all.to_vec());
    assert!(at.join(name_of(process(2))).exists(), "its process may begin to listen");
    sweep(&caller, 0, &|_| Vec::new());
    assert!(
        !at.join(name_of(process(2))).exists() && at.join(name_of(process(1))).exists() && at.join(name_of(process(3))).exists()
    );
    assert!(door.stands());
}

#[test]
fn who_begins_beside_very_many_looks_at_some_and_those_who_begin_look_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (caller, bell) = (caller(folder.path()), Bell::new().unwrap());
    let _door = Doorway::open(&caller, process(0), &bell).unwrap();
    let at = folder.path().join("run/portward");
    for number in 1..200 {
        drop(UnixListener::bind(at.join(name_of(process(number)))).unwrap());
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
    let at = folder.path().join("run/portward").join(name_of(process(1)));
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
    let process = ProcessId { pid: 12, started_ticks: 345 };
    assert_eq!(process_of(&name_of(process)), Some(process));
    for other in ["", "12", ".", "12.", "012.3", "12.3.4", "-1.2", "leases.db", "12.3.new", "99999999999.1", "1.2.3.4"] {
        assert_eq!(process_of(other), None, "{other}");
    }
    assert!(is_elsewhere("12.345.4026532999") && !is_elsewhere(&name_of(process)));
    assert!(!is_elsewhere("leases.db") && !is_elsewhere("12") && !is_elsewhere("1.2.3.4"));
}

#[test]
fn what_another_pid_namespace_has_is_nobodys_here_and_swept_once_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let (caller, bell) = (caller(folder.path()), Bell::new().unwrap());
    let door = Doorway::open(&caller, process(1), &bell).unwrap();
    let at = folder.path().join("run/portward");
    let (begins, left, listens) = (at.join("7.1.1"), at.join("7.2.1"), at.join("7.3.1"));
    drop([&begins, &left].map(|path| UnixListener::bind(path).unwrap()));
    let lives = UnixListener::bind(&listens).unwrap();
    let long_ago = SystemTime::now() - 2 * OLD;
    for path in [&left, &listens] {
        let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
        let then = rustix::fs::Timespec { tv_sec: seconds(long_ago), tv_nsec: 0 };
        let times = rustix::fs::Timestamps { last_access: then, last_modification: then };
        rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
    let named: Vec<ProcessId> = ask(&caller, None, b"run", Duration::ZERO).into_iter().map(|heard| heard.process).collect();
    assert_eq!(named, [process(1)]);
    sweep(&caller, 0, &|some| some.to_vec());
    assert_eq!([&begins, &left, &listens].map(|path| path.exists()), [true, false, true]);
    drop((door, lives));
}

fn seconds(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}
