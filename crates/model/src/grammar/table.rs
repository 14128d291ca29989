//! The table: the options with values of interpreters, runners and wrappers, each from its own documentation.
//!
//! A word is an option, or a first word that means something; its last sign says what. `-X:` takes a value, glued (`-Xutf8`,
//! `--config=FILE`) or as the next argument; `-0*` has one only if it is glued. Behind `-c!` stands code, behind `-m>` the program.
//! `-S^` and `test^` say that nothing but the program itself runs; a lone `^` says so of every first word that is not listed. A plain
//! word, `exec`, stands before the program, and `run/` before one only if it is a path. `~.dll` is an ending that a program must have,
//! `#1` a number of words before it, `=` says that words with that sign are settings, and `@` or `+` that words which begin so are
//! options. What is not listed takes no value.

use super::Grammar;

/// How options are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// An interpreter whose letters stand together behind one dash: `-um http.server`.
    Bundled,
    /// An interpreter whose options stand alone: `-cp a:b`.
    Alone,
    /// A runner of tools or scripts.
    Runner,
    /// What only starts another program.
    Wrapper,
    /// A program that goes somewhere for others.
    Tunnel,
    /// The same, with options of Go's `flag` package: one dash or two.
    Flags,
}

impl Style {
    pub(super) fn bundles(self) -> bool {
        !matches!(self, Self::Alone | Self::Flags)
    }
}

/// The name of an option of one letter.
pub(super) fn letter(byte: u8) -> &'static [u8] {
    #[allow(clippy::cast_possible_truncation)] // There are 128.
    const NAMES: [[u8; 2]; 128] = {
        let mut names = [[b'-', 0]; 128];
        let mut at = 0;
        while at < 128 {
            names[at][1] = at as u8;
            at += 1;
        }
        names
    };
    NAMES.get(usize::from(byte)).map_or(b"-?", <[u8; 2]>::as_slice)
}

const fn of(names: &'static str, style: Style, signs: &'static str) -> Grammar {
    Grammar { names, style, signs }
}

/// Every program whose options are known.
#[rustfmt::skip]
pub(super) const GRAMMARS: &[Grammar] = &[
    // `python --help`, docs.python.org/3/using/cmdline.html; `-Q` of Python 2, `--jit` of PyPy.
    of("python pythonw pypy micropython", Style::Bundled, "-W: -X: -Q: --check-hash-based-pycs: --jit: -c! -m>"),
    // `node --help`, nodejs.org/api/cli.html: those with `=...`, and the aliases. V8's own take their value behind `=` alone.
    of("node nodejs iojs", Style::Alone, "-r: --require: --import: --loader: --experimental-loader: -C: --conditions: -e! --eval! -p! \
        --print! -pe! --run^ --test^ --allow-fs-read: --allow-fs-write: --build-snapshot-config: --cpu-prof-dir: --cpu-prof-interval: \
        --cpu-prof-name: --debug-port: --inspect-port: --inspect-publish-uid: --diagnostic-dir: --disable-proto: --disable-warning: \
        --dns-result-order: --env-file: --env-file-if-exists: --es-module-specifier-resolution: --experimental-specifier-resolution: \
        --experimental-default-type: --experimental-policy: --experimental-sea-config: --build-sea: --experimental-config-file: \
        --heap-prof-dir: --heap-prof-interval: --heap-prof-name: --heapsnapshot-near-heap-limit: --heapsnapshot-signal: --icu-data-dir: \
        --input-type: --localstorage-file: --max-http-header-size: --max-old-space-size-percentage: \
        --network-family-autoselection-attempt-timeout: --openssl-config: --policy-integrity: --redirect-warnings: --report-dir: \
        --report-directory: --report-filename: --report-signal: --secure-heap: --secure-heap-min: --security-revert: --snapshot-blob: \
        --stack-trace-limit* --test-concurrency: --test-coverage-branches: --test-coverage-exclude: --test-coverage-functions: \
        --test-coverage-include: --test-coverage-lines: --test-global-setup: --test-isolation: --experimental-test-isolation: \
        --test-name-pattern: --test-reporter: --test-reporter-destination: --test-rerun-failures: --test-shard: --test-skip-pattern: \
        --test-timeout: --title: --tls-cipher-list: --tls-keylog: --trace-event-categories: --trace-event-file-pattern: \
        --trace-require-module: --experimental-storage: --unhandled-rejections: --use-largepages: --v8-pool-size: --watch-path: \
        --watch-kill-signal: inspect debug"),
    // `deno run --help`; most options take their value behind `=` alone (docs.deno.com/runtime/reference/cli).
    of("deno", Style::Bundled, "-c: --config: --import-map: --lock* --seed: --location: --cert: -L: --log-level: --ext: --preload: \
        --import: --require: --watch-exclude* --port: --host: --conditions: --node-conditions: --minimum-dependency-age: \
        --env-file* --allow-net* --allow-read* --allow-write* --allow-env* --allow-run* --inspect* --v8-flags* \
        -R* -W* -N* -E* -S* -I* -r* run serve x eval! repl^ task^ test^ bench^ fmt^ lint^ check^ cache^ info^ doc^ install^ uninstall^ \
        add^ remove^ outdated^ update^ upgrade^ compile^ bundle^ coverage^ jupyter^ lsp^ init^ publish^ types^ vendor^ completions^ \
        create^ clean^ deploy^ approve-scripts^ audit^ help^ sandbox^ why^"),
    // `bun --help`, `bun run --help` (bun.com/docs/runtime).
    of("bun bun-debug", Style::Bundled, "-r: --preload: --require: --import: --inspect* --inspect-wait* --inspect-brk* --install: -e! --eval! \
        -p! --print! --port: -u: --origin: --conditions: --fetch-preconnect: --max-http-header-size: --dns-result-order: --title: \
        --unhandled-rejections: --console-depth: --user-agent: --cwd: -c* --config* --env-file: -F: --filter: --elide-lines: \
        --tsconfig-override: -d: --define: --drop: -l: --loader: --extension-order: --main-fields: --jsx-factory: --jsx-fragment: \
        --jsx-import-source: --jsx-runtime: --shell: --cpu-prof-name: --cpu-prof-dir: --heap-prof-name: --heap-prof-dir: --sql-preconnect* \
        --redis-preconnect* run/ x exec! dev^ start^ test^ build^ install^ i^ add^ remove^ update^ outdated^ link^ unlink^ publish^ patch^ \
        pm^ info^ why^ audit^ create^ init^ upgrade^ repl^ feedback^ completions^ discord^"),
    // ruby(1), `ruby --help`; `-J` of JRuby, `--jvm` and `--vm.` of TruffleRuby stand glued.
    of("ruby jruby truffleruby rbx", Style::Bundled, "-C: -X: -E: -I: -r: -F* -i* -K* -x* -0* -T* -W* -J* -e! --encoding: \
        --external-encoding: --internal-encoding: --enable: --disable: --backtrace-limit: --dump: --parser: --crash-report: --debug-frozen*"),
    // perlrun(1).
    of("perl cperl", Style::Bundled, "-I: -M* -m* -C* -d* -D* -F* -i* -l* -0* -x* -V* -e! -E!"),
    // php(1), `php --help`; the server of `-S` may have a router, which is no program of its own, and behind `--` its code
    // comes from standard input.
    of("php php-cgi", Style::Bundled, "--! -c: -d: -z: -t: -f> -S^ -r! -B! -R! -F> -E! -b: -T: --php-ini: --define: --docroot: --zend-extension: \
        --file> --server^ --run! --process-begin! --process-code! --process-file> --process-end! --bindpath: --timing: --rf^ --rfunction^ \
        --rc^ --rclass^ --re^ --rextension^ --rz^ --rzendextension^ --ri^ --rextinfo^ --ini^"),
    // java(1) and `IsWhiteSpaceOption` of the launcher; behind `-jar` options go on.
    of("java", Style::Alone, "-cp: -classpath: --class-path: -p: --module-path: --upgrade-module-path: --add-modules: --add-reads: \
        --add-exports: --add-opens: --limit-modules: --patch-module: --enable-native-access: -d: --describe-module: --source: -m> --module> @"),
    // learn.microsoft.com/dotnet/core/tools/dotnet, `dotnet --help`, `dotnet exec`.
    of("dotnet", Style::Alone, "--additionalprobingpath: --additional-deps: --fx-version: --roll-forward: --depsfile: --runtimeconfig: \
        --roll-forward-on-no-candidate-fx: exec ~.dll ~.exe"),
    // bash(1), dash(1), zshoptions(1), ksh(1).
    of("bash rbash zsh", Style::Bundled, "-o: -O: -c! --rcfile: --init-file: --emulate: +o: +O: +"),
    of("sh dash ash ksh mksh yash", Style::Bundled, "-o: -c! +o: +"),
    // fish(1).
    of("fish", Style::Bundled, "-c! -C: -d: -o: -f: -D: --command! --init-command: --debug: --debug-output: --features: \
        --debug-stack-frames: --profile: --profile-startup:"),
    // npm-config(7); `npm exec`, `npx`.
    of("npm npm-cli", Style::Runner, "exec x ^ -w: --workspace: --prefix: -C: --loglevel: --cache: --userconfig: --globalconfig: --registry: \
        -p: --package: -c! --call! --script-shell: --node-options:"),
    of("npx npx-cli pnpx bunx", Style::Runner, "-p: --package: -c! --call! -w: --workspace: --cache: --userconfig: --registry: --prefix:"),
    of("pnpm", Style::Runner, "exec dlx ^ -C: --dir: -F: --filter: --filter-prod: --package: --workspace-concurrency: --reporter: --loglevel: \
        -c! --shell-mode!"),
    of("yarn yarnpkg", Style::Runner, "exec dlx ^ --cwd: -p: --package: --use-yarnrc: --modules-folder: --cache-folder: --mutex: --registry:"),
    // `uv run --help`, `uvx --help`.
    of("uv", Style::Runner, "run x ^ -p: --python: --with: --with-editable: --with-requirements: --project: --directory: --env-file: --extra: \
        --no-extra: --group: --no-group: --only-group: --package: --cache-dir: --config-file: --color: --index: --default-index: -i: \
        --index-url: --extra-index-url: -f: --find-links: -w: -P: --upgrade-package: --refresh-package: --reinstall-package: --resolution: \
        --prerelease: --index-strategy: --keyring-provider: --link-mode: -C: --config-setting: --exclude-newer: --python-platform: \
        --allow-insecure-host: -m> --module>"),
    of("uvx", Style::Runner, "--from: --with: -w: --with-editable: --with-requirements: -p: --python: --index: --default-index: -i: \
        --index-url: --extra-index-url: --cache-dir: --directory: --project: --env-file: --color:"),
    of("poetry", Style::Runner, "run ^ -C: --directory: -P: --project:"),
    of("pipenv", Style::Runner, "run ^ --python: --pypi-mirror:"),
    of("pdm", Style::Runner, "run ^ -p: --project: -c: --config: -s: --site-packages*"),
    of("hatch", Style::Runner, "run ^ -e: --env: -p: --project: --data-dir: --cache-dir: --config:"),
    of("bundle bundler", Style::Runner, "exec ^ --gemfile: -r: --retry:"),
    of("composer", Style::Runner, "exec ^ -d: --working-dir:"),
    of("conda mamba micromamba", Style::Runner, "run ^ -n: --name: -p: --prefix: --cwd: -r: --root-prefix:"),
    of("pixi", Style::Runner, "run ^ -e: --environment: --manifest-path: -m:"),
    of("mise", Style::Runner, "exec x ^ -C: --cd: -E: --env: -j: --jobs: -c! --command!"),
    // Those that are asked for their first word alone.
    of("cargo", Style::Runner, "^ + --manifest-path: -Z: --config: -C: --color: --target-dir: -p: --package: -j: --jobs: --profile: --target:"),
    of("go", Style::Runner, "^ -C:"),
    of("docker-compose", Style::Runner, "^ -f: --file: -p: --project-name: --profile: --env-file: --project-directory: --ansi: --progress: \
        --parallel: -c: --context: -H: --host:"),
    // env(1), nice(1), timeout(1), stdbuf(1), sudo(8), doas(1), ionice(1), chrt(1), taskset(1), setpriv(1), tini(1) and the like.
    of("env", Style::Wrapper, "-u: --unset: -C: --chdir: -a: --argv0: -S: --split-string: ="),
    of("cross-env cross-env-shell", Style::Wrapper, "="),
    of("dotenv dotenv-cli", Style::Wrapper, "-e: -f: -v: -c* -p^ run"),
    of("nice", Style::Wrapper, "-n: --adjustment:"),
    of("timeout", Style::Wrapper, "-k: --kill-after: -s: --signal: #1"),
    of("stdbuf", Style::Wrapper, "-i: -o: -e: --input: --output: --error:"),
    of("sudo", Style::Wrapper, "-u: --user: -g: --group: -h: --host: -p: --prompt: -C: --close-from: -D: --chdir: -R: --chroot: -r: --role: \
        -t: --type: -T: --command-timeout: -U: --other-user: -a: -c: ="),
    of("doas", Style::Wrapper, "-u: -C: -a:"),
    of("ionice", Style::Wrapper, "-c: --class: -n: --classdata: -p^ -P^ -u^"),
    of("chrt", Style::Wrapper, "-T: -P: -D: -p^ #1"),
    of("taskset", Style::Wrapper, "-p^ #1"),
    of("setpriv", Style::Wrapper, "--reuid: --regid: --groups: --inh-caps: --ambient-caps: --bounding-set: --securebits: --pdeathsig: \
        --selinux-label: --apparmor-profile:"),
    of("gosu su-exec", Style::Wrapper, "#1"),
    of("tini tini-static docker-init", Style::Wrapper, "-p: -e:"),
    of("dumb-init", Style::Wrapper, "-r: --rewrite:"),
    of("xvfb-run", Style::Wrapper, "-e: --error-file: -f: --auth-file: -n: --server-num: -p: --xauth-protocol: -s: --server-args: -w: --wait:"),
    of("nohup setsid time catatonit unbuffer", Style::Wrapper, "-o: -f:"),
    // ssh(1), autossh(1), `kubectl options`, `cloudflared tunnel --help`, ngrok.com/docs/agent/cli, slirp4netns(1), pasta(1).
    of("ssh", Style::Tunnel, "-B: -b: -c: -D: -E: -e: -F: -I: -i: -J: -L: -l: -m: -O: -o: -P: -p: -Q: -R: -S: -W: -w:"),
    of("autossh", Style::Tunnel, "-M: -B: -b: -c: -D: -E: -e: -F: -I: -i: -J: -L: -l: -m: -O: -o: -P: -p: -Q: -R: -S: -W: -w:"),
    of("kubectl oc k3s kubecolor", Style::Tunnel, "-n: --namespace: --context: --cluster: --user: --kubeconfig: -s: --server: --as: --as-group: --as-uid: \
        --cache-dir: --certificate-authority: --client-certificate: --client-key: --tls-server-name: --token: --username: --password: \
        --request-timeout: -v: --v: --vmodule: --log-flush-frequency: --profile: --profile-output: --address: --pod-running-timeout:"),
    of("socat", Style::Flags, "-lf: -lm: -lp: -b: -t: -T: -r: -R: -L: -W: -S:"),
    of("cloudflared", Style::Flags, "-config: --config: -origincert: --origincert: --url: -url: --hostname: --name: --unix-socket: --loglevel: \
        --transport-loglevel: --logfile: --log-directory: --metrics: --pidfile: --protocol: --edge-ip-version: --region: --retries: --token: \
        --credentials-file: --cred-file: --credentials-contents: --edge-bind-address: --tag: --ha-connections: --grace-period: --features: \
        --destination: --listener: --origin-server-name: --http-host-header: --proxy-connect-timeout: --id: --secret: -T: -L:"),
    of("ngrok", Style::Flags, "-config: --config: --authtoken: --domain: --hostname: --subdomain: --region: --log: --log-format: --log-level: \
        --url: --host-header: --basic-auth: --oauth: --cidr-allow: --cidr-deny: --name: --metadata: --pooling-enabled* --remote-addr: \
        --scheme: --traffic-policy-file: --proto:"),
    of("slirp4netns", Style::Tunnel, "-e: --exit-fd: -r: --ready-fd: -m: --mtu: --cidr: -a: --api-socket: --netns-type: --userns-path: \
        --outbound-addr: --outbound-addr6: --macaddress: --target-type:"),
    of("pasta passt pasta.avx2 passt.avx2", Style::Tunnel, "-t: --tcp-ports: -u: --udp-ports: -T: --tcp-ns: -U: --udp-ns: -l: --log-file: --log-size: \
        -p: --pcap: -P: --pid: -m: --mtu: -a: --address: -n: --netmask: -M: --mac-addr: -g: --gateway: -i: --interface: -o: --outbound: \
        --outbound-if4: --outbound-if6: -D: --dns: -S: --search: -H: --hostname: --fqdn: --dns-forward: --dns-host: --map-host-loopback: \
        --map-guest-addr: --runas: -s: --socket: -I: --ns-ifname: --ns-mac-addr: --userns: --netns: -F: --fd:"),
];
