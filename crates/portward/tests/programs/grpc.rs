//! A gRPC server's health: Node.js's own HTTP/2, which packs its headers as most servers do, plain and inside TLS.

use std::process::Command;

use portward_testkit::{Running, World};

use crate::world;

const SERVER: &str = r"
const http2 = require('http2'), fs = require('fs');
const [mode, port, certificate, key] = process.argv.slice(1);
const server = certificate
    ? http2.createSecureServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) })
    : http2.createServer();
let asked = 0;
server.on('stream', (stream, head) => {
    const parts = [];
    stream.on('data', part => parts.push(part));
    stream.on('end', () => {
        asked += 1;
        console.log('ASKED', head[':path'], head[':authority'], head['content-type'], head.te, Buffer.concat(parts).toString('hex'));
        if (mode === 'site') {
            stream.respond({ ':status': 404 });
            return stream.end('no');
        }
        const head200 = { ':status': 200, 'content-type': 'application/grpc' };
        if (mode === 'without-health') {
            return stream.respond({ ...head200, 'grpc-status': '12', 'grpc-message': 'unknown service' }, { endStream: true });
        }
        const serving = mode === 'late' && asked < 4 ? 2 : 1;
        stream.respond(head200, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': '' }));
        stream.end(Buffer.from([0, 0, 0, 0, 2, 8, serving]));
    });
});
server.listen(port, '127.0.0.1', () => console.log('LISTENING'));
";

fn server(world: &World, words: &[&str]) -> Running {
    let running = world.enter().start(&[&["node", "-e", SERVER, "--"], words].concat());
    let _ = running.line_where(|line| line == "LISTENING");
    running
}

fn saw(world: &World, words: &[&str]) -> String {
    let document = world.portward(&[&["wait"], words, &["--timeout", "2s", "--json"]].concat()).expect(1).json();
    document["endpoints"][0]["saw"].as_str().unwrap().to_owned()
}

#[test]
fn plain() {
    let Some(world) = world() else { return };
    if portward_testkit::program("node").is_none() {
        return;
    }
    let late = server(&world, &["late", "50051"]);
    let _ = world.portward(&["wait", "grpc://localhost/shop.Cart", "--timeout", "120s"]).expect(0);
    let line = late.line_where(|line| line.starts_with("ASKED"));
    let wish = "/grpc.health.v1.Health/Check localhost:50051 application/grpc trailers 000000000b0a0973686f702e43617274";
    assert_eq!(line, format!("ASKED {wish}"));
    let asked = world.portward(&["wait", "50051", "--ready", "grpc", "--timeout", "10s"]);
    assert_eq!(asked.code, Some(0), "{asked}\n{}", late.stderr());
    assert_eq!(saw(&world, &["http://localhost:50051/"]), "it answers in HTTP/2 alone, and not in HTTP/1");
    let _without = server(&world, &["without-health", "50052"]);
    assert_eq!(saw(&world, &["grpc://localhost:50052"]), "it speaks gRPC, and has no health service (grpc.health.v1)");
    let _site = server(&world, &["site", "50053"]);
    assert_eq!(saw(&world, &["grpc://localhost:50053"]), "it answers 404 in HTTP/2, and not in gRPC");
}

#[test]
fn inside_tls() {
    let Some(world) = world() else { return };
    let (Some(_), Some(openssl)) = (portward_testkit::program("node"), portward_testkit::program("openssl")) else { return };
    let [certificate, key] = ["own.pem", "own.key"].map(|name| world.path().join("home").join(name).display().to_string());
    let made = Command::new(openssl)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", &key, "-out", &certificate])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    world.give(key.as_ref());
    world.give(certificate.as_ref());
    let _server = server(&world, &["serving", "8443", &certificate, &key]);
    let _ = world.portward(&["wait", "grpcs://localhost:8443", "--ca", &certificate]).expect(0);
    let _ = world.portward(&["wait", "grpcs://localhost:8443/shop.Cart", "--insecure"]).expect(0);
    let seen = saw(&world, &["grpcs://localhost:8443"]);
    assert!(seen.contains("certificate"), "{seen}");
}
