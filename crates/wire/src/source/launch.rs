//! `.vscode/launch.json`: what an editor starts, attaches to and opens.

use super::{Fact, Findings, Kind, Source, Start, What, command, node::Node, number};

pub(super) const KIND: Kind = Kind {
    reads: "The port of a debugger (`port`, and `connect.port` or `listen.port` of Python), URLs that are opened, `PORT` in `env`, the ports of `command`, `args` and `runtimeArgs`, and compounds, whose configurations run together. Comments and trailing commas are allowed.",
    ..Kind::of("launch", ".vscode/launch.json", &[".vscode/launch.json"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let Some(root) = found.json(source) else { return };
    let project = source.folder().strip_suffix(".vscode").unwrap_or_default().trim_end_matches('/').to_owned();
    let compounds: Vec<Vec<String>> = root
        .field("compounds")
        .map(Node::list)
        .unwrap_or_default()
        .iter()
        .map(|compound| compound.field("configurations").map(Node::texts).unwrap_or_default())
        .collect();
    for configuration in root.field("configurations").map(Node::list).unwrap_or_default() {
        let name = configuration.text_of("name").unwrap_or_default();
        one(configuration, name, found);
        if let Some(mut start) = start(configuration, name, &project) {
            start.with = compounds.iter().filter(|all| all.iter().any(|other| other == name)).flatten().cloned().collect();
            start.with.retain(|other| other != name);
            found.starts.push(start);
        }
    }
}

fn one(configuration: &Node, name: &str, found: &mut Findings) {
    let attaches = configuration.text_of("request") == Some("attach");
    let debugs = configuration.text_of("type").is_some_and(|kind| {
        matches!(
            kind,
            "node" | "pwa-node" | "python" | "debugpy" | "java" | "go" | "php" | "chrome" | "msedge" | "coreclr" | "ruby"
        )
    });
    let places = [
        (configuration.field("port"), !attaches),
        (configuration.at(&["connect", "port"]), false),
        (configuration.at(&["listen", "port"]), true),
    ];
    for (node, waits) in places.into_iter().filter(|_| debugs) {
        if let Some((node, port)) = node.and_then(|node| Some((node, number::port(node.text()?)?))) {
            let reason = "the port of a debugger in launch.json";
            found.facts.push(Fact::new(port, What::Debugger { waits }, reason, node.line, node.column).of(name));
        }
    }
    for key in ["url", "webRoot", "uriFormat"] {
        if let Some(node) = configuration.field(key) {
            found.urls(node.text().unwrap_or_default(), node.line, node.column, Some(name));
        }
    }
    for entry in configuration.field("env").map(Node::map).unwrap_or_default() {
        if let (true, Some(port)) = (number::is_port_variable(&entry.key), entry.node.text().and_then(number::port)) {
            let reason = "a variable that servers read their port from";
            found.facts.push(Fact::new(port, What::Asked { host: None }, reason, entry.node.line, entry.node.column).of(name));
        }
    }
    for key in ["runtimeArgs", "args"] {
        let words = configuration.field(key).map(Node::texts).unwrap_or_default();
        let line = configuration.field(key).and_then(|node| node.list().first()).map_or(0, |node| node.line);
        let program = configuration.text_of("module").or(configuration.text_of("program")).unwrap_or("program");
        let text = [program].into_iter().chain(words.iter().map(String::as_str)).map(quoted).collect::<Vec<_>>().join(" ");
        command::read(&text, command::At { line, column: 0, service: name }, found);
    }
    if let Some(node) = configuration.field("command") {
        let at = command::At { line: node.line, column: node.column, service: name };
        command::read(node.text().unwrap_or_default(), at, found);
    }
}

/// The command line that does what a configuration does.
fn start(configuration: &Node, name: &str, project: &str) -> Option<Start> {
    if configuration.text_of("request") == Some("attach") {
        return None;
    }
    let here = |text: &str| {
        let text = text.replace("${workspaceFolder}/", "").replace("${workspaceRoot}/", "").replace("${workspaceFolder}", ".");
        (!text.contains("${")).then_some(text)
    };
    let folder = configuration.text_of("cwd").map_or(Some(".".to_owned()), here)?;
    let folder = if matches!(folder.as_str(), "." | "") { String::new() } else { folder };
    // What the editor names from the workspace is named from where the program works.
    let local = |text: &str| match text.strip_prefix("${workspaceFolder}/").or(text.strip_prefix("${workspaceRoot}/")) {
        Some(path) if !folder.is_empty() => here(path).map(|path| from_folder(&folder, &path)),
        _ => here(text),
    };
    let words = |key: &str| {
        let texts = configuration.field(key).map(Node::texts).unwrap_or_default();
        texts.iter().map(|text| local(text).map(|text| quoted(&text))).collect::<Option<Vec<_>>>()
    };
    let args = words("args")?;
    let line = match configuration.text_of("type")? {
        "node-terminal" => local(configuration.text_of("command")?)?,
        "node" | "pwa-node" => {
            let runtime = configuration.text_of("runtimeExecutable").unwrap_or("node");
            let mut parts = vec![quoted(runtime)];
            parts.extend(words("runtimeArgs")?);
            let file = configuration.text_of("envFile").map(&local).transpose_words()?;
            parts.extend(file.iter().map(|file| format!("--env-file={}", quoted(file))));
            parts.extend(configuration.text_of("program").map(|text| local(text).map(|text| quoted(&text))).transpose_words()?);
            parts.extend(args);
            (parts.len() > 1).then(|| parts.join(" "))?
        }
        "python" | "debugpy" => {
            let mut parts = vec!["python3".to_owned()];
            match configuration.text_of("module") {
                Some(module) => parts.extend(["-m".to_owned(), quoted(module)]),
                None => parts.push(quoted(&local(configuration.text_of("program")?)?)),
            }
            parts.extend(args);
            parts.join(" ")
        }
        _ => return None,
    };
    let folder = [project, &folder].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
    let variables = configuration.field("env").map(Node::map).unwrap_or_default();
    let set: Option<String> =
        variables.iter().map(|entry| Some(format!("{}={} ", entry.key, quoted(&local(entry.node.text()?)?)))).collect();
    Some(Start {
        name: name.to_owned(),
        command: Some(format!("{}{line}", set.unwrap_or_default())),
        folder,
        line: configuration.line,
        ..Start::default()
    })
}

/// A path below the workspace as it is named from a folder of it.
fn from_folder(folder: &str, path: &str) -> String {
    let mut own: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let mut there: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    while own.first().is_some_and(|first| there.len() > 1 && there.first() == Some(first)) {
        own.remove(0);
        there.remove(0);
    }
    own.iter().map(|_| "..").chain(there).collect::<Vec<_>>().join("/")
}

/// A word that a shell reads as one.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// A word that may be missing, or may not be known.
trait Words {
    fn transpose_words(self) -> Option<Vec<String>>;
}

impl Words for Option<Option<String>> {
    fn transpose_words(self) -> Option<Vec<String>> {
        match self {
            None => Some(Vec::new()),
            Some(word) => word.map(|word| vec![word]),
        }
    }
}
