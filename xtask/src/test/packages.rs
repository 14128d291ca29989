//! What the tests need from the machine, as data: Debian packages, each with what it is for.

/// A Debian package or one of its equals.
pub(super) struct Wanted {
    /// Any of these will do; the first is installed when none is there.
    pub(super) any_of: &'static [&'static str],
    /// A program that also means the need is met, however it came here.
    pub(super) program: Option<&'static str>,
    /// What would be skipped without it.
    pub(super) purpose: &'static str,
    /// True for what only the real-program tests need.
    pub(super) real_programs: bool,
}

const fn tool(any_of: &'static [&'static str], purpose: &'static str) -> Wanted {
    Wanted { any_of, program: None, purpose, real_programs: false }
}

const fn real(any_of: &'static [&'static str], program: Option<&'static str>, purpose: &'static str) -> Wanted {
    Wanted { any_of, program, purpose, real_programs: true }
}

/// Everything that is installed before the tests run.
pub(super) const WANTED: &[Wanted] = &[
    tool(&["g++"], "linking the fuzzers"),
    tool(&["iproute2"], "namespaces, interfaces, and ss as the second opinion"),
    tool(&["util-linux"], "unshare, setpriv and nsenter"),
    tool(&["procps"], "process trees as the second opinion"),
    tool(&["psmisc"], "fuser as the second opinion"),
    tool(&["lsof"], "owners as the second opinion"),
    tool(&["net-tools"], "netstat as the second opinion"),
    tool(&["tmux"], "a real terminal"),
    tool(&["socat"], "sockets of every kind"),
    tool(&["openssl"], "a TLS server"),
    tool(&["libnss3-tools"], "databases of browsers"),
    tool(&["sudo"], "root as people become it"),
    Wanted { any_of: &["python3"], program: Some("python3"), purpose: "scripted sockets", real_programs: false },
    tool(&["bash"], "what is typed and completed in bash"),
    tool(&["zsh"], "the same in zsh"),
    tool(&["fish"], "the same in fish"),
    tool(&["dash"], "variables in the shell of scripts"),
    tool(&["python3-dotenv"], "files of variables as Python reads them"),
    tool(&["iptables"], "published ports"),
    Wanted { any_of: &["nftables"], program: Some("nft"), purpose: "the guard at the packet filter", real_programs: false },
    real(&["nginx-light", "nginx"], Some("nginx"), "nginx"),
    real(&["redis-server"], Some("redis-server"), "Redis"),
    real(&["postgresql"], None, "PostgreSQL"),
    real(&["php-cli"], Some("php"), "php -S"),
    real(&["docker.io"], Some("dockerd"), "a real Docker Engine"),
    real(&["busybox-static"], None, "the image that runs in it"),
    real(&["default-jdk-headless"], Some("javac"), "a Java server"),
    real(&["nodejs"], Some("node"), "a Node.js server"),
    real(&["npm"], Some("npm"), "Node.js frameworks, and a server below npm"),
    real(&["gdbserver"], Some("gdbserver"), "a debug server"),
    real(&["gdb"], Some("gdb"), "the debugger that comes to it"),
    real(&["python3-debugpy"], None, "a Python program that waits for its debugger"),
    real(&["curl"], Some("curl"), "a client of the real servers"),
    real(&["python3-flask"], None, "Flask"),
    real(&["python3-django"], None, "Django"),
    real(&["gunicorn"], None, "gunicorn"),
    real(&["python3-uvicorn"], None, "uvicorn"),
    real(&["apache2-bin"], Some("apache2"), "Apache"),
    real(&["caddy"], Some("caddy"), "Caddy"),
    real(&["memcached"], Some("memcached"), "memcached"),
    real(&["mariadb-server-core"], Some("mariadbd"), "MariaDB"),
    real(&["mariadb-client-core"], Some("mariadb"), "MariaDB's client"),
    real(&["mariadb-client"], Some("mariadb-dump"), "MariaDB's dumps"),
    real(&["redis-tools"], Some("redis-cli"), "Redis's client"),
    real(&["netcat-openbsd"], Some("nc.openbsd"), "a listener for one client"),
    real(&["rclone"], Some("rclone"), "a login that waits for its browser"),
    real(&["haproxy"], Some("haproxy"), "a proxy that wants the PROXY protocol"),
    real(&["mosquitto"], Some("mosquitto"), "an MQTT broker"),
    real(&["uwsgi-core"], Some("uwsgi-core"), "a uwsgi socket"),
    real(&["uwsgi-plugin-python3"], None, "the application behind it"),
    real(&["php-fpm"], None, "a FastCGI server"),
    real(&["openssh-server"], Some("sshd"), "tunnels"),
    real(&["openbsd-inetd"], Some("inetd"), "services that are started on demand"),
];
