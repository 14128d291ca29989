//! The entries of `listed.toml`, as far as their installation goes; how they are run is the tests' to know.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    command,
    failure::{Failure, on_path},
    places,
    test::install as debian,
};

/// One program.
pub(crate) struct Entry {
    pub(super) name: String,
    /// The list that it stands in: the module of its tests.
    pub(super) list: &'static str,
    /// True when every run of the tests runs it.
    pub(super) core: bool,
    debian: Vec<String>,
    pypi: Vec<String>,
    npm: Vec<String>,
    /// Files of what is built, and the command that builds it.
    source: Vec<(String, String)>,
    build: Option<String>,
    /// The entry in whose folder it is installed, where that is another's.
    shares: Option<String>,
    /// A command that prints its version.
    version: String,
    /// What a reader should know.
    pub(super) note: String,
}

impl Entry {
    /// Every program and every project of the lists.
    pub(super) fn all() -> Result<Vec<Self>, Failure> {
        let mut all = Vec::new();
        for (name, key) in LISTS {
            let path = places::root().join(format!("{TESTS}/{name}.toml"));
            let list: toml::Table =
                places::read(&path)?.parse().map_err(|error| Failure::new(format!("{name}.toml is no TOML: {error}.")))?;
            for entry in list.get(key).and_then(toml::Value::as_array).into_iter().flatten() {
                let read = Self::read(name, entry);
                all.push(read.ok_or_else(|| Failure::new(format!("This is no {key} of {name}.toml: {entry:?}.")))?);
            }
        }
        Ok(all)
    }

    fn read(list: &'static str, entry: &toml::Value) -> Option<Self> {
        let text = |key: &str| entry.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        let words = |key: &str| {
            let list = entry.get(key).and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
            list.iter().filter_map(|word| Some(word.as_str()?.to_owned())).collect()
        };
        let source = entry.get("source").and_then(toml::Value::as_table).into_iter().flatten();
        Some(Self {
            name: text("name")?,
            list,
            core: entry.get("core").and_then(toml::Value::as_bool).unwrap_or(false),
            debian: words("debian"),
            pypi: words("pypi"),
            npm: words("npm"),
            source: source.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect(),
            build: text("build"),
            shares: text("shares"),
            version: text("version")?,
            note: text("note").unwrap_or_default(),
        })
    }

    /// Where what is no Debian package is put; the tests' worlds show it at `/run/programs/listed`.
    fn folder(&self) -> PathBuf {
        folder_of(self.shares.as_ref().unwrap_or(&self.name))
    }

    fn command(&self, line: &str) -> Command {
        let mut task = command::program("sh", ["-c", line]);
        let path = std::env::var("PATH").unwrap_or_default();
        // Debian's own Python is the one that the worlds have; daemons are in the sbin folders.
        task.current_dir(self.folder()).env("PATH", format!("/usr/bin:{path}:/usr/sbin:/sbin"));
        task
    }

    /// What it says of its version; empty where it says nothing.
    pub(super) fn version(&self) -> String {
        if fs::create_dir_all(self.folder()).is_err() {
            return String::new();
        }
        let said = command::output(self.command(&self.version)).unwrap_or_default();
        said.trim().trim_matches('"').chars().take(40).collect()
    }

    /// Installs what it has besides Debian's packages, where that is not there in these versions.
    fn install(&self) -> Result<(), Failure> {
        let folder = self.folder();
        fs::create_dir_all(&folder).map_err(|error| on_path("made", &folder, &error))?;
        let wanted = format!("{:?} {:?} {:?} {:?}", self.npm, self.pypi, self.build, self.source);
        let done = folder.join("installed.txt");
        if fs::read_to_string(&done).is_ok_and(|there| there == wanted) {
            return Ok(());
        }
        if self.npm.is_empty() && self.pypi.is_empty() && self.build.is_none() {
            return Ok(());
        }
        println!("installing {}", self.name);
        if !self.npm.is_empty() {
            // It keeps npm from looking for a project above.
            places::write(&folder.join("package.json"), "{\"private\": true}\n")?;
            let mut npm = command::program("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"]);
            npm.args(&self.npm).current_dir(&folder).stdout(std::process::Stdio::null());
            command::quietly(npm)?;
        }
        if !self.pypi.is_empty() {
            let mut pip =
                command::program("/usr/bin/python3", ["-m", "pip", "install", "--quiet", "--target", "py", "--upgrade"]);
            pip.arg("--disable-pip-version-check").args(&self.pypi).current_dir(&folder);
            command::quietly(pip)?;
        }
        if let Some(line) = &self.build {
            for (name, text) in &self.source {
                places::write(&folder.join(name), text)?;
            }
            command::quietly(self.command(line))?;
        }
        places::write(&done, &wanted)
    }
}

/// Installs what these need; what could not be installed, in sentences.
pub(super) fn install(entries: &[&Entry]) -> Result<Vec<String>, Failure> {
    let packages = || entries.iter().flat_map(|entry| entry.debian.iter().map(String::as_str));
    let mut missing: Vec<&str> = packages().filter(|name| !debian::installed(name)).collect();
    missing.sort_unstable();
    missing.dedup();
    debian::packages(&missing)?;
    let mut troubles: Vec<String> = missing
        .iter()
        .filter(|name| !debian::installed(name))
        .map(|name| format!("{name} could not be installed; needed for a listed program"))
        .collect();
    for entry in entries {
        if let Err(failure) = entry.install() {
            troubles.push(format!("{} could not be installed: {failure}", entry.name));
        }
    }
    Ok(troubles)
}

/// Installs what the core needs, which every run of the tests runs; what could not be installed, in sentences.
pub(crate) fn core() -> Result<Vec<String>, Failure> {
    let all = Entry::all()?;
    install(&all.iter().filter(|entry| entry.core).collect::<Vec<_>>())
}

/// Where the entry of this name is installed, where it shares no other's.
pub(crate) fn folder_of(name: &str) -> PathBuf {
    places::programs().join("listed").join(name)
}

/// Installs one entry, and gives its folder.
pub(crate) fn installed(name: &str) -> Result<PathBuf, Failure> {
    let all = Entry::all()?;
    let entry = all.iter().find(|entry| entry.name == name);
    let entry = entry.ok_or_else(|| Failure::new(format!("No listed program is called {name}.")))?;
    match install(&[entry])?.into_iter().next() {
        Some(trouble) => Err(Failure::new(format!("{trouble}."))),
        None => Ok(entry.folder()),
    }
}

/// The lists, by the modules of their tests, with what an entry is called in each.
const LISTS: [(&str, &str); 2] = [("listed", "program"), ("projects", "project")];
const TESTS: &str = "crates/portward/tests/programs";

#[cfg(test)]
mod tests {
    use super::Entry;

    #[test]
    fn every_entry_is_read_and_called_once() {
        let all = Entry::all().expect("the list");
        assert!(all.len() >= 30 && all.iter().any(|entry| entry.core), "{}", all.len());
        let mut names: Vec<&str> = all.iter().map(|entry| entry.name.as_str()).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
        for entry in &all {
            assert_eq!(entry.build.is_some(), !entry.source.is_empty(), "{}", entry.name);
            assert!(entry.list == "listed" || !entry.version.is_empty(), "{}", entry.name);
            assert!(entry.shares.as_ref().is_none_or(|other| *other != entry.name), "{}", entry.name);
        }
    }
}
