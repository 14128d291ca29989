//! A Java server.

use crate::{Server, world};

const SERVER: &str = r#"
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;

public class Billing {
    public static void main(String[] arguments) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, 5);
            exchange.getResponseBody().write("hello".getBytes());
            exchange.close();
        });
        server.start();
    }
}
"#;

#[test]
fn dual_stack_http_server() {
    let Some(world) = world() else { return };
    if portward_testkit::program("java").is_none() {
        return;
    }
    let source = world.file("home/Billing.java", SERVER);
    // Running a source file takes the compiler, which a bare runtime does not have.
    let modules = world.run(&["java", "--list-modules"]).expect(0);
    if !modules.stdout.contains("jdk.compiler") {
        portward_testkit::skip("Java's compiler (default-jdk-headless)");
        return;
    }
    let running = world.enter().start(&["java", "-XX:+UseSerialGC", source.to_str().unwrap()]);
    let _ = world.portward(&["wait", "8080", "--timeout", "120s"]).expect(0);
    let reading = world.portward(&["list", "--json"]).expect(0).reading();
    let socket = reading.only(8080);
    assert_eq!((socket["v6_only"].as_bool(), socket["serves_ipv4"].as_bool()), (Some(false), Some(true)), "{socket:#}");
    Server { world: &world, running, port: 8080, protocol: "http", named: "Billing" }.lives_and_ends();
}
