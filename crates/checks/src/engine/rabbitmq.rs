//! `RabbitMQ`. What it keeps, its settings, its cookie and its Erlang node are of this place alone; `guest` may enter from this machine.

use super::{Ages, Copying, Engine, Order, Site, Step, nothing};

pub(super) const ENGINE: Engine = Engine {
    name: "rabbitmq",
    title: "RabbitMQ",
    aliases: &["amqp"],
    protocol: "amqp",
    ports: &[("", 5672), ("node", 25672)],
    server: "rabbitmq-server",
    needs: &[],
    // Debian's in sbin hands itself to another user where it is not that one; the one of the library does not.
    folders: &["/usr/lib/rabbitmq/bin", "/usr/sbin"],
    package: "rabbitmq-server (apt, dnf), rabbitmq (brew)",
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
        "listeners.tcp.1 = 127.0.0.1:{port}\nlisteners.tcp.2 = ::1:{port}\ndefault_user = {}\ndefault_pass = {}\n",
        site.user,
        site.password,
        port = site.asked(0)
    );
    let plugins = "[].\n".to_owned();
    vec![
        Step::Folder(site.file("home")),
        Step::Write(site.file("rabbitmq.conf"), text),
        Step::Write(site.file("enabled_plugins"), plugins),
    ]
}

fn serve(site: &Site) -> Order {
    site.order(&["rabbitmq-server"])
        // The cookie by which nodes know each other.
        .with("HOME", site.file("home"))
        .with("RABBITMQ_NODENAME", format!("{}@localhost", site.database))
        .with("RABBITMQ_NODE_PORT", site.asked(0))
        .with("RABBITMQ_DIST_PORT", site.asked(1))
        .with("RABBITMQ_CONFIG_FILE", site.file("rabbitmq.conf"))
        .with("RABBITMQ_CONF_ENV_FILE", site.file("rabbitmq-env.conf"))
        .with("RABBITMQ_ENABLED_PLUGINS_FILE", site.file("enabled_plugins"))
        .with("RABBITMQ_MNESIA_BASE", site.file("mnesia"))
        .with("RABBITMQ_LOG_BASE", site.file("log"))
        .with("RABBITMQ_LOGS", "-")
        .with("RABBITMQ_PID_FILE", site.passing("pid"))
}

fn tells(site: &Site) -> Vec<(&'static str, String)> {
    let Site { user, password, .. } = site;
    vec![
        ("AMQP_URL", format!("amqp://{user}:{password}@{{host}}:{{port}}")),
        ("RABBITMQ_HOST", "{host}".to_owned()),
        ("RABBITMQ_PORT", "{port}".to_owned()),
    ]
}
