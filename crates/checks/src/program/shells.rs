//! Where people type: shells, the terminals that show them, and logins from other machines.

use super::{Kind, Program, inside};

pub(super) const PROGRAMS: &[Program] = &[
    Program::named("bash zsh fish sh dash ash ksh mksh tcsh csh nu pwsh elvish xonsh busybox", Kind::Shell),
    terminal("tmux*", "tmux").inside(inside::tmux),
    terminal("screen*", "screen").inside(inside::screen),
    terminal("zellij*", "zellij"),
    terminal("gnome-terminal*", "GNOME Terminal"),
    terminal("ptyxis*", "Ptyxis"),
    terminal("kgx*", "GNOME Console"),
    terminal("konsole*", "Konsole"),
    terminal("kitty*", "kitty"),
    terminal("alacritty*", "Alacritty"),
    terminal("wezterm*", "WezTerm"),
    terminal("ghostty*", "Ghostty"),
    terminal("foot*", "foot"),
    terminal("xterm*", "xterm"),
    terminal("tilix*", "Tilix"),
    terminal("xfce4-terminal*", "Xfce Terminal"),
    terminal("terminator*", "Terminator"),
    Program::named("sshd* dropbear*", Kind::Login).speaks("ssh"),
    Program::named("mosh-server* et-server* etserver*", Kind::Login),
];

const fn terminal(names: &'static str, title: &'static str) -> Program {
    Program::named(names, Kind::Terminal).known_as(title)
}
