//! The credentials that an app registration can have.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::SecretString;

use super::certificate::Certificate;
use crate::names::Cloud;

/// Gets a fresh assertion of another identity provider that Entra trusts for this application (workload identity
/// federation): for example the web identity token of an AWS role. The error says what went wrong, without the token.
///
/// Entra expects a certain audience in each cloud: [`federation_audience`].
pub type AssertionSource =
    Arc<dyn Fn(Cloud) -> BoxFuture<'static, Result<SecretString, String>> + Send + Sync>;

/// Gets the secret of the moment. It is called for each token, so that a rotated secret is used without a restart, and may
/// cache. The error says what went wrong, without the secret.
pub type SecretSource =
    Arc<dyn Fn() -> BoxFuture<'static, Result<SecretString, String>> + Send + Sync>;

/// The application's credential.
#[derive(Clone)]
pub enum Credential {
    /// A client secret.
    Secret(SecretString),
    /// A client secret that may be rotated.
    SecretFrom(SecretSource),
    /// A certificate whose private key signs an assertion for each token.
    Certificate(Arc<Certificate>),
    /// A certificate that may be renewed: one PEM text with private key and certificate.
    CertificateFrom(SecretSource),
    /// No secret: another identity provider's assertion.
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

/// The audience (`aud`) that Entra expects of a federated assertion in this cloud.
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
    fn a_credential_never_shows_in_debug_output() {
        let printed = format!("{:?}", Credential::Secret("hush-hush".into()));
        assert_eq!(printed, "Secret([redacted])");
    }
}
