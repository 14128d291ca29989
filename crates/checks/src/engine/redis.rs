//! Redis. Its password is in its file of settings, for arguments are everybody's to read.

use super::{Ages, Copying, Engine, Order, Site, Step, nothing};

pub(super) const ENGINE: Engine = Engine {
    name: "redis",
    title: "Redis",
    aliases: &[],
    protocol: "redis",
    ports: &[("", 6379)],
    server: "redis-server",
    needs: &[],
    folders: &[],
    package: "redis-server (apt), redis (dnf, brew)",
    version: &["--version"],
    ages: Ages::Upwards,
    never_root: None,
    make: nothing,
    prepare,
    serve: |site| serve(site, "redis-server"),
    tells,
    shell: Some(|site| shell(site, "redis-cli")),
    copy: Copying::Stopped,
};

pub(super) fn prepare(site: &Site) -> Vec<Step> {
    let text = format!(
        "bind localhost\nport {}\ndir \"{}\"\nappendonly yes\nunixsocket \"{}\"\nunixsocketperm 600\nrequirepass {}\ndaemonize no\n",
        site.asked(0),
        site.data,
        site.passing("redis.sock"),
        site.password
    );
    vec![Step::Write(site.passing("redis.conf"), text)]
}

pub(super) fn serve(site: &Site, server: &str) -> Order {
    site.order(&[server, &site.passing("redis.conf")])
}

pub(super) fn tells(site: &Site) -> Vec<(&'static str, String)> {
    vec![
        ("REDIS_URL", format!("redis://default:{}@{{host}}:{{port}}/0", site.password)),
        ("REDIS_HOST", "{host}".to_owned()),
        ("REDIS_PORT", "{port}".to_owned()),
        ("REDIS_PASSWORD", site.password.clone()),
    ]
}

pub(super) fn shell(site: &Site, client: &str) -> Order {
    site.order(&[client, "-s", &site.passing("redis.sock")]).with("REDISCLI_AUTH", &site.password)
}
