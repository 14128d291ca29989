//! Editors and development environments, which run terminals, tasks and debuggers.

use super::{Kind, Program, inside};

pub(super) const PROGRAMS: &[Program] = &[
    ide("code code-insiders code-tunnel", "VS Code").inside(inside::editor),
    editor("code-server", "code-server"),
    ide("codium", "VSCodium"),
    ide("cursor", "Cursor"),
    editor("windsurf", "Windsurf"),
    ide("zed zed-editor", "Zed"),
    ide("idea idea64 java-idea", "IntelliJ IDEA"),
    ide("pycharm", "PyCharm"),
    ide("webstorm", "WebStorm"),
    ide("phpstorm", "PhpStorm"),
    ide("goland", "GoLand"),
    ide("clion", "CLion"),
    ide("rider", "Rider"),
    ide("rubymine", "RubyMine"),
    ide("rustrover", "RustRover"),
    ide("datagrip", "DataGrip"),
    ide("studio", "Android Studio"),
    ide("fleet", "Fleet"),
    ide("eclipse", "Eclipse"),
    editor("sublime_text", "Sublime Text"),
    editor("kate", "Kate"),
    editor("vim", "vim"),
    editor("vi", "vi"),
    editor("nvim", "Neovim"),
    editor("emacs emacs-gtk emacs-nox", "Emacs"),
    editor("hx helix", "Helix"),
    editor("theia", "Theia"),
    editor("jupyter-lab", "JupyterLab"),
    editor("jupyter-notebook", "Jupyter"),
    ide("netbeans", "NetBeans"),
    ide("devenv", "Visual Studio"),
    server(&[".vscode-server", ".vscode-remote"], "VS Code"),
    server(&[".cursor-server"], "Cursor"),
    server(&[".windsurf-server"], "Windsurf"),
    server(&[".vscodium-server"], "VSCodium"),
    Program { marks: &["com.intellij.", "-Didea.paths.selector"], ..ide("", "a JetBrains IDE") },
    Program { marks: &["org.eclipse.equinox.launcher"], ..ide("", "Eclipse") },
];

/// One that listens for what it debugs.
const fn ide(names: &'static str, title: &'static str) -> Program {
    Program::named(names, Kind::Editor { debugs: true }).known_as(title)
}

const fn editor(names: &'static str, title: &'static str) -> Program {
    Program::named(names, Kind::Editor { debugs: false }).known_as(title)
}

/// An editor's part on the machine that it works on, which is a runtime by its name.
const fn server(marks: &'static [&'static str], title: &'static str) -> Program {
    Program { marks, ..editor("", title) }
}
