//! Compose files. They are read by [`crate::stack`] alone, which reads those that belong together as one.

use super::{Findings, Kind, Source};
use crate::stack::alone;

pub(super) const KIND: Kind = Kind {
    personal: true,
    reads: "The `ports` of each service, short and long, with ranges, addresses, protocols and variables (`${WEB_PORT:-3000}`): the published port is this machine's, the other one the container's. `expose`, `environment`, `command`, `build`, `depends_on` and `profiles` are read, anchors and merges resolved. Files are read together as Compose does: with the override beside a file, what it includes or extends from others, whatever those are called, and `COMPOSE_FILE` of the environment or of `.env`. A file that belongs to no others, such as `compose.prod.yml`, is read for itself.",
    ..Kind::of(
        "compose",
        "Compose files",
        &[
            "docker-compose.yml",
            "docker-compose.yaml",
            "compose.yml",
            "compose.yaml",
            "docker-compose.*.yml",
            "docker-compose.*.yaml",
            "compose.*.yml",
            "compose.*.yaml",
        ],
        read,
    )
};

fn read(source: &Source<'_>, found: &mut Findings) {
    *found = alone(source.path, source.text);
}
