//! Wordings of container engines, of Kubernetes and of tunnels that they make.

use super::rule::rules;

rules! {
    "docker" ["Cannot connect to the Docker daemon at"] Refused Connect, after "daemon at ";
    "docker" ["Cannot connect to the Docker daemon at unix://"] NoSuchPath Connect, says "unix-socket-missing";
    "docker" ["permission denied while trying to connect to the Docker daemon socket"] PermissionDenied Connect 13;
    "docker" ["permission denied while trying to connect to the docker API"] PermissionDenied Connect 13;
    "docker" ["error during connect:"] Refused Connect;
    "docker" ["failed to connect to the docker API at"] Refused Connect;
    "docker" ["Bind for", "failed: port is already allocated"] InUse Bind, says "docker-duplicate-publish", after "Bind for ";
    "docker" ["port is already allocated"] InUse Bind, says "docker-duplicate-publish";
    "docker" ["Error starting userland proxy", "address already in use"] InUse Listen 98;
    "docker" ["failed to bind host port", "address already in use"] InUse Listen 98;
    "docker" ["driver failed programming external connectivity", "address already in use"] InUse Listen 98;
    "docker" ["driver failed programming external connectivity", "port is already allocated"] InUse Bind,
        says "docker-duplicate-publish", after "Bind for ";
    "docker" ["driver failed programming external connectivity", "permission denied"] PermissionDenied Listen 13;
    "docker" ["ports are not available", "exposing port TCP"] InUse Bind;
    "docker" ["ports are not available", "forbidden by its access permissions"] PermissionDenied Bind 13,
        says "windows-excluded-range";
    "docker" ["ports are not available", "address already in use"] InUse Listen 98;
    "docker" ["ports are not available", "only one usage of each socket address"] InUse Bind 98, says "wsl-host-holds";
    "docker" ["Mirrored networking", "address already in use"] InUse Bind, says "wsl-host-holds";
    "docker" ["cannot expose privileged port"] PermissionDenied Listen 13, says "privileged-port";
    "docker" ["invalid hostPort:"] PortOutOfRange, after "hostPort: ";
    "docker" ["invalid containerPort:"] PortOutOfRange, after "containerPort: ";
    "docker" ["Invalid ip address", "docker"] Other;
    "docker" ["host port for", "already in use"] InUse Bind;
    "podman" ["rootlessport", "address already in use"] InUse Listen 98, sure;
    "podman" ["rootlessport cannot expose privileged port"] PermissionDenied Listen 13, says "privileged-port";
    "podman" ["Cannot connect to Podman"] Refused Connect, echo, nowhere;
    "podman" ["unable to connect to Podman socket", "no such file or directory"] NoSuchPath Connect 2;
    "podman" ["unable to connect to Podman socket"] Refused Connect;
    "podman" ["unable to connect to Podman socket", "dial tcp", "connection refused"] Refused Connect 111, after "dial tcp ";
    "kubectl" ["was refused - did you specify the right host or port?"] Refused Connect;
    "kubectl" ["couldn't get current server API group list", "connection refused"] Refused Connect 111;
    "kubectl" ["Unable to listen on port"] InUse Listen;
    "kubectl" ["unable to listen on any of the requested ports"] InUse Listen, echo;
    "kubectl" ["error: lost connection to pod"] Reset Read, says "tunnel-down";
    "kubectl" ["error upgrading connection"] Other Handshake, says "tunnel-down";
    "kubectl" ["Readiness probe failed:", "connection refused"] Refused Connect 111;
    "kubectl" ["Liveness probe failed:", "connection refused"] Refused Connect 111;
    "kubectl" ["Readiness probe failed: HTTP probe failed with statuscode"] HttpStatus Request;
    "cloudflared" ["Unable to reach the origin service"] UpstreamFailed Connect, sure;
    "ngrok" ["ERR_NGROK_8012"] UpstreamFailed Connect;
    "ngrok" ["ERR_NGROK_3200"] Other, says "tunnel-down";
    "minikube" ["minikube", "connection refused"] Refused Connect 111;
}
