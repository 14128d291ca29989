//! Programs that compare the port that they asked for with the one that their socket has, and take any other for a failed bind.

use serde_json::Value;

use super::{named, told::tool};

/// True for a command whose program is known to compare them: by its own name, by that of what a script of `package.json` starts, or
/// because its script is one for Node's `cluster`. `text` reads a file in the folder of the command.
pub fn compares(command: &[String], text: &dyn Fn(&str) -> Option<String>) -> bool {
    is_known(command) || is_cluster(command, text) || scripted(command, text).is_some_and(|line| is_any_known(&line, text))
}

fn is_known(command: &[String]) -> bool {
    tool(command).and_then(|(_, name)| named(name.trim_end_matches(".js"))).is_some_and(|known| known.compares)
}

/// Node asks a worker's socket for its port (`checkBindError` of its `net`).
fn is_cluster(command: &[String], text: &dyn Fn(&str) -> Option<String>) -> bool {
    let is_node = command.first().is_some_and(|name| matches!(base(name), "node" | "nodejs"));
    let Some((at, _)) = tool(command).filter(|(at, _)| is_node && *at > 0) else { return false };
    let script = command.get(at).and_then(|script| text(script)).unwrap_or_default();
    ["cluster'", "cluster\""].iter().any(|end| {
        script.match_indices(end).any(|(at, _)| {
            let before = script.get(..at).unwrap_or_default();
            let before = before.strip_suffix("node:").unwrap_or(before);
            before.ends_with(['\'', '"'])
        })
    })
}

/// The line of `package.json` that a command of npm and its like runs.
fn scripted(command: &[String], text: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let (name, words) = command.split_first()?;
    if !matches!(base(name), "npm" | "pnpm" | "yarn" | "bun") {
        return None;
    }
    let mut words = words.iter().map(String::as_str).filter(|word| !word.starts_with('-'));
    let script = match words.next()? {
        "run" | "run-script" => words.next()?,
        script => script,
    };
    let package: Value = serde_json::from_str(&text("package.json")?).ok()?;
    Some(package.get("scripts")?.get(script)?.as_str()?.to_owned())
}

/// True where any command of a script's line is known.
fn is_any_known(line: &str, text: &dyn Fn(&str) -> Option<String>) -> bool {
    line.split(['&', '|', ';']).any(|command| {
        let words = command.split_whitespace().skip_while(|word| word.contains('='));
        let command: Vec<String> = words.map(str::to_owned).collect();
        is_known(&command) || is_cluster(&command, text)
    })
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::compares;

    #[test]
    fn those_that_compare_are_known_by_what_is_typed() {
        let text = |name: &str| {
            Some(match name {
                "package.json" => {
                    r#"{"scripts": {"start": "BROWSER=none react-scripts start", "dev": "vite", "book": "tsc && storybook dev -p 6006",
                        "many": "node many.js", "odd": 5}}"#
                        .to_owned()
                }
                "many.js" => "const cluster = require('node:cluster')".to_owned(),
                "many.mjs" => "import cluster from \"cluster\"".to_owned(),
                "plain.js" => "// a cluster of one\nrequire('http')".to_owned(),
                _ => return None,
            })
        };
        let is = |line: &str| compares(&line.split(' ').map(str::to_owned).collect::<Vec<_>>(), &text);
        for line in [
            "storybook dev",
            "npx storybook dev -p 6006",
            "./node_modules/.bin/react-scripts start",
            "npm start",
            "npm run --silent book",
            "yarn many",
            "pm2 start app.js -i 2",
            "pm2-runtime app.js",
            "node many.js",
            "node --trace-warnings many.mjs",
        ] {
            assert!(is(line), "{line}");
        }
        for line in
            ["vite", "npm run dev", "npm run odd", "npm run none", "npm", "node plain.js", "node gone.js", "node", "cat many.js"]
        {
            assert!(!is(line), "{line}");
        }
    }
}
