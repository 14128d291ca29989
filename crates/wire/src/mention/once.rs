//! Whether a program's own text serves one client and ends: a login that waits for its callback, an example of a manual.
//!
//! No language is understood by its grammar. What ends a server stands in few forms, and each of them is a word that means nothing
//! else: the call that handles one request, the library that waits for one redirect, a server that is closed where it answers, an
//! `accept` that no loop holds.

use portward_model::{Text, masked_line};

use super::without_comment;

/// The line of a program's own text that makes it end after its first client.
pub fn once_line(bytes: &[u8]) -> Option<(u32, Text)> {
    let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').map(without_comment).collect();
    let servers = servers(&lines);
    let found = (0..lines.len())
        .find(|at| handles_one(line(&lines, *at)) || closes(&lines, *at, &servers) || accepts_once(&lines, *at))?;
    let text = masked_line(line(&lines, found).trim_ascii());
    let shown: String = String::from_utf8_lossy(text.raw()).chars().take(MOST_CHARACTERS).collect();
    Some((u32::try_from(found + 1).ok()?, Text::from(shown.as_str())))
}

fn line<'a>(lines: &[&'a [u8]], at: usize) -> &'a [u8] {
    lines.get(at).copied().unwrap_or_default()
}

fn handles_one(line: &[u8]) -> bool {
    ONE.iter().any(|call| has(line, call))
}

/// The names that servers of this text are kept by: `server` of `const server = http.createServer(...)`.
fn servers<'a>(lines: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let name = |line: &&'a [u8]| {
        let at = MAKING.iter().filter_map(|call| line.windows(call.len()).position(|part| part == *call)).min()?;
        let before = line.get(..at)?;
        let (target, _) = before.split_at(before.iter().rposition(|b| *b == b'=')?);
        // The type stands between the name and the sign: `const server: Server = ...`.
        let target = target.split(|b| *b == b':').next()?.trim_ascii_end();
        let start = target.iter().rposition(|b| !is_in_name(*b)).map_or(0, |at| at + 1);
        target.get(start..).filter(|name| !name.is_empty())
    };
    lines.iter().filter_map(name).collect()
}

/// True where a server is closed, and not because the whole program is asked to end.
fn closes(lines: &[&[u8]], at: usize, servers: &[&[u8]]) -> bool {
    let text = line(lines, at);
    let ends_itself = has(text, b"self.server.shutdown") || (has(text, b"process.exit(") && answers(lines, at));
    let of = |name: &&[u8]| {
        let is = |call: &&[u8]| {
            text.windows(name.len() + call.len()).enumerate().any(|(start, part)| {
                let whole = start == 0 || text.get(start - 1).is_some_and(|before| !is_in_name(*before));
                whole && part.starts_with(name) && part.ends_with(call)
            })
        };
        CLOSING.iter().any(is)
    };
    let first = has(text, b".once('request'") || has(text, b".once(\"request\"");
    let near = at.saturating_sub(REACH)..=at + 1;
    let is_told_to_end = near.clone().any(|near| ENDINGS.iter().any(|word| has(line(lines, near), word)));
    first || ((ends_itself || servers.iter().any(of)) && !is_told_to_end)
}

/// True where an answer was given a moment before.
fn answers(lines: &[&[u8]], at: usize) -> bool {
    (at.saturating_sub(REACH)..=at)
        .any(|near| [&b".end("[..], b".send(", b"sendall("].iter().any(|call| has(line(lines, near), call)))
}

/// True for an `accept` that stands in no loop, as the indentation of its line tells.
fn accepts_once(lines: &[&[u8]], at: usize) -> bool {
    let text = line(lines, at);
    if !takes(text) || !lines.iter().any(|line| LISTENING.iter().any(|word| has(line, word))) {
        return false;
    }
    let begins = |line: &[u8], word: &[u8]| line.trim_ascii_start().starts_with(word);
    if LOOPS.iter().any(|word| begins(text, word)) || has(text, b"Thread") {
        return false;
    }
    let mut depth = indentation(text);
    for above in lines.iter().take(at).rev().filter(|above| !above.trim_ascii().is_empty()) {
        if indentation(above) < depth {
            depth = indentation(above);
            if LOOPS.iter().any(|word| begins(above, word)) || has(above, b"loop do") {
                return false;
            }
        }
    }
    // A function may be called in a loop.
    let for_ever = |line: &&[u8]| FOR_EVER.iter().any(|word| has(line, word));
    !lines.iter().any(for_ever)
}

/// True for a call that takes a connection: `accept()` of Python and Java, `accept` of Ruby, `->accept` of Perl, those of PHP.
fn takes(line: &[u8]) -> bool {
    let after = |word: &[u8]| line.windows(word.len()).position(|part| part == word).and_then(|at| line.get(at + word.len()));
    let whole = |word: &[u8]| has(line, word) && after(word).is_none_or(|b| !is_in_name(*b));
    whole(b".accept") || whole(b"->accept") || whole(b"socket_accept")
}

fn indentation(line: &[u8]) -> usize {
    line.iter().take_while(|b| b.is_ascii_whitespace()).count()
}

fn is_in_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$')
}

fn has(line: &[u8], word: &[u8]) -> bool {
    line.windows(word.len()).any(|part| part == word)
}

/// Calls that take one request, or wait for the one redirect of a login: `socketserver`, google-auth-oauthlib, oauth2client, MSAL,
/// azure-identity, Spotipy.
const ONE: &[&[u8]] = &[
    b".handle_request()",
    b".run_local_server(",
    b"tools.run_flow(",
    b".acquire_token_interactive(",
    b"InteractiveBrowserCredential(",
    b"start_local_http_server(",
];
/// Calls that make a server.
const MAKING: &[&[u8]] =
    &[b"createServer(", b".listen(", b"Bun.serve(", b"Deno.serve(", b"HTTPServer(", b"make_server(", b"TCPServer.new("];
/// Ends of calls that close one.
const CLOSING: &[&[u8]] = &[b".close(", b".stop(", b".shutdown(", b".closeAllConnections("];
/// Words beside a call that ends a server because the program ends.
const ENDINGS: &[&[u8]] = &[
    b"SIGTERM",
    b"SIGINT",
    b"SIGHUP",
    b"KeyboardInterrupt",
    b"finally",
    b"beforeExit",
    b"afterAll",
    b"afterEach",
    b"uncaughtException",
];
/// Words of a text that listens by hand.
const LISTENING: &[&[u8]] =
    &[b"import socket", b"'socket'", b"TCPServer", b"IO::Socket", b"socket_server", b"socket_create", b"ServerSocket"];
/// Loops that end with the program alone.
const FOR_EVER: &[&[u8]] = &[
    b"while True",
    b"while 1",
    b"while (1)",
    b"while(1)",
    b"while (true)",
    b"while(true)",
    b"loop do",
    b"loop {",
    b"for (;;)",
    b"for(;;)",
];
/// Words that begin a loop.
const LOOPS: &[&[u8]] = &[b"while", b"for ", b"loop", b"until "];
/// Lines around a call that say why it is made.
const REACH: usize = 4;
const MOST_CHARACTERS: usize = 80;

#[cfg(test)]
mod tests {
    use super::once_line;

    fn line(text: &str) -> Option<u32> {
        once_line(text.as_bytes()).map(|(number, _)| number)
    }

    #[test]
    fn a_program_that_ends_after_its_first_client_is_known_by_its_text() {
        for (text, number) in [
            ("import http.server\ns = http.server.HTTPServer(('', 8085), H)\ns.handle_request()\n", 3),
            ("creds = flow.run_local_server(port=0)\n", 1),
            ("const server = http.createServer((q, r) => {\n  r.end('ok');\n  server.close();\n});\nserver.listen(1455);\n", 3),
            (
                "const srv: Server = app.listen(8976, () => open(url));\napp.get('/cb', (q, r) => { r.send('ok'); srv.close(); });\n",
                2,
            ),
            ("http.createServer((q, r) => {\n  r.end('done');\n  process.exit(0);\n}).listen(3000)\n", 3),
            ("def do_GET(self):\n    Thread(target=self.server.shutdown).start()\n", 2),
            ("import socket\ns = socket.create_server(('', 9))\nc, a = s.accept()\nwhile d := c.recv(9):\n    print(d)\n", 3),
            ("require 'socket'\ns = TCPServer.new(9)\nc = s.accept\nc.puts 'ok'\n", 3),
            ("$s = IO::Socket::INET->new(Listen => 5);\n$c = $s->accept;\n", 2),
            ("$s = stream_socket_server('tcp://127.0.0.1:9');\n$c = stream_socket_accept($s);\n", 2),
            ("$s=IO::Socket::INET->new(LocalAddr=>\"127.0.0.1:8796\",Listen=>5);\n $c=$s->accept;\n print $c \"x\";", 2),
            ("const server = Bun.serve({ fetch(q) { server.stop(); return new Response('ok') } })\n", 1),
            ("const [q, r] = await once(server, 'x')\nserver.once('request', (q, r) => r.end())\n", 2),
        ] {
            assert_eq!(line(text), Some(number), "{text}");
        }
    }

    #[test]
    fn a_server_that_stays_is_none() {
        for text in [
            "s = HTTPServer(('', 8000), H)\ns.serve_forever()\n",
            "const server = http.createServer(go);\nserver.listen(3000);\nprocess.on('SIGTERM', () => {\n  server.close();\n});\n",
            "def handle_request(client):\n    pass\nhandle_request(client)\n",
            "import socket\ns = socket.create_server(('', 9))\nwhile True:\n    c, a = s.accept()\n",
            "import socket\ndef one(s):\n    c, a = s.accept()\nwhile True:\n    one(s)\n",
            "s = TCPServer.new(9)\nloop do\n  c = s.accept\nend\n",
            "$s = IO::Socket::INET->new(Listen => 5);\nwhile ($c = $s->accept) { }\n",
            "var s = new ServerSocket(9);\nwhile (true) {\n  var c = s.accept();\n}\n",
            "import socket\nprint(request.accepted, s.acceptor)\n",
            "const server = http.createServer(go)\ndb.close()\nmyserver.close()\n",
            "# s.handle_request()\n",
            "try:\n    httpd = HTTPServer(a, b)\n    httpd.serve_forever()\nexcept KeyboardInterrupt:\n    httpd.shutdown()\n",
            "",
        ] {
            assert_eq!(line(text), None, "{text}");
        }
    }
}
