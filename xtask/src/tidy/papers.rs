//! Prose that must stay true: dependencies, links and the README's commands.

use std::{collections::BTreeSet, path::Path};

use super::{Tree, arrows};

/// docs/dependencies.md has a row for each direct dependency of each crate, and none for others.
pub(super) fn dependencies(tree: &Tree) -> Vec<String> {
    let Some(page) = tree.file("docs/dependencies.md") else {
        return vec!["docs/dependencies.md is missing; it says what each library does here.".to_owned()];
    };
    let inside = arrows::dependencies(&tree.metadata).into_iter().filter(|dependency| !dependency.ours);
    let mut used: BTreeSet<String> = inside.map(|dependency| dependency.on.to_owned()).collect();
    // The workspaces of their own: fuzzing and the benchmark's peers.
    for manifest in ["fuzz/Cargo.toml", "xtask/peers/Cargo.toml"] {
        used.extend(tree.file(manifest).map(|file| declared(&file.text)).unwrap_or_default());
    }
    let rows = rows(&page.text);
    let missing = used.difference(&rows).map(|name| format!("{name} has no row in docs/dependencies.md; say what it does here."));
    let absent = rows.difference(&used).map(|name| format!("{name} has a row in docs/dependencies.md and is used by no crate."));
    missing.chain(absent).collect()
}

/// Names that a manifest declares, without those of a path.
fn declared(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside
            && let Some((name, value)) = line.split_once('=')
            && !value.contains("path")
        {
            names.push(name.trim().trim_end_matches(".workspace").to_owned());
        }
    }
    names
}

/// Names in the first cell or bullet of each line: "| `clap` | ..." or "- `clap`: ...".
fn rows(page: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in page.lines() {
        let Some(rest) = line.trim_start().strip_prefix(['|', '-', '*']) else { continue };
        let cell = rest.split('|').next().unwrap_or(rest);
        // A bullet's names end at its colon; a cell may hold several names.
        let cell = cell.split(": ").next().unwrap_or(cell);
        names.extend(cell.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    names
}

/// Relative links of every page lead to a file.
pub(super) fn links(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| file.ends("md")) {
        let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
        for target in targets(&file.text) {
            let path = target.split(['#', '?']).next().unwrap_or_default();
            let place = path.strip_prefix('/').map_or_else(|| folder.join(path), |rest| Path::new(rest).to_path_buf());
            if !path.is_empty() && !tree.root.join(place).exists() {
                found.push(format!("{} links to {target}, which is not there.", file.path));
            }
        }
    }
    found
}

/// Relative targets of a page's links and pictures, code left out.
fn targets(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("");
        let ends = [("](", ')'), ("src=\"", '"'), ("href=\"", '"')];
        for (begin, end) in ends {
            for (at, _) in prose.match_indices(begin) {
                let rest = prose.get(at + begin.len()..).unwrap_or_default();
                let target = rest.split([end, ' ']).next().unwrap_or_default();
                let outside = target.contains("://") || target.starts_with("mailto:") || target.starts_with('#');
                if !outside && !target.is_empty() {
                    found.push(target.to_owned());
                }
            }
        }
    }
    found
}

/// The README names the two commands, and both mean something.
pub(super) fn commands(tree: &Tree) -> Vec<String> {
    let readme = tree.file("README.md").map_or("", |file| file.text.as_str());
    let mut found = Vec::new();
    for command in ["cargo run --release", "cargo xtask test"] {
        if !readme.contains(command) {
            found.push(format!("README.md does not name `{command}`."));
        }
    }
    let manifest = tree.file("Cargo.toml").map_or("", |file| file.text.as_str());
    if !manifest.contains("default-members = [\"crates/portward\"]") {
        found.push("`cargo run --release` runs nothing: Cargo.toml has no default-members = [\"crates/portward\"].".to_owned());
    }
    if !tree.file(".cargo/config.toml").is_some_and(|file| file.text.contains("xtask = ")) {
        found.push("`cargo xtask` means nothing: .cargo/config.toml has no alias.".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{declared, rows, targets};

    #[test]
    fn rows_of_tables_and_lists_are_read() {
        let page = "| crate | why |\n|---|---|\n| `clap` | arguments, not `structopt` |\n- `serde`, `serde_json`: JSON, not `nanoserde`\n";
        assert_eq!(rows(page).into_iter().collect::<Vec<_>>(), ["clap", "serde", "serde_json"]);
    }

    #[test]
    fn declared_names_leave_paths_out() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\nlibfuzzer-sys = \"0.4\"\nmodel = { path = \"../crates/model\" }\nserde.workspace = true\n";
        assert_eq!(declared(manifest), ["libfuzzer-sys", "serde"]);
    }

    #[test]
    fn links_in_code_are_no_links() {
        let page = "See [a](docs/a.md#top) and `[b](b.md)`.\n```\n[c](c.md)\n```\n<img src=\"docs/picture.svg\" alt=\"\"> [d](https://example.com) [e](#f)";
        assert_eq!(targets(page), ["docs/a.md#top", "docs/picture.svg"]);
    }
}
