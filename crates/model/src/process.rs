//! Processes, identified by pid and start time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CommandLine, Moment, Own, Seen, Text,
    grammar::{Grammar, Runs},
};

/// A process's identity: pids are reused, a pid with its start time is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessId {
    /// The pid as seen in the reader's pid namespace.
    pub pid: u32,
    /// Clock ticks from boot to its start, field 22 of `/proc/PID/stat`.
    pub started_ticks: u64,
}

/// The state letter of `/proc/PID/stat`, as words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    /// R, S, I: running, or asleep and able to run.
    Alive,
    /// D: waiting in the kernel, not to be interrupted.
    Uninterruptible,
    /// T: stopped by a signal.
    Stopped,
    /// t: stopped by a debugger.
    Traced,
    /// Z, X: exited; only its entry, or some of its threads, remain.
    Exited,
}

crate::worded! {
    /// A signal that ends a process, or lets it go on.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    pub named enum Signal {
        /// `SIGCONT`: go on.
        Continue = "SIGCONT",
        /// `SIGTERM`: please end.
        Term = "SIGTERM",
        /// `SIGKILL`: ended by the kernel.
        Kill = "SIGKILL",
        /// `SIGINT`: as Ctrl-C.
        Interrupt = "SIGINT",
        /// `SIGHUP`: as a terminal that closes.
        HangUp = "SIGHUP",
        /// `SIGQUIT`: as Ctrl-\\, with a core dump where those are kept.
        Quit = "SIGQUIT",
    }
    /// The name by `signal(7)`.
    fn name
}

/// One process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its identity.
    pub id: ProcessId,
    /// Parent's pid; 0 for none.
    pub parent: u32,
    /// State when it was read.
    pub state: ProcessState,
    /// The kernel's name for it (`comm`, at most 15 bytes).
    pub name: Text,
    /// When it started.
    pub started_at: Moment,
    /// Effective user.
    pub uid: u32,
    /// Session id (`setsid`).
    pub session: u32,
    /// Device number of its controlling terminal; 0 for none.
    pub terminal: i32,
    /// True where it was forked and has executed no program since: what it has, its starter may have opened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forked: bool,
    /// Number of threads.
    pub threads: u32,
    /// Processor time used, in milliseconds.
    pub cpu_ms: u64,
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
    /// Arguments, secrets masked.
    pub argv: Seen<CommandLine>,
    /// Path of the program.
    pub exe: Seen<Text>,
    /// True when the program's file was deleted or replaced since it started.
    pub exe_deleted: bool,
    /// Current directory.
    pub cwd: Seen<Text>,
    /// Path of its version 2 control group, such as `/system.slice/nginx.service`.
    pub cgroup: Seen<Text>,
    /// Inode of its network namespace.
    pub netns: Seen<u64>,
    /// Its pid in its own pid namespace, where that differs.
    pub inner_pid: Option<u32>,
}

impl Process {
    /// The name a person would use: the script of an interpreter, the program's own name otherwise.
    ///
    /// `node /srv/node_modules/.bin/vite --host` is `vite`, `python3 -m flask run` is `flask`,
    /// `java -jar shop.jar` is `shop`, and of Portward's own a `session` and the `front`. Falls back to the kernel's name.
    pub fn title(&self) -> String {
        if let Some(own) = Own::of(self).and_then(Own::title) {
            return own.to_owned();
        }
        self.argv.known().and_then(|argv| script_name(self.name.raw(), argv.arguments())).unwrap_or_else(|| self.program_name())
    }

    /// True for a program that becomes the parent of processes whose own parent has ended: the first one of a machine or a container, and
    /// a user's manager (`PR_SET_CHILD_SUBREAPER`, prctl(2)).
    pub fn adopts(&self) -> bool {
        self.id.pid == 1 || matches!(self.name.raw(), b"systemd" | b"init" | b"launchd")
    }

    /// The kernel's name, completed from the arguments or the program's path where it was cut at 15 bytes.
    fn program_name(&self) -> String {
        let own = self.name.raw();
        if own.len() == 15 {
            let first = self.argv.known().and_then(|argv| argv.arguments().first()).map(Text::raw);
            let exe = self.exe.known().map(Text::raw);
            for path in [exe, first].into_iter().flatten() {
                let base = base_name(path);
                if base.starts_with(own) {
                    return Text::new(base).shown();
                }
            }
        }
        self.name.shown()
    }
}

fn script_name(name: &[u8], argv: &[Text]) -> Option<String> {
    let program = base_name(argv.first()?.raw());
    let program = program.strip_prefix(b"-").unwrap_or(program);
    let grammar = Grammar::of(program).filter(|grammar| grammar.interprets())?;
    // A process that renamed itself knows better than its arguments do.
    let kept_name = program.starts_with(name) || name == b"MainThread" || name.starts_with(b"node-");
    if !kept_name {
        return None;
    }
    let words: Vec<&[u8]> = argv.iter().map(Text::raw).collect();
    match grammar.runs(&words) {
        Runs::Program { name, .. } => script_title(name),
        Runs::Code | Runs::Itself | Runs::Nothing => None,
    }
}

/// Names of entry files that say nothing by themselves: the folder above says more.
const PLAIN: &[&[u8]] =
    &[b"index", b"main", b"server", b"app", b"cli", b"start", b"__main__", b"bin", b"dist", b"src", b"lib", b"build"];

/// The script's name, or its package's; `None` for a name that says nothing, such as `server.js`.
fn script_title(script: &[u8]) -> Option<String> {
    if let Some(package) = script.strip_prefix(b"npm:").or(script.strip_prefix(b"jsr:")) {
        return Some(Text::new(package_name(package)).shown());
    }
    let mut parts = script.rsplit(|b| *b == b'/').filter(|part| !part.is_empty());
    let file = parts.next().unwrap_or(script);
    let stem = ENDINGS.iter().find_map(|ending| file.strip_suffix(ending.as_bytes())).unwrap_or(file);
    if PLAIN.contains(&stem) {
        let in_package = script.windows(13).any(|window| window == b"/node_modules");
        let folder = parts.find(|part| !PLAIN.contains(part)).filter(|_| in_package);
        return folder.map(|folder| Text::new(folder).shown());
    }
    Some(Text::new(if stem.is_empty() { file } else { stem }).shown())
}

/// Endings of what is run, and of a module's part that is only its entrance: `uvicorn.main`.
const ENDINGS: &[&str] = &[
    ".js",
    ".mjs",
    ".cjs",
    ".ts",
    ".mts",
    ".cts",
    ".tsx",
    ".jsx",
    ".py",
    ".pyc",
    ".pyz",
    ".rb",
    ".php",
    ".phar",
    ".pl",
    ".psgi",
    ".jar",
    ".war",
    ".dll",
    ".sh",
    ".bash",
    ".zsh",
    ".fish",
    ".__main__",
    ".main",
];

/// A package without its version and what of it is run: `@vue/cli@5.0.8/vue` is `@vue/cli`.
fn package_name(package: &[u8]) -> &[u8] {
    let package = package.strip_prefix(b"/").unwrap_or(package);
    let is_scoped = package.first() == Some(&b'@');
    let mut left = if is_scoped { 2 } else { 1 };
    let end = package.iter().enumerate().find_map(|(at, byte)| {
        left -= u8::from(*byte == b'/');
        (left == 0 || (at > 0 && *byte == b'@')).then_some(at)
    });
    package.get(..end.unwrap_or(package.len())).unwrap_or(package)
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|b| *b == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::script_name;
    use crate::Text;

    fn named(name: &str, argv: &[&str]) -> Option<String> {
        let argv: Vec<Text> = argv.iter().copied().map(Text::from).collect();
        script_name(name.as_bytes(), &argv)
    }

    #[test]
    fn interpreters_take_the_name_of_their_script() {
        assert_eq!(named("node", &["node", "/w/node_modules/.bin/vite", "--host"]).as_deref(), Some("vite"));
        assert_eq!(named("node", &["/usr/bin/node", "/w/node_modules/next/dist/bin/main.js"]).as_deref(), Some("next"));
        assert_eq!(named("python3", &["python3", "-m", "flask", "run"]).as_deref(), Some("flask"));
        assert_eq!(named("python3.11", &["python3.11", "-u", "manage.py"]).as_deref(), Some("manage"));
        assert_eq!(named("java", &["java", "-cp", "a:b", "-jar", "lib/shop.jar"]).as_deref(), Some("shop"));
        assert_eq!(named("node", &["node", "proxy.js"]).as_deref(), Some("proxy"));
    }

    #[test]
    fn options_of_the_interpreter_are_no_scripts() {
        for (line, title) in [
            ("python3 -W ignore shop.py", "shop"),
            ("python3 -X utf8 -um http.server 8000", "http.server"),
            ("python3.13t -Xdev -mflask run", "flask"),
            ("python -m uvicorn.main app:app", "uvicorn"),
            ("pypy3.10 --check-hash-based-pycs always x.py", "x"),
            ("node -C dev proxy.js", "proxy"),
            ("node --max-http-header-size 20000 /w/node_modules/.bin/vite", "vite"),
            ("node --max_http_header_size 20000 proxy.mjs", "proxy"),
            ("node --inspect --env-file .env -r tsx/cjs api.ts", "api"),
            ("node inspect proxy.js", "proxy"),
            ("php -d memory_limit=1G artisan serve", "artisan"),
            ("php8.2 -dzend.x=1 -c /etc/php.ini -f shop.php", "shop"),
            ("java --class-path x Main", "Main"),
            ("java --add-opens java.base/java.lang=ALL-UNNAMED -jar -Xmx1g lib/shop.jar", "shop"),
            ("java @args -p mods -m shop/com.shop.Web", "com.shop.Web"),
            ("ruby -I lib -rbundler/setup bin/puma", "puma"),
            ("ruby3.2 -W0 -C web --encoding utf-8 shop.rb", "shop"),
            ("perl -I lib -MFoo::Bar -w shop.pl", "shop"),
            ("deno run -A --config deno.json npm:vite@5.4.1", "vite"),
            ("deno serve --port 8000 shop.ts", "shop"),
            ("deno run jsr:@fresh/init@2/x", "@fresh/init"),
            ("bun --cwd web run proxy.ts", "proxy"),
            ("bun -r ./x.ts proxy.ts", "proxy"),
            ("dotnet exec --runtimeconfig a.json Shop.Web.dll", "Shop.Web"),
            ("dotnet --roll-forward Major Shop.dll", "Shop"),
            ("bash -euo pipefail serve.sh", "serve"),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            let name: String = words[0].chars().take(15).collect();
            assert_eq!(named(&name, &words).as_deref(), Some(title), "{line}");
        }
    }

    #[test]
    fn code_and_servers_of_the_interpreters_own_have_no_script() {
        for line in [
            "php -d k=v -S localhost:8000",
            "php -t public -S localhost:8000 router.php",
            "php -r echo",
            "php -d k=v -- shop.php",
            "python3 -W ignore -c import",
            "python3 -",
            "python3 -X dev",
            "node -pe 1",
            "node --run dev",
            "ruby -rsocket -e x",
            "perl -I lib -ne print",
            "deno task dev",
            "deno eval x",
            "bun run dev",
            "bun dev",
            "dotnet run --project web",
            "java -version",
            "bash -lc vite",
            "-zsh",
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            let name = words[0].trim_start_matches('-');
            assert_eq!(named(name, &words), None, "{line}");
        }
    }

    #[test]
    fn others_keep_their_own() {
        assert_eq!(named("nginx", &["nginx: master process", "x"]), None);
        assert_eq!(named("python3", &["python3", "-c", "import x"]), None);
        assert_eq!(named("gunicorn: maste", &["python3", "app.py"]), None);
        assert_eq!(named("node", &["node"]), None);
        assert_eq!(named("node", &["node", "src/server.js"]), None);
    }
}
