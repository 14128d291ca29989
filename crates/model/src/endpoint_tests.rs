//! What people write for an endpoint, and what they are told when it is none.

use super::{Endpoint, EndpointHost};
use crate::{DialTarget, Text, Transport};

fn shown(text: &str) -> String {
    text.parse::<Endpoint>().map_or_else(|error| format!("ERROR {error}"), |endpoint| endpoint.to_string())
}

#[test]
fn forms_people_write() {
    for (given, expected) in [
        ("49342", "49342"),
        (":49342", "49342"),
        ("*:49342", "49342"),
        ("127.0.0.1:49342", "127.0.0.1:49342"),
        ("[::1]:49342", "[::1]:49342"),
        ("localhost:49342", "localhost:49342"),
        ("LOCALHOST.:80", "localhost:80"),
        ("0.0.0.0:49342", "0.0.0.0:49342"),
        ("udp/53", "udp/53"),
        ("53/udp", "udp/53"),
        ("tcp/127.0.0.1:80", "127.0.0.1:80"),
        ("udp/[::]:5353", "udp/[::]:5353"),
        ("tcp://localhost:9", "localhost:9"),
        ("http://localhost:3000/cart?x=1", "localhost:3000"),
        ("https://localhost", "localhost:443"),
        ("http://[::1]/", "[::1]:80"),
        ("http://[::1]:8080/", "[::1]:8080"),
        ("localhost:3000/cart", "localhost:3000"),
        ("postgres://ana:pw@127.0.0.1/shop", "127.0.0.1:5432"),
        ("jdbc:postgresql://localhost:5433/x", "localhost:5433"),
        ("mongodb://a:1,b:2/x", "a:1"),
        ("web.shop.localhost", "web.shop.localhost:80"),
        ("localhost", "localhost:80"),
        ("unix:/run/x.sock", "unix:/run/x.sock"),
        ("unix:///run/x.sock", "unix:/run/x.sock"),
        ("/run/x y.sock", "unix:/run/x y.sock"),
        ("@abstract", "unix:@abstract"),
        ("[fe80::1%eth0]:80", "[fe80::1%eth0]:80"),
        ("http://[fe80::1%25eth0]:80/", "[fe80::1%eth0]:80"),
        ("  3000\n", "3000"),
        (
            "::ffff:127.0.0.1",
            "ERROR `::ffff:127.0.0.1` is no endpoint: an IPv6 address with a port needs brackets; did you mean `[::ffff:127.0.0.1]:3000`?",
        ),
    ] {
        assert_eq!(shown(given), expected, "{given:?}");
    }
}

#[test]
fn bad_input_is_one_sentence_with_a_suggestion() {
    for (given, expected) in [
        ("70000", "`70000` is no endpoint: ports end at 65535, and `70000` is larger; did you mean `7000`?"),
        ("619009", "`619009` is no endpoint: ports end at 65535, and `619009` is larger; did you mean `61909`?"),
        ("330000", "`330000` is no endpoint: ports end at 65535, and `330000` is larger; did you mean `30000`?"),
        ("127.0.0.1:", "`127.0.0.1:` is no endpoint: there is no port after the colon; did you mean `127.0.0.1:3000`?"),
        ("localhost:abc", "`localhost:abc` is no endpoint: `abc` is no port: a port is a number from 1 to 65535"),
        (
            "localhost:http",
            "`localhost:http` is no endpoint: `http` is a service name, and a port is a number; did you mean `localhost:80`?",
        ),
        ("0", "`0` is no endpoint: port 0 means \"any free port\" and nobody can dial it"),
        ("-1", "`-1` is no endpoint: it is neither a port nor an address with one; did you mean `1`?"),
        ("::1:3000", "`::1:3000` is no endpoint: an IPv6 address with a port needs brackets; did you mean `[::1]:3000`?"),
        ("http://", "`http://` is no endpoint: it names no host"),
        ("https:///x", "`https:///x` is no endpoint: it names no host"),
        ("[::1]", "`[::1]` is no endpoint: there is no port after the address; did you mean `[::1]:3000`?"),
        ("[::", "`[::` is no endpoint: the bracket is not closed"),
        ("[::g]:80", "`[::g]:80` is no endpoint: `::g` is no IPv6 address"),
        (
            "127.0.0.256:80",
            "`127.0.0.256:80` is no endpoint: `127.0.0.256` is no IPv4 address: it takes four numbers from 0 to 255",
        ),
        ("127.0.0.1", "`127.0.0.1` is no endpoint: there is no port after the address; did you mean `127.0.0.1:3000`?"),
        ("🦀", "`🦀` is no endpoint: `🦀` is no host name"),
        ("port 3000", "`port 3000` is no endpoint: it has a space in it; did you mean `3000`?"),
        ("", "`` is no endpoint: it is empty; give a port, an address with a port, a URL or a path; did you mean `3000`?"),
        ("tcq/80", "`tcq/80` is no endpoint: `tcq` is no transport; Portward knows tcp, udp and unix; did you mean `tcp/80`?"),
        (
            "99999999999999999999",
            "`99999999999999999999` is no endpoint: ports end at 65535, and `99999999999999999999` is larger",
        ),
        ("a\u{1b}[31m:1", "`a\\x1b[31m:1` is no endpoint: it has a control character in it"),
    ] {
        assert_eq!(shown(given), format!("ERROR {expected}"), "{given:?}");
    }
}

#[test]
fn noise_is_short_in_the_answer() {
    let error = "9".repeat(1_000_000).parse::<Endpoint>().unwrap_err();
    assert!(error.to_string().len() < 200, "{error}");
}

#[test]
fn what_was_given_is_remembered() {
    let bare: Endpoint = "localhost".parse().unwrap();
    assert!(!bare.port_given);
    let url: Endpoint = "https://localhost".parse().unwrap();
    assert_eq!((url.port_given, url.scheme.as_deref()), (false, Some("https")));
    let udp: Endpoint = "udp/53".parse().unwrap();
    assert_eq!((udp.transport, udp.transport_given), (Transport::Udp, true));
    assert_eq!(udp.host, EndpointHost::Any);
}

#[test]
fn display_parses_back() {
    for text in [
        "49342",
        "udp/53",
        "[::1]:8",
        "127.0.0.1:9",
        "web.shop.localhost:80",
        "unix:@x",
        r"unix:/run/a\x2db\\c",
        "[fe80::1%eth0]:80",
    ] {
        let first: Endpoint = text.parse().unwrap();
        let again: Endpoint = first.to_string().parse().unwrap();
        assert_eq!(first, again);
    }
}

#[test]
fn where_a_client_goes_is_an_endpoint_again() {
    let path = DialTarget::Unix(Text::from(r"/run/a \x2d b.sock"));
    for target in [path, DialTarget::Inet("127.0.0.1:80".parse().unwrap()), DialTarget::Inet("[::1]:80".parse().unwrap())] {
        let endpoint = Endpoint::from(&target);
        assert_eq!(endpoint.to_string().parse(), Ok(endpoint), "{target}");
    }
}
