//! NATS, with its streams.

use super::{Ages, Copying, Engine, Order, Site, Step, nothing};

pub(super) const ENGINE: Engine = Engine {
    name: "nats",
    title: "NATS",
    aliases: &["nats-server"],
    protocol: "nats",
    ports: &[("", 4222)],
    server: "nats-server",
    needs: &[],
    folders: &["/usr/sbin"],
    package: "nats-server (apt, brew)",
    version: &["--version"],
    ages: Ages::Upwards,
    never_root: None,
    make: nothing,
    prepare,
    serve,
    tells,
    shell: None,
    copy: Copying::Stopped,
};

fn prepare(site: &Site) -> Vec<Step> {
    let text = format!(
        "host: localhost\nport: {}\njetstream {{ store_dir: \"{}\" }}\nauthorization {{ user: {}, password: \"{}\" }}\n",
        site.asked(0),
        site.data,
        site.user,
        site.password
    );
    vec![Step::Write(site.passing("nats.conf"), text)]
}

fn serve(site: &Site) -> Order {
    site.order(&["nats-server", "-c", &site.passing("nats.conf")])
}

fn tells(site: &Site) -> Vec<(&'static str, String)> {
    vec![("NATS_URL", format!("nats://{}:{}@{{host}}:{{port}}", site.user, site.password))]
}
