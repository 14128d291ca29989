//! Containers, as the runtimes themselves name them.

use std::{
    io::{Read, Write},
    net::IpAddr,
    os::unix::{ffi::OsStrExt, net::UnixStream},
    path::Path,
    time::Duration,
};

use portward_model::{Container, Lack, Text};
use serde_json::Value;

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

fn ask(socket: &Text) -> Result<Vec<Container>, SysError> {
    let failed = |source| SysError::Read { path: socket.shown(), source };
    let mut stream = UnixStream::connect(Path::new(std::ffi::OsStr::from_bytes(socket.raw()))).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
    // Version 1.0 closes after the answer and never sends it in chunks.
    stream.write_all(b"GET /containers/json HTTP/1.0\r\nHost: localhost\r\n\r\n").map_err(failed)?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).map_err(failed)?;
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n").and_then(|at| answer.get(at + 4..)).unwrap_or_default();
    let listed: Vec<Value> = serde_json::from_slice(body).map_err(|error| failed(std::io::Error::other(error)))?;
    let runtime = if socket.raw().windows(6).any(|window| window == b"podman") { "podman" } else { "docker" };
    Ok(listed.iter().filter_map(|entry| container(entry, runtime)).collect())
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

/// A runtime answers its list in a few milliseconds; a hung one must not hang the listing.
const PATIENCE: Duration = Duration::from_millis(500);
/// Thousands of containers fit.
const LONGEST: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::container;

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
