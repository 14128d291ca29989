//! The README's picture: a terminal drawn from what Portward really prints.
//!
//! The scene is a machine of its own (namespaces, a home, a few real servers), so that the picture is lively and
//! shows nobody's real one. `--from` draws a capture of any terminal instead.

mod ansi;
mod svg;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{command, failure::Failure, places};

/// Arguments of `cargo xtask picture`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Draw this capture of a terminal instead of the scene
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Width of the terminal
    #[arg(long, default_value_t = 120)]
    columns: usize,
    /// Where the picture goes
    #[arg(long, default_value = "docs/picture.svg")]
    to: PathBuf,
    /// What Portward is asked; nothing is its list
    #[arg(last = true)]
    words: Vec<String>,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let typed = std::iter::once("portward").chain(arguments.words.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    let shown = match &arguments.from {
        Some(file) => places::read(file)?,
        None => captured(arguments)?,
    };
    let mut lines = ansi::lines(&format!("\x1b[2m$\x1b[0m {typed}\r\n{shown}"));
    // The terminal's own last words are no answer.
    lines.retain(|line| !line.iter().any(|span| span.text.contains("Script done")));
    if lines.len() < 2 {
        return Err(Failure::new(format!("`{typed}` printed nothing to draw.")).hint("look at it with `cargo run --release`"));
    }
    let label = format!("A terminal: {typed}, and the endpoints of a machine, one per line");
    let place = places::root().join(&arguments.to);
    places::write(&place, &svg::draw(&lines, arguments.columns, &label))?;
    println!("drew {} lines into {}", lines.len(), places::shown(&places::root(), &place));
    Ok(ExitCode::SUCCESS)
}

/// Builds the scene and gives what the terminal received.
fn captured(arguments: &Arguments) -> Result<String, Failure> {
    if !command::is_root() {
        return Err(
            Failure::new("The scene needs root, for its users and its home.").hint("sudo, or `--from FILE` with a capture")
        );
    }
    command::run(command::cargo(["build", "--quiet", "--release", "--package", "portward"]))?;
    // As a file, for the script's text would stand in its command line, which the picture may show.
    let script =
        tempfile::NamedTempFile::new().map_err(|error| Failure::new(format!("A temporary file could not be made: {error}.")))?;
    places::write(script.path(), SCENE)?;
    let group = Group::make();
    let mut scene = command::program("unshare", NAMESPACES);
    scene.arg("sh").arg(script.path()).arg(places::release_binary()).arg(arguments.columns.to_string());
    scene.arg(group.as_ref().map_or(Path::new(""), |Group(path)| path)).args(&arguments.words);
    command::output(scene)
}

/// A control group of our own, removed with all below it; its processes have ended with their namespace by then.
struct Group(PathBuf);

impl Group {
    /// None where this machine mounts no second version of control groups.
    fn make() -> Option<Self> {
        let mounts = places::read(Path::new("/proc/self/mounts")).ok()?;
        let top = mounts.lines().find_map(|line| {
            let mut words = line.split(' ');
            let place = words.nth(1)?;
            (words.next()? == "cgroup2").then(|| PathBuf::from(place))
        })?;
        let group = top.join(format!("portward-picture-{}", std::process::id()));
        fs::create_dir(&group).ok().map(|()| Self(group))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Groups are removed from below; the files in them belong to the kernel.
fn remove(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            remove(&entry.path());
        }
    }
    if let Err(error) = fs::remove_dir(group) {
        println!("{} is still there: {error}.", group.display());
    }
}

const NAMESPACES: [&str; 8] = ["--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"];

const SCENE: &str = include_str!("scene.sh");
