//! A certificate that was given, and its key.

use std::{io, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// What a server shows of itself, ready for connections.
pub type Identity = Arc<ServerConfig>;

/// What a server shows of itself: certificates in PEM, the server's own first, and the key to that one.
///
/// # Errors
/// In words, where either holds none, or they do not belong together.
pub fn identity(certificates: &[u8], key: &[u8]) -> Result<Identity, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or("the certificate file holds no certificate in PEM")?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| "the key file holds no private key in PEM")?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let config = builder.with_no_client_auth().with_single_cert(chain, key);
    let mut config = config.map_err(|error| format!("the certificate and the key cannot be used: {error}"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// True for an error that says that more has to come.
pub(super) fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}
