//! A leased port in other hands: nobody is sent there, and whoever asks for it is told.

use super::Stage;

#[test]
fn nobody_is_sent_to_a_stranger_at_a_leased_port() {
    let Some(stage) = Stage::new() else { return };
    let port = stage.port(&stage.one, "3000");
    let _stranger = stage.plain("stranger", &["tcp", "::", &port]);
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 3000"), "ConnectionRefusedError");
    // Scripts are not sent there either.
    let url = stage.portward(&stage.one, &["url", "3000"]).expect(1);
    assert!(
        url.stdout.is_empty() && url.stderr.contains(&format!("{port}, which is leased to the project, is held by python3")),
        "{url}"
    );
    let own = stage.portward(&stage.one, &["port", "3000"]).expect(0);
    assert!(own.stdout.trim_end() == port && own.stderr.contains("is held by python3"), "{own}");
    let _real = stage.plain("real", &["tcp", "127.0.0.1", "3000"]);
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 3000"), "real");
    // By its number it is what it is.
    assert_eq!(stage.heard_in(&stage.one, &format!("127.0.0.1 {port}")), "stranger");
}

#[test]
fn a_taken_port_is_told_and_another_one_serves_as_long_as_the_session() {
    let Some(stage) = Stage::new() else { return };
    let port = stage.port(&stage.one, "3000");
    let stranger = stage.plain("stranger", &["tcp", "::", &port]);
    let server = stage.server(&stage.one, &[], "own", &["tcp", "::", "3000"]);
    let line = Stage::told(&server, "is held by");
    assert!(line.contains(&format!("{port}, the project's 3000, is held by python3 (pid ")), "{line}");
    assert!(line.contains(" serves at "), "{line}");
    let line = Stage::told(&server, "asked [::]:3000");
    let instead = line.rsplit(':').next().unwrap().to_owned();
    assert_ne!(instead, port);
    assert_eq!(stage.heard(&format!("127.0.0.1 {instead}")), "own");
    // Another session of the project finds it, too, and so does everybody who asks.
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 3000"), "own");
    assert_eq!(stage.heard_in(&stage.one, "::1 3000"), "own");
    assert_eq!(stage.port(&stage.one, "3000"), instead);
    let url = stage.portward(&stage.one, &["url", "3000"]).expect(0).stdout;
    assert_eq!(url.trim_end(), format!("http://localhost:{instead}"));
    let services = stage.portward(&stage.one, &["ps", "--json"]).expect(0).json();
    assert!(services.to_string().contains(&format!("http://localhost:{instead}")), "{services:#}");
    drop(server);
    drop(stranger);
    assert_eq!(stage.port(&stage.one, "3000"), port, "for ever");
    let again = stage.server(&stage.one, &[], "own", &["tcp", "::", "3000"]);
    let line = Stage::told(&again, "asked [::]:3000");
    assert!(line.ends_with(&format!(":{port}")), "{line}");
}

#[test]
fn with_strict_a_taken_port_is_refused_and_told() {
    let Some(stage) = Stage::new() else { return };
    let port = stage.port(&stage.one, "3000");
    let _stranger = stage.plain("stranger", &["tcp", "0.0.0.0", &port]);
    let code =
        "import socket\ntry: socket.socket().bind(('127.0.0.1', 3000)); print(0)\nexcept OSError as error: print(error.errno)";
    let ran = stage.portward(&stage.one, &["run", "--strict", "python3", "-c", code]).expect(0);
    assert_eq!(ran.stdout, "98\n");
    assert!(ran.stderr.contains("was refused 3000"), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("{port}, the project's 3000, is held by python3 (pid ")), "{}", ran.stderr);
}

#[test]
fn what_the_project_itself_serves_is_no_stranger() {
    let Some(stage) = Stage::new() else { return };
    let port = stage.port(&stage.one, "3000");
    let code =
        "import socket\ntry: socket.socket().bind(('127.0.0.1', 3000)); print(0)\nexcept OSError as error: print(error.errno)";
    {
        // One that was told its port, in the project's folder.
        let told = stage.inside(&stage.one).start(&["python3", &stage.server, "told", "tcp", "127.0.0.1", &port]);
        assert_eq!(told.line(), "READY", "{}", told.stderr());
        assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 3000"), "told");
        let ran = stage.portward(&stage.one, &["run", "python3", "-c", code]).expect(0);
        assert_eq!(ran.stdout, "98\n");
        let [holder, place] = ["one already serves 3000: ", &format!(") -> localhost:{port}.")];
        assert!(ran.stderr.contains(holder) && ran.stderr.contains(place), "{}", ran.stderr);
    }
    // One of another session, which has left the folder.
    let away = format!("cd / && exec python3 {} away tcp :: 3000", stage.server);
    let away = stage.inside(&stage.one).start_portward(&["run", "sh", "-c", &away]);
    assert_eq!(away.line(), "READY", "{}", away.stderr());
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 3000"), "away");
    let ran = stage.portward(&stage.one, &["run", "python3", "-c", code]).expect(0);
    assert_eq!(ran.stdout, "98\n");
    // Two programs of one session collide as they do everywhere, without a word.
    let code = code.replace("socket.socket().bind", "a = socket.socket(); a.bind(('127.0.0.1', 3001)); socket.socket().bind");
    let ran = stage.portward(&stage.one, &["run", "python3", "-c", &code.replace("3000", "3001")]).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("98\n", ""));
}

#[test]
fn what_a_container_publishes_at_a_leased_port_serves_the_project() {
    let Some(stage) = Stage::new() else { return };
    let port = stage.port(&stage.one, "5432");
    // As Docker starts its proxy, with other bytes behind it.
    let code = "import socket, sys; s = socket.socket(); s.bind(('127.0.0.1', int(sys.argv[6]))); s.listen(); print('READY', flush=True)\n\
                while True: c = s.accept()[0]; c.sendall(b'container'); c.close()";
    let start = |container: &str| {
        let line = format!(
            "exec -a docker-proxy python3 -c \"$0\" -proto tcp -host-ip 127.0.0.1 -host-port {port} -container-ip {container} -container-port 5432"
        );
        let proxy = stage.world.enter().start(&["bash", "-c", &line, code]);
        assert_eq!(proxy.line(), "READY", "{}", proxy.stderr());
        proxy
    };
    let _proxy = start("172.17.0.2");
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 5432"), "container");
    let url = stage.portward(&stage.one, &["url", "5432"]).expect(0);
    assert_eq!(url.stdout.trim_end(), format!("postgresql://localhost:{port}"));
}
