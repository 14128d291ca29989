//! `MongoDB`. It asks for no password before its users are made: who reaches this machine's loopback reaches it.

use super::{Ages, Copying, Engine, Order, Site, nothing};

pub(super) const ENGINE: Engine = Engine {
    name: "mongodb",
    title: "MongoDB",
    aliases: &["mongo"],
    protocol: "mongodb",
    ports: &[("", 27017)],
    server: "mongod",
    needs: &[],
    folders: &[],
    package: "mongodb-org, of MongoDB's own repository",
    version: &["--version"],
    ages: Ages::Upwards,
    never_root: None,
    make: nothing,
    prepare: nothing,
    serve,
    tells,
    shell: Some(shell),
    copy: Copying::Stopped,
};

fn serve(site: &Site) -> Order {
    let port = site.asked(0);
    let (data, run) = (&site.data, &site.run);
    site.order(&["mongod", "--bind_ip", "localhost", "--port", &port, "--dbpath", data, "--unixSocketPrefix", run])
}

fn tells(site: &Site) -> Vec<(&'static str, String)> {
    vec![("MONGODB_URI", format!("mongodb://{{host}}:{{port}}/{}", site.database))]
}

fn shell(site: &Site) -> Order {
    site.order(&["mongosh", "--port", &site.serves(0), &site.database])
}
