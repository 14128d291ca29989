//! Fuzzing on the stable compiler: libFuzzer with the sanitizer coverage that rustc can already insert.
//!
//! `fuzz/` is a workspace of its own. Coverage is asked for by flags alone, so no nightly and no `cargo fuzz`
//! are needed; `--target` is given so that the flags reach neither build scripts nor macros. Debug assertions and
//! overflow checks are on: an overflow is a finding.

use std::{fs, path::PathBuf, process::ExitCode};

use crate::{
    command,
    failure::{Failure, on_path},
    places,
};

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The target; all in turn when none is given
    target: Option<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// The first random number; 1 gives the same start every time
    #[arg(long, default_value_t = SEED)]
    seed: u32,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let targets = targets()?;
    let chosen: Vec<String> = match &arguments.target {
        Some(name) if targets.contains(name) => vec![name.clone()],
        Some(name) => {
            return Err(Failure::new(format!("There is no fuzz target {name}.")).hint(format!("one of {}", targets.join(", "))));
        }
        None => targets,
    };
    let (_, found) = each(chosen, arguments.seconds, arguments.seed)?;
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs every target for some seconds; gives how many had no finding, and the ones that had one.
pub(crate) fn all(seconds: u32) -> Result<(usize, Vec<String>), Failure> {
    each(targets()?, seconds, SEED)
}

fn each(targets: Vec<String>, seconds: u32, seed: u32) -> Result<(usize, Vec<String>), Failure> {
    let folder = build()?;
    let (mut clean, mut found) = (0, Vec::new());
    for target in targets {
        match one(&folder, &target, seconds, seed) {
            Ok(()) => clean += 1,
            Err(failure) => {
                println!("{failure}");
                found.push(target);
            }
        }
    }
    Ok((clean, found))
}

/// Names of the targets: the files that are one.
fn targets() -> Result<Vec<String>, Failure> {
    let folder = places::root().join("fuzz/targets");
    let files = places::files_below(&folder)?;
    Ok(files.iter().filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect())
}

/// Builds all targets and says where they lie.
fn build() -> Result<PathBuf, Failure> {
    if command::which("g++").is_none() && command::which("c++").is_none() {
        crate::test::install::packages(&["g++"])?;
    }
    let host = host()?;
    let output = places::target().join("fuzz");
    let mut cargo = command::cargo(["build", "--quiet", "--release", "--target", &host, "--target-dir"]);
    cargo.arg(&output).arg("--manifest-path").arg(places::root().join("fuzz/Cargo.toml"));
    cargo.env("RUSTFLAGS", FLAGS.join(" ")).env_remove("CARGO_ENCODED_RUSTFLAGS");
    command::run(cargo)?;
    Ok(output.join(host).join("release"))
}

fn host() -> Result<String, Failure> {
    let told = command::output(command::program("rustc", ["--version", "--verbose"]))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned);
    host.ok_or_else(|| Failure::new("`rustc --version --verbose` names no host."))
}

fn one(folder: &std::path::Path, target: &str, seconds: u32, seed: u32) -> Result<(), Failure> {
    let fuzz = places::root().join("fuzz");
    let (corpus, artifacts) = (fuzz.join("corpus").join(target), fuzz.join("artifacts").join(target));
    for place in [&corpus, &artifacts] {
        fs::create_dir_all(place).map_err(|error| on_path("made", place, &error))?;
    }
    let mut fuzzer = command::program(folder.join(target), [format!("-seed={seed}"), format!("-max_total_time={seconds}")]);
    // A finding is written where the next person looks; one input may not take longer than ten seconds.
    fuzzer.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0", "-close_fd_mask=1"]);
    fuzzer.arg(format!("-artifact_prefix={}/", artifacts.display())).arg(&corpus).arg(fuzz.join("seeds").join(target));
    let log =
        tempfile::NamedTempFile::new().map_err(|error| Failure::new(format!("A temporary file could not be made: {error}.")))?;
    let talk = log.reopen().map_err(|error| on_path("opened", log.path(), &error))?;
    let status =
        fuzzer.stderr(talk).status().map_err(|error| Failure::new(format!("{target} could not be started: {error}.")))?;
    let talk = String::from_utf8_lossy(&fs::read(log.path()).unwrap_or_default()).into_owned();
    let runs = talk.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:")).map_or("?", str::trim);
    if status.success() {
        println!("{target}: {runs} inputs in {seconds} s, no finding");
        return Ok(());
    }
    println!("{talk}");
    Err(Failure::new(format!("{target} has a finding; its input is in fuzz/artifacts/{target}."))
        .hint(format!("cargo xtask fuzz {target}")))
}

/// How long each target runs within `cargo xtask test`.
pub(crate) const SHORT: u32 = 5;

const SEED: u32 = 1;

/// What `cargo fuzz` would pass, without what needs a nightly compiler.
const FLAGS: &[&str] = &[
    "--cfg fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cdebug-assertions",
    "-Coverflow-checks",
    "-Ccodegen-units=1",
];
