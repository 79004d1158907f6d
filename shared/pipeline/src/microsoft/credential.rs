//! How the app registration proves to Entra who it is, on AWS: a stored client secret, a stored certificate, or the
//! function's own role, for which AWS vouches and nothing is stored.

use std::sync::Arc;

use aws_sdk_sts::operation::get_web_identity_token::GetWebIdentityTokenError;
use office365::{Cloud, Credential, federation_audience};
use secrecy::SecretString;

use crate::aws::AwsError;
use crate::aws::secrets::Secret;

/// Life of AWS's statement, in seconds: it is shown to Entra at once, and Entra allows clocks to differ by five minutes.
/// STS takes 60 to 3600.
const STATEMENT_LIFE_SECONDS: i32 = 300;

/// The one algorithm that Entra says it supports for other providers' statements; STS also offers ES384.
const STATEMENT_ALGORITHM: &str = "RS256";

/// The app registration's credential.
#[derive(Debug)]
pub enum AppCredential {
    /// A client secret.
    ClientSecret(Secret),
    /// One PEM text: an RSA private key (PKCS#8 or PKCS#1, not encrypted) and its certificate, in any order.
    Certificate(Secret),
    /// No secret: STS states which role this is, and the app registration trusts that role (outbound identity federation).
    Federated(aws_sdk_sts::Client),
}

impl AppCredential {
    /// What the client of Microsoft asks before each token: a rotated secret or certificate needs no restart.
    pub(crate) fn into_credential(self) -> Credential {
        match self {
            Self::ClientSecret(secret) => {
                let secret = Arc::new(secret);
                Credential::SecretFrom(Arc::new(move || Box::pin(current(Arc::clone(&secret)))))
            }
            Self::Certificate(secret) => {
                let secret = Arc::new(secret);
                Credential::CertificateFrom(Arc::new(move || {
                    Box::pin(current(Arc::clone(&secret)))
                }))
            }
            Self::Federated(sts) => Credential::Federated(Arc::new(move |cloud| {
                let sts = sts.clone();
                Box::pin(async move {
                    let statement = statement(&sts, cloud).await;
                    statement.map_err(|error| error.to_string())
                })
            })),
        }
    }
}

async fn current(secret: Arc<Secret>) -> Result<SecretString, String> {
    let versions = secret.versions().await;
    versions
        .map(|of| of.current)
        .map_err(|error| error.to_string())
}

/// AWS's statement of who we are, for Entra in this cloud. Not kept: one is needed for each tenant's token, which lives an
/// hour or more, and STS answers hundreds of calls a second.
async fn statement(sts: &aws_sdk_sts::Client, cloud: Cloud) -> Result<SecretString, AwsError> {
    const OPERATION: &str = "sts:GetWebIdentityToken";
    let answer = sts
        .get_web_identity_token()
        .audience(federation_audience(cloud))
        .duration_seconds(STATEMENT_LIFE_SECONDS)
        .signing_algorithm(STATEMENT_ALGORITHM)
        .send()
        .await
        .map_err(|error| match error.as_service_error() {
            Some(GetWebIdentityTokenError::OutboundWebIdentityFederationDisabledException(_)) => {
                AwsError::unusable(
                    OPERATION,
                    "outbound identity federation is off in this AWS account: turn it on in IAM's account settings",
                )
            }
            _ => AwsError::new(OPERATION, &error),
        })?;
    let token = answer.web_identity_token.filter(|token| !token.is_empty());
    token
        .map(SecretString::from)
        .ok_or_else(|| AwsError::unusable(OPERATION, "there is no token in the answer"))
}
