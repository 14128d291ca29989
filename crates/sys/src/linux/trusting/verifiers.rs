//! Programs that judge certificates, each asked to connect to a server of ours: what they say is what they believe, whatever is written
//! in which store.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::super::programs;
use crate::StateFolder;

/// A program that judges certificates.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// What it is called.
    pub name: &'static str,
    program: PathBuf,
    way: Way,
}

/// What it said to a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It connected.
    Accepted,
    /// It did not, because of the certificate; why, in its own words.
    Refused(String),
    /// It said something else, or nothing.
    Unknown(String),
}

/// Where the server is, and with what a program looks for it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The name by which it is asked for.
    pub name: &'a str,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// What it answers to whoever believes it.
    pub answer: &'a str,
    /// The whole environment of the program, but for its path.
    pub environment: &'a [(OsString, OsString)],
    /// A folder for what a program must have in a file; it is this user's alone.
    pub folder: &'a StateFolder,
}

/// How a program is asked.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// curl, which says why by its code.
    Curl,
    /// OpenSSL's client.
    OpenSsl,
    /// A script on its command line, behind these words. It ends with 0 or 9.
    Script(&'static [&'static str], &'static str),
    /// A program in a file whose name ends so, run by these words. The same.
    File(&'static [&'static str], &'static str, &'static str),
    /// A browser without a window, that prints the page.
    Browser,
}

/// Those that are installed.
pub fn all() -> Vec<Verifier> {
    let found = KNOWN.iter().filter_map(|&(name, program, way)| Some(Verifier { name, program: programs::find(program)?, way }));
    let mut verifiers: Vec<Verifier> = found.collect();
    // One browser by several names is one browser.
    verifiers.dedup_by(|one, other| one.name == other.name);
    verifiers
}

impl Verifier {
    /// What it says to the certificate of a server.
    pub fn ask(&self, question: &Question<'_>) -> Verdict {
        match self.answer(question) {
            Ok(verdict) => verdict,
            Err(error) => Verdict::Unknown(error.to_string()),
        }
    }

    fn answer(&self, question: &Question<'_>) -> std::io::Result<Verdict> {
        let Question { name, port, answer, .. } = *question;
        let (port, url) = (port.to_string(), format!("https://{name}:{port}/"));
        // Two that ask at once have nothing in common.
        let own = format!("asked-{}", std::process::id());
        let file = |ending: &str, text: &str| {
            let name = format!("{own}{ending}");
            question.folder.replace(&name, text.as_bytes())?;
            Ok::<_, std::io::Error>(question.folder.file(&name))
        };
        let mut command = programs::hermetic(&self.program, &[]);
        command.envs(question.environment.iter().map(|(name, value)| (name, value)));
        match self.way {
            Way::Curl => {
                let resolve = format!("{name}:{port}:127.0.0.1");
                command.args(["-q", "-sS", "--noproxy", "*", "--max-time", "20", "--resolve", &resolve, &url]);
            }
            Way::OpenSsl => {
                let at = format!("127.0.0.1:{port}");
                command.args(["s_client", "-connect", &at, "-servername", name, "-verify_hostname", name]);
                command.args(["-verify_return_error", "-brief"]);
            }
            Way::Script(words, script) => {
                command.args(words).args([script, name, &port]);
            }
            Way::File(words, ending, text) => {
                command.args(words).arg(file(ending, text)?).args([name, &port]);
            }
            Way::Browser => browse(&mut command, &question.folder.path.join(&own), (name, &url)),
        }
        let heard = programs::take(command, "", PATIENCE)?;
        if let Way::File(_, ending, _) = self.way {
            question.folder.remove(&format!("{own}{ending}"))?;
        }
        if let Way::Browser = self.way {
            question.folder.discard(&own)?;
        }
        let said = [&heard.stderr[..], &heard.stdout[..]].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let [complaint, printed] = &said;
        let is_refused = match self.way {
            Way::Curl => REFUSALS.iter().any(|word| complaint.contains(word)),
            Way::OpenSsl => complaint.contains("verify error") || complaint.contains("certificate verify failed"),
            Way::Script(..) | Way::File(..) => printed.contains(REFUSES),
            Way::Browser => printed.contains("ERR_CERT") || printed.contains("ERR_SSL"),
        };
        let is_accepted = match self.way {
            Way::Curl | Way::Browser => printed.contains(answer),
            Way::OpenSsl => heard.succeeded,
            Way::Script(..) | Way::File(..) => heard.succeeded && printed.contains(ACCEPTS),
        };
        Ok(match (is_accepted, is_refused) {
            (true, _) => Verdict::Accepted,
            (false, true) => Verdict::Refused(self.reason(&said)),
            (false, false) => Verdict::Unknown(first_line(complaint, printed)),
        })
    }

    fn reason(&self, [complaint, printed]: &[String; 2]) -> String {
        let found = match self.way {
            Way::Browser => printed.split(|c: char| !c.is_ascii_uppercase() && c != '_').find(|word| word.starts_with("ERR_")),
            Way::Script(..) | Way::File(..) => {
                printed.lines().find_map(|line| line.split_once(REFUSES)).map(|(_, why)| why.trim())
            }
            Way::OpenSsl => complaint.lines().find(|line| line.contains("verify error")),
            Way::Curl => None,
        };
        found.map_or_else(|| first_line(complaint, printed), cut)
    }
}

/// A browser without a window, with a profile of its own, that asks nobody for the name.
fn browse(command: &mut Command, profile: &Path, (name, url): (&str, &str)) {
    let map = format!("--host-resolver-rules=MAP {name} 127.0.0.1");
    let own = format!("--user-data-dir={}", profile.display());
    command.args(["--headless", "--disable-gpu", "--no-first-run", "--no-proxy-server", &own, &map, "--dump-dom", url]);
    if rustix::process::geteuid().is_root() {
        // A browser of root's has no sandbox that it could make; it sees one page, and that is ours.
        command.arg("--no-sandbox");
    }
}

fn first_line(complaint: &str, printed: &str) -> String {
    let line = complaint.lines().chain(printed.lines()).map(str::trim).find(|line| !line.is_empty());
    cut(line.unwrap_or("it said nothing within its time"))
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// Every program that is asked: what it is called, by which name it is found, and how.
const KNOWN: &[(&str, &str, Way)] = &[
    ("curl", "curl", Way::Curl),
    ("openssl", "openssl", Way::OpenSsl),
    ("python3", "python3", Way::Script(&["-I", "-c"], PYTHON)),
    ("node", "node", Way::Script(&["-e"], NODE)),
    ("ruby", "ruby", Way::Script(&["-e"], RUBY)),
    ("java", "java", Way::File(&[], ".java", JAVA)),
    ("go", "go", Way::File(&["run"], ".go", GO)),
    ("chromium", "chromium", Way::Browser),
    ("chromium", "chromium-browser", Way::Browser),
    ("chrome", "google-chrome", Way::Browser),
];

/// What the scripts say.
const ACCEPTS: &str = "accepts";
const REFUSES: &str = "refuses";
/// What curl says of a certificate, with any of the libraries that it is built with.
const REFUSALS: [&str; 4] = ["(60)", "(51)", "SSL certificate problem", "certificate verif"];

const PYTHON: &str = r"
import socket, ssl, sys
name, port = sys.argv[1], int(sys.argv[2])
plain = socket.create_connection(('127.0.0.1', port), 20)
try:
    ssl.create_default_context().wrap_socket(plain, server_hostname=name)
    print('accepts')
except ssl.SSLError as error:
    print('refuses', getattr(error, 'verify_message', '') or error)
";

const NODE: &str = r"
const [name, port] = process.argv.slice(-2);
const line = require('tls').connect({ host: '127.0.0.1', port, servername: name, rejectUnauthorized: false }, () => {
  console.log(line.authorized ? 'accepts' : 'refuses ' + (line.authorizationError.code || line.authorizationError));
  line.destroy();
});
";

const RUBY: &str = r"
require 'openssl'
require 'socket'
name, port = ARGV
context = OpenSSL::SSL::SSLContext.new
context.set_params
line = OpenSSL::SSL::SSLSocket.new(TCPSocket.new('127.0.0.1', port.to_i), context)
line.hostname = name
begin
  line.connect
  line.post_connection_check(name)
  puts 'accepts'
rescue OpenSSL::SSL::SSLError => error
  puts 'refuses ' + error.message
end
";

const JAVA: &str = r#"
import javax.net.ssl.*;
public class Portward {
    public static void main(String[] words) throws Exception {
        SSLSocketFactory factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
        java.net.Socket plain = new java.net.Socket("127.0.0.1", Integer.parseInt(words[1]));
        SSLSocket line = (SSLSocket) factory.createSocket(plain, words[0], plain.getPort(), true);
        SSLParameters parameters = line.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        line.setSSLParameters(parameters);
        try {
            line.startHandshake();
            System.out.println("accepts");
        } catch (SSLException error) {
            System.out.println("refuses " + error.getMessage());
        }
    }
}
"#;

const GO: &str = r#"
package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
)

func main() {
	line, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[2], &tls.Config{ServerName: os.Args[1]})
	switch {
	case err == nil:
		line.Close()
		fmt.Println("accepts")
	case strings.Contains(err.Error(), "x509: "):
		fmt.Println("refuses", err)
	default:
		fmt.Println(err)
	}
}
"#;

/// How long a program may take; Go compiles first.
const PATIENCE: Duration = Duration::from_mins(1);
/// Characters of what a program says.
const LONGEST: usize = 200;
