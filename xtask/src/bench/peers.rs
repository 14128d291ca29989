//! The programs that Portward is measured against, installed by the benchmark itself, and their versions.

use std::{path::PathBuf, process::Command};

use crate::{command, failure::Failure, places, test::install};

/// Installs every peer of the listing and says which version of each is there.
pub(super) fn installed() -> Result<Vec<String>, Failure> {
    let debian = packages(DEBIAN)?;
    for name in CRATES {
        if !places::peers().join("bin").join(name).exists() {
            println!("building the peer {name}");
            let mut cargo = command::cargo(["install", "--quiet", "--locked", "--root"]);
            cargo.arg(places::peers()).arg("--target-dir").arg(places::peers().join("build")).arg(name);
            command::run(cargo)?;
        }
    }
    build_measurer()?;
    println!("building netstat2");
    // The peer is built as anybody would build it.
    command::run(ours(LIBRARY))?;
    let registry = CRATES.iter().filter_map(|name| command::output(command::program(program(name), ["--version"])).ok());
    let registry = registry.map(|told| told.trim().to_owned());
    let library = command::output(command::cargo([
        "tree",
        "--quiet",
        "--depth",
        "0",
        "--manifest-path",
        "xtask/peers/Cargo.toml",
        "--package",
        "netstat2",
    ]));
    let library = library.map(|told| told.lines().next().unwrap_or_default().replace(" v", " ")).ok();
    Ok(debian.into_iter().chain(registry).chain(library).collect())
}

/// Installs Debian packages that are missing and says which version of each is there.
pub(super) fn packages(names: &[&str]) -> Result<Vec<String>, Failure> {
    let missing: Vec<&str> = names.iter().copied().filter(|package| !install::installed(package)).collect();
    install::packages(&missing)?;
    let versions = names.iter().filter_map(|package| {
        let query = command::program("dpkg-query", ["--show", "--showformat=${Version}", package]);
        Some(format!("{package} {}", command::output(query).ok()?))
    });
    Ok(versions.collect())
}

/// Builds the small program that measures.
pub(super) fn build_measurer() -> Result<(), Failure> {
    println!("building the measuring program");
    // It is static, to be small; `--target` keeps the flag away from build scripts and macros.
    let host = host()?;
    let mut measure = ours("measure");
    measure.args(["--target", &host]).env("RUSTFLAGS", "-Ctarget-feature=+crt-static").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command::run(measure)
}

/// Builds one of the programs of xtask/peers.
fn ours(name: &str) -> Command {
    let mut cargo = command::cargo(["build", "--quiet", "--release", "--bin", name, "--manifest-path"]);
    cargo.arg(places::root().join("xtask/peers/Cargo.toml")).arg("--target-dir").arg(places::peers().join("build"));
    cargo
}

/// The small program that measures.
pub(super) fn measurer() -> Result<PathBuf, Failure> {
    Ok(places::peers().join("build").join(host()?).join("release/measure"))
}

/// Where a peer's program is.
pub(super) fn program(name: &str) -> PathBuf {
    let ours = places::peers().join("bin").join(name);
    if ours.exists() {
        return ours;
    }
    if name == LIBRARY {
        return places::peers().join("build/release").join(LIBRARY);
    }
    command::which(name).unwrap_or_else(|| name.into())
}

fn host() -> Result<String, Failure> {
    let told = command::output(command::program("rustc", ["--version", "--verbose"]))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned);
    host.ok_or_else(|| Failure::new("`rustc --version --verbose` names no host."))
}

/// Debian packages: ss, lsof, netstat and fuser; strace counts descriptors.
const DEBIAN: &[&str] = &["iproute2", "lsof", "net-tools", "psmisc", "strace"];

/// A library as a program.
const LIBRARY: &str = "netstat2-listeners";

/// Programs from the crate registry.
const CRATES: &[&str] = &["killport", "somo"];
