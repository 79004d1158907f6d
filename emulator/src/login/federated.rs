//! Federated credentials: a statement of another identity provider, which stands in for a secret.
//!
//! As Entra does, the provider's keys are found through its OpenID discovery document, and issuer, subject and audience must be registered for the application, letter by letter.

use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::LoginError;

/// Longest statement looked at.
const STATEMENT_BYTES_MAX: usize = 16 * 1024;

/// Longest wait for a provider's documents.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(10);

/// How far clocks may differ, in seconds.
const SKEW_SECONDS: i64 = 300;

/// Keys of a provider that are looked at: Entra keeps the first 100.
const KEYS_MAX: usize = 100;

/// Longest document of a provider that is read: 100 keys of 4096 bits have some 90 KB.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// Longest claim that a refusal quotes; a role's ARN has under 600 characters.
const PRESENTED_CHARS_MAX: usize = 600;

/// Where Entra's refusals point to.
const HELP: &str = "https://learn.microsoft.com/entra/workload-id/workload-identity-federation";

/// Another identity provider that the application trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FederatedCredential {
    /// `iss` of its statements; `/.well-known/openid-configuration` is looked up under it.
    pub issuer: String,
    /// `sub` of its statements, such as the ARN of a role.
    pub subject: String,
    /// `aud` of its statements.
    #[serde(default = "exchange")]
    pub audience: String,
}

/// What Entra recommends as audience.
fn exchange() -> String {
    "api://AzureADTokenExchange".to_owned()
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    nbf: Option<i64>,
}

/// One audience or several, as RFC 7519 allows.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// A provider's documents cannot be used.
#[derive(Debug, thiserror::Error)]
enum NoKeys {
    #[error("the provider does not answer: {0}")]
    Call(#[from] reqwest::Error),
    #[error("a document of the provider is not as OpenID describes it: {0}")]
    Document(#[from] serde_json::Error),
    #[error("a document of the provider is longer than {DOCUMENT_BYTES_MAX} bytes")]
    TooLong,
    #[error("the provider calls itself {0}, not as its statement does")]
    OtherIssuer(String),
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kid: Option<String>,
    /// The one algorithm that the key is for.
    alg: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

fn refused(number: u32, text: impl Into<String>) -> LoginError {
    LoginError::new(401, "invalid_client", number, text)
}

/// No credential fits: in Entra's words.
fn unknown(number: u32, what: &str, presented: &str) -> LoginError {
    let presented: String = presented.chars().take(PRESENTED_CHARS_MAX).collect();
    let text = format!(
        "No matching federated identity record found for presented assertion {what} '{presented}'. \
         Check your federated identity credential Subject, Audience and Issuer against the presented assertion. {HELP}"
    );
    refused(number, text)
}

/// The issuer that a statement names, checked by nobody.
pub(crate) fn issuer(statement: &str) -> Option<String> {
    let claims = statement
        .split('.')
        .nth(1)
        .filter(|_| statement.len() <= STATEMENT_BYTES_MAX)?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    Some(claims.iss)
}

/// Checks a statement against the credentials registered.
pub(crate) async fn verify(
    client: &reqwest::Client,
    statement: &str,
    registered: &[FederatedCredential],
    now: Timestamp,
) -> Result<(), LoginError> {
    let malformed = || {
        LoginError::new(
            400,
            "invalid_request",
            50_027,
            "JWT token is invalid or malformed.",
        )
    };
    let (signed, signature) = statement.rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed());
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| malformed())?;
    let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| malformed())?;
    check_claims(&claims, registered, now)?;
    let keys = keys(client, &claims.iss).await.map_err(|error| {
        tracing::info!(%error, "the identity provider did not give its keys");
        refused(50_166, "Request to External OIDC endpoint failed.")
    })?;
    let named = keys
        .keys
        .iter()
        .take(KEYS_MAX)
        .filter(|key| header.kid.is_none() || key.kid == header.kid)
        .filter(|key| key.alg.as_ref().is_none_or(|alg| *alg == header.alg));
    let signature = decode(signature)?;
    let valid = named
        .into_iter()
        .any(|key| key.verifies(&header.alg, signed.as_bytes(), &signature));
    valid
        .then_some(())
        .ok_or_else(|| refused(50_012, "Client assertion contains an invalid signature."))
}

fn check_claims(
    claims: &Claims,
    registered: &[FederatedCredential],
    now: Timestamp,
) -> Result<(), LoginError> {
    let of_issuer: Vec<_> = registered
        .iter()
        .filter(|of| of.issuer == claims.iss)
        .collect();
    if of_issuer.is_empty() {
        return Err(unknown(700_211, "issuer", &claims.iss));
    }
    let of_subject: Vec<_> = of_issuer
        .iter()
        .filter(|of| of.subject == claims.sub)
        .collect();
    if of_subject.is_empty() {
        // Since 2024 the comparison minds the case, and Entra says when that alone is the difference.
        let nearly = of_issuer
            .iter()
            .any(|of| of.subject.eq_ignore_ascii_case(&claims.sub));
        let number = if nearly { 7_002_138 } else { 700_213 };
        return Err(unknown(number, "subject", &claims.sub));
    }
    let audiences = match &claims.aud {
        Audience::One(audience) => std::slice::from_ref(audience),
        Audience::Several(audiences) => audiences,
    };
    if !of_subject.iter().any(|of| audiences.contains(&of.audience)) {
        return Err(unknown(700_212, "audience", &audiences.join(" ")));
    }
    let now = now.as_second();
    let begun = claims.nbf.is_none_or(|nbf| nbf <= now + SKEW_SECONDS);
    if !begun || claims.exp + SKEW_SECONDS <= now {
        return Err(refused(
            500_133,
            "Assertion is not within its valid time range.",
        ));
    }
    Ok(())
}

/// The provider's keys, by way of its discovery document, which must name the issuer as the statement does.
async fn keys(client: &reqwest::Client, issuer: &str) -> Result<KeySet, NoKeys> {
    let discovery = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let discovery: Discovery = serde_json::from_slice(&document(client, discovery).await?)?;
    if discovery.issuer != issuer {
        return Err(NoKeys::OtherIssuer(discovery.issuer));
    }
    Ok(serde_json::from_slice(
        &document(client, discovery.jwks_uri).await?,
    )?)
}

async fn document(client: &reqwest::Client, url: String) -> Result<Vec<u8>, NoKeys> {
    let answer = client.get(url).timeout(PROVIDER_TIMEOUT).send().await?;
    let mut answer = answer.error_for_status()?;
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if body.len() + piece.len() > DOCUMENT_BYTES_MAX {
            return Err(NoKeys::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

impl Key {
    fn verifies(&self, algorithm: &str, signed: &[u8], signature: &[u8]) -> bool {
        match algorithm {
            "RS256" => {
                let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
                let key = RsaPublicKeyComponents {
                    n: decode(&self.n),
                    e: decode(&self.e),
                };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
                    .is_ok()
            }
            "ES256" => self.verifies_ecdsa(&ECDSA_P256_SHA256_FIXED, signed, signature),
            "ES384" => self.verifies_ecdsa(&ECDSA_P384_SHA384_FIXED, signed, signature),
            _ => false,
        }
    }

    fn verifies_ecdsa(
        &self,
        algorithm: &'static dyn VerificationAlgorithm,
        signed: &[u8],
        signature: &[u8],
    ) -> bool {
        // An uncompressed point: 4, x, y.
        let mut point = vec![4];
        for part in [&self.x, &self.y] {
            point.extend(URL_SAFE_NO_PAD.decode(part).unwrap_or_default());
        }
        UnparsedPublicKey::new(algorithm, point)
            .verify(signed, signature)
            .is_ok()
    }
}
