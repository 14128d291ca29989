//! `MariaDB`. Its root and the project's user have one password, which clients read from files of settings.

use super::{Ages, Copying, Engine, Input, Order, Site, Step};

pub(super) const ENGINE: Engine = Engine {
    name: "mariadb",
    title: "MariaDB",
    aliases: &["mysql"],
    protocol: "mysql",
    ports: &[("", 3306)],
    server: "mariadbd",
    needs: &["mariadb-install-db", "mariadb"],
    folders: &["/usr/sbin", "/usr/libexec", "/usr/local/sbin"],
    package: "mariadb-server and mariadb-client (apt, dnf), mariadb (brew)",
    version: &["--no-defaults", "--version"],
    ages: Ages::Upwards,
    never_root: None,
    make,
    prepare,
    serve,
    tells,
    shell: Some(shell),
    copy: Copying::Dump { save, restore },
};

fn make(site: &Site) -> Vec<Step> {
    let mut order =
        site.order(&["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
    order.words.push(format!("--datadir={}", site.data));
    order.words.extend(site.is_root.then(|| "--user=root".to_owned()));
    vec![Step::Run(order)]
}

/// What the server does when it starts; done again each time, for an older password may stand there.
fn prepare(site: &Site) -> Vec<Step> {
    let Site { user, password, database, .. } = site;
    let of = |host: &str| {
        format!(
            "CREATE OR REPLACE USER '{user}'@'{host}' IDENTIFIED BY '{password}';\nGRANT ALL ON `{database}`.* TO '{user}'@'{host}';\n"
        )
    };
    let users = ["localhost", "127.0.0.1", "::1"].map(of).concat();
    // Nobody is root over TCP without the password.
    let text = format!(
        "CREATE DATABASE IF NOT EXISTS `{database}` CHARACTER SET utf8mb4;\n{users}\
         DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1';\nALTER USER 'root'@'localhost' IDENTIFIED BY '{password}';\n"
    );
    let settings = |user: &str| format!("[client]\nuser={user}\npassword={password}\nsocket={}\n", site.passing("mysql.sock"));
    vec![
        Step::Write(site.passing("start.sql"), text),
        Step::Write(site.passing("client.cnf"), settings(user)),
        Step::Write(site.passing("root.cnf"), settings("root")),
    ]
}

fn serve(site: &Site) -> Order {
    let mut order = site.order(&["mariadbd", "--no-defaults", "--bind-address=localhost", "--skip-log-bin"]);
    order.words.extend([
        format!("--datadir={}", site.data),
        format!("--socket={}", site.passing("mysql.sock")),
        format!("--pid-file={}", site.passing("pid")),
        format!("--port={}", site.asked(0)),
        format!("--init-file={}", site.passing("start.sql")),
    ]);
    order.words.extend(site.is_root.then(|| "--user=root".to_owned()));
    order
}

fn tells(site: &Site) -> Vec<(&'static str, String)> {
    let Site { user, password, database, .. } = site;
    vec![
        ("DATABASE_URL", format!("mysql://{user}:{password}@{{host}}:{{port}}/{database}")),
        ("MYSQL_HOST", "{host}".to_owned()),
        ("MYSQL_TCP_PORT", "{port}".to_owned()),
        ("MYSQL_USER", user.clone()),
        ("MYSQL_PWD", password.clone()),
        ("MYSQL_DATABASE", database.clone()),
    ]
}

fn client(site: &Site, program: &str, settings: &str, arguments: &[&str]) -> Order {
    // It is to be the first argument.
    let defaults = format!("--defaults-file={}", site.passing(settings));
    let words: Vec<&str> = [program, &defaults].into_iter().chain(arguments.iter().copied()).collect();
    site.order(&words)
}

fn shell(site: &Site) -> Order {
    client(site, "mariadb", "client.cnf", &[&site.database])
}

fn save(site: &Site, path: &str) -> Vec<Step> {
    let arguments = ["--single-transaction", "--routines", "--triggers", "--events", &site.database];
    vec![Step::Run(client(site, "mariadb-dump", "root.cnf", &arguments).writing(path))]
}

fn restore(site: &Site, path: &str) -> Vec<Step> {
    vec![Step::Run(client(site, "mariadb", "root.cnf", &[&site.database]).reading(Input::File(path.to_owned())))]
}
