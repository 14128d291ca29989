//! Programs as their own words name them: what a text is by, and whose processes print such.

/// A program that writes of itself.
pub(crate) struct Author {
    /// The name by which its wordings are known.
    name: &'static str,
    /// Beginnings of the names of its processes, parted by spaces, where they have others.
    pub(crate) processes: &'static str,
    /// True where it runs as a user of its own, and not as who reads the text.
    pub(crate) is_service: bool,
}

/// The author of this name.
pub(crate) fn author(name: &str) -> Option<&'static Author> {
    AUTHORS.iter().find(|author| author.name == name)
}

const fn service(name: &'static str, processes: &'static str) -> Author {
    Author { name, processes, is_service: true }
}

const fn tool(name: &'static str, processes: &'static str) -> Author {
    Author { name, processes, is_service: false }
}

const AUTHORS: &[Author] = &[
    service("nginx", ""),
    service("apache", "apache2 httpd"),
    service("haproxy", ""),
    service("caddy", ""),
    service("traefik", ""),
    service("envoy", ""),
    service("lighttpd", ""),
    service("uwsgi", ""),
    service("gunicorn", "gunicorn"),
    service("php-fpm", "php-fpm"),
    service("postgresql", "postgres postmaster"),
    service("mysql", "mysqld mariadbd"),
    service("mariadb", "mysqld mariadbd"),
    service("redis", "redis-server valkey-server"),
    service("rabbitmq", ""),
    service("prometheus", ""),
    service("telegraf", ""),
    tool("rails", "puma ruby rails unicorn thin"),
    tool("puma", "puma ruby"),
    tool("ruby", "ruby puma unicorn rackup jekyll"),
    tool("next", "next-server node"),
    tool("webpack", "node"),
    tool("vite", "node"),
    tool("docker", "dockerd"),
    tool("xvfb", "Xvfb Xorg Xwayland"),
    tool("roscore", "rosmaster"),
    tool("coturn", "turnserver"),
    tool("bitcoin", "bitcoind"),
];

#[cfg(test)]
mod tests {
    use super::{AUTHORS, author};

    #[test]
    fn each_has_one_entry() {
        let mut names: Vec<&str> = AUTHORS.iter().map(|author| author.name).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        assert!(author("postgresql").is_some_and(|author| author.is_service) && author("shop").is_none());
    }
}
