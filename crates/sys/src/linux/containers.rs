//! Containers, as the runtimes themselves name them.

use std::{
    ffi::OsStr,
    io::{self, Read, Write},
    net::IpAddr,
    os::unix::{ffi::OsStrExt, net::UnixStream},
    path::Path,
    time::{Duration, Instant},
};

use portward_model::{Container, Lack, Text};
use rustix::{
    event::PollFlags,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with, sockopt::socket_peercred},
    process::geteuid,
};
use serde_json::Value;

use super::{files::Mounts, rights::Word, wait};
use crate::{Partial, SysError};

/// Asks each runtime's API (Docker's, which podman serves too) for its running containers.
pub(super) fn read(runtimes: &[Text]) -> Partial<Vec<Container>> {
    let mut reading = Partial { value: Vec::new(), gaps: Vec::new() };
    for socket in runtimes {
        match ask(socket) {
            Ok(containers) => reading.value.extend(containers),
            Err(error) => reading.gaps.push(error.gap(Lack::ContainerNames { at: socket.clone() })),
        }
    }
    reading
}

/// What a runtime says is believed where nobody but root could have put its socket there, and root answers on it; or where both are
/// this user's own.
fn ask(socket: &Text) -> Result<Vec<Container>, SysError> {
    let failed = |source| SysError::Read { path: socket.shown(), source };
    let end = Instant::now() + PATIENCE;
    let mounts = Mounts::now();
    let place = mounts.find(Path::new(OsStr::from_bytes(socket.raw()))).map_err(failed)?;
    let uid = geteuid().as_raw();
    let owner = place.facts().stx_uid;
    if place.word() != Word::Own || !(owner == 0 || owner == uid) {
        return Err(failed(doubtful("somebody else could have put it there")));
    }
    // The path that has no links in it, and what stands there now.
    let mut stream = connect(place.path()).map_err(failed)?;
    let peer = socket_peercred(&stream).map_err(|error| failed(error.into()))?.uid.as_raw();
    if peer != owner && peer != 0 {
        return Err(failed(doubtful("another user answers on it")));
    }
    // Version 1.0 closes after the answer and never sends it in chunks.
    stream.write_all(b"GET /containers/json HTTP/1.0\r\nHost: localhost\r\n\r\n").map_err(failed)?;
    let answer = read_until(&mut stream, end).map_err(failed)?;
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n").and_then(|at| answer.get(at + 4..)).unwrap_or_default();
    let listed: Vec<Value> = serde_json::from_slice(body).map_err(|error| failed(io::Error::other(error)))?;
    let runtime = if socket.raw().windows(6).any(|window| window == b"podman") { "podman" } else { "docker" };
    Ok(listed.iter().filter_map(|entry| container(entry, runtime)).collect())
}

/// Connects without waiting: who has no room for another client is not asked.
fn connect(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(UnixStream::from(socket))
}

/// Everything that comes until the other side closes, which has to be before the time is over, however slowly it drips.
fn read_until(stream: &mut UnixStream, end: Instant) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut part = vec![0; 64 * 1024];
    loop {
        if !wait(&*stream, PollFlags::IN, end)? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match stream.read(&mut part)? {
            0 => return Ok(answer),
            read => answer.extend(part.get(..read).unwrap_or_default()),
        }
        if answer.len() > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
}

fn doubtful(why: &str) -> io::Error {
    io::Error::other(format!("{why}, so what it says of containers is not believed"))
}

/// One entry of `GET /containers/json` (Docker Engine API).
fn container(entry: &Value, runtime: &str) -> Option<Container> {
    let text = |value: &Value| value.as_str().map(Text::from);
    let label = |name: &str| entry.get("Labels")?.get(name)?.as_str();
    let service = label("com.docker.compose.project").zip(label("com.docker.compose.service"));
    let networks = entry.get("NetworkSettings").and_then(|settings| settings.get("Networks")).and_then(Value::as_object);
    let addresses = networks.into_iter().flat_map(|networks| networks.values()).flat_map(|network| {
        ["IPAddress", "GlobalIPv6Address"].into_iter().filter_map(|field| network.get(field)?.as_str()?.parse::<IpAddr>().ok())
    });
    Some(Container {
        runtime: runtime.to_owned(),
        id: entry.get("Id")?.as_str()?.to_owned(),
        name: entry.get("Names").and_then(|names| names.get(0)?.as_str()).map(|name| Text::from(name.trim_start_matches('/'))),
        image: entry.get("Image").and_then(text),
        service: service.map(|(project, service)| Text::new(format!("{project}/{service}"))),
        inner_port: None,
        addresses: addresses.collect(),
    })
}

/// A runtime answers its list in a few milliseconds; a hung one must not hang the listing, nor one that drips.
const PATIENCE: Duration = Duration::from_millis(500);
/// Thousands of containers fit.
const LONGEST: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        os::unix::{fs::lchown, net::UnixListener},
        path::{Path, PathBuf},
        thread,
        time::{Duration, Instant},
    };

    use portward_model::Text;
    use tempfile::TempDir;

    use super::{PATIENCE, ask, container};

    /// A runtime that answers as it is told, at a socket in this folder.
    fn runtime(folder: &Path, answer: impl Fn(&mut dyn Write) + Send + 'static) -> PathBuf {
        let path = folder.join("docker.sock");
        let listener = UnixListener::bind(&path).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 1024]);
                answer(&mut stream);
            }
        });
        path
    }

    fn asked(path: &Path) -> Result<usize, String> {
        let path = Text::new(path.as_os_str().as_encoded_bytes());
        ask(&path).map(|containers| containers.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_runtime_is_believed_where_nobody_else_could_stand_in_its_place() {
        let folder = TempDir::new().unwrap();
        let honest = |out: &mut dyn Write| {
            let _ = out.write_all(b"HTTP/1.0 200 OK\r\n\r\n[{\"Id\": \"0123456789abcdef\"}]");
        };
        let path = runtime(folder.path(), honest);
        assert_eq!(asked(&path), Ok(1));
        if lchown(folder.path(), Some(4321), Some(4321)).is_err() {
            portward_testkit::skip("root: a folder of another user's cannot be made");
            return;
        }
        assert!(asked(&path).unwrap_err().contains("somebody else could have put it there"));
        lchown(folder.path(), Some(0), Some(0)).unwrap();
        lchown(&path, Some(4321), Some(4321)).unwrap();
        assert!(asked(&path).unwrap_err().contains("somebody else"));
    }

    #[test]
    fn a_runtime_that_drips_or_never_ends_holds_up_nothing() {
        for endless in [false, true] {
            let folder = TempDir::new().unwrap();
            let path = runtime(folder.path(), move |out| {
                let part: &[u8] = if endless { &[b' '; 16 * 1024] } else { b" " };
                while out.write_all(part).is_ok() {
                    if !endless {
                        thread::sleep(Duration::from_millis(50));
                    }
                }
            });
            let began = Instant::now();
            assert!(asked(&path).is_err());
            // What is asserted is that it ends, and not how fast this machine is.
            assert!(began.elapsed() < PATIENCE * 20);
        }
    }

    #[test]
    fn a_runtime_without_room_for_a_client_is_not_waited_for() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("docker.sock");
        let _full = UnixListener::bind(&path).unwrap();
        let began = Instant::now();
        assert!(asked(&path).is_err());
        assert!(began.elapsed() < PATIENCE * 20);
    }

    #[test]
    fn an_entry_of_the_engine_api() {
        let entry = serde_json::json!({
            "Id": "0123456789abcdef", "Names": ["/shop-web-1"], "Image": "shop:latest",
            "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"},
            "NetworkSettings": {"Networks": {"shop_default": {"IPAddress": "172.18.0.2", "GlobalIPv6Address": ""}}}
        });
        let read = container(&entry, "docker").unwrap();
        assert_eq!(read.name.unwrap().shown(), "shop-web-1");
        assert_eq!(read.service.unwrap().shown(), "shop/web");
        assert_eq!(read.addresses, ["172.18.0.2".parse::<std::net::IpAddr>().unwrap()]);
        assert!(container(&serde_json::json!({"Id": 7}), "docker").is_none());
    }
}
