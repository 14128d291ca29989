//! The programs of `programs.toml`: what installs them, and their texts in every situation.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

use super::{
    expected::{Fault, line},
    room::{Room, go_program},
};
use crate::{command, failure::Failure, places, test::install};

/// One program.
pub(super) struct Program {
    pub(super) name: String,
    /// The program that its texts give away.
    reads: Option<String>,
    debian: Vec<String>,
    pypi: Vec<String>,
    npm: Vec<String>,
    /// A command that prints its version.
    version: String,
    situations: Vec<Situation>,
}

/// A command, and the faults in which it is run.
struct Situation {
    faults: Vec<Fault>,
    run: String,
    expect: String,
}

/// The texts of a program, as a fixture.
pub(super) struct Recorded {
    pub(super) file: String,
    pub(super) texts: usize,
    /// Situations in which nothing was printed.
    pub(super) silent: Vec<String>,
}

impl Program {
    /// Every program of the list.
    pub(super) fn all() -> Result<Vec<Self>, Failure> {
        let list: toml::Table = include_str!("programs.toml")
            .parse()
            .map_err(|error| Failure::new(format!("xtask/src/corpus/programs.toml is no TOML: {error}.")))?;
        let programs = list.get("program").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        programs
            .iter()
            .map(|entry| Self::read(entry).ok_or_else(|| Failure::new(format!("This is no program: {entry:?}."))))
            .collect()
    }

    fn read(entry: &toml::Value) -> Option<Self> {
        let name = entry.get("name")?.as_str()?.to_owned();
        let reads = entry.get("reads").map_or(Some(name.as_str()), toml::Value::as_str)?;
        let situations = entry.get("situations")?.as_array()?;
        let own = |entry: &toml::Value| words(entry.get("debian"));
        Some(Self {
            reads: Some(reads.to_owned()).filter(|name| name != "-"),
            debian: own(entry).into_iter().chain(situations.iter().flat_map(own)).collect(),
            pypi: words(entry.get("pypi")),
            npm: words(entry.get("npm")),
            version: entry.get("version")?.as_str()?.to_owned(),
            situations: situations.iter().map(Situation::read).collect::<Option<_>>()?,
            name,
        })
    }

    /// Runs it in every situation.
    pub(super) fn recorded(&self, room: &Room) -> Result<Recorded, Failure> {
        let mut recorded = Recorded { file: String::new(), texts: 0, silent: Vec::new() };
        let version = room.printed(&format!("cd {}; {}", npm().display(), self.version), true)?;
        let version: String = version.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(90).collect();
        let _ = writeln!(recorded.file, "# {}, recorded by `cargo xtask corpus`: {}", self.name, version.trim());
        let cases = self.situations.iter().flat_map(|situation| {
            let faults = situation.faults.iter().flat_map(|fault| fault.hosts().iter().map(|host| (*fault, *host)));
            faults.map(move |(fault, host)| (situation, fault, host))
        });
        for ((situation, fault, host), port) in cases.zip(self.first_port()..) {
            let port = if fault == Fault::Denied { LOW } else { port };
            let command = situation.command(host, port);
            let text = {
                let _other_side = room.counterpart(fault, port)?;
                room.printed(&command, fault != Fault::Denied)?
            };
            let absent = [": not found", "failed to run command"].iter().any(|words| text.contains(words));
            if absent || text.trim().is_empty() {
                recorded.silent.push(format!("{} ({fault:?}, {host})", self.name));
                continue;
            }
            recorded.texts += 1;
            let expected = line(fault, self.reads.as_deref(), &situation.expect, host, port);
            let shown =
                situation.run.replace("{host}", host).replace("{port}", &port.to_string()).replace("{at}", &at(host, port));
            let _ = writeln!(recorded.file, "$ {}\n{text}\n== {expected}", shown.replace('\n', "; "));
        }
        Ok(recorded)
    }

    /// Its ports begin here, every time.
    fn first_port(&self) -> u16 {
        let sum = self.name.bytes().fold(0u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(u16::from(byte)));
        20_000 + sum % 900 * 10
    }
}

impl Situation {
    fn read(entry: &toml::Value) -> Option<Self> {
        let faults = words(entry.get("faults")).iter().map(|name| Fault::named(name)).collect::<Option<_>>()?;
        let run = entry.get("run")?.as_str()?.to_owned();
        let expect = entry.get("expect").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        Some(Self { faults, run, expect })
    }

    fn command(&self, host: &str, port: u16) -> String {
        let files = place("files").display().to_string();
        let go = go_program().display().to_string();
        let filled = self.run.replace("{host}", host).replace("{port}", &port.to_string()).replace("{at}", &at(host, port));
        filled.replace("{files}", &files).replace("{go}", &go)
    }
}

/// Host and port as a URL has them.
fn at(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn words(value: Option<&toml::Value>) -> Vec<String> {
    let list = value.and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|word| Some(word.as_str()?.to_owned())).collect()
}

/// Installs what the programs need: Debian packages, a Python environment and a folder of npm's.
pub(super) fn installed(programs: &[&Program]) -> Result<(), Failure> {
    let every = |of: fn(&Program) -> &Vec<String>| {
        programs.iter().flat_map(|program| of(program).iter().cloned()).collect::<BTreeSet<String>>()
    };
    let debian = every(|program| &program.debian);
    let missing: Vec<&str> = debian.iter().map(String::as_str).filter(|name| !install::installed(name)).collect();
    install::packages(&missing)?;
    let pypi = every(|program| &program.pypi);
    if !pypi.is_empty() {
        if !venv().join("bin/pip").exists() {
            command::run(command::program("python3", ["-m".as_ref(), "venv".as_ref(), venv().as_os_str()]))?;
        }
        let mut pip = command::program(venv().join("bin/pip"), ["install", "--quiet", "--disable-pip-version-check"]);
        pip.args(&pypi);
        command::run(pip)?;
    }
    let packages = every(|program| &program.npm);
    let open = |name: &&String| !npm().join("node_modules").join(bare(name)).exists();
    let packages: Vec<&String> = packages.iter().filter(open).collect();
    if !packages.is_empty() {
        // It keeps npm from looking for a project above, and lists what earlier runs installed.
        let list = npm().join("package.json");
        if !list.exists() {
            places::write(&list, "{\"private\": true}\n")?;
        }
        let mut task = command::program("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"]);
        // A browser is a download of its own, which no text here needs.
        task.args(packages).current_dir(npm()).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
        command::run(task)?;
    }
    if programs.iter().any(|program| program.name == "go") && command::which("go").is_some() {
        let mut build = command::program("go", ["build", "-o"]);
        build.arg(go_program()).arg(place("files/net.go")).env("GOFLAGS", "-mod=mod").env("GOPROXY", "off");
        command::run(build)?;
    }
    Ok(())
}

/// A package's name without its version.
fn bare(name: &str) -> &str {
    match name.rfind('@') {
        Some(at) if at > 0 => name.get(..at).unwrap_or(name),
        Some(_) | None => name,
    }
}

/// The Python environment.
pub(super) fn venv() -> PathBuf {
    places::programs().join("corpus/venv")
}

/// The folder of npm's packages.
pub(super) fn npm() -> PathBuf {
    let folder = places::programs().join("corpus/npm");
    // Versions are asked for in it, with or without a package.
    let _ = fs::create_dir_all(&folder);
    folder
}

/// A file beside this one.
pub(super) fn place(name: &str) -> PathBuf {
    places::root().join("xtask/src/corpus").join(name)
}

/// A port that takes a right (`ip_unprivileged_port_start`).
const LOW: u16 = 81;

#[cfg(test)]
mod tests {
    use super::{Program, bare};

    #[test]
    fn every_program_has_a_version_and_a_situation() {
        let all = Program::all().expect("the list");
        assert!(all.len() >= 60, "{}", all.len());
        for program in &all {
            assert!(!program.version.is_empty() && !program.situations.is_empty(), "{}", program.name);
            assert!(program.situations.iter().all(|situation| !situation.faults.is_empty()), "{}", program.name);
        }
        let mut names: Vec<&str> = all.iter().map(|program| program.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len(), "a name stands twice");
    }

    #[test]
    fn a_package_is_known_without_its_version() {
        assert_eq!(
            (bare("vite@6"), bare("@elastic/elasticsearch"), bare("@a/b@1.2")),
            ("vite", "@elastic/elasticsearch", "@a/b")
        );
    }
}
