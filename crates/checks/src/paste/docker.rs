//! Wordings of container engines, of Kubernetes and of tunnels that they make.

use super::{
    Call, Symptom,
    rule::{Rule, rule},
};

/// Rules of containers.
pub(super) const RULES: &[Rule] = &[
    rule(&["Cannot connect to the Docker daemon at"], Symptom::Refused).of("docker").call(Call::Connect).after("daemon at "),
    rule(&["Cannot connect to the Docker daemon at unix://"], Symptom::NoSuchPath)
        .of("docker")
        .call(Call::Connect)
        .says("unix-socket-missing"),
    rule(&["permission denied while trying to connect to the Docker daemon socket"], Symptom::PermissionDenied)
        .of("docker")
        .call(Call::Connect)
        .errno(13),
    rule(&["permission denied while trying to connect to the docker API"], Symptom::PermissionDenied)
        .of("docker")
        .call(Call::Connect)
        .errno(13),
    rule(&["error during connect:"], Symptom::Refused).of("docker").call(Call::Connect),
    rule(&["failed to connect to the docker API at"], Symptom::Refused).of("docker").call(Call::Connect),
    rule(&["Bind for", "failed: port is already allocated"], Symptom::InUse)
        .says("docker-duplicate-publish")
        .of("docker")
        .call(Call::Bind)
        .after("Bind for "),
    rule(&["port is already allocated"], Symptom::InUse).says("docker-duplicate-publish").of("docker").call(Call::Bind),
    rule(&["Error starting userland proxy", "address already in use"], Symptom::InUse).of("docker").call(Call::Listen).errno(98),
    rule(&["failed to bind host port", "address already in use"], Symptom::InUse).of("docker").call(Call::Listen).errno(98),
    rule(&["driver failed programming external connectivity", "address already in use"], Symptom::InUse)
        .of("docker")
        .call(Call::Listen)
        .errno(98),
    rule(&["driver failed programming external connectivity", "port is already allocated"], Symptom::InUse)
        .says("docker-duplicate-publish")
        .of("docker")
        .call(Call::Bind)
        .after("Bind for "),
    rule(&["driver failed programming external connectivity", "permission denied"], Symptom::PermissionDenied)
        .of("docker")
        .call(Call::Listen)
        .errno(13),
    rule(&["ports are not available", "exposing port TCP"], Symptom::InUse).of("docker").call(Call::Bind),
    rule(&["ports are not available", "forbidden by its access permissions"], Symptom::PermissionDenied)
        .of("docker")
        .call(Call::Bind)
        .errno(13)
        .says("windows-excluded-range"),
    rule(&["ports are not available", "address already in use"], Symptom::InUse).of("docker").call(Call::Listen).errno(98),
    rule(&["ports are not available", "only one usage of each socket address"], Symptom::InUse)
        .of("docker")
        .call(Call::Bind)
        .errno(98)
        .says("wsl-host-holds"),
    rule(&["Mirrored networking", "address already in use"], Symptom::InUse).of("docker").call(Call::Bind).says("wsl-host-holds"),
    rule(&["cannot expose privileged port"], Symptom::PermissionDenied)
        .of("docker")
        .call(Call::Listen)
        .errno(13)
        .says("privileged-port"),
    rule(&["invalid hostPort:"], Symptom::PortOutOfRange).of("docker").after("hostPort: "),
    rule(&["invalid containerPort:"], Symptom::PortOutOfRange).of("docker").after("containerPort: "),
    rule(&["Invalid ip address", "docker"], Symptom::Other).of("docker"),
    rule(&["host port for", "already in use"], Symptom::InUse).of("docker").call(Call::Bind),
    rule(&["rootlessport", "address already in use"], Symptom::InUse).sure().of("podman").call(Call::Listen).errno(98),
    rule(&["rootlessport cannot expose privileged port"], Symptom::PermissionDenied)
        .of("podman")
        .call(Call::Listen)
        .errno(13)
        .says("privileged-port"),
    rule(&["Cannot connect to Podman"], Symptom::Refused).of("podman").call(Call::Connect).echo(),
    rule(&["unable to connect to Podman socket", "no such file or directory"], Symptom::NoSuchPath)
        .of("podman")
        .call(Call::Connect)
        .errno(2),
    rule(&["unable to connect to Podman socket"], Symptom::Refused).of("podman").call(Call::Connect),
    rule(&["pasta failed", "address already in use"], Symptom::InUse).of("podman").call(Call::Listen).errno(98),
    rule(&["was refused - did you specify the right host or port?"], Symptom::Refused).of("kubectl").call(Call::Connect),
    rule(&["couldn't get current server API group list", "connection refused"], Symptom::Refused)
        .of("kubectl")
        .call(Call::Connect)
        .errno(111),
    rule(&["Unable to listen on port"], Symptom::InUse).of("kubectl").call(Call::Listen),
    rule(&["unable to listen on any of the requested ports"], Symptom::InUse).of("kubectl").call(Call::Listen).echo(),
    rule(&["error: lost connection to pod"], Symptom::Reset).of("kubectl").call(Call::Read).says("tunnel-down"),
    rule(&["connection refused", "an error occurred forwarding"], Symptom::UpstreamFailed)
        .of("kubectl")
        .call(Call::Connect)
        .errno(111),
    rule(&["an error occurred forwarding"], Symptom::UpstreamFailed).of("kubectl").call(Call::Connect),
    rule(&["error upgrading connection"], Symptom::Other).of("kubectl").call(Call::Handshake).says("tunnel-down"),
    rule(&["Readiness probe failed:", "connection refused"], Symptom::Refused).of("kubectl").call(Call::Connect).errno(111),
    rule(&["Liveness probe failed:", "connection refused"], Symptom::Refused).of("kubectl").call(Call::Connect).errno(111),
    rule(&["Readiness probe failed: HTTP probe failed with statuscode"], Symptom::HttpStatus).of("kubectl").call(Call::Request),
    rule(&["Unable to reach the origin service"], Symptom::UpstreamFailed).sure().of("cloudflared").call(Call::Connect),
    rule(&["ERR_NGROK_8012"], Symptom::UpstreamFailed).of("ngrok").call(Call::Connect),
    rule(&["ERR_NGROK_3200"], Symptom::Other).of("ngrok").says("tunnel-down"),
    rule(&["minikube", "connection refused"], Symptom::Refused).of("minikube").call(Call::Connect).errno(111),
];
