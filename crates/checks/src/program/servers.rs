//! Servers of which little is known beside their names.

use super::{
    Kind::{DevServer, Master, Server},
    Program, Way, inside,
};

pub(super) const PROGRAMS: &[Program] = &[
    short("gatsby", &[("gatsby develop", "gatsby develop -p 20300")]),
    Program { allows: RAILS, ..short("rails", &[("rails server", "rails server -p 20300")]) },
    Program { kind: Master, allows: RAILS, sockets: &["puma"], ..short("puma", &[("puma", "puma -p 20300")]) },
    Program { files: &["astro.config."], ..long("astro", &[("astro dev", "astro dev --port 20300")]) }
        .on(&[(4321, "Astro development server")]),
    Program { files: &["nuxt.config."], ..long("nuxt nuxi", &[("nuxt dev", "nuxt dev --port 20300")]) },
    long("ng", &[("ng serve", "ng serve --port 20300")]).on(&[(4200, "Angular development server")]),
    long("parcel", &[("parcel index.html", "parcel index.html --port 20300")]),
    long("flask", &[("python3 -m flask run", "python3 -m flask run --port 20300")]),
    long("hugo", &[("hugo server", "hugo server --port 20300")]).on(&[(1313, "Hugo")]),
    long("jekyll", &[("jekyll serve", "jekyll serve --port 20300")]),
    long("http-server", &[("npx http-server", "npx http-server --port 20300")]),
    dev("mkdocs", Way::Flags(&["--dev-addr", "127.0.0.1:{}"]), &[("mkdocs serve", "mkdocs serve --dev-addr 127.0.0.1:20300")]),
    Program { allows: "c.ServerApp.local_hostnames = ['HOST']", ..Program::named("jupyter jupyter-server", Server) },
    Program { allows: "core.allowedHosts: ['HOST']", compares: true, ..Program::named("storybook start-storybook", DevServer) },
    // They look for a free port with detect-port, and ask whether another one will do.
    Program { compares: true, ..Program::named("react-scripts", DevServer) }.inside(inside::react_scripts),
    Program { compares: true, ..Program::named("craco", DevServer) },
    Program { again: &["watch"], ..Program::named("tsx", DevServer) },
    Program { again: &["--watch"], ..Program::named("nest", DevServer) },
    Program { again: &["--reload", "dev"], ..Program::named("fastapi", DevServer) },
    Program { again: &["--reload"], ..Program::named("hypercorn", Master) },
    Program { shares_its_name: true, ..master("uwsgi*", &["uwsgi"]).speaks("uwsgi") },
    master("nginx", &["nginx"]).speaks("http"),
    master("php-fpm*", &["php-fpm", "php/php"]).speaks("fastcgi").on(&[(9000, "PHP-FPM, MinIO, SonarQube, ClickHouse native")]),
    master("apache*", &[]).known_as("apache2").speaks("http"),
    master("httpd", &[]).speaks("http"),
    master("caddy", &["caddy"]).speaks("http"),
    master("unicorn", &["unicorn"]),
    master("haproxy", &["haproxy"]),
    master("lighttpd daphne granian passenger openresty", &[]),
    server("pgbouncer*", "postgres"),
    server("memcached*", "memcached"),
    server("mongod*", "mongodb"),
    server("mongos*", "mongodb"),
    Program { shares_its_name: true, ..server("beam.smp", "amqp") },
    server("rabbitmq*", "amqp"),
    server("mosquitto*", "mqtt"),
    server("kafka* redpanda", "kafka").inside(inside::kafka),
    server("tor", "socks"),
    server("nats*", "nats"),
    Program { shares_its_name: true, ..server("master", "smtp") },
    server("exim*", "smtp"),
    server("vsftpd* proftpd* pure-ftpd*", "ftp").inside(inside::ftp),
    server("dockerd", "docker"),
    Program { sockets: &["containerd.sock"], ..Program::named("containerd", Server) },
    Program { sockets: &["clickhouse"], ..Program::named("clickhouse*", Server) },
];

const fn master(names: &'static str, sockets: &'static [&'static str]) -> Program {
    Program { sockets, ..Program::named(names, Master) }
}

const fn server(names: &'static str, speaks: &'static str) -> Program {
    Program::named(names, Server).speaks(speaks)
}

const fn short(names: &'static str, seen: &'static [(&'static str, &'static str)]) -> Program {
    dev(names, Way::Flags(&["-p", "{}"]), seen)
}

const fn long(names: &'static str, seen: &'static [(&'static str, &'static str)]) -> Program {
    dev(names, Way::Flags(&["--port", "{}"]), seen)
}

const fn dev(names: &'static str, told: Way, seen: &'static [(&'static str, &'static str)]) -> Program {
    Program { told, seen, ..Program::named(names, DevServer) }
}

/// Where Rails lists its hosts.
const RAILS: &str = "config.hosts << 'HOST'";
