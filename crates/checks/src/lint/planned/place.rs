//! Which of the things that can be started is a service, and which stands for another one.

use super::super::{
    Unit,
    unit::{is_aside, is_below, is_runner, usual},
};

/// Whether a unit is taken.
pub(super) enum Place {
    Taken,
    /// Left out for this reason.
    Left(String),
    /// Another line stands for it.
    Elsewhere,
}

/// Whether something that can be started is a service of its own.
pub(super) fn place_of(all: &[Unit<'_>], unit: &Unit<'_>) -> Place {
    let folder = unit.start.folder.as_str();
    let has = |kinds: &[&str]| {
        all.iter().any(|other| kinds.contains(&other.file.kind.name) && other.start.folder == folder && runs(other))
    };
    match unit.file.kind.name {
        "procfile" => {
            // One above starts the whole; those below are of tools and of tests.
            let is_above = |other: &Unit<'_>| other.start.folder != folder && is_below(folder, &other.start.folder);
            if all.iter().any(|other| other.file.kind.name == "procfile" && is_above(other)) {
                return Place::Elsewhere;
            }
            let development = all.iter().any(|other| other.file.name() == "Procfile.dev" && other.start.folder == folder);
            if development && unit.file.name() != "Procfile.dev" { Place::Elsewhere } else { Place::Taken }
        }
        "compose" => compose(all, unit),
        "package" => {
            if has(&["procfile"])
                || usual(all, folder).and_then(|at| all.get(at)).is_none_or(|chosen| !std::ptr::eq(chosen, unit))
            {
                return Place::Elsewhere;
            }
            let line = unit.start.runs.as_deref().unwrap_or_default();
            let is_in = |other: &&Unit<'_>| {
                other.file.kind.name == "package" && other.start.folder != folder && is_below(&other.start.folder, folder)
            };
            // One that runs scripts of its own, above packages that serve nothing, is what serves.
            let serves = !unit.ports.is_empty() && all.iter().filter(is_in).all(|other| other.ports.is_empty());
            if is_runner(line) && all.iter().any(|other| is_in(&other)) && !serves { Place::Elsewhere } else { Place::Taken }
        }
        // A target that a person starts it by says more than that it is there.
        "composer" if has(&["artisan"]) || !runs(unit) => Place::Elsewhere,
        "composer" | "deno" if !is_first(all, unit) => Place::Elsewhere,
        "manage" | "artisan" | "dotnet" | "gradle" | "maven" | "program" | "rails" | "composer" | "deno" | "go" | "rust"
            if has(&["procfile"]) || has_target(all, unit) =>
        {
            Place::Elsewhere
        }
        // What a script of the package runs is started by that, whatever it is called.
        "wrangler" if has(&["procfile", "package"]) || has_target(all, unit) => Place::Elsewhere,
        "phoenix" if has(&["procfile"]) || has_target(all, unit) => Place::Elsewhere,
        "jekyll" | "hugo" | "mkdocs" if is_beside_others(all, unit) => Place::Elsewhere,
        "program" => program(all, unit),
        // What a build file or an editor starts is mostly what stands elsewhere, too.
        "makefile" | "just" | "taskfile" if has(&["procfile", "package"]) || !is_first_target(all, unit) => Place::Elsewhere,
        "launch" | "tasks"
            if has(BUILT) || has(&["package", "procfile", "makefile", "just", "taskfile", "program"]) || has(SITES) =>
        {
            Place::Elsewhere
        }
        "makefile" | "just" | "taskfile" => {
            let line = unit.start.runs.as_deref().unwrap_or_default();
            let goes = line.split_whitespace().any(|word| matches!(word, "cd" | "-C" | "--prefix"));
            let below = all
                .iter()
                .any(|other| !is_of_targets(other) && other.start.folder != folder && is_below(&other.start.folder, folder));
            let is_beside = !is_target(unit) && has(BUILT);
            if is_runner(line) || goes && below || is_beside { Place::Elsewhere } else { Place::Taken }
        }
        "launch" => {
            let compounds = all.iter().any(|other| other.file.path == unit.file.path && !other.start.with.is_empty());
            if compounds && unit.start.with.is_empty() { Place::Elsewhere } else { Place::Taken }
        }
        _ => Place::Taken,
    }
}

/// True for a site where anything else of the project serves: it is then about that, or built by it.
fn is_beside_others(all: &[Unit<'_>], unit: &Unit<'_>) -> bool {
    let serves = |other: &&Unit<'_>| {
        !SITES.contains(&other.file.kind.name)
            && !matches!(other.file.kind.name, "compose" | "launch" | "tasks")
            && !is_aside(&other.start.folder)
            && !other.ports.is_empty()
    };
    let first = all.iter().find(|other| SITES.contains(&other.file.kind.name) && other.start.folder == unit.start.folder);
    all.iter().any(|other| serves(&other)) || first.is_some_and(|first| !std::ptr::eq(first, unit))
}

/// True for the script of its file that a person runs while working on it.
fn is_first(all: &[Unit<'_>], unit: &Unit<'_>) -> bool {
    let rank = |unit: &Unit<'_>| {
        ["dev", "develop", "start", "serve"].iter().position(|name| *name == unit.start.name).unwrap_or(usize::MAX)
    };
    let mut others = all.iter().filter(|other| other.file.path == unit.file.path && runs(other));
    let first = others.next().map(|first| others.fold(first, |best, other| if rank(other) < rank(best) { other } else { best }));
    first.is_some_and(|first| std::ptr::eq(first, unit))
}

/// Kinds of sites that a generator serves.
const SITES: &[&str] = &["jekyll", "hugo", "mkdocs"];

/// Kinds that have a way of their own to start what stands beside them.
const BUILT: &[&str] =
    &["manage", "artisan", "dotnet", "gradle", "maven", "rails", "composer", "deno", "go", "rust", "phoenix", "wrangler"];

fn runs(unit: &Unit<'_>) -> bool {
    unit.start.together || !is_runner(unit.start.runs.as_deref().unwrap_or_default())
}

/// True for what stands in a file of targets, which a person starts by their names.
fn is_of_targets(unit: &Unit<'_>) -> bool {
    matches!(unit.file.kind.name, "makefile" | "just" | "taskfile")
}

fn compose(all: &[Unit<'_>], unit: &Unit<'_>) -> Place {
    if unit.start.is_apart {
        return Place::Elsewhere;
    }
    if let Some(profile) = unit.start.profiles.first() {
        return Place::Left(format!("starts {} with the profile {profile} alone, so it is left out", unit.start.name));
    }
    // An image of the project's own is what its folder starts without a container.
    if let Some(folder) = &unit.start.build {
        let own = all
            .iter()
            .find(|other| !matches!(other.file.kind.name, "compose" | "program") && other.start.folder == *folder && runs(other));
        if let Some(own) = own {
            return Place::Left(format!(
                "builds {} from the folder that {} starts, which is taken instead",
                unit.start.name, own.file.path
            ));
        }
    }
    Place::Taken
}

/// An application whose own text is all that tells of it: taken once in a folder, and where nothing else starts it.
fn program(all: &[Unit<'_>], unit: &Unit<'_>) -> Place {
    let folder = &unit.start.folder;
    let first = all.iter().find(|other| other.file.kind.name == "program" && other.start.folder == *folder);
    let starts_it = |other: &&Unit<'_>| {
        let line = other.start.runs.as_deref().or(other.start.command.as_deref()).unwrap_or_default();
        let is_its = ["python", "flask", "uvicorn", "fastapi", "gunicorn", "hypercorn"].iter().any(|word| line.contains(word));
        (matches!(other.file.kind.name, "package" | "manage") || is_of_targets(other)) && other.start.folder == *folder && is_its
            || other.start.build.as_ref() == Some(folder)
    };
    if first.is_some_and(|first| !std::ptr::eq(first, unit)) || all.iter().any(|other| starts_it(&other)) {
        Place::Elsewhere
    } else {
        Place::Taken
    }
}

/// True for a target that people start what they work on by.
fn is_target(unit: &Unit<'_>) -> bool {
    is_of_targets(unit) && TARGETS.contains(&unit.start.name.as_str())
}

fn has_target(all: &[Unit<'_>], unit: &Unit<'_>) -> bool {
    all.iter().any(|other| is_target(other) && other.start.folder == unit.start.folder && runs(other) && !other.ports.is_empty())
}

/// False for a target that asks for the port of a more usual one before it.
fn is_first_target(all: &[Unit<'_>], unit: &Unit<'_>) -> bool {
    let rank = |unit: &Unit<'_>| TARGETS.iter().position(|name| *name == unit.start.name).unwrap_or(TARGETS.len());
    let port = |unit: &Unit<'_>| unit.ports.first().map(|(_, fact)| fact.port);
    !all.iter().any(|other| {
        other.file.path == unit.file.path && port(other).is_some() && port(other) == port(unit) && rank(other) < rank(unit)
    })
}

/// True for what is started in its folder where nobody says more.
pub(super) fn is_usual(all: &[Unit<'_>], at: usize) -> bool {
    let Some(unit) = all.get(at) else { return false };
    let line = unit.start.runs.as_deref().unwrap_or_default();
    match unit.file.kind.name {
        "package" => usual(all, &unit.start.folder) == Some(at) && !is_runner(line),
        "procfile" => unit.start.name == "web",
        _ => false,
    }
}

const TARGETS: &[&str] = &["dev", "develop", "run", "serve", "start", "runserver", "server", "up"];
