//! `bench files`: what `portward check` costs in a monorepo of 20,000 files, beside a bare walk of the same files.
//!
//! The peer is `git ls-files --others --cached --exclude-standard`, run in the same minute: it looks at the same names by the same rules
//! of git, and opens none of the files.

use std::{
    fs,
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use super::{build_portward, measure::median, table};
use crate::{
    failure::{Failure, on_path},
    places,
};

/// Builds the program and the monorepo, runs both in turn, and writes the page.
pub(super) fn run(dry_run: bool) -> Result<ExitCode, Failure> {
    build_portward()?;
    let folder = tempfile::tempdir().map_err(|error| Failure::new(format!("A temporary folder could not be made: {error}.")))?;
    let root = folder.path().join("shop");
    let files = monorepo(&root)?;
    let before = table::load_average()?;
    let program = places::root().join("target/release/portward");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(timed(&mut Command::new(&program), &["check", "--json"], &root, folder.path(), 1)?);
        let peer = ["ls-files", "--others", "--cached", "--exclude-standard"];
        theirs.push(timed(&mut Command::new("git"), &peer, &root, folder.path(), 0)?);
    }
    let (ours, theirs) = (median(ours).unwrap_or_default(), median(theirs).unwrap_or_default());
    let (check, _) = table::verdicts(&[(format!("`check` under 300 ms: {ours:.0} ms"), ours < 300.0)]);
    let text = format!(
        "{}Load average (1 minute): {before} before, {} after. Median of {ROUNDS} runs, in turn.\n\n\
         A monorepo of {files} files in {} folders, of which {PACKAGES} have a package.json, an .env and a vite.config; beside them {IGNORED} \
         files in node_modules.\n\n| what | time |\n|---|---|\n| `portward check --json` | {ours:.1} ms |\n\
         | `git ls-files --others --cached --exclude-standard` | {theirs:.1} ms |\n| ratio | {:.2} |\n\n{check}\n",
        table::machine(&[])?,
        table::load_average()?,
        PACKAGES * FOLDERS,
        ours / theirs,
    );
    println!("{text}");
    if !dry_run {
        table::write("files", &text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Milliseconds of one run that ends with this code.
fn timed(command: &mut Command, words: &[&str], root: &Path, home: &Path, code: i32) -> Result<f64, Failure> {
    command.args(words).current_dir(root).env("HOME", home).env("XDG_STATE_HOME", home).env("XDG_RUNTIME_DIR", home);
    let began = Instant::now();
    let status =
        command.stdout(Stdio::null()).status().map_err(|error| Failure::new(format!("{command:?} did not start: {error}.")))?;
    let took = began.elapsed().as_secs_f64() * 1000.0;
    if status.code() == Some(code) { Ok(took) } else { Err(Failure::new(format!("{command:?} ended with {status}."))) }
}

/// Packages with folders of modules, and as many modules again that git ignores. Gives how many files are not ignored.
fn monorepo(root: &Path) -> Result<usize, Failure> {
    let mut files = 0;
    let put = |path: &Path, text: &str| {
        let folder = path.parent().unwrap_or(root);
        fs::create_dir_all(folder).and_then(|()| fs::write(path, text)).map_err(|error| on_path("written", path, &error))
    };
    let git = Command::new("git").args(["init", "--quiet"]).arg(root).status();
    git.map_err(|error| Failure::new(format!("git did not start: {error}.")))?;
    put(&root.join(".gitignore"), "node_modules/\ndist/\n*.log\n")?;
    put(&root.join("package.json"), "{\"workspaces\":[\"packages/*\"],\"scripts\":{\"dev\":\"turbo run dev\"}}\n")?;
    // One finding, so that the answer is not silence.
    put(&root.join("compose.yml"), "services:\n  db:\n    image: postgres:16\n    ports: [\"5432:5432\"]\n")?;
    for package in 0..PACKAGES {
        let own = root.join(format!("packages/p{package}"));
        let port = 3000 + package;
        put(
            &own.join("package.json"),
            &format!("{{\"name\":\"p{package}\",\"scripts\":{{\"dev\":\"vite --port {port}\",\"build\":\"tsc\"}}}}\n"),
        )?;
        put(&own.join(".env"), &format!("PORT={port}\nDATABASE_URL=postgres://app@localhost:5432/shop\n"))?;
        put(&own.join("vite.config.ts"), "export default {\n  build: { outDir: 'dist' },\n}\n")?;
        for folder in 0..FOLDERS {
            for file in 0..MODULES {
                put(&own.join(format!("src/f{folder}/m{file}.ts")), "export const x = 3000\n")?;
                files += 1;
            }
        }
        files += 3;
        for file in 0..IGNORED / PACKAGES {
            put(&own.join(format!("node_modules/x{file}/package.json")), "{\"scripts\":{\"dev\":\"vite --port 1\"}}\n")?;
        }
    }
    Ok(files + 3)
}

const PACKAGES: usize = 100;
const FOLDERS: usize = 20;
const MODULES: usize = 10;
const IGNORED: usize = 10_000;
const ROUNDS: usize = 21;
