//! The certificate of an emulator that answers HTTPS.

use std::fmt;

/// A certificate and its key, both in PEM.
#[derive(Clone)]
pub struct Tls {
    /// The certificate, and after it those between it and the authority that clients trust.
    pub certificates: String,
    /// Its private key: PKCS #8, PKCS #1 or SEC1.
    pub key: String,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
