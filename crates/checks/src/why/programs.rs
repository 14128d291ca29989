//! The programs that start others, by name: one line adds one.

/// A program that keeps other programs running.
pub(crate) struct Keeper {
    /// Its title, or the beginning of it where it ends in a star.
    pub(crate) name: &'static str,
    /// True when it has a command of its own to stop a program, which a unit above it does not replace.
    pub(crate) commands: Commands,
}

/// How a keeper is told to stop one of its programs.
pub(crate) enum Commands {
    /// By this command; `NAME` is the name that the keeper knows the program by.
    Own(&'static str),
    /// By ending the keeper itself.
    EndIt,
}

/// Process managers, watchers and masters of workers, all of which start a program again when it ends.
pub(crate) const KEEPERS: &[Keeper] = &[
    own("pm2*", "pm2 stop NAME"),
    own("PM2 *", "pm2 stop NAME"),
    own("supervisord", "supervisorctl stop NAME"),
    own("circusd", "circusctl stop NAME"),
    own("forever*", "forever stop NAME"),
    own("runsv", "sv down NAME"),
    own("s6-supervise", "s6-svc -d NAME"),
    own("supervise", "svc -d NAME"),
    own("monit", "monit stop NAME"),
    own("dinit", "dinitctl stop NAME"),
    own("god", "god stop NAME"),
    own("overmind", "overmind stop NAME"),
    own("process-compose", "process-compose process stop NAME"),
    end("foreman"),
    end("forego"),
    end("goreman"),
    end("hivemind"),
    end("honcho"),
    end("nf"),
    end("concurrently"),
    end("nodemon"),
    end("ts-node-dev"),
    end("tsnd"),
    end("watchexec"),
    end("cargo-watch"),
    end("bacon"),
    end("air"),
    end("reflex"),
    end("CompileDaemon"),
    end("modd"),
    end("wgo"),
    end("entr"),
    end("watchmedo"),
    end("watchfiles"),
    end("guard"),
    end("rerun"),
    end("systemfd"),
    end("einhorn"),
    end("start_server"),
    end("portward"),
];

/// Servers whose master starts workers again; a process below a master of the same program is a worker.
pub(crate) const MASTERS: &[&str] = &[
    "gunicorn",
    "uwsgi",
    "uWSGI",
    "nginx",
    "php-fpm",
    "apache2",
    "httpd",
    "puma",
    "unicorn",
    "hypercorn",
    "uvicorn",
    "haproxy",
    "lighttpd",
    "postgres",
    "daphne",
    "granian",
    "passenger",
    "openresty",
    "caddy",
];

/// Editors and IDEs that run terminals, tasks and debuggers.
pub(crate) const EDITORS: &[(&str, &str)] = &[
    ("code", "VS Code"),
    ("code-insiders", "VS Code"),
    ("code-server", "code-server"),
    ("code-tunnel", "VS Code"),
    ("codium", "VSCodium"),
    ("cursor", "Cursor"),
    ("windsurf", "Windsurf"),
    ("zed", "Zed"),
    ("zed-editor", "Zed"),
    ("idea", "IntelliJ IDEA"),
    ("pycharm", "PyCharm"),
    ("webstorm", "WebStorm"),
    ("phpstorm", "PhpStorm"),
    ("goland", "GoLand"),
    ("clion", "CLion"),
    ("rider", "Rider"),
    ("rubymine", "RubyMine"),
    ("rustrover", "RustRover"),
    ("datagrip", "DataGrip"),
    ("studio", "Android Studio"),
    ("fleet", "Fleet"),
    ("eclipse", "Eclipse"),
    ("sublime_text", "Sublime Text"),
    ("kate", "Kate"),
    ("vim", "vim"),
    ("vi", "vi"),
    ("nvim", "Neovim"),
    ("emacs", "Emacs"),
    ("emacs-gtk", "Emacs"),
    ("emacs-nox", "Emacs"),
    ("hx", "Helix"),
    ("helix", "Helix"),
    ("theia", "Theia"),
    ("jupyter-lab", "JupyterLab"),
    ("jupyter-notebook", "Jupyter"),
];

/// Marks in an argument that tell an editor's server from the runtime that it uses.
pub(crate) const EDITOR_MARKS: &[(&str, &str)] = &[
    (".vscode-server", "VS Code"),
    (".vscode-remote", "VS Code"),
    (".cursor-server", "Cursor"),
    (".windsurf-server", "Windsurf"),
    (".vscodium-server", "VSCodium"),
    ("com.intellij.idea.Main", "a JetBrains IDE"),
    ("-Didea.paths.selector", "a JetBrains IDE"),
    ("org.eclipse.equinox.launcher", "Eclipse"),
];

/// Interactive shells, without the dash of a login shell.
pub(crate) const SHELLS: &[&str] =
    &["bash", "zsh", "fish", "sh", "dash", "ash", "ksh", "mksh", "tcsh", "csh", "nu", "pwsh", "elvish", "xonsh", "busybox"];

/// Terminals and multiplexers, by the beginning of their names.
pub(crate) const TERMINALS: &[(&str, &str)] = &[
    ("tmux", "tmux"),
    ("screen", "screen"),
    ("SCREEN", "screen"),
    ("zellij", "zellij"),
    ("gnome-terminal", "GNOME Terminal"),
    ("ptyxis", "Ptyxis"),
    ("kgx", "GNOME Console"),
    ("konsole", "Konsole"),
    ("kitty", "kitty"),
    ("alacritty", "Alacritty"),
    ("wezterm", "WezTerm"),
    ("ghostty", "Ghostty"),
    ("foot", "foot"),
    ("xterm", "xterm"),
    ("tilix", "Tilix"),
    ("xfce4-terminal", "Xfce Terminal"),
    ("terminator", "Terminator"),
];

/// Remote logins, by the beginning of their names.
pub(crate) const LOGINS: &[&str] = &["sshd", "dropbear", "mosh-server", "et-server", "etserver"];

/// Services in whose control group other people's programs run, so that the unit is no reason for those.
pub(crate) const HOSTS_OF_OTHERS: &[&str] = &[
    "ssh.service",
    "sshd.service",
    "cron.service",
    "crond.service",
    "atd.service",
    "docker.service",
    "containerd.service",
    "podman.service",
    "gnome-terminal-server.service",
    "dbus.service",
    "dbus-broker.service",
    "emacs.service",
    "tmux.service",
    "getty@tty1.service",
    "display-manager.service",
];

const fn own(name: &'static str, command: &'static str) -> Keeper {
    Keeper { name, commands: Commands::Own(command) }
}

const fn end(name: &'static str) -> Keeper {
    Keeper { name, commands: Commands::EndIt }
}
