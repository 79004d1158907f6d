//! How the application proves to Entra who it is.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::SecretString;

use crate::{Certificate, Cloud};

/// Gives a fresh statement of another identity provider that Entra trusts for this application (workload identity
/// federation), for example the web identity token of an AWS role. The error says what went wrong, without the token.
///
/// The audience Entra expects depends on the cloud: see [`federation_audience`].
pub type AssertionSource =
    Arc<dyn Fn(Cloud) -> BoxFuture<'static, Result<SecretString, String>> + Send + Sync>;

/// Gives a secret as it is now; asked for each token, so that a rotated secret is used without a restart. The source caches as
/// it sees fit. The error says what went wrong, without the secret.
pub type SecretSource =
    Arc<dyn Fn() -> BoxFuture<'static, Result<SecretString, String>> + Send + Sync>;

/// The application's credential.
#[derive(Clone)]
pub enum Credential {
    /// A client secret.
    Secret(SecretString),
    /// A client secret that is rotated from time to time.
    SecretFrom(SecretSource),
    /// A certificate's private key, which signs a statement for each token.
    Certificate(Arc<Certificate>),
    /// A certificate that is renewed from time to time: one PEM text with the private key and the certificate.
    CertificateFrom(SecretSource),
    /// No secret at all: somebody else's statement.
    Federated(AssertionSource),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret([redacted])",
            Self::SecretFrom(_) => "SecretFrom([redacted])",
            Self::Certificate(_) => "Certificate([redacted])",
            Self::CertificateFrom(_) => "CertificateFrom([redacted])",
            Self::Federated(_) => "Federated([redacted])",
        })
    }
}

/// The audience a federated statement needs in a cloud.
#[must_use]
pub const fn federation_audience(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Enterprise | Cloud::Gcc => "api://AzureADTokenExchange",
        Cloud::GccHigh | Cloud::Dod => "api://AzureADTokenExchangeUSGov",
        Cloud::China => "api://AzureADTokenExchangeChina",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_never_printed() {
        let printed = format!("{:?}", Credential::Secret("hush-hush".into()));
        assert_eq!(printed, "Secret([redacted])");
    }
}
