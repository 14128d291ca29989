//! Unix sockets: paths, abstract names, kinds, both ends.

use crate::{list, list_all, world};

#[test]
fn a_path_an_abstract_name_and_three_kinds() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/web.sock");
    let path = path.to_str().unwrap();
    for (spec, transport, name, state) in [
        (format!("unix/{path}"), "unix", path, "listen"),
        ("unix/@portward-abstract".to_owned(), "unix", "@portward-abstract", "listen"),
        ("unix_packet/@portward-packet".to_owned(), "unix_packet", "@portward-packet", "listen"),
        ("unix_datagram/@portward-datagram".to_owned(), "unix_datagram", "@portward-datagram", "bound"),
    ] {
        let actor = world.actor(&["listen", &spec]);
        let reading = list_all(&world);
        let socket = reading.inode(actor.inode());
        assert_eq!((socket["transport"].as_str(), socket["path"].as_str()), (Some(transport), Some(name)), "{socket:#}");
        assert_eq!((socket["state"].as_str(), socket["family"].as_str()), (Some(state), Some("unix")), "{socket:#}");
        assert_eq!(reading.owners_of(socket), [actor.pid()], "{spec}");
    }
}

#[test]
fn a_listening_stream_is_in_the_default_list() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/web.sock");
    let actor = world.actor(&["listen", &format!("unix/{}", path.display())]);
    let reading = list(&world);
    let socket = reading.inode(actor.inode());
    assert_eq!(socket["scope"], "loopback");
    let only = world.portward(&["list", "--json", "--unix"]).expect(0).reading();
    assert!(only.sockets().iter().all(|socket| socket["family"] == "unix"));
    assert_eq!(only.owners_of(only.inode(actor.inode())), [actor.pid()]);
}

#[test]
fn names_with_spaces_and_escapes() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/two words\u{1b}[1m.sock");
    let actor = world.actor(&["listen", &format!("unix/{}", path.display())]);
    let reading = list(&world);
    let shown = reading.inode(actor.inode())["path"].as_str().unwrap();
    assert!(shown.ends_with("/run/two words\\x1b[1m.sock"), "{shown}");
    let text = world.portward(&["list", "--unix"]).expect(0);
    assert!(!text.stdout.contains('\u{1b}'), "{:?}", text.stdout);
}

#[test]
fn both_ends_of_a_connection() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/pair.sock");
    let actor = world.actor(&["pairs", "2", &format!("unix/{}", path.display())]);
    let reading = list_all(&world);
    for inode in actor.numbers("client_inodes") {
        assert_eq!(reading.owners_of(reading.inode(inode)), [actor.number("client")]);
    }
    for inode in actor.numbers("accepted_inodes") {
        assert_eq!(reading.owners_of(reading.inode(inode)), [actor.pid()]);
    }
}

#[test]
fn explain_takes_a_path_and_a_name() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/web.sock");
    let spec = format!("unix/{}", path.display());
    let actor = world.actor(&["listen", &spec, "unix/@portward-name"]);
    for endpoint in [format!("unix:{}", path.display()), path.display().to_string(), "@portward-name".to_owned()] {
        let told = world.portward(&["explain", &endpoint]).expect(0);
        assert!(told.stdout.contains(&actor.pid().to_string()), "{told}");
    }
}
