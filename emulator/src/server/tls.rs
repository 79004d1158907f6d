//! The certificate with which HTTPS is answered.

use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;

use crate::config::Tls;

/// Reads a certificate and its key.
///
/// # Errors
/// The text of what is wrong with them.
pub(crate) fn acceptor(tls: &Tls) -> Result<TlsAcceptor, String> {
    let certificates = CertificateDer::pem_slice_iter(tls.certificates.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("the certificate: {error}"))?;
    let key = PrivateKeyDer::from_pem_slice(tls.key.as_bytes())
        .map_err(|error| format!("the key: {error}"))?;
    // Named, because a process that links two providers has no default.
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(certificates, key)
        })
        .map_err(|error| error.to_string())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        let certificates = include_str!("../../tests/it/tls/server.pem").to_owned();
        let key = include_str!("../../tests/it/tls/server.key").to_owned();
        let with = |certificates: &str, key: &str| {
            acceptor(&Tls {
                certificates: certificates.to_owned(),
                key: key.to_owned(),
            })
        };
        assert!(with(&certificates, &key).is_ok());
        let other = include_str!("../../tests/it/certificate.key");
        for (certificates, key) in [
            (certificates.as_str(), ""),
            (certificates.as_str(), other),
            ("", key.as_str()),
        ] {
            assert!(with(certificates, key).is_err());
        }
    }
}
