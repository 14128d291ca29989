//! memcached, which forgets all when it ends. It knows no password without SASL, which few clients speak.

use super::{Ages, Copying, Engine, Order, Site, nothing};

pub(super) const ENGINE: Engine = Engine {
    name: "memcached",
    title: "memcached",
    aliases: &["memcache"],
    protocol: "memcached",
    ports: &[("", 11211)],
    server: "memcached",
    needs: &[],
    folders: &[],
    package: "memcached (apt, dnf, brew)",
    version: &["--version"],
    ages: Ages::Freely,
    never_root: None,
    make: nothing,
    prepare: nothing,
    serve,
    tells,
    shell: None,
    copy: Copying::Nothing,
};

fn serve(site: &Site) -> Order {
    let mut order = site.order(&["memcached", "-l", "localhost", "-p", &site.asked(0)]);
    if site.is_root {
        order.words.extend(["-u", "root"].map(str::to_owned));
    }
    order
}

fn tells(_: &Site) -> Vec<(&'static str, String)> {
    vec![
        ("MEMCACHED_HOST", "{host}".to_owned()),
        ("MEMCACHED_PORT", "{port}".to_owned()),
        ("MEMCACHE_SERVERS", "{host}:{port}".to_owned()),
    ]
}
