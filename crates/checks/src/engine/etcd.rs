//! etcd, a cluster of one. It knows no password before its users are made; who reaches this machine's loopback reaches it.

use super::{Ages, Copying, Engine, Order, Site, nothing};

pub(super) const ENGINE: Engine = Engine {
    name: "etcd",
    title: "etcd",
    aliases: &[],
    protocol: "http",
    ports: &[("", 2379), ("peer", 2380)],
    server: "etcd",
    needs: &[],
    folders: &[],
    package: "etcd-server (apt), etcd (dnf, brew)",
    version: &["--version"],
    ages: Ages::Upwards,
    never_root: None,
    make: nothing,
    prepare: nothing,
    serve,
    tells,
    shell: None,
    copy: Copying::Stopped,
};

fn serve(site: &Site) -> Order {
    let url = |port: String| format!("http://localhost:{port}");
    let (clients, peers) = (url(site.asked(0)), url(site.asked(1)));
    let mut order =
        site.order(&["etcd", "--data-dir", &site.data, "--listen-client-urls", &clients, "--listen-peer-urls", &peers]);
    // What others are told to dial is what is served.
    let own = format!("default={}", url(site.serves(1)));
    let (told, peers) = (url(site.serves(0)), url(site.serves(1)));
    let more = ["--advertise-client-urls", &told, "--initial-advertise-peer-urls", &peers, "--initial-cluster", &own];
    order.words.extend(more.map(str::to_owned));
    order
}

fn tells(_: &Site) -> Vec<(&'static str, String)> {
    vec![("ETCDCTL_ENDPOINTS", "http://{host}:{port}".to_owned())]
}
