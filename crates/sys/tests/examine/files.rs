//! What stands at a path, which files name a port, and a hosts file of its own.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::Path,
};

use portward_model::{FileKind, MentionKind, Text};
use portward_sys::this_machine;

use crate::inside::{in_own_network, must};

fn text(path: &Path) -> Text {
    Text::new(path.as_os_str().as_encoded_bytes())
}

#[test]
fn what_stands_at_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let machine = this_machine().unwrap();
    let path = folder.path().join(".s.PGSQL.5432");
    let neighbour = folder.path().join(".s.PGSQL.5433");
    let _neighbour = UnixListener::bind(&neighbour).unwrap();
    fs::write(folder.path().join(".s.PGSQL.5434"), "a plain file").unwrap();
    let nothing = machine.path(&text(&path)).unwrap();
    assert_eq!((nothing.kind, nothing.stops_at, nothing.nearby), (None, None, vec![text(&neighbour)]));

    let _listener = UnixListener::bind(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let there = machine.path(&text(&path)).unwrap();
    assert_eq!((there.kind, there.mode, there.writable), (Some(FileKind::Socket), 0o640, true));
    assert!(there.inode > 0);

    let beyond = folder.path().join("missing/folder/x.sock");
    let stopped = machine.path(&text(&beyond)).unwrap();
    assert_eq!((stopped.kind, stopped.stops_at), (None, Some(text(&folder.path().join("missing")))));
    let through_a_file = machine.path(&text(&folder.path().join(".s.PGSQL.5434/x"))).unwrap();
    assert_eq!(through_a_file.stops_at, Some(text(&folder.path().join(".s.PGSQL.5434"))));
    assert_eq!(machine.path(&Text::from("@abstract")).unwrap().kind, None);
}

#[test]
fn files_that_name_a_port() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |name: &str, contents: &str| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    };
    write("above.env", "");
    write("repository/.git/HEAD", "ref: refs/heads/main\n");
    write("repository/compose.yaml", "services:\n  db:\n    ports:\n      - \"47001:5432\"\n");
    write("repository/.env", "DB_PASSWORD=hunter2 PORT=47001\n# PORT=47001\n");
    write("repository/web/package.json", "{\n  \"scripts\": { \"dev\": \"vite --port 47001\" }\n}\n");
    write("repository/web/.idea/runConfigurations/x.xml", "<env name=\"PORT\" value=\"47001\" />\n");
    write("repository/web/main.rs", "let port = 47001;\n");
    write(".env", "PORT=47001\n");
    // A pipe in place of a file must not be waited for.
    must(&format!("mkfifo {}", root.join("repository/web/.env").display()));
    let mentions = this_machine().unwrap().mentions(&[text(&root.join("repository/web"))], &[47001]).unwrap();
    let listed: Vec<(String, u32, MentionKind)> = mentions
        .iter()
        .map(|mention| {
            let file = mention.file.shown().replacen(&format!("{}/", root.display()), "", 1);
            (file, mention.line, mention.kind)
        })
        .collect();
    let expected = [
        ("repository/web/package.json", 2, MentionKind::Script),
        ("repository/web/.idea/runConfigurations/x.xml", 1, MentionKind::Script),
        ("repository/.env", 1, MentionKind::Environment),
        ("repository/compose.yaml", 4, MentionKind::Compose),
    ];
    assert_eq!(listed, expected.map(|(file, line, kind)| (file.to_owned(), line, kind)));
    assert!(mentions.iter().all(|mention| !mention.text.shown().contains("hunter2")));
}

#[test]
fn a_private_hosts_file() {
    in_own_network("files::inside_with_a_private_hosts_file");
}

#[test]
#[ignore = "a_private_hosts_file runs it in a mount table of its own"]
fn inside_with_a_private_hosts_file() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    fs::write(&hosts, "127.0.0.9 localhost\n").unwrap();
    must(&format!("mount --bind {} /etc/hosts", hosts.display()));
    let lines = this_machine().unwrap().hosts().unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].line, lines[0].address.to_string().as_str()), (1, "127.0.0.9"));
    must("umount /etc/hosts");
}
