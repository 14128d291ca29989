//! Valkey, which is told what Redis is told.

use super::{Ages, Copying, Engine, nothing, redis};

pub(super) const ENGINE: Engine = Engine {
    name: "valkey",
    title: "Valkey",
    aliases: &[],
    protocol: "redis",
    ports: &[("", 6379)],
    server: "valkey-server",
    needs: &[],
    folders: &[],
    package: "valkey-server (apt), valkey (dnf, brew)",
    version: &["--version"],
    ages: Ages::Upwards,
    never_root: None,
    make: nothing,
    prepare: redis::prepare,
    serve: |site| redis::serve(site, "valkey-server"),
    tells: redis::tells,
    shell: Some(|site| redis::shell(site, "valkey-cli")),
    copy: Copying::Stopped,
};
