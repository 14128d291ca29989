//! Java's servers in a private localhost, with the door for their debugger.

use crate::session::{BOTH, Served, Twins, V4, http, words};

const SERVER: &str = r#"
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;

public class Billing {
    public static void main(String[] arguments) throws Exception {
        byte[] text = "hello from @NAME@".getBytes();
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, text.length);
            exchange.getResponseBody().write(text);
            exchange.close();
        });
        server.start();
    }
}
"#;

#[test]
fn http_server_with_a_debugger() {
    let Some(twins) = Twins::of(&["java", "python3", "curl"]) else { return };
    // Running a source file takes the compiler, which a bare runtime does not have.
    if !twins.world.run(&["java", "--list-modules"]).expect(0).stdout.contains("jdk.compiler") {
        portward_testkit::skip("Java's compiler (default-jdk-headless)");
        return;
    }
    twins.file("Billing.java", SERVER);
    let debugger = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:5005";
    twins.start(&["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", debugger, "Billing.java"]);
    let served = Served { port: 8080, at: BOTH, client: &http };
    twins.prove(served);
    twins.prove(Served { port: 5005, at: V4, client: &debugger_of_java });
    twins.unseen_from_outside();
    twins.end(served);
}

fn debugger_of_java(address: &str, port: u16) -> Vec<String> {
    words(&["python3", "-c", DEBUGGER, address, &port.to_string()])
}

/// Shakes hands as a debugger does, asks for the folder that the machine runs in (`VirtualMachine.ClassPaths`, command 13 of
/// set 1), and leaves.
const DEBUGGER: &str = r#"
import socket, struct, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 20) as machine:
    machine.sendall(b"JDWP-Handshake")
    talk = machine.makefile("rb")
    print(talk.read(14).decode())
    machine.sendall(struct.pack(">IIBBB", 11, 7, 0, 1, 13))
    while True:
        length, number, flags, _ = struct.unpack(">IIBH", talk.read(11))
        body = talk.read(length - 11)
        if flags == 0x80 and number == 7:
            print(body[4:4 + struct.unpack(">I", body[:4])[0]].decode())
            break
"#;
