//! What a hostile folder holds.

use std::{
    ffi::CString,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, lchown, symlink},
    },
    path::{Path, PathBuf},
    sync::OnceLock,
};

use tempfile::TempDir;

use super::{Mount, Mounts, Word, is_stalling};

/// A folder of another user's below one that everybody may enter; `None` without the right to make one.
fn theirs() -> Option<(TempDir, PathBuf)> {
    let base = TempDir::new().unwrap();
    fs::set_permissions(base.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let folder = base.path().join("theirs");
    fs::create_dir(&folder).unwrap();
    if lchown(&folder, Some(THEM), Some(THEM)).is_err() {
        portward_testkit::skip("root: a folder of another user's cannot be made");
        return None;
    }
    Some((base, folder))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    Mounts::now().find(path)?.read(1024)
}

#[test]
fn a_pipe_is_not_waited_for_and_a_device_has_no_end() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("HEAD");
    let name = CString::new(pipe.as_os_str().as_bytes()).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &name, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    symlink("/dev/zero", folder.path().join("zero")).unwrap();
    symlink(folder.path(), folder.path().join("folder")).unwrap();
    symlink("round", folder.path().join("round")).unwrap();
    for name in ["HEAD", "zero", "folder", "round", "none"] {
        assert!(read(&folder.path().join(name)).is_err(), "{name}");
    }
    fs::write(folder.path().join("long"), vec![b'x'; 4096]).unwrap();
    assert_eq!(read(&folder.path().join("long")).unwrap().len(), 1024);
}

#[test]
fn links_of_ones_own_are_followed_and_ways_are_what_they_are_called() {
    let folder = TempDir::new().unwrap();
    let base = folder.path().canonicalize().unwrap();
    fs::create_dir_all(base.join("a/b")).unwrap();
    fs::write(base.join("a/b/file"), "x").unwrap();
    symlink("../a/./b", base.join("a/link")).unwrap();
    symlink(base.join("a"), base.join("absolute")).unwrap();
    let mounts = Mounts::now();
    for way in ["a/link/file", "absolute/link/../b/file", "a//b/file"] {
        let place = mounts.find(&base.join(way)).unwrap();
        assert_eq!((place.path(), place.word()), (&*base.join("a/b/file"), Word::Own), "{way}");
        assert_eq!(place.parent().err().unwrap().kind(), std::io::ErrorKind::NotADirectory);
    }
    let inner = mounts.find(&base.join("a/b")).unwrap();
    assert_eq!(inner.find(Path::new("../link/file")).unwrap().path(), base.join("a/b/file"));
    assert_eq!(inner.parent().unwrap().path(), base.join("a"));
    assert!(inner.has("file") && !inner.has("none"));
}

#[test]
fn what_another_user_has_is_looked_at_with_that_users_rights() {
    let Some((base, folder)) = theirs() else { return };
    // What only root may read, by every way that leads there from the other's folder.
    let secret = base.path().join("secret");
    fs::write(&secret, "root's").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    for name in ["straight", "relative", "twice", "folder"] {
        let target = match name {
            "straight" => secret.clone(),
            "relative" => PathBuf::from("../secret"),
            "twice" => folder.join("straight"),
            _ => base.path().to_owned(),
        };
        symlink(target, folder.join(name)).unwrap();
        lchown(folder.join(name), Some(THEM), Some(THEM)).unwrap();
    }
    for way in ["straight", "relative", "twice", "folder/secret"] {
        assert!(read(&folder.join(way)).is_err(), "{way}");
    }
    // Their own files are read, and root's where everybody may read them.
    fs::write(folder.join("own"), "theirs").unwrap();
    lchown(folder.join("own"), Some(THEM), Some(THEM)).unwrap();
    fs::set_permissions(folder.join("own"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(read(&folder.join("own")).unwrap(), b"theirs");
    assert_eq!(Mounts::now().find(&folder.join("own")).unwrap().word(), Word::User(THEM));
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(read(&folder.join("twice")).unwrap(), b"root's");
    // A link that a third one put there is nobody's to follow.
    symlink("own", folder.join("thirds")).unwrap();
    lchown(folder.join("thirds"), Some(THEM + 1), Some(THEM)).unwrap();
    assert!(read(&folder.join("thirds")).is_err());
    // Afterwards this thread has its own rights again.
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(fs::read(&secret).unwrap(), b"root's");
}

#[test]
fn what_looks_like_a_link_below_proc_is_followed_for_a_person_alone() {
    let folder = TempDir::new().unwrap();
    let file = fs::File::create(folder.path().join("file")).unwrap();
    let magic = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    symlink(&magic, folder.path().join("link")).unwrap();
    for way in [Path::new(&magic), &folder.path().join("link")] {
        assert!(Mounts::now().find(way).is_err());
        assert!(Mounts::patient().find(way).unwrap().is_file());
    }
}

#[test]
fn who_waits_for_every_file_system_reads_of_none() {
    let mounts = Mounts::patient();
    assert!(mounts.find(TempDir::new().unwrap().path()).is_ok());
    assert!(mounts.all.get().is_none(), "it is asked hundreds of times in a moment");
}

#[test]
fn a_file_system_that_may_never_answer_is_not_entered() {
    let folder = TempDir::new().unwrap();
    let base = folder.path().canonicalize().unwrap();
    fs::create_dir_all(base.join("far/away")).unwrap();
    symlink("far/away", base.join("link")).unwrap();
    let mut mounts = Mounts::now();
    assert!(mounts.find(&base.join("far/away")).is_ok());
    mounts.all.get_mut().unwrap().push(Mount {
        id: 4_000_000_000,
        device: 1,
        point: base.join("far").into_os_string().into_encoded_bytes(),
        kind: b"nfs4".into(),
    });
    mounts.stalling.push(base.join("far"));
    for way in ["far", "far/away", "link"] {
        assert!(is_stalling(&mounts.find(&base.join(way)).err().unwrap()), "{way}");
    }
    assert!(mounts.find(&base).is_ok());
    mounts.patient = true;
    assert!(mounts.find(&base.join("link")).is_ok());
    // Where it cannot be known, every one may be such.
    assert!(Mounts { all: OnceLock::from(Vec::new()), stalling: Vec::new(), patient: false }.may_stall(Path::new("/etc")));
}

const THEM: u32 = 4_321;
