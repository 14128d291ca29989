//! Words beside which a host or a port stands, and words that only look like one.

pub(super) const PORT_WORDS: &[&str] = &["port", "remoteport", "htons", "tcp_port", "ports", "server.port", "http_port"];

pub(super) const HOST_WORDS: &[&str] =
    &["host", "hostname", "address", "server", "inet_addr", "inet_pton", "remoteaddress", "hosts"];

/// Words before a host where "server" stands before them.
pub(super) const SERVER_WORDS: &[&str] = &["at", "on"];

/// Schemes whose URLs name no host of a network.
pub(super) const NO_HOST: &[&str] = &[
    "endpoint",
    "etcd-endpoints",
    "passthrough",
    "dns",
    "file",
    "node",
    "webpack",
    "webpack-internal",
    "unix",
    "about",
    "data",
    "chrome-extension",
    "app",
];

/// Words that stand where a host would, and are none.
pub(super) const NO_HOSTS: &[&str] = &["null", "undefined", "None", "nil", "HOST", "HOSTNAME", "PORT", "ADDRESS", "SERVER"];

pub(super) const FILES: &[&str] = &[
    "js", "mjs", "cjs", "ts", "tsx", "jsx", "mts", "py", "java", "kt", "scala", "go", "rs", "rb", "php", "c", "cc", "cpp", "h",
    "hpp", "cs", "fs", "clj", "ex", "exs", "erl", "lua", "pl", "sh", "html", "css", "json", "yaml", "yml", "toml", "conf", "vue",
    "svelte", "swift", "dart", "groovy", "log", "txt", "md", "xml",
];

/// Words before a colon and a number that are no hosts.
pub(super) const NO_NAMES: &[&str] = &[
    "line", "pid", "errno", "code", "exit", "status", "error", "tcp", "udp", "tcp4", "tcp6", "node", "uid", "gid", "time",
    "http", "https", "os", "thread", "worker", "id", "count", "size", "version", "step", "attempt", "retries", "took",
    "duration", "number", "result", "sqlstate", "code-", "length", "timeout", "bytes", "total", "process", "signal", "ms", "of",
    "range", "is", "eval",
];
