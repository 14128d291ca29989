//! `PostgreSQL`. Whoever reaches its Unix socket, which stands in a folder that its user alone may enter, is let in; over TCP the
//! password is asked for (SCRAM).

use super::{Ages, Copying, Engine, Input, Order, Site, Step, nothing};

pub(super) const ENGINE: Engine = Engine {
    name: "postgres",
    title: "PostgreSQL",
    aliases: &["postgresql", "pg"],
    protocol: "postgres",
    ports: &[("", 5432)],
    server: "postgres",
    needs: &["initdb", "psql"],
    // Debian leaves them out of PATH, one folder for each version.
    folders: &["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"],
    package: "postgresql (apt, dnf), postgresql@17 (brew)",
    version: &["--version"],
    ages: Ages::Never(
        "save it with the version that made it (portward service NAME save), portward service NAME reset, and restore it",
    ),
    never_root: Some("PostgreSQL refuses to serve as root, whatever it is told"),
    make,
    prepare: nothing,
    serve,
    tells,
    shell: Some(shell),
    copy: Copying::Dump { save, restore },
};

fn make(site: &Site) -> Vec<Step> {
    let word = site.passing("word");
    let (file, made) = (
        format!("--pwfile={word}"),
        site.order(&["initdb", "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--no-instructions"]),
    );
    let mut order = made;
    order.words.extend([file, format!("--username={}", site.user), format!("--pgdata={}", site.data)]);
    // `initdb` makes a database that is called `postgres` alone; a server of one user, without a socket, makes the project's.
    let own = site.order(&["postgres", "--single", "-D", &site.data, "postgres"]);
    let own = own.reading(Input::Text(format!("CREATE DATABASE \"{}\"\n", site.database)));
    // The text is read up to its first line's end.
    vec![Step::Write(word, format!("{}\n", site.password)), Step::Run(order), Step::Run(own)]
}

fn serve(site: &Site) -> Order {
    let port = site.asked(0);
    site.order(&["postgres", "-D", &site.data, "-k", &site.run, "-p", &port, "-c", "listen_addresses=localhost"])
}

/// A client at the Unix socket, which is named after the port that was asked for.
fn client(site: &Site, program: &str, arguments: &[&str]) -> Order {
    let words: Vec<&str> = [program].into_iter().chain(arguments.iter().copied()).collect();
    site.order(&words)
        .with("PGHOST", &site.run)
        .with("PGPORT", site.asked(0))
        .with("PGUSER", &site.user)
        .with("PGSYSCONFDIR", &site.run)
}

fn tells(site: &Site) -> Vec<(&'static str, String)> {
    let Site { user, password, database, .. } = site;
    vec![
        ("DATABASE_URL", format!("postgres://{user}:{password}@{{host}}:{{port}}/{database}")),
        ("PGHOST", "{host}".to_owned()),
        ("PGPORT", "{port}".to_owned()),
        ("PGUSER", user.clone()),
        ("PGPASSWORD", password.clone()),
        ("PGDATABASE", database.clone()),
    ]
}

fn shell(site: &Site) -> Order {
    client(site, "psql", &["-d", &site.database])
}

fn save(site: &Site, path: &str) -> Vec<Step> {
    vec![Step::Run(client(site, "pg_dump", &["--clean", "--if-exists", "-d", &site.database]).writing(path))]
}

fn restore(site: &Site, path: &str) -> Vec<Step> {
    // What the dump selects is of no interest.
    let psql =
        client(site, "psql", &["-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "--single-transaction", "-d", &site.database]);
    vec![Step::Run(psql.reading(Input::File(path.to_owned())))]
}
