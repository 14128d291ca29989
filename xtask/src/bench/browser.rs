//! `bench browser`: from the start of a program to the first page in the Chromium that it drives by puppeteer-core, in a session
//! and without one.
//!
//! The program is the one of the list of programs: it serves the page itself, at the port that it has written down.

use std::{fmt::Write as _, fs, path::Path, process::ExitCode, time::Instant};

use serde_json::{Value, json};

use super::{
    apart, build_portward, measure, peers,
    session::room::{Room, Server, Side, Stream},
    table,
};
use crate::{
    command,
    failure::{Failure, on_path},
    places, programs,
};

/// The benchmark from outside: installs, builds, measures in namespaces of their own, writes the page.
pub(super) fn run(dry_run: bool) -> Result<ExitCode, Failure> {
    let mut versions = peers::packages(&["chromium"])?;
    let driver = programs::installed(DRIVER)?.join("node_modules");
    versions.push(format!("puppeteer-core {}", version(&driver)?));
    build_portward()?;
    apart("browser", &versions, dry_run, rows_table)
}

/// The benchmark in the namespaces.
pub(super) fn within(file: &Path) -> Result<ExitCode, Failure> {
    command::run(command::program("ip", ["link", "set", "lo", "up"]))?;
    let room = Room::new()?;
    let project = room.project("browser")?;
    places::write(&project.join("page.js"), PAGE)?;
    let link = project.join("node_modules");
    std::os::unix::fs::symlink(programs::folder_of(DRIVER).join("node_modules"), &link)
        .map_err(|error| on_path("made", &link, &error))?;
    let (mut outside, mut inside) = (Vec::new(), Vec::new());
    // The first round warms up and is thrown away.
    for round in 0..=RUNS {
        for (side, taken) in [(Side::Outside, &mut outside), (Side::Inside, &mut inside)] {
            let begun = Instant::now();
            let mut server = Server::start(room.on(side, &project, &["node", "page.js"]), Stream::Output)?;
            server.line("first page")?;
            let ms = begun.elapsed().as_secs_f64() * 1000.0;
            server.end();
            if round > 0 {
                taken.push(ms);
            }
        }
    }
    let all = json!({"outside": outside, "inside": inside});
    fs::write(file, all.to_string()).map_err(|error| on_path("written", file, &error))?;
    Ok(ExitCode::SUCCESS)
}

/// Both sides, and the aim.
fn rows_table(value: &Value) -> String {
    let column = |side: &str| -> Vec<f64> { value[side].as_array().into_iter().flatten().filter_map(Value::as_f64).collect() };
    let (outside, inside) = (column("outside"), column("inside"));
    let least = |taken: &[f64]| taken.iter().copied().fold(f64::INFINITY, f64::min);
    let middle = |taken: &[f64]| measure::median(taken.to_vec()).unwrap_or(f64::NAN);
    let added = middle(&inside) - middle(&outside);
    let (aim, met) = table::verdicts(&[(format!("at most {MOST_ADDED} ms added"), added <= MOST_ADDED)]);
    let mut text = format!(
        "Medians of {} runs after one warm-up, both in turn: from the start of the program to its first page.\n\n\
         | where | ms (least) | added | aim | met |\n|---|--:|--:|---|---|\n",
        inside.len()
    );
    let _ = writeln!(text, "| without a session | {:.0} ({:.0}) | | | |", middle(&outside), least(&outside));
    let _ = writeln!(text, "| in a session | {:.0} ({:.0}) | {added:+.0} | {aim} | {met} |", middle(&inside), least(&inside));
    text
}

fn version(modules: &Path) -> Result<String, Failure> {
    let manifest = places::read(&modules.join("puppeteer-core/package.json"))?;
    let manifest: Value = serde_json::from_str(&manifest).map_err(|error| Failure::new(format!("No package: {error}.")))?;
    Ok(manifest["version"].as_str().unwrap_or("unknown").to_owned())
}

/// The entry of the list of programs whose installation is used.
const DRIVER: &str = "chromium";
const RUNS: usize = 11;
/// What a session may add, in milliseconds.
const MOST_ADDED: f64 = 300.0;

/// Serves a page, opens it, says so, and ends with its standard input.
const PAGE: &str = r"
const puppeteer = require('puppeteer-core')
const { mkdtempSync } = require('fs')
const server = require('http').createServer((_, answer) => answer.end('<title>first page</title>'))
server.listen(3000, async () => {
  const profile = mkdtempSync('profile-')
  const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']
  const browser = await puppeteer.launch({ executablePath: '/usr/bin/chromium', userDataDir: profile, args })
  const page = await browser.newPage()
  await page.goto('http://localhost:3000/')
  console.log(await page.title())
  process.stdin.on('end', async () => { await browser.close(); process.exit() }).resume()
})
";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::rows_table;

    #[test]
    fn what_a_session_adds_is_judged() {
        let text = rows_table(&json!({"outside": [900.0, 1000.0, 1100.0], "inside": [1290.0, 1310.0, 1350.0]}));
        assert!(text.contains("| without a session | 1000 (900) | | | |"), "{text}");
        assert!(text.contains("| in a session | 1310 (1290) | +310 | at most 300 ms added | **no** |"), "{text}");
    }
}
