//! A conversation inside TLS: the handshake, whose word on the server's name is believed, and what is said then.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use portward_model::{Ended, Exchange, Text};
use rustix::{
    event::PollFlags,
    fd::OwnedFd,
    net::{RecvFlags, SendFlags, recv, send},
};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};

use super::{
    dial::{millis, wait_wanted},
    files::Mounts,
    whole::read_given,
};
use crate::{Secured, SysError, Talk, Tls, TlsFault, Trust};

/// Speaks inside TLS on a socket that is connected.
pub(super) fn converse(
    socket: &OwnedFd,
    tls: Tls<'_>,
    talk: &mut Talk<'_>,
    wanted: &dyn Fn() -> bool,
) -> Result<(Secured, Exchange), SysError> {
    let start = Instant::now();
    let end = start + talk.patience;
    let mut exchange = Exchange { said: talk.said, line: None, heard: Text::default(), ended: Ended::Closed, first_ms: 0 };
    let mut connection = match config(tls)?.and_then(|config| connection(config, tls.name)) {
        Ok(connection) => connection,
        Err(fault) => return Ok((Secured::Failed(fault), exchange)),
    };
    // What is said before the handshake is over is kept until then. A vector in memory takes all of it.
    let _ = connection.writer().write_all(talk.bytes);
    let mut heard = Vec::new();
    let mut first = None;
    let mut fault = None;
    let mut chunk = [0; 4096];
    exchange.ended = 'over: loop {
        let events = if connection.wants_write() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        if !wait_wanted(socket, events, end, wanted).unwrap_or(false) {
            break Ended::Silence;
        }
        let mut line = Line(socket);
        if connection.wants_write() {
            // Where it fails for good, the next read says whether the other side closed or reset.
            let _ = connection.write_tls(&mut line);
        }
        match connection.read_tls(&mut line) {
            Ok(0) => break Ended::Closed,
            Ok(_) => first = first.or_else(|| Some(start.elapsed())),
            Err(error) if is_for_later(&error) => continue,
            Err(_) => break Ended::Reset,
        }
        if let Err(error) = connection.process_new_packets() {
            // The other side is told why.
            let _ = connection.write_tls(&mut line);
            fault = Some(fault_of(error));
            break Ended::Closed;
        }
        loop {
            match connection.reader().read(&mut chunk) {
                Ok(0) => break 'over Ended::Closed,
                Ok(read) => {
                    let room = talk.most.saturating_sub(heard.len());
                    heard.extend(chunk.iter().take(read.min(room)));
                    if (talk.enough)(&heard) || heard.len() >= talk.most {
                        break 'over Ended::Enough;
                    }
                }
                Err(_) => break,
            }
        }
    };
    let secured = match fault {
        Some(fault) => Secured::Failed(fault),
        None if connection.is_handshaking() => Secured::Unfinished,
        None => Secured::Spoken(connection.alpn_protocol().map(Text::new)),
    };
    connection.send_close_notify();
    let _ = connection.write_tls(&mut Line(socket));
    exchange.first_ms = millis(first.unwrap_or_else(|| start.elapsed()));
    exchange.heard = Text::new(heard);
    Ok((secured, exchange))
}

/// A socket as the library reads and writes one.
struct Line<'s>(&'s OwnedFd);

impl Read for Line<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self.0, buffer, RecvFlags::empty())?.0)
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(self.0, bytes, SendFlags::NOSIGNAL)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The rules of a handshake; an error of the outer kind where the file that was named cannot be read.
fn config(tls: Tls<'_>) -> Result<Result<ClientConfig, TlsFault>, SysError> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match tls.trust {
        Trust::Anybody => Arc::new(Anybody(Arc::clone(&provider))),
        Trust::Roots(more) => {
            let more = more.map_or(Ok(Vec::new()), named)?;
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(system());
            roots.add_parsable_certificates(more.iter().cloned());
            if roots.is_empty() {
                return Ok(Err(TlsFault::NoRoots));
            }
            let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
            match inner {
                Ok(inner) => Arc::new(Roots { inner, named: more }),
                Err(error) => return Ok(Err(TlsFault::Other(Text::new(error.to_string())))),
            }
        }
    };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(fault_of).map(|builder| {
        let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        config.alpn_protocols = tls.protocols.iter().map(|name| name.to_vec()).collect();
        config
    }))
}

fn connection(config: ClientConfig, name: &str) -> Result<ClientConnection, TlsFault> {
    let name = ServerName::try_from(name.to_owned()).map_err(|error| TlsFault::Other(Text::new(error.to_string())))?;
    ClientConnection::new(Arc::new(config), name).map_err(fault_of)
}

fn fault_of(error: Error) -> TlsFault {
    match error {
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => TlsFault::NotTls,
        Error::AlertReceived(alert) => TlsFault::Alert(alert.into()),
        Error::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => TlsFault::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFault::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsFault::NotYetValid,
            CertificateError::NotValidForName => TlsFault::OtherName(Vec::new()),
            CertificateError::NotValidForNameContext { presented, .. } => {
                TlsFault::OtherName(presented.iter().map(|name| bare(name)).collect())
            }
            other => TlsFault::Other(Text::new(other.to_string())),
        },
        other => TlsFault::Other(Text::new(other.to_string())),
    }
}

/// A name as the library tells of it, `DnsName("a.b")` or `IpAddress(127.0.0.1)`, without its kind.
fn bare(name: &str) -> Text {
    let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    Text::from(inside.map_or(name, |inside| inside.trim_matches('"')))
}

/// The certificates of a file that a person named.
fn named(path: &Path) -> Result<Vec<CertificateDer<'static>>, SysError> {
    let bytes = read_given(path, LONGEST);
    bytes.map(|bytes| certificates(&bytes)).map_err(|source| SysError::Read { path: path.display().to_string(), source })
}

fn certificates(bytes: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(bytes).flatten().map(CertificateDer::into_owned).collect()
}

/// Those that this machine trusts. The variables are those of OpenSSL, which curl, Python, Node.js and Go heed as well.
fn system() -> Vec<CertificateDer<'static>> {
    let mounts = Mounts::now();
    let read = |path: &Path| mounts.find(path).and_then(|place| place.read(LONGEST)).map(|bytes| certificates(&bytes));
    let file = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let folder = std::env::var_os("SSL_CERT_DIR").map(PathBuf::from);
    if file.is_none() && folder.is_none() {
        return BUNDLES.iter().find_map(|path| read(Path::new(path)).ok()).unwrap_or_default();
    }
    let mut all = file.and_then(|path| read(&path).ok()).unwrap_or_default();
    if let Some(folder) = folder
        && let Ok(place) = mounts.find(&folder)
    {
        let names = place.names(MOST_FILES);
        all.extend(names.iter().filter_map(|name| read(&folder.join(name)).ok()).flatten());
    }
    all
}

/// The machine's roots, and certificates that a person named, each of which vouches for its own server as well: what
/// `openssl req -x509` makes is marked as an authority's, and the library takes no such certificate for a server's.
#[derive(Debug)]
struct Roots {
    inner: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Roots {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.inner.verify_server_cert(certificate, between, name, stapled, now);
        match verdict {
            Err(Error::InvalidCertificate(CertificateError::Other(_) | CertificateError::UnknownIssuer))
                if self.named.iter().any(|own| own.as_ref() == certificate.as_ref()) =>
            {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            Err(Error::InvalidCertificate(CertificateError::Other(_))) if between.is_empty() => {
                Err(CertificateError::UnknownIssuer.into())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Believes everybody, as `--insecure` says.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Where distributions keep the certificates that they trust; the first that is there is read.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Arch, Gentoo, NixOS
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, Red Hat
    "/etc/pki/tls/certs/ca-bundle.crt",                  // the same, older
    "/etc/ssl/ca-bundle.pem",                            // openSUSE
    "/etc/ssl/cert.pem",                                 // Alpine
];
/// Bytes of a bundle; the usual one has a quarter of a megabyte.
const LONGEST: u64 = 16 << 20;
/// Files of a folder of certificates.
const MOST_FILES: usize = 4096;
#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn names_of_a_certificate() {
        for (told, name) in [("DnsName(\"a.b\")", "a.b"), ("IpAddress(127.0.0.1)", "127.0.0.1"), ("a.b", "a.b")] {
            assert_eq!(bare(told), name.into());
        }
    }
}
