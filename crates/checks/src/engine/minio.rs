//! `MinIO`: S3 in a folder.

use super::{Ages, Copying, Engine, Order, Site, nothing};

pub(super) const ENGINE: Engine = Engine {
    name: "minio",
    title: "MinIO",
    aliases: &["s3"],
    protocol: "http",
    ports: &[("", 9000), ("console", 9001)],
    server: "minio",
    needs: &[],
    folders: &[],
    package: "minio (brew), or a release of its own",
    version: &["--version"],
    ages: Ages::Freely,
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
    site.order(&["minio", "server", &site.data, "--address", &at(0), "--console-address", &at(1)])
        .with("MINIO_ROOT_USER", &site.user)
        .with("MINIO_ROOT_PASSWORD", &site.password)
}

fn tells(site: &Site) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL", "http://{host}:{port}".to_owned()),
        ("AWS_ACCESS_KEY_ID", site.user.clone()),
        ("AWS_SECRET_ACCESS_KEY", site.password.clone()),
        ("MINIO_CONSOLE_URL", "http://{host}:{console}".to_owned()),
    ]
}
