//! How the application proves to Entra who it is.

use std::fmt;

use secrecy::SecretString;

/// The application's credential.
#[derive(Clone)]
#[non_exhaustive]
pub enum Credential {
    /// A client secret.
    Secret(SecretString),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(_) => f.write_str("Credential::Secret([redacted])"),
        }
    }
}
