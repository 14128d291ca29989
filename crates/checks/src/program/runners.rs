//! Runners of scripts, builds and tools.

use super::{Kind, Program, Runner, inside};

pub(super) const PROGRAMS: &[Program] = &[
    with("npm npm-cli", &[], &["exec", "x"]).known_as("npm"),
    with("npx npx-cli", &[], &["*"]).known_as("npx"),
    with("pnpm", &[], &["exec", "dlx"]),
    with("pnpx", &[], &["*"]),
    with("yarn yarnpkg", &[], &["exec", "dlx"]).known_as("yarn"),
    with("bunx", &[], &["*"]),
    any("turbo nx lerna rush make gmake just task mage invoke rake ninja gradle mvn sbt mill lein tox nox"),
    with("cargo", &["run", "r", "test", "t", "bench", "xtask", "nextest", "shuttle", "leptos", "tauri", "lambda"], &[]),
    any("gradlew").known_as("./gradlew"),
    any("mvnw").known_as("./mvnw"),
    with("clj", &[], &[]),
    with("mix", &[], &[]),
    with("bundle", &["run"], &["exec"]),
    with("composer", &[], &["exec"]),
    with("poetry", &["serve"], &["run"]),
    with("uv", &[], &["run", "x"]),
    with("uvx", &[], &["*"]),
    with("pipenv", &["serve"], &["run"]),
    with("pdm", &[], &["run"]),
    with("hatch", &[], &["run"]),
    with("bazel", &["run", "test"], &[]),
    with("tilt", &["up"], &[]),
    with("skaffold", &["dev", "run"], &[]),
    with("docker-compose", &["up", "run"], &[]).inside(inside::docker),
    with("nix", &["run", "develop"], &[]),
    with("env", &[], &["*"]),
];

const fn any(names: &'static str) -> Program {
    with(names, &[], &[])
}

/// First words that make it a script, where not any use is one, and first words that make it the execution of one tool.
const fn with(names: &'static str, runs: &'static [&'static str], executes: &'static [&'static str]) -> Program {
    Program { runner: Some(Runner { runs, executes }), ..Program::named(names, Kind::Runner) }
}
