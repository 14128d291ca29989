//! The README's tour, typed line by line: what it shows is what comes, but for numbers and places.

use std::fs;

use portward_testkit::until;

use super::Stage;

#[test]
fn two_copies_of_one_app_on_port_3000_and_both_are_opened() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let block = readme.split("<!-- tour -->").nth(1).unwrap().split("```").nth(1).unwrap();
    let mut steps: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.lines().skip(1) {
        match line.strip_prefix("$ ") {
            Some(command) => steps.push((command.to_owned(), Vec::new())),
            None => steps.last_mut().unwrap().1.push(line.to_owned()),
        }
    }
    assert_eq!(steps.len(), 8);
    let (Some(stage), true) = (Stage::new(), portward_testkit::program("git").is_some()) else { return };
    let folder = stage.world.path().join("tour");
    fs::create_dir_all(&folder).unwrap();
    stage.world.give(&folder);
    let portward = stage.world.portward_path().parent().unwrap().display().to_string();
    let opened = stage.world.file("tour/browser", "#!/bin/sh\necho \"$1\" >> opened\n");
    let _ = stage.world.run(&["chmod", "755", opened.to_str().unwrap()]).expect(0);
    let mut shell = stage
        .inside(&folder)
        .env("PATH", format!("{portward}:/usr/bin:/bin"))
        .env("BROWSER", opened.to_str().unwrap())
        .env("DISPLAY", ":9")
        .start(&["sh"]);
    let mut seen = 0;
    for (command, answer) in steps {
        shell.tell(&command);
        if command.ends_with('&') {
            let line = until("a listener", || {
                shell.stderr().lines().filter(|line| line.contains("serves")).nth(seen).map(str::to_owned)
            });
            seen += 1;
            assert_eq!(shape(&line), shape(&answer[0]));
        } else {
            shell.tell("echo DONE");
            let mut said = Vec::new();
            loop {
                match shell.line() {
                    line if line == "DONE" => break,
                    line => said.push(line),
                }
            }
            if !answer.is_empty() {
                let shapes = |lines: &[String]| {
                    let mut lines: Vec<String> = lines.iter().map(|line| shape(line)).collect();
                    lines.sort();
                    lines
                };
                assert_eq!(shapes(&said), shapes(&answer), "{command}\n{}", shell.stderr());
            }
        }
    }
    let urls = until("both are opened", || {
        let opened = ["shop", "blog"].map(|project| fs::read_to_string(folder.join(project).join("opened")).unwrap_or_default());
        opened.iter().all(|url| url.ends_with('\n')).then_some(opened)
    });
    assert_ne!(urls[0], urls[1]);
    assert!(urls.iter().all(|url| url.starts_with("http://localhost:")), "{urls:?}");
    assert!(stage.portward(&folder, &["ps"]).expect(0).stdout.is_empty(), "all were stopped");
}

/// A line without what differs from run to run: numbers, and folders before the last one.
fn shape(line: &str) -> String {
    let words = line.trim_end().split(' ').map(|word| match word.strip_prefix('/') {
        Some(path) => path.rsplit('/').next().unwrap_or_default().to_owned(),
        None => word.chars().map(|c| if c.is_ascii_digit() { 'N' } else { c }).collect(),
    });
    let text: String = words.collect::<Vec<_>>().join(" ");
    let mut text = text;
    while text.contains("NN") {
        text = text.replace("NN", "N");
    }
    text
}
