//! Mailpit: takes every mail, and sends none on.

use super::{Ages, Copying, Engine, Order, Site, nothing};

pub(super) const ENGINE: Engine = Engine {
    name: "mailpit",
    title: "Mailpit",
    aliases: &["mail"],
    protocol: "smtp",
    ports: &[("", 1025), ("web", 8025)],
    server: "mailpit",
    needs: &[],
    folders: &[],
    package: "mailpit (brew), or a release of its own",
    version: &["version", "--no-release-check"],
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
    let at = |position| format!("localhost:{}", site.asked(position));
    site.order(&["mailpit", "--smtp", &at(0), "--listen", &at(1), "--database", &site.file("mailpit.db")])
}

fn tells(_: &Site) -> Vec<(&'static str, String)> {
    vec![
        ("SMTP_URL", "smtp://{host}:{port}".to_owned()),
        ("SMTP_HOST", "{host}".to_owned()),
        ("SMTP_PORT", "{port}".to_owned()),
        ("MAILPIT_URL", "http://{host}:{web}".to_owned()),
    ]
}
