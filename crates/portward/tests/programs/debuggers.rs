//! Debuggers and what they debug: asked about and left alone, so that a session can still begin.

use std::path::PathBuf;

use portward_testkit::{Running, World, program, skip};

use crate::{
    unharmed::{Expected, asked_in_every_way, connections, listens},
    world,
};

/// Says what it is told, and nothing by itself.
const ECHO: &str = r#"
public class Echo {
    public static void main(String[] arguments) throws Exception {
        var input = new java.io.BufferedReader(new java.io.InputStreamReader(System.in));
        System.out.println("STARTED");
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            System.out.println("ECHO " + line);
        }
    }
}
"#;

/// A development environment's rendezvous: one debuggee, then no more.
const RENDEZVOUS: &str = r#"
import com.sun.jdi.Bootstrap;

public class Rendezvous {
    public static void main(String[] arguments) throws Exception {
        var connector = Bootstrap.virtualMachineManager().listeningConnectors().stream()
            .filter(one -> one.transport().name().equals("dt_socket")).findFirst().orElseThrow();
        var settings = connector.defaultArguments();
        settings.get("port").setValue(arguments[0]);
        settings.get("localAddress").setValue("127.0.0.1");
        System.out.println("LISTENING " + connector.startListening(settings));
        var machine = connector.accept(settings);
        System.out.println("ATTACHED " + machine.name());
        machine.resume();
    }
}
"#;

const WAITS: Expected<'static> = Expected { because: "JDWP", says: "healthy" };

/// The source of a Java program, where Java can run sources.
#[track_caller]
fn java(world: &World, name: &str, source: &str) -> Option<PathBuf> {
    program("java")?;
    let modules = world.run(&["java", "--list-modules"]).expect(0);
    if modules.stdout.contains("jdk.compiler") && modules.stdout.contains("jdk.jdi") {
        return Some(world.file(&format!("home/{name}.java"), source));
    }
    skip("Java's compiler and debug interface (default-jdk-headless)");
    None
}

fn start_java(world: &World, agent: &str, words: &[&str]) -> Running {
    let agent = format!("-agentlib:jdwp=transport=dt_socket,{agent}");
    let mut argv = vec!["java", "-XX:+UseSerialGC", &agent];
    argv.extend(words);
    world.enter().start(&argv)
}

/// The next line is the echo: nothing was printed between, on either stream.
#[track_caller]
fn has_printed_nothing(echo: &mut Running, before: &str) {
    echo.tell("still here");
    assert_eq!(echo.line(), "ECHO still here");
    assert_eq!(echo.stderr(), before);
}

/// Attaches jdb, resumes what waits, and leaves.
#[track_caller]
fn a_debugger_attaches(world: &World, port: u16) {
    let mut jdb = world.enter().start(&["jdb", "-attach", &format!("127.0.0.1:{port}")]);
    let _ = jdb.line_where(|line| line.contains("Initializing jdb"));
    jdb.tell("resume");
    let _ = jdb.line_where(|line| line.contains("All threads resumed"));
    // Its `exit` waits for ever now and then, for an event of what it has just resumed. The connection's end is enough: the
    // program goes on, and its agent listens again.
    drop(jdb);
}

#[test]
fn a_java_program_that_may_be_debugged() {
    let Some(world) = world() else { return };
    let Some(source) = java(&world, "Echo", ECHO) else { return };
    let mut echo = start_java(&world, "server=y,suspend=n,address=127.0.0.1:5005", &[source.to_str().unwrap()]);
    let _ = echo.line_where(|line| line.contains("STARTED"));
    let before = echo.stderr();
    asked_in_every_way(&world, 5005, WAITS);
    has_printed_nothing(&mut echo, &before);
    if program("jdb").is_some() {
        a_debugger_attaches(&world, 5005);
        listens(&world, 5005);
        asked_in_every_way(&world, 5005, WAITS);
        a_debugger_attaches(&world, 5005);
    }
    assert!(echo.is_alive());
}

#[test]
fn a_java_program_that_waits_for_its_debugger() {
    let Some(world) = world() else { return };
    let Some(source) = java(&world, "Echo", ECHO) else { return };
    let (Some(_), source) = (program("jdb"), source.display().to_string()) else { return };
    // No number in its command line: it says on which port it waits.
    let echo = start_java(&world, "server=y,suspend=y", &[&source]);
    let told = echo.line_where(|line| line.contains("Listening for transport dt_socket"));
    let port: u16 = told.rsplit(' ').next().unwrap().parse().unwrap();
    let before = echo.stderr();
    asked_in_every_way(&world, port, WAITS);
    assert_eq!((echo.line_soon(), echo.stderr()), (None, before));
    a_debugger_attaches(&world, port);
    let _ = echo.line_where(|line| line == "STARTED");
}

#[test]
fn a_debugger_that_waits_for_a_java_program() {
    let Some(world) = world() else { return };
    let Some(source) = java(&world, "Echo", ECHO) else { return };
    if program("jdb").is_none() {
        return;
    }
    let mut jdb = world.enter().start(&["jdb", "-listen", "62893"]);
    let _ = jdb.line_where(|line| line.contains("Listening at address"));
    asked_in_every_way(&world, 62893, Expected { because: "is a debugger", says: "healthy" });
    assert!(jdb.is_alive(), "{}", jdb.stderr());
    let echo = start_java(&world, "server=n,suspend=n,address=127.0.0.1:62893", &[source.to_str().unwrap()]);
    let _ = jdb.line_where(|line| line.contains("Initializing jdb"));
    let _ = echo.line_where(|line| line.contains("STARTED"));
}

#[test]
fn a_development_environments_rendezvous() {
    let Some(world) = world() else { return };
    let (Some(rendezvous), Some(echo)) = (java(&world, "Rendezvous", RENDEZVOUS), java(&world, "Echo", ECHO)) else { return };
    // Its name tells nothing, and the system chose the port.
    let waiting = world.enter().start(&["java", "-XX:+UseSerialGC", rendezvous.to_str().unwrap(), "0"]);
    let told = waiting.line_where(|line| line.starts_with("LISTENING"));
    let port: u16 = told.rsplit(':').next().unwrap().parse().unwrap();
    asked_in_every_way(&world, port, Expected { because: "rendezvous", says: "healthy" });
    let agent = format!("server=n,suspend=y,address=127.0.0.1:{port}");
    let echo = start_java(&world, &agent, &[echo.to_str().unwrap()]);
    let _ = waiting.line_where(|line| line.starts_with("ATTACHED"));
    assert_eq!(echo.line(), "STARTED");
}

#[test]
fn a_python_program_that_waits_for_its_debugger() {
    let Some(world) = world() else { return };
    if program("python3").is_none() || !world.run(&["python3", "-c", "import debugpy"]).code.eq(&Some(0)) {
        skip("debugpy (python3-debugpy)");
        return;
    }
    let script = world.file("home/shop.py", "print('STARTED', flush=True)\n");
    let mut shop = world.enter().start(&[
        "python3",
        "-Xfrozen_modules=off",
        "-m",
        "debugpy",
        "--listen",
        "5678",
        "--wait-for-client",
        script.to_str().unwrap(),
    ]);
    listens(&world, 5678);
    // Its two processes find each other first, by two connections of their own.
    portward_testkit::until("its parts", || (connections(&world) >= 2).then_some(()));
    asked_in_every_way(&world, 5678, Expected { because: "debugger", says: "healthy" });
    assert_eq!(shop.line_soon(), None);
    // The Debug Adapter Protocol: a session begins with these three, and then the program runs.
    let client = world.enter().start(&["python3", "-c", ADAPTER_CLIENT, "5678"]);
    assert_eq!(client.line(), "ATTACHED");
    assert_eq!(shop.line(), "STARTED");
    let _ = shop.end();
}

const ADAPTER_CLIENT: &str = r#"
import json, socket, sys
link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
stream = link.makefile("rwb")
def say(number, command, arguments):
    body = json.dumps({"seq": number, "type": "request", "command": command, "arguments": arguments}).encode()
    stream.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    stream.flush()
def hear():
    length = 0
    while (line := stream.readline().strip()):
        length = int(line.split(b":")[1])
    return json.loads(stream.read(length))
say(1, "initialize", {"adapterID": "test", "pathFormat": "path"})
say(2, "attach", {"justMyCode": False})
while hear().get("event") != "initialized":
    pass
say(3, "configurationDone", {})
while True:
    answer = hear()
    if answer.get("command") == "attach":
        print("ATTACHED" if answer["success"] else answer, flush=True)
        break
link.settimeout(None)
try:
    while hear():
        pass
except (ValueError, OSError, KeyError):
    pass
"#;

#[test]
fn a_node_program_that_waits_for_its_debugger() {
    let Some(world) = world() else { return };
    if program("node").is_none() {
        return;
    }
    let script = world.file("home/shop.js", "console.log('STARTED'); process.exit(0);\n");
    let mut shop = world.enter().start(&["node", "--inspect-brk", script.to_str().unwrap()]);
    listens(&world, 9229);
    portward_testkit::until("its first words", || shop.stderr().contains("For help").then_some(()));
    let before = shop.stderr();
    asked_in_every_way(&world, 9229, Expected { because: "inspector", says: "healthy" });
    assert_eq!((shop.line_soon(), shop.stderr()), (None, before));
    let mut client = world.enter().start(&["node", "inspect", "127.0.0.1:9229"]);
    let _ = client.line_where(|line| line.contains("Break on start"));
    client.tell("cont");
    assert_eq!(shop.line(), "STARTED");
    // Node.js waits at its end until the debugger has left.
    client.tell(".exit");
    let _ = shop.end();
}

#[test]
fn a_debug_server() {
    let Some(world) = world() else { return };
    if program("gdbserver").is_none() {
        return;
    }
    let server = world.enter().start(&["gdbserver", "--once", "127.0.0.1:2345", "echo", "STARTED"]);
    portward_testkit::until("its first words", || server.stderr().contains("Listening on port 2345").then_some(()));
    let before = server.stderr();
    asked_in_every_way(&world, 2345, Expected { because: "debug server", says: "healthy" });
    assert_eq!(server.stderr(), before, "it tells of every connection");
    if program("gdb").is_some() {
        let words = ["gdb", "--batch", "-nx", "-ex", "target remote 127.0.0.1:2345", "-ex", "continue"];
        let _ = world.run(&words);
        assert_eq!(server.line_where(|line| line.contains("STARTED")), "STARTED");
    }
}
