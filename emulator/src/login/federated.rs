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
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kid: Option<String>,
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
        .filter(|key| header.kid.is_none() || key.kid == header.kid);
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
        return Err(refused(
            700_211,
            "No matching federated identity record found for presented assertion issuer.",
        ));
    }
    let of_subject: Vec<_> = of_issuer
        .into_iter()
        .filter(|of| of.subject == claims.sub)
        .collect();
    if of_subject.is_empty() {
        return Err(refused(
            700_213,
            "No matching federated identity record found for presented assertion subject.",
        ));
    }
    let is_for = |of: &&FederatedCredential| match &claims.aud {
        Audience::One(audience) => *audience == of.audience,
        Audience::Several(audiences) => audiences.contains(&of.audience),
    };
    if !of_subject.iter().any(is_for) {
        return Err(refused(
            700_212,
            "No matching federated identity record found for presented assertion audience.",
        ));
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

async fn keys(client: &reqwest::Client, issuer: &str) -> Result<KeySet, reqwest::Error> {
    let discovery = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let get = |url: String| client.get(url).timeout(PROVIDER_TIMEOUT).send();
    let discovery: Discovery = get(discovery).await?.error_for_status()?.json().await?;
    get(discovery.jwks_uri)
        .await?
        .error_for_status()?
        .json()
        .await
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
