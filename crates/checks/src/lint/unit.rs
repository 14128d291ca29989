//! What can be started with the ports that it really asks for: a script's, a configuration's beside it, its program's own.

use portward_wire::source::{Fact, PROGRAMS, Part, Spot, Start, What};

use super::{File, Project};

/// Something that can be started.
pub struct Unit<'p> {
    /// The file that says so.
    pub file: &'p File,
    /// What it says.
    pub start: &'p Start,
    /// The ports that it asks for, or publishes, the first one first, each with the file that says so.
    pub ports: Vec<Place<'p>>,
    /// The ports at which it waits for a debugger.
    pub debuggers: Vec<Place<'p>>,
    /// What runs within it, whose ports are among its own.
    pub parts: Vec<Unit<'p>>,
    /// What it goes by where it runs within another one.
    pub label: Option<&'p str>,
}

/// A fact with the file that says so.
pub(super) type Place<'p> = (&'p File, &'p Fact);

/// Everything that can be started, in the order of the files.
pub fn units(project: &Project) -> Vec<Unit<'_>> {
    let one = |(file, start)| unit(project, file, start);
    project.files.iter().flat_map(|file| file.found.starts.iter().map(move |start| (file, start))).map(one).collect()
}

fn unit<'p>(project: &'p Project, file: &'p File, start: &'p Start) -> Unit<'p> {
    let is_own = |fact: &&Fact| fact.service.as_deref() == Some(start.name.as_str());
    let own = || file.found.facts.iter().filter(is_own).map(move |fact| (file, fact));
    let mut ports: Vec<_> =
        own().filter(|(_, fact)| matches!(fact.what, What::Asked { .. } | What::Usual | What::Published { .. })).collect();
    if file.kind.name == "compose" {
        ports = start.published.iter().filter_map(|spot| published(project, start, spot)).collect();
    }
    let mut debuggers: Vec<_> = own().filter(|(_, fact)| matches!(fact.what, What::Debugger { waits: true })).collect();
    let told = ports.iter().any(|(_, fact)| fact.what != What::Usual);
    if !told && file.kind.name != "compose" {
        let said = configured(project, file, start, !ports.is_empty());
        if !said.is_empty() {
            ports = said;
        }
    }
    let one = |part: &'p Part| Unit { label: Some(&part.label), ..unit(project, file, &part.start) };
    let inner: Vec<Unit<'p>> = start.parts.iter().map(one).collect();
    for part in &inner {
        ports.extend(&part.ports);
        debuggers.extend(&part.debuggers);
    }
    Unit { file, start, ports, debuggers, parts: inner, label: None }
}

impl<'p> Unit<'p> {
    /// What is started for it: itself, or each of its parts where it does nothing else than to run several at once.
    pub(crate) fn started(&self) -> Vec<&Self> {
        if self.start.together { self.parts.iter().flat_map(Self::started).collect() } else { vec![self] }
    }

    /// What a port of it is called, by the part whose port it is.
    pub(crate) fn label_of(&self, fact: &Fact) -> Option<&'p str> {
        let part = self.parts.iter().find(|part| part.ports.iter().any(|(_, own)| std::ptr::eq(*own, fact)))?;
        part.label_of(fact).or(part.label)
    }
}

/// What the file says at the place of a published port.
fn published<'p>(project: &'p Project, start: &Start, spot: &Spot) -> Option<(&'p File, &'p Fact)> {
    let file = project.of_kind("compose").find(|file| file.path == spot.file)?;
    let is_it = |fact: &&Fact| {
        (fact.line, fact.column, fact.port, fact.transport) == (spot.line, spot.column, spot.port, spot.transport)
            && fact.service.as_deref() == Some(start.name.as_str())
            && matches!(fact.what, What::Published { container, .. } if container == spot.container)
    };
    file.found.facts.iter().find(is_it).map(|fact| (file, fact))
}

/// What the files beside a program say of where it listens, where its command says nothing.
fn configured<'p>(project: &'p Project, own: &File, start: &'p Start, is_known: bool) -> Vec<(&'p File, &'p Fact)> {
    let line = start.runs.as_deref().or(start.command.as_deref()).unwrap_or_default();
    let here = |file: &&File| file.folder() == start.folder;
    let asked = |file: &'p File, fits: &dyn Fn(&Fact) -> bool| {
        file.found
            .facts
            .iter()
            .filter(|fact| matches!(fact.what, What::Asked { .. }) && fits(fact))
            .map(|fact| (file, fact))
            .collect::<Vec<_>>()
    };
    let first = |mut found: Vec<(&'p File, &'p Fact)>| {
        found.truncate(1);
        found
    };
    if is_known {
        let block = if line.contains("preview") { "preview" } else { "server" };
        // What serves pages of its own is told nothing by the tool that builds their scripts.
        let builds = !matches!(
            own.kind.name,
            "manage"
                | "artisan"
                | "dotnet"
                | "gradle"
                | "maven"
                | "program"
                | "phoenix"
                | "wrangler"
                | "jekyll"
                | "hugo"
                | "mkdocs"
        ) && !line.contains(FOREMAN);
        let servers = |fact: &Fact| match fact.service.as_deref() {
            Some("dev" | "devServer") => block == "server",
            service => service == Some(block),
        };
        for file in project.of_kind("development").filter(here).filter(|_| builds) {
            let found = asked(file, &servers);
            if !found.is_empty() {
                return first(found);
            }
        }
        for file in project.of_kind("angular").filter(here).filter(|_| line.contains("ng ")) {
            let found = asked(file, &|_| true);
            if !found.is_empty() {
                return first(found);
            }
        }
        let is_spring = ["bootRun", "spring-boot", "quarkus"].iter().any(|word| line.contains(word));
        let spring = project.of_kind("spring").filter(|file| is_spring && is_below(file.folder(), &start.folder));
        // A profile's own file counts where the profile does.
        let found: Vec<_> = spring.filter(|file| !file.name().contains('-')).flat_map(|file| asked(file, &|_| true)).collect();
        if !found.is_empty() {
            return found;
        }
        let puma = project.of_kind("rails").filter(|file| line.contains("rails ") && is_below(file.folder(), &start.folder));
        let found: Vec<_> = puma.flat_map(|file| asked(file, &|_| true)).collect();
        if !found.is_empty() {
            return first(found);
        }
        for (kind, word) in BY_WORD {
            let there = |file: &&File| {
                if *kind == "phoenix" { file.folder() == place(start, "config") } else { here(file) }
            };
            let own = project.of_kind(kind).filter(there).filter(|_| line.contains(word));
            let found: Vec<_> = own.flat_map(|file| asked(file, &|_| true)).collect();
            if !found.is_empty() {
                return first(found);
            }
        }
        let reads_env = ["react-scripts", "craco", "nuxt", "nuxi", FOREMAN, "${PORT}"].iter().any(|word| line.contains(word));
        return if reads_env { first(variable(project, start)) } else { Vec::new() };
    }
    // A script that runs others has no port of its own.
    if is_runner(line) {
        return Vec::new();
    }
    let words: Vec<&str> = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word)).collect();
    // What is built of a program, and what its framework builds, is named after it.
    let is_built =
        |word: &str| ["dist/", "build/", "out/"].iter().any(|folder| word.trim_start_matches("./").starts_with(folder));
    let nest = line.split_whitespace().zip(line.split_whitespace().skip(1)).any(|pair| pair == ("nest", "start"));
    let built: Vec<&str> = line
        .split_whitespace()
        .filter(|word| is_built(word))
        .filter_map(|word| word.rsplit('/').next()?.split('.').next())
        .chain(nest.then_some("main"))
        .collect();
    let names = |file: &&File| {
        let stem = file.name().split('.').next().unwrap_or_default();
        words.iter().any(|word| *word == file.name() || stem == *word) || built.contains(&stem)
    };
    // Those of `src` are named with it, and mean none that stand beside the manifest.
    let (inner, mark) = (place(start, PROGRAMS), format!("{PROGRAMS}/"));
    let is_inner = !built.is_empty() || line.split_whitespace().any(|word| word.trim_start_matches("./").starts_with(&mark));
    let is_there = |file: &&File| if is_inner { file.folder() == inner } else { file.folder() == start.folder };
    let programs = project.of_kind("program").filter(is_there).filter(names);
    let www = project.of_kind("www").filter(|file| line.contains("bin/www") && file.folder() == place(start, "bin"));
    let found: Vec<_> = programs.chain(www).flat_map(|file| asked(file, &|_| true)).collect();
    let by_variable = found.first().is_none_or(|(_, fact)| fact.variable.as_deref() == Some("PORT"));
    let set = variable(project, start);
    if by_variable && !set.is_empty() { first(set) } else { first(found) }
}

/// A folder of the one that something is started in.
fn place(start: &Start, folder: &str) -> String {
    if start.folder.is_empty() { folder.to_owned() } else { format!("{}/{folder}", start.folder) }
}

/// Kinds of configurations, and the word of a line by which they are read.
const BY_WORD: &[(&str, &str)] =
    &[("wrangler", "wrangler"), ("phoenix", "phx.server"), ("jekyll", "jekyll"), ("mkdocs", "mkdocs")];

/// The variable PORT of the `.env` beside it.
fn variable<'p>(project: &'p Project, start: &'p Start) -> Vec<(&'p File, &'p Fact)> {
    let files = project.of_kind("dotenv").filter(|file| file.folder() == start.folder && file.name() == ".env");
    let facts = files.flat_map(|file| file.found.facts.iter().map(move |fact| (file, fact)));
    facts.filter(|(_, fact)| fact.service.as_deref() == Some("PORT") && matches!(fact.what, What::Asked { .. })).collect()
}

/// True where a line runs scripts of other packages, or several of its own.
pub(crate) fn is_runner(line: &str) -> bool {
    let line = line.trim();
    [
        "turbo ",
        "nx ",
        "lerna ",
        "pnpm -r",
        "pnpm --recursive",
        "pnpm --parallel",
        "npm-run-all",
        "run-p ",
        "run-s ",
        "concurrently ",
        "moon ",
        "wsrun ",
    ]
    .iter()
    .any(|start| line.starts_with(start) || line.contains(&format!(" {start}")))
        || line.contains("--workspaces")
        || line.contains("workspaces foreach")
        || line.contains("docker compose")
        || line.contains("docker-compose")
}

/// True where a folder is another one, or stands below it.
pub(crate) fn is_below(folder: &str, above: &str) -> bool {
    above.is_empty() || folder == above || folder.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

/// True for folders of what is shown or tested, and is not what a project runs.
pub(crate) fn is_aside(folder: &str) -> bool {
    folder.split('/').any(|part| {
        let words = [
            "example",
            "examples",
            "sample",
            "samples",
            "demo",
            "demos",
            "template",
            "templates",
            "starter",
            "starters",
            "fixture",
            "fixtures",
            "__fixtures__",
            "testdata",
            "test",
            "tests",
            "__tests__",
            "e2e",
            "spec",
            "playground",
            "playgrounds",
            "contrib",
            "hack",
            "benchmark",
            "benchmarks",
            ".devcontainer",
            ".github",
        ];
        words.contains(&part)
    })
}

/// The script of a package that a person runs while working on it.
pub(crate) fn usual(units: &[Unit<'_>], folder: &str) -> Option<usize> {
    let of = |name: &str| {
        units.iter().position(|unit| unit.file.kind.name == "package" && unit.start.folder == folder && unit.start.name == name)
    };
    ["dev", "develop", "start", "serve"].iter().find_map(|name| of(name))
}

/// As a line says that it takes the port that it is given.
const FOREMAN: &str = "$PORT";
