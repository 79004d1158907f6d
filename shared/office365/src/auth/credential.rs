//! The credentials that an app registration can have.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

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

/// What kind of credential it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// A client secret. Until when it is valid Entra tells nobody who only has the secret.
    Secret,
    /// A certificate.
    Certificate,
    /// Another identity provider's assertion.
    Federated,
}

impl Credential {
    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::Secret(_) | Self::SecretFrom(_) => CredentialKind::Secret,
            Self::Certificate(_) | Self::CertificateFrom(_) => CredentialKind::Certificate,
            Self::Federated(_) => CredentialKind::Federated,
        }
    }

    /// Until when it is valid, where it says so itself: a certificate that can be read.
    pub(crate) async fn not_after(&self) -> Option<Timestamp> {
        match self {
            Self::Certificate(certificate) => certificate.not_after(),
            Self::CertificateFrom(source) => {
                let pem = source().await.ok()?;
                let read = Certificate::from_pem(&pem, pem.expose_secret());
                read.ok()?.not_after()
            }
            Self::Secret(_) | Self::SecretFrom(_) | Self::Federated(_) => None,
        }
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
